//! The ONS HTTP protocol as a client (protocol notes ONS 7, items 23 to 27).

use std::borrow::Cow;
use std::time::Duration;

use tokio::time::Instant;

use super::HttpPlan;
use super::failover::{Failover, RECEIVE_MARGIN};
use super::refusal::{kind_of_status, refusal, vendor_code};
use crate::config::{OnUnknown, ProfileConfig};
use crate::context::RequestContext;
use crate::http_message::{self, Method};
use crate::model::{
    ConsumerGroup, Delivery, Key, MAX_TAG_CHARS, Message, Published, Topic, UnixMillis, UpstreamHandle,
};
use crate::outbound::Answer;
use crate::protocol::ons_http::{
    self, Acknowledge, Consume, Encoded, Publish, Request, decode_consumed, decode_error, decode_published,
};
use crate::signature::Pair;
use crate::upstream::attempts::{AttemptPolicy, Operation};
use crate::upstream::plan::Profile;
use crate::upstream::{Attempted, Objection, PollRequest, UpstreamError, UpstreamErrorKind};

/// What only this protocol needs of a profile.
#[derive(Debug, Clone)]
pub(in crate::upstream) struct OnsHttpSettings {
    /// Sent as.
    producer_group: String,
    /// Content type of publishes.
    content_type: String,
    /// Assumed, since no delivery has it.
    visibility_timeout: Duration,
    /// A receive that does not wait says so.
    zero_timeout: bool,
}

impl OnsHttpSettings {
    pub(in crate::upstream) fn new(profile: &ProfileConfig) -> Self {
        Self {
            producer_group: profile.producer_group.clone(),
            content_type: profile.content_type.clone(),
            visibility_timeout: profile.visibility_timeout,
            zero_timeout: profile.zero_timeout,
        }
    }
}

/// One thread's client of one profile.
#[derive(Debug)]
pub struct OnsHttp {
    failover: Failover,
    settings: OnsHttpSettings,
}

impl OnsHttp {
    pub(in crate::upstream) fn new(profile: &Profile, plan: &HttpPlan, settings: &OnsHttpSettings) -> Self {
        // Six bytes of JSON escapes per byte of body at worst, and some room for the rest (contract section 4).
        let per_message = profile.capabilities.max_message_bytes.saturating_mul(6);
        let max_answer_bytes = per_message.saturating_mul(32).saturating_add(1024 * 1024);
        Self { failover: Failover::new(profile, plan, max_answer_bytes), settings: settings.clone() }
    }

    pub(in crate::upstream) fn profile(&self) -> &Profile {
        &self.failover.profile
    }

    /// Why the protocol does not carry a message.
    pub(in crate::upstream) fn objection(&self, message: &Message) -> Option<Objection> {
        let protocol = self.profile().capabilities.protocol;
        if !self.profile().capabilities.binary_bodies && std::str::from_utf8(&message.body).is_err() {
            let detail = format!(
                "{protocol} carries no bytes that are not UTF-8: encode them (base64) or set binary_bodies on the \
                 profile where the MQ gives them back unchanged"
            );
            return Some(Objection::Unsupported { field: "body", detail });
        }
        // One key parameter of 128 characters; several keys are joined by a blank (protocol notes ONS 3.2).
        let joined: usize = message.keys.iter().map(|key| key.as_str().chars().count() + 1).sum();
        if joined > MAX_TAG_CHARS + 1 {
            let detail = format!(
                "the keys have {} characters when joined by blanks, the limit is {MAX_TAG_CHARS}: send fewer or \
                 shorter keys",
                joined - 1
            );
            return Some(Objection::Invalid { field: "keys", detail });
        }
        None
    }

    pub(in crate::upstream) async fn publish(
        &self,
        context: &RequestContext,
        message: &Message,
        on_unknown: OnUnknown,
    ) -> Attempted<Result<Published, UpstreamError>> {
        let sign = |pair: &Pair, now| {
            let request = Request::Publish(Publish {
                topic: Cow::Borrowed(message.topic.as_str()),
                producer_group: Cow::Borrowed(&self.settings.producer_group),
                time: digits(now),
                tag: message.tag.as_ref().map(|tag| Cow::Borrowed(tag.as_str())),
                key: joined(&message.keys),
                start_deliver_time: message.deliver_at.map(|time| time.0),
                sharding_key: message.message_group.as_ref().map(|group| Cow::Borrowed(group.as_str())),
                timeout: None,
                body: message.body.clone(),
            });
            self.signed(request, pair)
        };
        let read = |answer: &Answer| {
            if answer.status != 201 {
                return Err(self.classify(answer, Operation::Publish));
            }
            decode_published(&answer.body).map_err(bad_response)
        };
        let policy = AttemptPolicy { operation: Operation::Publish, context, on_unknown };
        self.failover.perform(&policy, sign, read).await
    }

