//! The MQ HTTP protocol as a client (protocol notes MQ HTTP 2 to 4).

use std::time::Duration;

use tokio::time::Instant;

use super::HttpPlan;
use super::failover::{Failover, RECEIVE_MARGIN};
use super::refusal::{kind_of_status, refusal, vendor_code};
use crate::config::{BinaryBodies, OnUnknown, ProfileConfig};
use crate::context::RequestContext;
use crate::http_message::{Method, Request};
use crate::model::{ConsumerGroup, Delivery, Key, Message, MessageGroup, Published, Topic, UnixMillis, UpstreamHandle};
use crate::outbound::Answer;
use crate::protocol::mq_http::{
    self, AckError, Acknowledge, Consume, Encoded, MAX_PROPERTY_BYTES, MAX_WAIT_SECONDS, MESSAGE_NOT_EXIST, Publish,
    RECEIPT_HANDLE_ERROR, decode_ack_errors, decode_consumed, decode_error, decode_published, encode_date,
    is_reserved_property, is_xml_text, property_flaw,
};
use crate::signature::Pair;
use crate::signature::mq_http::{content_md5, string_to_sign};
use crate::upstream::attempts::{AttemptPolicy, Operation};
use crate::upstream::plan::Profile;
use crate::upstream::{Attempted, Objection, PollRequest, UpstreamError, UpstreamErrorKind};

/// What only this protocol needs of a profile.
#[derive(Debug, Clone)]
pub(in crate::upstream) struct MqHttpSettings {
    /// The instance that topics and groups are in.
    instance_id: Option<String>,
    /// Bodies that are not text travel in base64.
    encodes_bodies: bool,
}

impl MqHttpSettings {
    pub(in crate::upstream) fn new(profile: &ProfileConfig) -> Self {
        Self { instance_id: profile.instance_id.clone(), encodes_bodies: profile.binary_bodies == BinaryBodies::Base64 }
    }
}

/// One thread's client of one profile.
#[derive(Debug)]
pub struct MqHttp {
    failover: Failover,
    settings: MqHttpSettings,
}

