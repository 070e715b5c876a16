//! Acknowledge many deliveries: a result for each.

use std::collections::HashSet;

use super::once_each::{for_all, once_each, open, sound};
use super::receipt_handle::Opened;
use super::{Gateway, GatewayError, GroupRoute};
use crate::context::RequestContext;
use crate::model::UpstreamHandle;

/// A delivery that the MQ says is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledged {
    /// Its visibility timeout had passed, and the MQ does not tell whether it was still good: the message may come again.
    pub late: bool,
}

/// What became of one handle.
pub(super) type AckResult = Result<Acknowledged, GatewayError>;

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
        let upstream = self.upstream(&route.topic)?;
        let (now, is_told) = (upstream.now(), upstream.capabilities().protocol.tells_stale_handles());
        let is_late = |opened: &Opened| !is_told && opened.visible_again_at.is_some_and(|at| at <= now);
        let opened = open(handles, route);
        let late: HashSet<UpstreamHandle> =
            opened.iter().flatten().filter(|opened| is_late(opened)).map(|opened| opened.handle.clone()).collect();
        let metrics = route.metrics(&self.shared.metrics);
        let count = |handle: &UpstreamHandle, result| {
            metrics.acked(if result == "ok" && late.contains(handle) { "late" } else { result });
        };
        let answered = self.acknowledge_each(context, route, &sound(&opened), count).await?;
        let done = |opened: &Opened, ()| Ok(Acknowledged { late: is_late(opened) });
        Ok(for_all(opened, answered, |result| metrics.acked(result), done))
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
    ) -> Result<Vec<Result<(), GatewayError>>, GatewayError> {
        let metrics = route.metrics(&self.shared.metrics);
        self.acknowledge_each(context, route, handles, |_, result| metrics.acked(result)).await
    }

    pub(super) async fn acknowledge_each(
        &self,
        context: &RequestContext,
        route: &GroupRoute,
        handles: &[UpstreamHandle],
        count: impl Fn(&UpstreamHandle, &'static str),
    ) -> Result<Vec<Result<(), GatewayError>>, GatewayError> {
        let upstream = self.upstream(&route.topic)?;
        let acknowledge = async |context: &RequestContext, chunk: &[UpstreamHandle]| {
            upstream.acknowledge(context, &route.topic.topic, &route.group, chunk).await
        };
        Ok(once_each(context, route, handles, upstream.handles_at_once(), acknowledge, count).await)
    }
}
