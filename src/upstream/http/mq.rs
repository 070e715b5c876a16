//! The MQ HTTP protocol as a client (protocol notes MQ HTTP 2 to 4).

use std::time::Duration;

use tokio::time::Instant;

use super::HttpPlan;
use super::failover::{Failover, RECEIVE_MARGIN};
use super::refusal::{kind_of_status, refusal};
use crate::config::{MqHttpConfig, OnUnknown, mq_http_visibility_timeout};
use crate::context::RequestContext;
use crate::model::{ConsumerGroup, Feature, Message, Operation, Published, Topic, UnixMillis, UpstreamHandle};
use crate::outbound::Answer;
use crate::protocol::mark_delay;
use crate::protocol::mq_http::{
    self, AckError, Acknowledge, Consume, ErrorCode, MAX_WAIT_SECONDS, Publish, decode_ack_errors, decode_consumed,
    decode_error, decode_published,
};
use crate::signature::Pair;
use crate::upstream::attempts::AttemptPolicy;
use crate::upstream::profile::Profile;
use crate::upstream::{Attempted, PollRequest, Polled, UpstreamError, UpstreamErrorKind};

/// More than any group has.
const LONGEST_HIDDEN: Duration = Duration::from_secs(12 * 3600);

/// One thread's client of one profile.
#[derive(Debug)]
pub struct MqHttp {
    failover: Failover,
    settings: MqHttpConfig,
}

impl MqHttp {
    pub(in crate::upstream) fn new(profile: &Profile, plan: &HttpPlan, settings: &MqHttpConfig) -> Self {
        // Six bytes of escapes per byte of body at worst, and some room for the rest (contract section 4).
        let per_message = profile.capabilities.limits.max_message_bytes.saturating_mul(6);
        let messages = usize::try_from(mq_http::MAX_CONSUME).unwrap_or(usize::MAX);
        let max_answer_bytes = per_message.saturating_mul(messages).saturating_add(1024 * 1024);
        Self { failover: Failover::new(profile, plan, max_answer_bytes), settings: settings.clone() }
    }

    pub(in crate::upstream) fn profile(&self) -> &Profile {
        &self.failover.profile
    }

    fn instance(&self) -> Option<&str> {
        self.settings.instance_id.as_deref()
    }

    pub(in crate::upstream) async fn publish(
        &self,
        context: &RequestContext,
        message: &Message,
        on_unknown: OnUnknown,
    ) -> Attempted<Result<Published, UpstreamError>> {
        // The document is the same for every attempt; only the head is signed anew.
        let publish = Publish {
            topic: message.topic.as_str(),
            instance: self.instance(),
            message,
            marks_bodies: self.profile().capabilities.has(Feature::BinaryBodies),
        };
        let memory = &self.failover.plan.memory;
        let _document = match memory.charge_for_copies(message.body.len(), || publish.copied_bytes()) {
            Ok(charges) => charges,
            Err(full) => return Attempted { attempts: 0, result: Err(full.into()) },
        };
        let encoded = publish.encode();
        let sign = |pair: &Pair, now, _wait| {
            let request = encoded.sign(pair, now);
            if self.profile().is_embedded { mark_delay(request, message) } else { request }
        };
        let read = |answer: Answer| {
            if answer.status != 201 {
                return Err(self.classify(&answer, Operation::Publish));
            }
            decode_published(&answer.body).map_err(bad_response)
        };
        let policy = AttemptPolicy::publish(&message.topic, context, on_unknown);
        self.failover.perform(&policy, sign, read).await
    }

    pub(in crate::upstream) fn their_now(&self) -> Option<UnixMillis> {
        self.failover.their_now()
    }

