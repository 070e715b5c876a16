//! Acknowledge many deliveries: a result for each.

use std::collections::HashMap;

use futures_util::StreamExt as _;
use tokio::time::Instant;

use super::{Gateway, GatewayError, GroupRoute, ReceiptHandle};
use crate::context::RequestContext;
use crate::model::UpstreamHandle;
use crate::upstream::Upstream;

/// Most upstream calls of one acknowledgement at once.
const AT_ONCE: usize = 32;

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
        let opened: Vec<_> = handles.iter().map(|handle| ReceiptHandle::open(handle, route)).collect();
        let sound: Vec<UpstreamHandle> = opened.iter().flatten().cloned().collect();
        let mut answered = self.acknowledge_deliveries(context, route, &sound).await?.into_iter();
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
        let mut distinct: Vec<UpstreamHandle> = Vec::with_capacity(handles.len());
        let mut index_of: HashMap<&UpstreamHandle, usize> = HashMap::with_capacity(handles.len());
        for handle in handles {
            index_of.entry(handle).or_insert_with(|| {
                distinct.push(handle.clone());
                distinct.len() - 1
            });
        }
        // In order, however many answers there are at once: a chunk keeps its place.
        let answered: Vec<AckResult> = futures_util::stream::iter(distinct.chunks(upstream.handles_at_once()))
            .map(|chunk| acknowledge_chunk(context, upstream, route, chunk))
            .buffered(AT_ONCE)
            .collect::<Vec<_>>()
            .await
            .concat();
        let metrics = route.metrics(&self.shared.metrics);
        for result in &answered {
            metrics.acked(result.as_ref().map_or_else(GatewayError::label, |()| "ok"));
        }
        let lost = || Err(GatewayError::Internal("a handle without a result"));
        Ok(handles
            .iter()
            .map(|handle| index_of.get(handle).and_then(|index| answered.get(*index)).cloned().unwrap_or_else(lost))
            .collect())
    }

    /// Refuses an operation that the protocol behind the topic lacks.
    ///
    /// # Errors
    /// [`GatewayError::UnsupportedVerb`].
    pub fn require_verb(&self, route: &GroupRoute, verb: &'static str) -> Result<(), GatewayError> {
        let capabilities = self.upstream(&route.topic)?.capabilities();
        let able = match verb {
            "nack" => capabilities.nack,
            _ => capabilities.extend,
        };
        if able { Ok(()) } else { Err(GatewayError::UnsupportedVerb { verb, protocol: capabilities.protocol }) }
    }
}

async fn acknowledge_chunk(
    context: &RequestContext,
    upstream: &Upstream,
    route: &GroupRoute,
    handles: &[UpstreamHandle],
) -> Vec<AckResult> {
    let now = Instant::now();
    if now >= context.deadline() {
        return handles.iter().map(|_| Err(GatewayError::OutOfTime)).collect();
    }
    let context = context.until(now + route.topic.deadline());
    let results = upstream.acknowledge(&context, &route.topic.topic, &route.group, handles).await;
    results.into_iter().map(|result| Ok(result?)).collect()
}
