//! Receive: poll, or long-poll until something comes, the time is over, or the process stops.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{Gateway, GatewayError, GroupRoute, ReceiptHandle};
use crate::context::RequestContext;
use crate::model::{Delivery, TagFilter};
use crate::tasks::Stage;
use crate::upstream::{self, Upstream};

/// What a caller asks for, inside the contract's ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiveRequest {
    /// 1 to 32.
    pub max_messages: u32,
    /// 0 to 30 s.
    pub wait: Duration,
    /// Which tags; `None` is any.
    pub tags: Option<TagFilter>,
    /// In order within each message group, also where the group is not configured so.
    pub ordered: bool,
}

/// What a caller gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Each delivery with the receipt handle that acknowledges it.
    pub messages: Vec<(Delivery, ReceiptHandle)>,
    /// Set when the request was lowered to what the profile can do.
    pub applied_max_messages: Option<u32>,
}

impl Gateway {
    /// Receives for one caller, with receipt handles of ours. Dropping the future ends its poll upstream.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub async fn receive(
        &self,
        context: &RequestContext,
        route: &GroupRoute,
        request: &ReceiveRequest,
    ) -> Result<Received, GatewayError> {
        let most = self.upstream(&route.topic)?.capabilities().max_receive_messages;
        let applied_max_messages = (most < request.max_messages).then_some(most);
        let deliveries = self.receive_deliveries(context, route, request).await?;
        let with_handle = |delivery: Delivery| match ReceiptHandle::seal(route, &delivery) {
            Some(handle) => Some((delivery, handle)),
            None => {
                // Not acknowledged, so not lost; its neighbours are delivered.
                let (request_id, topic) = (context.id(), route.topic.topic.as_str());
                tracing::warn!(request_id, topic, "the MQ's receipt handle of a message is too long to be passed on");
                None
            }
        };
        Ok(Received { messages: deliveries.into_iter().filter_map(with_handle).collect(), applied_max_messages })
    }

    /// As [`Gateway::receive`], with the MQ's own handles.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub async fn receive_deliveries(
        &self,
        context: &RequestContext,
        route: &GroupRoute,
        request: &ReceiveRequest,
    ) -> Result<Vec<Delivery>, GatewayError> {
        let upstream = self.upstream(&route.topic)?;
        let capabilities = upstream.capabilities();
        let ordered = request.ordered || route.ordered;
        let unsupported = |field, lacks: &str| {
            let detail = format!("{} {lacks}", capabilities.protocol);
            Err(GatewayError::UnsupportedField { field, detail })
        };
        if request.tags.is_some() && !capabilities.tag_filter {
            return unsupported("tags", "has no tag filter: leave tags out and select by tag yourself");
        }
        if ordered && !capabilities.ordered_groups {
            return unsupported("ordered", "has no ordered groups: receive without order");
        }
        let max_messages = request.max_messages.min(capabilities.max_receive_messages);
        let wait = request.wait.min(capabilities.max_wait);
        let asked = upstream::PollRequest {
            topic: &route.topic.topic,
            group: &route.group,
            max_messages,
            wait,
            tags: request.tags.as_ref(),
            ordered,
        };
        let polled = if wait.is_zero() {
            self.ask(context, upstream, asked).await?
        } else {
            let mut stage = self.shared.stage.clone();
            tokio::select! {
                biased;
                // Waiting receives end when the process stops.
                _ = stage.wait_for(|stage| *stage == Stage::Stopping) => Vec::new(),
                polled = self.wait(context, upstream, route, asked) => polled?,
            }
        };
        let metrics = route.metrics(&self.shared.metrics);
        let redelivered = polled.iter().filter(|delivery| delivery.delivery_attempt > 1).count();
        let bytes: usize = polled.iter().map(|delivery| delivery.body.len()).sum();
        metrics.received.inc_by(polled.len() as u64);
        metrics.redelivered.inc_by(redelivered as u64);
        route.topic.metrics(&self.shared.metrics).bytes_out.inc_by(bytes as u64);
        Ok(polled)
    }

    /// Polls until something comes or the time is over.
    async fn wait(
        &self,
        context: &RequestContext,
        upstream: &Upstream,
        route: &GroupRoute,
        asked: upstream::PollRequest<'_>,
    ) -> Result<Vec<Delivery>, GatewayError> {
        let _waiter = self.shared.metrics.messages.receive_waiters.guard();
        let end = Instant::now() + asked.wait;
        let lanes = self.lanes.of(&route.topic.topic, &route.group);
        loop {
            let Ok(permit) = timeout_at(end, lanes.acquire()).await else {
                // The others waited all the time; this one has not asked yet, and must not say "none" without.
                return self.ask(context, upstream, upstream::PollRequest { wait: Duration::ZERO, ..asked }).await;
            };
            let wait = end.saturating_duration_since(Instant::now());
            let polled = self.ask(context, upstream, upstream::PollRequest { wait, ..asked }).await?;
            let remaining = end.saturating_duration_since(Instant::now());
            if !polled.is_empty() || remaining.is_zero() {
                return Ok(polled);
            }
            // An empty answer before its time: the MQ's own long poll is shorter than ours. Others may ask meanwhile.
            drop(permit);
            let pause = upstream.empty_poll_pause();
            tokio::time::sleep(pause.min(remaining)).await;
            if pause >= remaining {
                return Ok(Vec::new());
            }
        }
    }

    async fn ask(
        &self,
        context: &RequestContext,
        upstream: &Upstream,
        asked: upstream::PollRequest<'_>,
    ) -> Result<Vec<Delivery>, GatewayError> {
        let _poll = self.shared.metrics.upstream.polls.guard();
        Ok(upstream.receive(context, &asked).await?)
    }
}