    /// How long a delivery that has just come is hidden from others. The MQ tells a time of its clock, which may be far from ours.
    pub(in crate::upstream) fn hidden_for(&self, ordered: bool, visible_again_at: UnixMillis) -> Duration {
        let hidden_for = self.failover.their_now().map_or(Duration::ZERO, |now| visible_again_at.since(now));
        if hidden_for.is_zero() || hidden_for > LONGEST_HIDDEN {
            // Another clock wrote its answer's `Date`, or there was none.
            mq_http_visibility_timeout(ordered)
        } else {
            hidden_for
        }
    }

    pub(in crate::upstream) async fn receive(
        &self,
        context: &RequestContext,
        poll: &PollRequest<'_>,
    ) -> Result<Polled, UpstreamError> {
        let sign = |pair: &Pair, now, wait: Duration| {
            // The protocol counts in whole seconds.
            let wait = wait + Duration::from_millis(500);
            let consume = Consume {
                topic: poll.topic.as_str(),
                group: poll.group.as_str(),
                instance: self.instance(),
                num: poll.max_messages,
                wait_seconds: wait.as_secs().min(MAX_WAIT_SECONDS),
                tags: poll.tags,
                ordered: poll.ordered,
            };
            consume.encode().sign(pair, now)
        };
        let read = |answer: Answer| {
            if answer.status == 404
                && decode_error(&answer.body).is_some_and(|error| error.code == ErrorCode::MessageNotExist)
            {
                return Ok(Polled { deliveries: Vec::new(), memory: answer.memory });
            }
            if answer.status != 200 {
                return Err(self.classify(&answer, Operation::Receive));
            }
            let consumed = decode_consumed(&answer.body).map_err(bad_response)?;
            self.profile().warn_unreadable(context, poll.topic, consumed.unreadable);
            if consumed.digest_mismatches > 0 {
                let (profile, topic) = (self.profile().name.as_str(), poll.topic.as_str());
                let messages = consumed.digest_mismatches;
                tracing::warn!(
                    request_id = context.id(),
                    profile,
                    topic,
                    messages,
                    "bodies differ from the digests that the MQ sent with them"
                );
            }
            Ok(Polled::new(consumed.deliveries, answer.memory))
        };
        let end_of_wait = Instant::now() + poll.wait;
        let context = &context.lasting_until(end_of_wait + RECEIVE_MARGIN);
        let policy = AttemptPolicy::of_group(Operation::Receive, poll.topic, poll.group, context);
        let policy = AttemptPolicy { end_of_wait: Some(end_of_wait), ..policy };
        self.failover.perform(&policy, sign, read).await.result
    }

    /// Up to [`mq_http::MAX_ACK`] at once; those that the MQ did not take are named one by one.
    pub(in crate::upstream) async fn acknowledge(
        &self,
        context: &RequestContext,
        topic: &Topic,
        group: &ConsumerGroup,
        handles: &[UpstreamHandle],
    ) -> Vec<Result<(), UpstreamError>> {
        let instance = self.instance();
        let acknowledge = Acknowledge { topic: topic.as_str(), group: group.as_str(), instance, handles };
        let encoded = acknowledge.encode();
        let sign = |pair: &Pair, now, _wait| encoded.sign(pair, now);
        let read = |answer: Answer| match answer.status {
            204 => Ok(Vec::new()),
            404 => {
                let errors = decode_ack_errors(&answer.body).filter(|errors| !errors.is_empty());
                errors.ok_or_else(|| self.classify(&answer, Operation::Acknowledge))
            }
            _ => Err(self.classify(&answer, Operation::Acknowledge)),
        };
        let policy = AttemptPolicy::of_group(Operation::Acknowledge, topic, group, context);
        match self.failover.perform(&policy, sign, read).await.result {
            Err(error) => handles.iter().map(|_| Err(error.clone())).collect(),
            Ok(errors) => {
                // An error about a handle that is not one of ours may mean any of them, so none of the others counts as done.
                let foreign = |error: &AckError| handles.iter().all(|handle| handle.as_str() != error.handle);
                let doubtful = errors.iter().any(foreign);
                handles
                    .iter()
                    .map(|handle| match errors.iter().find(|error| error.handle == handle.as_str()) {
                        Some(error) => Err(not_acknowledged(&error.code)),
                        None if doubtful => {
                            let detail = "the MQ refused a receipt handle that was not sent to it";
                            Err(UpstreamError::new(UpstreamErrorKind::BadResponse, detail))
                        }
                        None => Ok(()),
                    })
                    .collect()
            }
        }
    }

