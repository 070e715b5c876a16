//! The ONS HTTP protocol as a client (protocol notes ONS 7, items 23 to 27).

use std::borrow::Cow;
use std::cell::Cell;
use std::time::Duration;

use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use tokio::time::Instant;

use super::{Attempted, Plan, UpstreamError, UpstreamErrorKind};
use crate::http_client::{Answer, Call, CallError, HttpClient};
use crate::model::{Capabilities, ConsumerGroup, Delivery, Key, Message, Published, Topic, UpstreamHandle};
use crate::protocol::ons_http::{
    self, Acknowledge, Consume, Encoded, Header, Publish, Request, decode_consumed, decode_error, decode_published,
};
use crate::telemetry::UpstreamMetrics;

const ACCESS_KEY: HeaderName = HeaderName::from_static("accesskey");
const SIGNATURE: HeaderName = HeaderName::from_static("signature");
const PRODUCER_ID: HeaderName = HeaderName::from_static("producerid");
const CONSUMER_ID: HeaderName = HeaderName::from_static("consumerid");
const IS_ORDER: HeaderName = HeaderName::from_static("isorder");
const SHARDING_KEY: HeaderName = HeaderName::from_static("shardingkey");

/// The whole exchange of a receive ends this long after its wait.
const RECEIVE_MARGIN: Duration = Duration::from_secs(5);
/// How often the clocks are compared.
const SKEW_PAUSE: Duration = Duration::from_secs(1);

/// One thread's client of one profile.
#[derive(Debug)]
pub struct OnsHttp {
    plan: Plan,
    /// Publishes and acknowledgements.
    short: HttpClient,
    /// Receives: long polls never take a connection from a publish.
    polls: HttpClient,
    content_type: HeaderValue,
    max_answer_bytes: usize,
    skew_measured: Cell<Option<Instant>>,
}

