//! The ONS HTTP protocol as a client (protocol notes ONS 7, items 23 to 27).

use std::borrow::Cow;
use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use tokio::time::{Instant, timeout_at};

use super::breaker::Verdict;
use super::endpoints::MAX_ADDRESSES;
use super::watch_keys::reload;
use super::{Attempted, Demand, Plan, UpstreamError, UpstreamErrorKind, retry};
use crate::config::OnUnknown;
use crate::http_client::{Answer, Call, CallError, HttpClient, Origin};
use crate::model::{Capabilities, ConsumerGroup, Delivery, Key, Message, Outcome, Published, Topic, UpstreamHandle};
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
        on_unknown: OnUnknown,
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
        let read = |answer: &Answer| {
            if answer.status != StatusCode::CREATED {
                return Err(self.classify(answer, Operation::Publish));
            }
            decode_published(&answer.body).map_err(bad_response)
        };
        let how = How { client: &self.short, operation: Operation::Publish, deadline, on_unknown };
        self.perform(&how, request, read).await
    }

    pub(super) async fn receive(
        &self,
        topic: &Topic,
        group: &ConsumerGroup,
        max_messages: u32,
        wait: Duration,
    ) -> Result<Vec<Delivery>, UpstreamError> {
        let end_of_wait = Instant::now() + wait;
        let request = |time| {
            let timeout = if wait.is_zero() {
                // Without `timeout` the vendor's service holds an empty poll as long as it likes.
                self.plan.zero_timeout.then_some(0)
            } else {
                // A repeated poll waits for what is left only.
                let left = end_of_wait.saturating_duration_since(Instant::now());
                Some(u64::try_from(left.as_micros().div_ceil(1000)).unwrap_or(u64::MAX))
            };
            Request::Consume(Consume {
                topic: Cow::Borrowed(topic.as_str()),
                consumer_group: Cow::Borrowed(group.as_str()),
                time,
                num: Some(max_messages),
                timeout,
            })
        };
        let deadline = end_of_wait + RECEIVE_MARGIN;
        let read = |answer: &Answer| {
            if answer.status != StatusCode::OK {
                return Err(self.classify(answer, Operation::Receive));
            }
            let visible_again_at = self.plan.clock.now() + self.plan.visibility_timeout;
            let consumed = decode_consumed(&answer.body, visible_again_at).map_err(bad_response)?;
            if consumed.unreadable > 0 {
                // Not acknowledged, so not lost: but nobody will ever get them through here.
                let (profile, messages) = (self.plan.name.as_str(), consumed.unreadable);
                tracing::warn!(
                    profile,
                    topic = topic.as_str(),
                    messages,
                    "the MQ delivered messages that cannot be read"
                );
            }
            Ok(consumed.deliveries)
        };
        let on_unknown = OnUnknown::Report;
        let how = How { client: &self.polls, operation: Operation::Receive, deadline, on_unknown };
        self.perform(&how, request, read).await.result
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
        let read = |answer: &Answer| match answer.status {
            StatusCode::NO_CONTENT => Ok(()),
            _ => Err(self.classify(answer, Operation::Acknowledge)),
        };
        let on_unknown = OnUnknown::Report;
        let how = How { client: &self.short, operation: Operation::Acknowledge, deadline, on_unknown };
        self.perform(&how, request, read).await.result
    }

    /// Asks, and asks again where the contract's table and the budget allow it.
    async fn perform<'a, T>(
        &self,
        how: &How<'_>,
        request: impl Fn(Cow<'a, str>) -> Request<'a>,
        read: impl Fn(&Answer) -> Result<T, UpstreamError>,
    ) -> Attempted<Result<T, UpstreamError>> {
        let mut attempts = 0;
        let mut asked = 0;
        let mut cause = None;
        self.plan.budget.earn();
        loop {
            asked += 1;
            let result = self.exchange(how, &request, &read, &mut attempts).await;
            let metrics = self.metrics(how.operation);
            let error = match result {
                Ok(done) => {
                    metrics.count("ok");
                    return Attempted { attempts, result: Ok(done) };
                }
                Err(error) => error,
            };
            metrics.count(error.kind.label());
            let now = Instant::now();
            let left = how.deadline.saturating_duration_since(now);
            let pause = retry::pause(&error, asked, how.on_unknown, &self.plan.random);
            let pause = pause.filter(|pause| *pause < left && self.plan.budget.spend(now));
            let Some(pause) = pause else {
                return Attempted { attempts, result: Err(honest(error, cause)) };
            };
            let (profile, operation) = (self.plan.name.as_str(), how.operation.label());
            self.plan.retries.with_label_values(&[profile, operation, error.kind.label()]).inc();
            if error.kind == UpstreamErrorKind::AuthRejected
                && let Some(name) = self.plan.keys.name()
            {
                let read = reload(&self.plan.keys, name, Demand::AnyChange, &self.plan.reloads);
                if timeout_at(how.deadline, read).await.is_err() {
                    return Attempted { attempts, result: Err(honest(error, cause)) };
                }
            }
            cause = Some(honest(error, cause));
            tokio::time::sleep(pause).await;
        }
    }

    /// Tries one address after the other until one connects; signs anew for each, since a signature lives 15 s.
    async fn exchange<'a, T>(
        &self,
        how: &How<'_>,
        request: &impl Fn(Cow<'a, str>) -> Request<'a>,
        read: &impl Fn(&Answer) -> Result<T, UpstreamError>,
        attempts: &mut u32,
    ) -> Result<T, UpstreamError> {
        let started = Instant::now();
        let tries = self.plan.endpoints.candidates(how.deadline).await.inspect_err(|_| {
            *attempts += 1;
            self.plan.up.set(0);
            self.plan.endpoints.suspicious.notify_one();
        })?;
        let mut failure = None;
        let mut tried = 0;
        for (rank, candidate) in tries.enumerate() {
            let (Some(origin), Some(breaker)) =
                (self.plan.endpoints.origin(candidate), self.plan.endpoints.breaker(candidate))
            else {
                continue;
            };
            let now = Instant::now();
            if tried == MAX_ADDRESSES || now >= how.deadline {
                break;
            }
            let permit = match breaker.admit(now) {
                Ok(permit) => permit,
                Err(wait) => {
                    failure.get_or_insert_with(|| circuit_open(wait));
                    continue;
                }
            };
            tried += 1;
            *attempts += 1;
            let answer = self.call(how, request, origin, candidate.address).await;
            let result = match answer {
                // Nothing was learned about the endpoint: the permit is dropped without a verdict.
                Err(error @ (CallError::Full(_) | CallError::TimedOutUnsent)) => return Err(error.into()),
                Err(error @ CallError::NotConnected(_)) => {
                    permit.settle(Verdict::Failed, Instant::now());
                    self.plan.up.set(0);
                    self.plan.endpoints.suspicious.notify_one();
                    failure = Some(error.into());
                    continue;
                }
                Err(error @ (CallError::TimedOut | CallError::Broken(_) | CallError::TooLarge(_))) => Err(error.into()),
                Ok(answer) => {
                    self.measure_skew(&answer);
                    read(&answer)
                }
            };
            permit.settle(result.as_ref().map_or_else(UpstreamError::verdict, |_| Verdict::Alive), Instant::now());
            self.plan.up.set(1);
            if rank > 0 {
                self.plan.endpoints.prefer(candidate);
            }
            self.metrics(how.operation).duration.observe(started.elapsed().as_secs_f64());
            return result;
        }
        Err(failure.unwrap_or_else(|| CallError::TimedOutUnsent.into()))
    }

    /// One request to one address, signed now with the newest keys.
    async fn call<'a>(
        &self,
        how: &How<'_>,
        request: &impl Fn(Cow<'a, str>) -> Request<'a>,
        origin: &Origin,
        address: SocketAddr,
    ) -> Result<Answer, CallError> {
        let keys = self.plan.keys.current();
        let mut digits = itoa::Buffer::new();
        let now = self.plan.clock_skew.corrected(self.plan.clock.now());
        let request = request(Cow::Owned(digits.format(now.0).to_owned()));
        let signature = keys.signing.sign(&request.string_to_sign());
        let encoded = request.encode(&keys.access_key, &signature);
        let call = Call {
            method: method(&encoded),
            origin,
            address,
            target: &encoded.target,
            headers: self.headers(&encoded),
            body: matches!(encoded.method, ons_http::Method::Post).then(|| encoded.body.clone()),
            deadline: how.deadline,
            max_answer_bytes: self.max_answer_bytes,
        };
        how.client.call(call).await
    }

    fn metrics(&self, operation: Operation) -> &UpstreamMetrics {
        match operation {
            Operation::Publish => &self.plan.publish,
            Operation::Receive => &self.plan.receive,
            Operation::Acknowledge => &self.plan.acknowledge,
        }
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
    fn classify(&self, answer: &Answer, operation: Operation) -> UpstreamError {
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
            // Only what the caller can mend is the caller's: its content, or the handle it brought.
            400 | 413 | 414 | 422 if operation != Operation::Receive => UpstreamErrorKind::RejectedMessage,
            400..=499 => UpstreamErrorKind::Misconfigured,
            500..=599 => UpstreamErrorKind::ServerError,
            _ => UpstreamErrorKind::BadResponse,
        };
        let detail = match kind {
            UpstreamErrorKind::AuthRejected => format!(
                "the MQ refused our credentials, signature or clock with {status}{said}; {}",
                self.plan.clock_skew.told()
            ),
            UpstreamErrorKind::Misconfigured => {
                format!("the MQ knows no such topic or group, or does not take this request: {status}{said}")
            }
            UpstreamErrorKind::Timeout => format!("the MQ's broker did not answer in time: {status}"),
            UpstreamErrorKind::Throttled => format!("the MQ asked for patience: {status}{said}"),
            UpstreamErrorKind::RejectedMessage => format!("the MQ refused the request with {status}{said}"),
            UpstreamErrorKind::ServerError => format!("the MQ failed with {status}{said}"),
            UpstreamErrorKind::BadResponse
            | UpstreamErrorKind::Unreachable
            | UpstreamErrorKind::CircuitOpen
            | UpstreamErrorKind::Overloaded => {
                format!("the MQ answered with {status}, which the protocol does not have here")
            }
        };
        UpstreamError { kind, detail, vendor_code: code, retry_after: answer.retry_after }
    }

    /// Now and then from a success, and always from a refusal, which the clock may be the cause of.
    fn measure_skew(&self, answer: &Answer) {
        let Some(date) = answer.date else { return };
        let now = Instant::now();
        let due = self.skew_measured.get().is_none_or(|last| now - last >= SKEW_PAUSE);
        if due || !answer.status.is_success() {
            self.skew_measured.set(Some(now));
            self.plan.clock_skew.measure(date, self.plan.clock.now());
        }
    }
}