    /// The row of the contract's table for an answer that is no success.
    fn classify(&self, answer: &Answer, operation: Operation) -> UpstreamError {
        let body = decode_error(&answer.body);
        let code = body.as_ref().map(|body| &body.code);
        let kind = match (answer.status, code) {
            // Nothing was done, and the clock is what is wrong; a 408 without it is a broker that was late.
            (408, Some(ErrorCode::TimeExpired)) => UpstreamErrorKind::AuthRejected,
            // What we sign with every request: something on the way took it out.
            (
                400,
                Some(
                    ErrorCode::MissingAuthorizationHeader
                    | ErrorCode::InvalidAuthorizationHeader
                    | ErrorCode::MissingDateHeader
                    | ErrorCode::InvalidDateHeader,
                ),
            ) => UpstreamErrorKind::AuthRejected,
            (400..=499, Some(ErrorCode::TopicNotExist | ErrorCode::SubscriptionNotExist)) => {
                UpstreamErrorKind::Misconfigured
            }
            // The sources differ in its status.
            (400 | 429 | 503, Some(ErrorCode::QpsLimitExceeded)) => UpstreamErrorKind::Throttled,
            (400 | 404, Some(code)) if operation == Operation::Acknowledge && is_stale(code) => {
                return not_acknowledged(code);
            }
            (status, _) => kind_of_status(status, body.is_some() || answer.retry_after.is_some(), operation),
        };
        let vendor_code = code.and_then(ErrorCode::as_str);
        refusal(kind, answer, vendor_code, why_rejected(code), &self.failover.plan.clock_skew)
    }
}

/// What is wrong with our keys, where the code says it.
fn why_rejected(code: Option<&ErrorCode>) -> Option<&'static str> {
    match code {
        Some(ErrorCode::InvalidAccessKeyId) => Some("the MQ does not know our access key"),
        Some(ErrorCode::SignatureDoesNotMatch) => {
            Some("our secret key is wrong for the MQ, or something on the way changes requests")
        }
        Some(ErrorCode::AccessDenied) => Some("the MQ denies our account this topic or group"),
        Some(_) | None => None,
    }
}

/// What the MQ says of a handle whose time is over, and of one that was never its own: ours are, so their time is over.
fn is_stale(code: &ErrorCode) -> bool {
    matches!(code, ErrorCode::ReceiptHandleError | ErrorCode::MessageNotExist)
}

/// One handle of several that the MQ did not take.
fn not_acknowledged(code: &ErrorCode) -> UpstreamError {
    let kind = if *code == ErrorCode::QpsLimitExceeded {
        UpstreamErrorKind::Throttled
    } else if matches!(code, ErrorCode::InternalError | ErrorCode::InternalServerError) {
        UpstreamErrorKind::ServerError
    } else if is_stale(code) {
        UpstreamErrorKind::StaleHandle
    } else {
        UpstreamErrorKind::RejectedMessage
    };
    let shown = code.as_str().map(|code| format!(" ({code})")).unwrap_or_default();
    let detail = if kind == UpstreamErrorKind::StaleHandle {
        format!("the receipt handle is no longer valid{shown}: the message is acknowledged already, or comes again")
    } else {
        format!("the MQ did not take the receipt handle{shown}")
    };
    UpstreamError { vendor_code: code.as_str().map(str::to_owned), ..UpstreamError::new(kind, detail) }
}

fn bad_response(error: mq_http::ResponseError) -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::BadResponse, format!("the MQ's answer could not be used: {error}"))
}
