//! Publish one message.

use std::time::Duration;

use tokio::time::Instant;

use super::admission::admit;
use super::{Gateway, GatewayError, TopicRoute, traces};
use crate::context::RequestContext;
use crate::model::{Message, Outcome, Published};

/// A message that the MQ stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The MQ's answer.
    pub published: Published,
    /// How often the MQ was tried.
    pub attempts: u32,
}

impl Gateway {
    /// Publishes `message` within the topic's deadline, or within `wait` where that is shorter, and before the request's
    /// own deadline.
    ///
    /// # Errors
    /// [`GatewayError`]; its outcome says whether the MQ may have the message.
    pub async fn publish(
        &self,
        context: &RequestContext,
        route: &TopicRoute,
        message: Message,
        wait: Option<Duration>,
    ) -> Result<Accepted, GatewayError> {
        let patience = wait.map_or(route.deadline(), |wait| wait.min(route.deadline()));
        let now = Instant::now();
        let context = context.until(now + patience);
        let bytes = message.body.len() as u64;
        let result = self.attempt(&context, route, message, now).await;
        let metrics = route.metrics(&self.shared.metrics);
        match &result {
            Ok(_) => {
                metrics.outcome(Outcome::Published).inc();
                metrics.bytes_in.inc_by(bytes);
            }
            Err(error) => metrics.outcome(error.outcome()).inc(),
        }
        result
    }

    async fn attempt(
        &self,
        context: &RequestContext,
        route: &TopicRoute,
        message: Message,
        now: Instant,
    ) -> Result<Accepted, GatewayError> {
        let upstream = self.upstream(route)?;
        let mut message = admit(route, upstream, message)?;
        traces::carry(context, upstream, &mut message);
        let _in_flight = route.settings.limits.enter(now)?;
        let answer = upstream.publish(context, &message, route.settings.on_unknown).await;
        Ok(Accepted { published: answer.result?, attempts: answer.attempts })
    }
}
