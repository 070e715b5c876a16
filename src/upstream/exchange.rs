//! One request to an HTTP MQ, repeated where the contract's table allows it: addresses, circuits, deadlines, budget.
//!
//! What is sent and what an answer means is the protocol's business: it gives a function that signs and one that reads.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::breaker::Verdict;
use super::endpoints::MAX_ADDRESSES;
use super::watch_keys::reload;
use super::{Attempted, Demand, Plan, UpstreamError, UpstreamErrorKind, retry};
use crate::config::OnUnknown;
use crate::http_message::Request;
use crate::model::{Outcome, UnixMillis};
use crate::outbound::{Answer, Call, CallError, HttpClient, Origin};
use crate::signature::Pair;
use crate::telemetry::UpstreamMetrics;

/// The whole exchange of a receive ends this long after its wait.
pub(super) const RECEIVE_MARGIN: Duration = Duration::from_secs(5);
/// How often the clocks are compared.
const SKEW_PAUSE: Duration = Duration::from_secs(1);

/// One thread's way to one profile's MQ.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) plan: Plan,
    /// Publishes and acknowledgements.
    short: HttpClient,
    /// Receives: long polls never take a connection from a publish.
    polls: HttpClient,
    max_answer_bytes: usize,
    skew_measured: Cell<Option<Instant>>,
}

/// The protocols' operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
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

/// How one operation is performed.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    pub(super) operation: Operation,
    pub(super) deadline: Instant,
    pub(super) on_unknown: OnUnknown,
}

impl Exchange {
    /// Builds the clients.
    pub(super) fn new(plan: &Plan, max_answer_bytes: usize) -> Self {
        Self {
            short: HttpClient::new(plan.tls.clone(), plan.limits),
            polls: HttpClient::new(plan.tls.clone(), plan.limits),
            max_answer_bytes,
            skew_measured: Cell::new(None),
            plan: plan.clone(),
        }
    }

    /// Asks, and asks again where the contract's table and the budget allow it. `sign` is called anew for each address
    /// with the newest keys and the time to sign with, since a signature lives seconds.
    pub(super) async fn perform<T>(
        &self,
        how: How,
        sign: impl Fn(&Pair, UnixMillis) -> Request,
        read: impl Fn(&Answer) -> Result<T, UpstreamError>,
    ) -> Attempted<Result<T, UpstreamError>> {
        let mut attempts = 0;
        let mut asked = 0;
        let mut cause = None;
        self.plan.budget.earn();
        loop {
            asked += 1;
            let result = self.exchange(how, &sign, &read, &mut attempts).await;
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

    /// Tries one address after the other until one connects; signs anew for each.
    async fn exchange<T>(
        &self,
        how: How,
        sign: &impl Fn(&Pair, UnixMillis) -> Request,
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
            let answer = self.call(how, sign, origin, candidate.address).await;
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
    async fn call(
        &self,
        how: How,
        sign: &impl Fn(&Pair, UnixMillis) -> Request,
        origin: &Origin,
        address: SocketAddr,
    ) -> Result<Answer, CallError> {
        let now = self.plan.clock_skew.corrected(self.plan.clock.now());
        let request = sign(&self.plan.keys.current(), now);
        let max_answer_bytes = self.max_answer_bytes;
        let call = Call { request, origin, address, deadline: how.deadline, max_answer_bytes };
        let client = if how.operation == Operation::Receive { &self.polls } else { &self.short };
        client.call(call).await
    }

    /// The words for an answer that is no success. `reason` is what the MQ's code says of our keys.
    pub(super) fn refusal(
        &self,
        kind: UpstreamErrorKind,
        answer: &Answer,
        vendor_code: Option<&str>,
        reason: Option<&str>,
    ) -> UpstreamError {
        let status = answer.status.as_u16();
        let said = vendor_code.map(|code| format!(" ({code})")).unwrap_or_default();
        let detail = match kind {
            UpstreamErrorKind::AuthRejected => match reason {
                Some(reason) => format!("{reason}: {status}{said}"),
                None => format!(
                    "the MQ refused our credentials, signature or clock with {status}{said}; {}",
                    self.plan.clock_skew.told()
                ),
            },
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
        UpstreamError { kind, detail, vendor_code: vendor_code.map(str::to_owned), retry_after: answer.retry_after }
    }

    fn metrics(&self, operation: Operation) -> &UpstreamMetrics {
        match operation {
            Operation::Publish => &self.plan.publish,
            Operation::Receive => &self.plan.receive,
            Operation::Acknowledge => &self.plan.acknowledge,
        }
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

/// What the caller is told when the last of several attempts failed: an outcome that became unknown stays unknown
/// whatever came later, and a circuit that opened on the way is no answer to why the first attempt failed.
fn honest(last: UpstreamError, earlier: Option<UpstreamError>) -> UpstreamError {
    match earlier {
        Some(earlier) if earlier.kind.outcome() == Outcome::Unknown => earlier,
        Some(earlier) if last.kind == UpstreamErrorKind::CircuitOpen => earlier,
        Some(_) | None => last,
    }
}

/// The row of an answer whose body says nothing more than its status.
pub(super) fn kind_of_status(status: u16, says_why: bool, operation: Operation) -> UpstreamErrorKind {
    match status {
        401 | 403 => UpstreamErrorKind::AuthRejected,
        404 => UpstreamErrorKind::Misconfigured,
        408 => UpstreamErrorKind::Timeout,
        429 => UpstreamErrorKind::Throttled,
        503 if says_why => UpstreamErrorKind::Throttled,
        // Only what the caller can mend is the caller's: its content, or the handle it brought.
        400 | 413 | 414 | 422 if operation != Operation::Receive => UpstreamErrorKind::RejectedMessage,
        400..=499 => UpstreamErrorKind::Misconfigured,
        500..=599 => UpstreamErrorKind::ServerError,
        _ => UpstreamErrorKind::BadResponse,
    }
}

fn circuit_open(wait: Duration) -> UpstreamError {
    let seconds = wait.as_secs().max(1);
    let detail = format!("the MQ failed too often and is left alone for {seconds} s more");
    let mut error = UpstreamError::new(UpstreamErrorKind::CircuitOpen, detail);
    error.retry_after = Some(Duration::from_secs(seconds));
    error
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