/// The protocol's operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Publish,
    Receive,
    Acknowledge,
}

impl Operation {
    const fn label(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Receive => "receive",
            Self::Acknowledge => "ack",
        }
    }
}

/// What one operation is performed with.
struct How<'a> {
    client: &'a HttpClient,
    operation: Operation,
    deadline: Instant,
    on_unknown: OnUnknown,
}

/// What the caller is told when the last of several attempts failed: an outcome that became unknown stays unknown
/// whatever came later, and a circuit that opened on the way is no answer to why the first attempt failed.
fn honest(last: UpstreamError, earlier: Option<UpstreamError>) -> UpstreamError {
    match earlier {
        Some(earlier) if earlier.kind.outcome() == Outcome::Unknown => earlier,
        Some(earlier) if last.kind == UpstreamErrorKind::CircuitOpen => earlier,
        Some(_) | None => last,
    }
}

fn circuit_open(wait: Duration) -> UpstreamError {
    let seconds = wait.as_secs().max(1);
    let detail = format!("the MQ failed too often and is left alone for {seconds} s more");
    let mut error = UpstreamError::new(UpstreamErrorKind::CircuitOpen, detail);
    error.retry_after = Some(Duration::from_secs(seconds));
    error
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_outcome_stays_unknown() {
        let check = |kinds: &[UpstreamErrorKind], expected| {
            let errors = kinds.iter().map(|kind| UpstreamError::new(*kind, "x"));
            let told = errors.fold(None, |earlier, error| Some(honest(error, earlier))).unwrap();
            assert_eq!(told.kind, expected, "{kinds:?}");
        };
        use UpstreamErrorKind as Kind;
        check(&[Kind::Timeout, Kind::Unreachable], Kind::Timeout);
        check(&[Kind::ServerError, Kind::Unreachable, Kind::CircuitOpen], Kind::ServerError);
        check(&[Kind::Unreachable, Kind::CircuitOpen], Kind::Unreachable);
        check(&[Kind::Throttled, Kind::Timeout], Kind::Timeout);
        check(&[Kind::Unreachable, Kind::Throttled], Kind::Throttled);
    }
}