    pub(in crate::upstream) async fn receive(
        &self,
        context: &RequestContext,
        poll: &PollRequest<'_>,
    ) -> Result<Vec<Delivery>, UpstreamError> {
        let end_of_wait = Instant::now() + poll.wait;
        let sign = |pair: &Pair, now| {
            let timeout = if poll.wait.is_zero() {
                // Without `timeout` the vendor's service holds an empty poll as long as it likes.
                self.settings.zero_timeout.then_some(0)
            } else {
                // A repeated poll waits for what is left only.
                let left = end_of_wait.saturating_duration_since(Instant::now());
                Some(u64::try_from(left.as_micros().div_ceil(1000)).unwrap_or(u64::MAX))
            };
            let request = Request::Consume(Consume {
                topic: Cow::Borrowed(poll.topic.as_str()),
                consumer_group: Cow::Borrowed(poll.group.as_str()),
                time: digits(now),
                num: Some(poll.max_messages),
                timeout,
            });
            self.signed(request, pair)
        };
        let read = |answer: &Answer| {
            if answer.status != 200 {
                return Err(self.classify(answer, Operation::Receive));
            }
            let visible_again_at = self.profile().clock.now() + self.settings.visibility_timeout;
            let consumed = decode_consumed(&answer.body, visible_again_at).map_err(bad_response)?;
            self.profile().warn_unreadable(context, poll.topic, consumed.unreadable);
            Ok(consumed.deliveries)
        };
        let context = &context.lasting_until(end_of_wait + RECEIVE_MARGIN);
        let policy = AttemptPolicy { operation: Operation::Receive, context, on_unknown: OnUnknown::Report };
        self.failover.perform(&policy, sign, read).await.result
    }

    /// The protocol acknowledges one delivery at a time.
    pub(in crate::upstream) async fn acknowledge(
        &self,
        context: &RequestContext,
        topic: &Topic,
        group: &ConsumerGroup,
        handle: &UpstreamHandle,
    ) -> Result<(), UpstreamError> {
        let sign = |pair: &Pair, now| {
            let request = Request::Acknowledge(Acknowledge {
                topic: Cow::Borrowed(topic.as_str()),
                consumer_group: Cow::Borrowed(group.as_str()),
                time: digits(now),
                handle: Cow::Borrowed(handle.as_str()),
            });
            self.signed(request, pair)
        };
        let read = |answer: &Answer| match answer.status {
            204 => Ok(()),
            _ => Err(self.classify(answer, Operation::Acknowledge)),
        };
        let policy = AttemptPolicy { operation: Operation::Acknowledge, context, on_unknown: OnUnknown::Report };
        self.failover.perform(&policy, sign, read).await.result
    }

    fn signed(&self, request: Request<'_>, pair: &Pair) -> http_message::Request {
        let signature = pair.signing.sign(&request.string_to_sign());
        let encoded = request.encode(&pair.access_key, &signature);
        let Encoded { method, target, headers, body } = encoded;
        let mut headers: Vec<(&'static str, String)> =
            headers.into_iter().map(|(header, value)| (header.name(), value.into_owned())).collect();
        let body = match method {
            Method::Post => {
                headers.push(("Content-Type", self.settings.content_type.clone()));
                Some(body)
            }
            Method::Get | Method::Delete => None,
        };
        http_message::Request { method, target, headers, body }
    }

    /// The row of the contract's table for an answer that is no success.
    fn classify(&self, answer: &Answer, operation: Operation) -> UpstreamError {
        let body = decode_error(&answer.body);
        let says_why = body.is_some() || answer.retry_after.is_some();
        let kind = kind_of_status(answer.status, says_why, operation);
        let code = body.and_then(|body| vendor_code(&body.code));
        refusal(kind, answer, code, &self.failover.plan.clock_skew)
    }
}

fn digits(time: UnixMillis) -> Cow<'static, str> {
    Cow::Owned(itoa::Buffer::new().format(time.0).to_owned())
}

/// RocketMQ joins keys with a blank (protocol notes ONS 3.2).
fn joined(keys: &[Key]) -> Option<Cow<'_, str>> {
    match keys {
        [] => None,
        [one] => Some(Cow::Borrowed(one.as_str())),
        many => Some(Cow::Owned(many.iter().map(Key::as_str).collect::<Vec<_>>().join(" "))),
    }
}

fn bad_response(error: ons_http::AnswerError) -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::BadResponse, format!("the MQ's answer could not be used: {error}"))
}