impl OnsHttp {
    /// Builds the client.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        // Six bytes of JSON escapes per byte of body at worst, and some room for the rest (contract section 4).
        let per_message = plan.capabilities.max_message_bytes.saturating_mul(6);
        Self {
            short: HttpClient::new(plan.tls.clone(), plan.limits),
            polls: HttpClient::new(plan.tls.clone(), plan.limits),
            // The configuration allows header characters only.
            content_type: HeaderValue::from_str(&plan.content_type)
                .unwrap_or(HeaderValue::from_static(ons_http::CONTENT_TYPE)),
            max_answer_bytes: per_message.saturating_mul(32).saturating_add(1024 * 1024),
            skew_measured: Cell::new(None),
            plan: plan.clone(),
        }
    }

    pub(super) fn profile(&self) -> &str {
        &self.plan.name
    }

    pub(super) fn capabilities(&self) -> &Capabilities {
        &self.plan.capabilities
    }

    pub(super) fn empty_poll_pause(&self) -> Duration {
        self.plan.empty_poll_pause
    }

    pub(super) async fn publish(
        &self,
        message: &Message,
        deadline: Instant,
    ) -> Attempted<Result<Published, UpstreamError>> {
        let request = |time| {
            Request::Publish(Publish {
                topic: Cow::Borrowed(message.topic.as_str()),
                producer_group: Cow::Borrowed(&self.plan.producer_group),
                time,
                tag: message.tag.as_ref().map(|tag| Cow::Borrowed(tag.as_str())),
                key: joined(&message.keys),
                start_deliver_time: message.deliver_at.map(|time| time.0),
                sharding_key: message.message_group.as_ref().map(|group| Cow::Borrowed(group.as_str())),
                body: message.body.clone(),
            })
        };
        let answer = self.exchange(&self.short, request, deadline, &self.plan.publish).await;
        let result = answer.result.and_then(|answer| {
            if answer.status != StatusCode::CREATED {
                return Err(self.classify(&answer));
            }
            decode_published(&answer.body).map_err(bad_response)
        });
        self.count(&self.plan.publish, &result);
        Attempted { attempts: answer.attempts, result }
    }

    pub(super) async fn receive(
        &self,
        topic: &Topic,
        group: &ConsumerGroup,
        max_messages: u32,
        wait: Duration,
    ) -> Result<Vec<Delivery>, UpstreamError> {
        let timeout = if wait.is_zero() {
            // Without `timeout` the vendor's service holds an empty poll as long as it likes.
            self.plan.zero_timeout.then_some(0)
        } else {
            Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
        };
        let request = |time| {
            Request::Consume(Consume {
                topic: Cow::Borrowed(topic.as_str()),
                consumer_group: Cow::Borrowed(group.as_str()),
                time,
                num: Some(max_messages),
                timeout,
            })
        };
        let deadline = Instant::now() + wait + RECEIVE_MARGIN;
        let answer = self.exchange(&self.polls, request, deadline, &self.plan.receive).await;
        let result = answer.result.and_then(|answer| {
            if answer.status != StatusCode::OK {
                return Err(self.classify(&answer));
            }
            let visible_again_at = self.plan.clock.now() + self.plan.visibility_timeout;
            decode_consumed(&answer.body, visible_again_at).map_err(bad_response)
        });
        self.count(&self.plan.receive, &result);
        result
    }

    pub(super) async fn acknowledge(
        &self,
        topic: &Topic,
        group: &ConsumerGroup,
        handle: &UpstreamHandle,
        deadline: Instant,
    ) -> Result<(), UpstreamError> {
        let request = |time| {
            Request::Acknowledge(Acknowledge {
                topic: Cow::Borrowed(topic.as_str()),
                consumer_group: Cow::Borrowed(group.as_str()),
                time,
                handle: Cow::Borrowed(handle.as_str()),
            })
        };
        let answer = self.exchange(&self.short, request, deadline, &self.plan.acknowledge).await;
        let result = answer.result.and_then(|answer| {
            if answer.status == StatusCode::NO_CONTENT { Ok(()) } else { Err(self.classify(&answer)) }
        });
        self.count(&self.plan.acknowledge, &result);
        result
    }

    /// Tries one address after the other until one connects; signs anew for each, since a signature lives 15 s.
    async fn exchange<'a>(
        &self,
        client: &HttpClient,
        request: impl Fn(Cow<'a, str>) -> Request<'a>,
        deadline: Instant,
        metrics: &UpstreamMetrics,
    ) -> Attempted<Result<Answer, UpstreamError>> {
        let started = Instant::now();
        let mut attempts = 0;
        let tries = match self.plan.endpoints.candidates(deadline).await {
            Ok(tries) => tries,
            Err(error) => {
                self.plan.endpoints.suspicious.notify_one();
                return Attempted { attempts: 1, result: Err(error) };
            }
        };
        let mut failure = None;
        for candidate in tries {
            let Some(origin) = self.plan.endpoints.origin(candidate) else { continue };
            attempts += 1;
            let keys = self.plan.keys.current();
            let mut digits = itoa::Buffer::new();
            let time = digits.format(self.plan.clock.now().0).to_owned();
            let request = request(Cow::Owned(time));
            let signature = keys.signing.sign(&request.string_to_sign());
            let encoded = request.encode(&keys.access_key, &signature);
            let call = Call {
                method: method(&encoded),
                origin,
                address: candidate.address,
                target: &encoded.target,
                headers: self.headers(&encoded),
                body: matches!(encoded.method, ons_http::Method::Post).then(|| encoded.body.clone()),
                deadline,
                max_answer_bytes: self.max_answer_bytes,
            };
            match client.call(call).await {
                Ok(answer) => {
                    if attempts > 1 {
                        self.plan.endpoints.prefer(candidate);
                    }
                    metrics.duration.observe(started.elapsed().as_secs_f64());
                    self.measure_skew(&answer);
                    return Attempted { attempts, result: Ok(answer) };
                }
                Err(error @ CallError::NotConnected(_)) => {
                    self.plan.endpoints.suspicious.notify_one();
                    tracing::debug!(profile = self.plan.name, address = %candidate.address, %error, "could not connect");
                    failure = Some(UpstreamError::from(error));
                }
                Err(
                    error @ (CallError::Full(_)
                    | CallError::TimedOutUnsent
                    | CallError::TimedOut
                    | CallError::Broken(_)
                    | CallError::TooLarge(_)),
                ) => {
                    failure = Some(error.into());
                    break;
                }
            }
            if Instant::now() >= deadline {
                break;
            }
        }
        metrics.duration.observe(started.elapsed().as_secs_f64());
        let error =
            failure.unwrap_or_else(|| UpstreamError::new(UpstreamErrorKind::Unreachable, "the MQ has no address"));
        Attempted { attempts, result: Err(error) }
    }

    fn headers(&self, encoded: &Encoded<'_>) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = Vec::with_capacity(encoded.headers.len() + 1);
        for (header, value) in &encoded.headers {
            let name = match header {
                Header::AccessKey => ACCESS_KEY,
                Header::Signature => SIGNATURE,
                Header::ProducerId => PRODUCER_ID,
                Header::ConsumerId => CONSUMER_ID,
                Header::IsOrder => IS_ORDER,
                Header::ShardingKey => SHARDING_KEY,
            };
            // Names, groups and keys were checked for control characters when they were read.
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                headers.push((name, value));
            }
        }
        if matches!(encoded.method, ons_http::Method::Post) {
            headers.push((CONTENT_TYPE, self.content_type.clone()));
        }
        headers
    }

    /// The row of the contract's table for an answer that is no success.
    fn classify(&self, answer: &Answer) -> UpstreamError {
        let status = answer.status.as_u16();
        let body = decode_error(&answer.body);
        let code = body.as_ref().and_then(|body| code(&body.code));
        let said = code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
        let kind = match status {
            401 | 403 => UpstreamErrorKind::AuthRejected,
            404 => UpstreamErrorKind::Misconfigured,
            408 => UpstreamErrorKind::Timeout,
            429 => UpstreamErrorKind::Throttled,
            503 if body.is_some() || answer.retry_after.is_some() => UpstreamErrorKind::Throttled,
            400..=499 => UpstreamErrorKind::RejectedMessage,
            500..=599 => UpstreamErrorKind::ServerError,
            _ => UpstreamErrorKind::BadResponse,
        };
        let detail = match kind {
            UpstreamErrorKind::AuthRejected => format!(
                "the MQ refused our credentials, signature or clock with {status}{said}; its clock differs from ours by \
                 {:+.1} s",
                self.skew(answer)
            ),
            UpstreamErrorKind::Misconfigured => format!("the MQ knows no such topic or group: {status}{said}"),
            UpstreamErrorKind::Timeout => format!("the MQ's broker did not answer in time: {status}"),
            UpstreamErrorKind::Throttled => format!("the MQ asked for patience: {status}{said}"),
            UpstreamErrorKind::RejectedMessage => format!("the MQ refused the request with {status}{said}"),
            UpstreamErrorKind::ServerError => format!("the MQ failed with {status}{said}"),
            UpstreamErrorKind::BadResponse | UpstreamErrorKind::Unreachable | UpstreamErrorKind::Overloaded => {
                format!("the MQ answered with {status}, which the protocol does not have here")
            }
        };
        UpstreamError { kind, detail, vendor_code: code, retry_after: answer.retry_after }
    }

    /// The MQ's clock minus ours in seconds, zero when the answer has no date.
    fn skew(&self, answer: &Answer) -> f64 {
        let Some(since_epoch) = answer.date.and_then(|date| date.duration_since(std::time::UNIX_EPOCH).ok()) else {
            return 0.0;
        };
        let ours = Duration::from_millis(self.plan.clock.now().0);
        // A date has whole seconds: half a second is its middle.
        since_epoch.as_secs_f64() + 0.5 - ours.as_secs_f64()
    }

    fn measure_skew(&self, answer: &Answer) {
        let now = Instant::now();
        if answer.date.is_some() && self.skew_measured.get().is_none_or(|last| now - last >= SKEW_PAUSE) {
            self.skew_measured.set(Some(now));
            self.plan.clock_skew.set(self.skew(answer));
        }
    }

    fn count<T>(&self, metrics: &UpstreamMetrics, result: &Result<T, UpstreamError>) {
        match result {
            Ok(_) => {
                metrics.count("ok");
                self.plan.up.set(1);
            }
            Err(error) => {
                metrics.count(error.kind.label());
                if error.kind == UpstreamErrorKind::Unreachable {
                    self.plan.up.set(0);
                }
            }
        }
    }
}

fn method(encoded: &Encoded<'_>) -> Method {
    match encoded.method {
        ons_http::Method::Post => Method::POST,
        ons_http::Method::Get => Method::GET,
        ons_http::Method::Delete => Method::DELETE,
    }
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

/// A vendor's code, where it is one: letters, `_` and `.` only, so that nothing of ours comes back as a code.
fn code(text: &str) -> Option<String> {
    let is_code = (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_' || byte == b'.');
    is_code.then(|| text.to_owned())
}
