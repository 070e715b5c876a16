//! Publish many messages: a result for each, order kept inside each message group.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::Instant;

use super::{Accepted, Gateway, GatewayError, TopicRoute};
use crate::context::RequestContext;
use crate::model::{Message, MessageGroup};

/// Most upstream calls of one batch at once.
const AT_ONCE: usize = 16;

/// What became of one message of a batch.
pub type BatchItem = Result<Accepted, GatewayError>;

impl Gateway {
    /// Publishes `messages`; results come in the same order. Nothing begins after the request's deadline.
    pub async fn publish_batch(
        &self,
        context: &RequestContext,
        route: &TopicRoute,
        messages: Vec<Message>,
        wait: Option<Duration>,
    ) -> Vec<BatchItem> {
        let count = messages.len();
        let mut results: Vec<BatchItem> = Vec::new();
        results.resize_with(count, || Err(GatewayError::Internal("a message without a result")));
        let lanes = futures_util::stream::iter(lanes(messages));
        let mut finished = lanes.map(|lane| self.publish_lane(context, route, lane, wait)).buffer_unordered(AT_ONCE);
        while let Some(lane) = finished.next().await {
            for (index, result) in lane {
                if let Some(slot) = results.get_mut(index) {
                    *slot = result;
                }
            }
        }
        results
    }

    /// One after the other; after the first that was not stored nothing more is sent.
    async fn publish_lane(
        &self,
        context: &RequestContext,
        route: &TopicRoute,
        lane: Vec<(usize, Message)>,
        wait: Option<Duration>,
    ) -> Vec<(usize, BatchItem)> {
        let mut results = Vec::with_capacity(lane.len());
        let mut failed = false;
        // Counted as every other refusal is.
        let refused = |error: GatewayError| {
            route.metrics(&self.shared.metrics).outcome(error.outcome()).inc();
            Err(error)
        };
        for (index, message) in lane {
            let result = if failed {
                refused(GatewayError::EarlierMessageFailed)
            } else if Instant::now() >= context.deadline() {
                refused(GatewayError::OutOfTime)
            } else {
                self.publish(context, route, message, wait).await
            };
            failed |= result.is_err();
            results.push((index, result));
        }
        results
    }
}

/// Messages of one message group share a lane, every other message has its own.
fn lanes(messages: Vec<Message>) -> Vec<Vec<(usize, Message)>> {
    let mut lanes: Vec<Vec<(usize, Message)>> = Vec::new();
    let mut lane_of: HashMap<MessageGroup, usize> = HashMap::new();
    for (index, message) in messages.into_iter().enumerate() {
        let lane = match &message.message_group {
            Some(group) => *lane_of.entry(group.clone()).or_insert(lanes.len()),
            None => lanes.len(),
        };
        match lanes.get_mut(lane) {
            Some(lane) => lane.push((index, message)),
            None => lanes.push(vec![(index, message)]),
        }
    }
    lanes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Topic;

    #[test]
    fn a_message_group_is_one_lane() {
        let message = |group: Option<&str>| {
            let mut message = Message::new(Topic::parse("T").unwrap(), bytes::Bytes::new());
            message.message_group = group.map(|group| MessageGroup::parse(group).unwrap());
            message
        };
        let messages = [Some("a"), None, Some("b"), Some("a"), None, Some("a")].map(message).to_vec();
        let indices: Vec<Vec<usize>> =
            lanes(messages).iter().map(|lane| lane.iter().map(|(index, _)| *index).collect()).collect();
        assert_eq!(indices, [vec![0, 3, 5], vec![1], vec![2], vec![4]]);
    }
}
