//! Acknowledge many deliveries: a result for each.

use super::once_each::{once_each, open, sound};
use super::{Gateway, GatewayError, GroupRoute};
use crate::context::RequestContext;
use crate::model::UpstreamHandle;

/// What became of one handle.
pub type AckResult = Result<(), GatewayError>;

impl Gateway {
    /// Acknowledges what our receipt handles stand for; results come in the same order. A handle given twice is sent
    /// once. Nothing begins after the request's deadline.
    ///
    /// # Errors
    /// [`GatewayError::Internal`] only.
    pub async fn acknowledge(
        &self,
        context: &RequestContext,
        route: &GroupRoute,
        handles: &[String],
    ) -> Result<Vec<AckResult>, GatewayError> {
        let opened = open(handles, route);
        let mut answered = self.acknowledge_deliveries(context, route, &sound(&opened)).await?.into_iter();
        let metrics = route.metrics(&self.shared.metrics);
        let lost = || Err(GatewayError::Internal("a handle without a result"));
        Ok(opened
            .into_iter()
            .map(|opened| match opened {
                Ok(_) => answered.next().unwrap_or_else(lost),
                Err(error) => {
                    metrics.acked(error.label());
                    Err(error)
                }
            })
            .collect())
    }

    /// As [`Gateway::acknowledge`], with the MQ's own handles.
    ///
    /// # Errors
    /// [`GatewayError::Internal`] only.
    pub async fn acknowledge_deliveries(
        &self,
        context: &RequestContext,
        route: &GroupRoute,
        handles: &[UpstreamHandle],
    ) -> Result<Vec<AckResult>, GatewayError> {
        let upstream = self.upstream(&route.topic)?;
        let metrics = route.metrics(&self.shared.metrics);
        let acknowledge = async |context: &RequestContext, chunk: &[UpstreamHandle]| {
            upstream.acknowledge(context, &route.topic.topic, &route.group, chunk).await
        };
        let (chunk, count) = (upstream.handles_at_once(), |result| metrics.acked(result));
        Ok(once_each(context, route, handles, chunk, acknowledge, count).await)
    }
}
