//! Acknowledge many deliveries: a result for each.

use std::collections::HashMap;

use futures_util::StreamExt as _;
use tokio::time::Instant;

use super::{Gateway, GatewayError, GroupRoute, ReceiptHandle};
use crate::upstream::Upstream;

/// Most upstream calls of one acknowledgement at once.
const AT_ONCE: usize = 32;

/// What became of one handle.
pub type AckResult = Result<(), GatewayError>;

impl Gateway {
    /// Acknowledges `handles`; results come in the same order. A handle given twice is sent once. Nothing begins after
    /// `end`.
    ///
    /// # Errors
    /// [`GatewayError::Internal`] only.
    pub async fn acknowledge(
        &self,
        route: &GroupRoute,
        handles: &[String],
        end: Instant,
    ) -> Result<Vec<AckResult>, GatewayError> {
        let upstream = self.upstream(&route.topic)?;
        let metrics = &*route.metrics(&self.shared.metrics);
        let mut distinct: Vec<&str> = Vec::with_capacity(handles.len());
        let mut index_of: HashMap<&str, usize> = HashMap::with_capacity(handles.len());
        for handle in handles {
            index_of.entry(handle).or_insert_with(|| {
                distinct.push(handle);
                distinct.len() - 1
            });
        }
        let answered: HashMap<usize, AckResult> = futures_util::stream::iter(distinct.into_iter().enumerate())
            .map(|(index, handle)| async move {
                let result = acknowledge_one(upstream, route, handle, end).await;
                metrics.acked(result.as_ref().map_or_else(GatewayError::label, |()| "ok"));
                (index, result)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let lost = || Err(GatewayError::Internal("a handle without a result"));
        Ok(handles
            .iter()
            .map(|handle| {
                index_of.get(handle.as_str()).and_then(|index| answered.get(index)).cloned().unwrap_or_else(lost)
            })
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

async fn acknowledge_one(upstream: &Upstream, route: &GroupRoute, handle: &str, end: Instant) -> AckResult {
    let handle = ReceiptHandle::open(handle, route)?;
    let now = Instant::now();
    if now >= end {
        return Err(GatewayError::OutOfTime);
    }
    let deadline = end.min(now + route.topic.deadline());
    Ok(upstream.acknowledge(&route.topic.topic, &route.group, &handle, deadline).await?)
}
