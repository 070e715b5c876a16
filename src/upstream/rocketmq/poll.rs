//! One poll of one broker, from the request to the last message of its answer. It is never broken off: see the module.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::held::Held;
use super::link::Link;
use super::outcome::{Asked, code, refusal};
use super::session::{InUse, Ready};
use crate::context::RequestContext;
use crate::memory::MemoryBudget;
use crate::model::{ConsumerGroup, Delivery, TagFilter, Topic};
use crate::outbound::GrpcStream;
use crate::protocol::rocketmq::wire::{
    self, Broker, FilterExpression, FilterType, MessageQueue, ReceiveMessageRequest, ReceiveMessageResponse, Received,
    Status,
};
use crate::protocol::rocketmq::{Code, Method, POLL_SECONDS, decode_delivery, settings_are_lost};
use crate::trace_context::{TRACEPARENT, TraceContext};
use crate::upstream::{UpstreamError, UpstreamErrorKind};

/// The call may take this much longer than the poll.
const MARGIN: Duration = Duration::from_secs(5);
/// How long a poll waits for its client to be known.
const SESSION_PATIENCE: Duration = Duration::from_secs(5);
/// A delivery is held as it came and once more in the answer that is made of it.
const COPIES: usize = 2;
/// What is held of a message besides its body, in bytes.
const ENVELOPE_BYTES: usize = 1024;

/// Who receives what, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Subject {
    pub(super) topic: Topic,
    pub(super) group: ConsumerGroup,
    /// How long what comes is hidden from others.
    pub(super) visibility_timeout: Duration,
    /// The callers want order, so the group must be one that the MQ keeps in order.
    pub(super) ordered: bool,
    /// The group's tags; the others are acknowledged by the server.
    pub(super) tags: Option<TagFilter>,
}

/// How an answer ended.
enum Ended {
    Whole,
    SettingsLost,
}

/// Asks one broker for up to `batch` messages, and waits as long as the protocol lets it.
pub(super) async fn poll(
    link: &Link,
    client: &InUse,
    subject: &Subject,
    broker: &str,
    batch: u32,
    memory: &MemoryBudget,
) -> Result<Vec<Held>, UpstreamError> {
    let session = client.session();
    let mut renewed = false;
    loop {
        let ready = session.ready(Instant::now() + SESSION_PATIENCE).await?;
        if subject.ordered && !ready.ordered {
            let detail = format!(
                "the MQ does not deliver to group `{}` in order: an operator makes it so with `mqadmin updateSubGroup -g {0} -o \
                 true`",
                subject.group.as_str()
            );
            return Err(UpstreamError::new(UpstreamErrorKind::Misconfigured, detail));
        }
        let mut held = Vec::new();
        match receive(link, (&ready, &session.client_id), subject, broker, batch, (memory, &mut held)).await {
            Ok(Ended::Whole) => return Ok(held),
            Ok(Ended::SettingsLost) => {
                session.renew(ready.epoch);
                if !held.is_empty() {
                    return Ok(held);
                }
                if renewed {
                    let detail = "the MQ forgets the settings of the group's client as soon as they are sent";
                    return Err(UpstreamError::new(UpstreamErrorKind::ServerError, detail));
                }
                renewed = true;
            }
            // What came before the answer broke off is delivered, so it is handed on.
            Err(_) if !held.is_empty() => return Ok(held),
            Err(error) => return Err(error),
        }
    }
}

async fn receive(
    link: &Link,
    (ready, client_id): (&Ready, &str),
    subject: &Subject,
    broker: &str,
    batch: u32,
    (memory, held): (&MemoryBudget, &mut Vec<Held>),
) -> Result<Ended, UpstreamError> {
    let wait = Duration::from_secs(POLL_SECONDS);
    let deadline = Instant::now() + wait + MARGIN;
    let queue = MessageQueue {
        topic: Some(link.resource(subject.topic.as_str())),
        id: -1,
        broker: Some(Broker { name: broker.to_owned(), ..Broker::default() }),
        ..MessageQueue::default()
    };
    let expression = subject.tags.as_ref().map_or_else(|| "*".to_owned(), TagFilter::expression);
    let request = ReceiveMessageRequest {
        group: Some(link.resource(subject.group.as_str())),
        message_queue: Some(queue),
        filter_expression: Some(FilterExpression { r#type: FilterType::Tag.into(), expression }),
        batch_size: i32::try_from(batch).unwrap_or(1),
        invisible_duration: Some(subject.visibility_timeout.into()),
        auto_renew: false,
        long_polling_timeout: Some(wait.into()),
        attempt_id: None,
    };
    let mut answer: GrpcStream<ReceiveMessageResponse> =
        link.stream_at(&ready.spot, client_id, Method::ReceiveMessage, request, deadline).await?;
    let mut unreadable = 0;
    let mut last: Option<Status> = None;
    loop {
        let part = timeout_at(deadline, answer.next()).await.map_err(|_| {
            UpstreamError::new(UpstreamErrorKind::Timeout, "the MQ did not end its answer to a receive in time")
        })?;
        match part?.map(|part| part.content) {
            None => break,
            Some(Some(Received::Status(status))) => last = Some(status),
            Some(Some(Received::Message(message))) => {
                if !keep(link, subject, *message, deadline, (memory, held)).await {
                    unreadable += 1;
                }
            }
            Some(Some(Received::DeliveryTimestamp(_)) | None) => {}
        }
    }
    let context = RequestContext::shared(deadline);
    link.profile.warn_unreadable(&context, &subject.topic, unreadable);
    let code = code(last.as_ref())?;
    let text = last.as_ref().map(|status| status.message.as_str()).unwrap_or_default();
    if matches!(code, Code::Ok | Code::MessageNotFound) {
        Ok(Ended::Whole)
    } else if settings_are_lost(code, text) {
        Ok(Ended::SettingsLost)
    } else {
        Err(refusal(last.as_ref(), Asked::Receive))
    }
}

/// Shows the trace that a message carries as others do: as a property, unless its publisher has set one.
fn show_trace(delivery: &mut Delivery, trace: Option<String>) {
    let trace = trace.filter(|trace| TraceContext::parse(trace).is_some());
    if let Some(trace) = trace.filter(|_| delivery.properties.iter().all(|(name, _)| name != TRACEPARENT)) {
        delivery.properties.push((TRACEPARENT.to_owned(), trace));
    }
}

/// Reads a message and takes memory for it; `false` where it cannot be read. One that there is no room for comes again.
async fn keep(
    link: &Link,
    subject: &Subject,
    mut message: wire::Message,
    deadline: Instant,
    (memory, held): (&MemoryBudget, &mut Vec<Held>),
) -> bool {
    let max_bytes = link.profile.capabilities.limits.max_message_bytes;
    let trace = message.system_properties.as_mut().and_then(|system| system.trace_context.take());
    let Ok(mut decoded) = decode_delivery(message, link.profile.clock.now(), max_bytes) else { return false };
    if link.profile.propagates_trace {
        show_trace(&mut decoded.delivery, trace);
    }
    let context = RequestContext::shared(deadline);
    if decoded.digest_mismatch {
        let (profile, topic) = (link.profile.name.as_str(), subject.topic.as_str());
        tracing::warn!(profile, topic, "a body differs from the digest that the MQ sent with it");
    }
    let bytes = (decoded.delivery.body.len() + ENVELOPE_BYTES).saturating_mul(COPIES);
    match memory.wait_for(bytes, deadline).await {
        Ok(charge) => held.push(Held::new(decoded.delivery, charge, subject.visibility_timeout)),
        Err(full) => link.profile.messages_left_unread(&context, full),
    }
    true
}