impl MqHttp {
    pub(in crate::upstream) fn new(profile: &Profile, plan: &HttpPlan, settings: &MqHttpSettings) -> Self {
        // Six bytes of escapes per byte of body at worst, and some room for the rest (contract section 4).
        let per_message = profile.capabilities.max_message_bytes.saturating_mul(6);
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

    /// The size of a body as it goes into the document.
    pub(in crate::upstream) fn body_bytes(&self, message: &Message) -> usize {
        let bytes = message.body.len();
        if self.settings.encodes_bodies && !is_xml_text(&message.body) {
            bytes.div_ceil(3).saturating_mul(4)
        } else {
            bytes
        }
    }

    /// Why the protocol does not carry a message: properties are one text, `name:value|…` (protocol notes MQ HTTP 3).
    pub(in crate::upstream) fn objection(&self, message: &Message) -> Option<Objection> {
        if !self.settings.encodes_bodies && !is_xml_text(&message.body) {
            let detail = "mq-http carries text only, and no control characters but tabs and line ends: encode the body \
                          (base64) or set binary_bodies = \"base64\" on the profile";
            return Some(Objection::Unsupported { field: "body", detail: detail.to_owned() });
        }
        let invalid = |field, what: &str, flaw: &str| {
            Some(Objection::Invalid { field, detail: format!("{what} {flaw} on mq-http: leave that out") })
        };
        if let Some(tag) = &message.tag
            && !is_xml_text(tag.as_str().as_bytes())
        {
            return invalid("tag", "a tag", "must not contain characters that XML forbids");
        }
        if let Some(flaw) = message.keys.iter().find_map(|key| property_flaw(key.as_str())) {
            return invalid("keys", "a key", flaw);
        }
        if let Some(flaw) = message.message_group.as_ref().and_then(|group| property_flaw(group.as_str())) {
            return invalid("message_group", "a message group", flaw);
        }
        let mut bytes: usize = message.keys.iter().map(|key| Key::as_str(key).len() + 1).sum();
        bytes += message.message_group.as_ref().map_or(0, |group| MessageGroup::as_str(group).len());
        for (name, value) in &message.properties {
            if name.is_empty() {
                return invalid("properties", "a property's name", "must not be empty");
            }
            if is_reserved_property(name) {
                return invalid("properties", "a property's name", "must not be one that the MQ itself uses");
            }
            if let Some(flaw) = property_flaw(name).or_else(|| property_flaw(value)) {
                return invalid("properties", "a property", flaw);
            }
            bytes += name.len() + value.len() + 2;
        }
        if bytes > MAX_PROPERTY_BYTES {
            let detail = format!(
                "properties, keys and message group have {bytes} bytes together, the limit of mq-http is \
                 {MAX_PROPERTY_BYTES}: put some of it into the body"
            );
            return Some(Objection::Invalid { field: "properties", detail });
        }
        None
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
            marks_bodies: self.settings.encodes_bodies,
        };
        let encoded = publish.encode();
        let digest = content_md5(&encoded.body);
        let sign = |pair: &Pair, now| signed(&encoded, Some(&digest), pair, now);
        let read = |answer: &Answer| {
            if answer.status != 201 {
                return Err(self.classify(answer, Operation::Publish));
            }
            // That the body arrived as it was sent the MQ has checked by `Content-MD5`; its own digest says no more.
            Ok(decode_published(&answer.body).map_err(bad_response)?.published)
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
            // A repeated poll waits for what is left only; the protocol counts in whole seconds.
            let left = end_of_wait.saturating_duration_since(Instant::now()) + Duration::from_millis(500);
            let consume = Consume {
                topic: poll.topic.as_str(),
                group: poll.group.as_str(),
                instance: self.instance(),
                num: poll.max_messages,
                wait_seconds: left.as_secs().min(MAX_WAIT_SECONDS),
                tags: poll.tags,
                ordered: poll.ordered,
            };
            signed(&consume.encode(), None, pair, now)
        };
        let read = |answer: &Answer| {
            if answer.status == 404 && decode_error(&answer.body).is_some_and(|error| error.code == MESSAGE_NOT_EXIST) {
                return Ok(Vec::new());
            }
            if answer.status != 200 {
                return Err(self.classify(answer, Operation::Receive));
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
            Ok(consumed.deliveries)
        };
        let context = &context.lasting_until(end_of_wait + RECEIVE_MARGIN);
        let policy = AttemptPolicy { operation: Operation::Receive, context, on_unknown: OnUnknown::Report };
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
        let digest = content_md5(&encoded.body);
        let sign = |pair: &Pair, now| signed(&encoded, Some(&digest), pair, now);
        let read = |answer: &Answer| match answer.status {
            204 => Ok(Vec::new()),
            404 => {
                let errors = decode_ack_errors(&answer.body).filter(|errors| !errors.is_empty());
                errors.ok_or_else(|| self.classify(answer, Operation::Acknowledge))
            }
            _ => Err(self.classify(answer, Operation::Acknowledge)),
        };
        let policy = AttemptPolicy { operation: Operation::Acknowledge, context, on_unknown: OnUnknown::Report };
        match self.failover.perform(&policy, sign, read).await.result {
            Err(error) => handles.iter().map(|_| Err(error.clone())).collect(),
            Ok(errors) => {
                // An error of a handle that is none of ours may mean any of them: none of the rest is known to be done.
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
        let code = body.as_ref().map_or("", |body| body.code.as_str());
        let status = answer.status;
        let kind = match (status, code) {
            // Nothing was done, and the clock is what is wrong; a 408 without it is a broker that was late.
            (408, "TimeExpired") => UpstreamErrorKind::AuthRejected,
            // What we sign with every request: something on the way took it out.
            (
                400,
                "MissingAuthorizationHeader" | "InvalidAuthorizationHeader" | "MissingDateHeader" | "InvalidDateHeader",
            ) => UpstreamErrorKind::AuthRejected,
            (400..=499, "TopicNotExist" | "SubscriptionNotExist") => UpstreamErrorKind::Misconfigured,
            // The sources differ in its status.
            (400 | 429 | 503, "QpsLimitExceeded") => UpstreamErrorKind::Throttled,
            // A handle that is not valid any more, without the list.
            (400 | 404, RECEIPT_HANDLE_ERROR | MESSAGE_NOT_EXIST) if operation == Operation::Acknowledge => {
                UpstreamErrorKind::RejectedMessage
            }
            _ => kind_of_status(status, body.is_some() || answer.retry_after.is_some(), operation),
        };
        refusal(kind, answer, vendor_code(code), &self.failover.plan.clock_skew)
    }
}

/// One handle of several that the MQ did not take.
fn not_acknowledged(code: &str) -> UpstreamError {
    let kind = match code {
        "QpsLimitExceeded" => UpstreamErrorKind::Throttled,
        "InternalError" | "InternalServerError" => UpstreamErrorKind::ServerError,
        _ => UpstreamErrorKind::RejectedMessage,
    };
    let code = vendor_code(code);
    let said = code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
    let mut error = UpstreamError::new(kind, format!("the MQ did not take the receipt handle{said}"));
    error.vendor_code = code;
    error
}

/// Signs the head; the body is covered by its digest.
pub(crate) fn signed(encoded: &Encoded, digest: Option<&str>, pair: &Pair, now: UnixMillis) -> Request {
    let date = encode_date(now);
    let text = string_to_sign(
        encoded.method.as_str(),
        digest.unwrap_or_default(),
        mq_http::CONTENT_TYPE,
        &date,
        &[("x-mq-version", mq_http::VERSION)],
        &encoded.target,
    );
    let authorization = format!("MQ {}:{}", pair.access_key, pair.signing.sign(&text).as_str());
    let mut headers = Vec::with_capacity(6);
    headers.push(("x-mq-version", mq_http::VERSION.to_owned()));
    headers.push(("Content-Type", mq_http::CONTENT_TYPE.to_owned()));
    headers.push(("Authorization", authorization));
    headers.push(("Date", date));
    headers.extend(digest.map(|digest| ("Content-MD5", digest.to_owned())));
    // Not part of what is signed (protocol notes MQ HTTP 2).
    headers.extend(pair.security_token.as_ref().map(|token| ("security-token", token.expose().to_owned())));
    let body = match encoded.method {
        Method::Post | Method::Delete => Some(encoded.body.clone()),
        Method::Get => None,
    };
    Request { method: encoded.method, target: encoded.target.clone(), headers, body }
}

fn bad_response(error: mq_http::AnswerError) -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::BadResponse, format!("the MQ's answer could not be used: {error}"))
}
