//! One attempt over HTTP: one address after the other until one connects, each behind its circuit breaker.
//!
//! What is sent and what an answer means is the protocol's business: it gives a function that signs and one that reads.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::HttpPlan;
use super::outcome::{left_alone, verdict};
use crate::http_message::Request;
use crate::model::{Operation, UnixMillis};
use crate::outbound::{Answer, Call, CallError, CircuitChange, CircuitOpen, Endpoint, HttpClient, Origin};
use crate::signature::Pair;
use crate::upstream::attempts::AttemptPolicy;
use crate::upstream::exchange::{Asked, Exchange, Server, Told};
use crate::upstream::profile::Profile;
use crate::upstream::{Attempted, UpstreamError};

/// The whole call of a receive ends this long after its wait.
pub(super) const RECEIVE_MARGIN: Duration = Duration::from_secs(5);
/// A receive that tries an open circuit asks for an answer soon: until there is one, everybody else is refused.
const LONGEST_WAIT_OF_A_TRY: Duration = Duration::from_secs(1);
/// Most addresses that one attempt tries.
const MAX_ADDRESSES: u32 = 3;
/// A receive's answer as it came, decoded, and the part of it that is being written.
const COPIES: usize = 3;
/// How often the clocks are compared.
const SKEW_PAUSE: Duration = Duration::from_secs(1);

/// One thread's way to one profile's MQ.
#[derive(Debug)]
pub(super) struct Failover {
    pub(super) profile: Profile,
    pub(super) plan: HttpPlan,
    /// Publishes and acknowledgements.
    short: HttpClient,
    /// Receives: long polls never take a connection from a publish.
    polls: HttpClient,
    max_answer_bytes: usize,
    skew_measured: Cell<Option<Instant>>,
}

/// Why no address took a request.
enum Failure {
    /// The error that the attempt ends with.
    Final(UpstreamError),
    /// Every endpoint is left alone.
    LeftAlone(CircuitOpen),
}

impl Failover {
    /// Builds the clients.
    pub(super) fn new(profile: &Profile, plan: &HttpPlan, max_answer_bytes: usize) -> Self {
        Self {
            profile: profile.clone(),
            short: HttpClient::for_short_calls(plan.tls.clone(), plan.limits, plan.memory.clone()),
            polls: HttpClient::new(plan.tls.clone(), plan.limits, plan.memory.clone()),
            plan: plan.clone(),
            max_answer_bytes: max_answer_bytes.min(plan.memory.largest_charge()),
            skew_measured: Cell::new(None),
        }
    }

    /// Performs an operation. `sign` is called anew for each address with the newest keys, the time to sign with, since
    /// a signature lives seconds, and the time that the MQ is asked to wait.
    pub(super) async fn perform<T: Told>(
        &self,
        policy: &AttemptPolicy<'_>,
        sign: impl Fn(&Pair, UnixMillis, Duration) -> Request,
        read: impl Fn(Answer) -> Result<T, UpstreamError>,
    ) -> Attempted<Result<T, UpstreamError>> {
        let tried = Cell::new(0);
        let attempt = || self.attempt(policy, &sign, &read, &tried);
        let result = self.profile.attempts.perform(policy, attempt).await;
        Attempted { attempts: tried.get(), result }
    }

    /// One attempt; adds to `tried` for each address.
    async fn attempt<T: Told>(
        &self,
        policy: &AttemptPolicy<'_>,
        sign: &impl Fn(&Pair, UnixMillis, Duration) -> Request,
        read: &impl Fn(Answer) -> Result<T, UpstreamError>,
        tried: &Cell<u32>,
    ) -> Result<T, UpstreamError> {
        loop {
            let open = match self.try_addresses(policy, sign, tried).await {
                Ok((answer, exchange)) => return exchange.came_to(read(answer)),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::LeftAlone(open)) => open,
            };
            // Where a request of the same topic is finding out whether the MQ is back, this one waits for what comes of
            // it: a topic is refused for its own failures only.
            if !open.is_decided_before(policy.context.deadline()).await {
                return Err(left_alone(&open, Instant::now()));
            }
        }
    }

    /// Asks one address after the other until one takes the request; adds to `tried` for each.
    async fn try_addresses(
        &self,
        policy: &AttemptPolicy<'_>,
        sign: &impl Fn(&Pair, UnixMillis, Duration) -> Request,
        tried: &Cell<u32>,
    ) -> Result<(Answer, Exchange), Failure> {
        let (endpoints, deadline) = (&self.plan.endpoints, policy.context.deadline());
        let candidates = endpoints.candidates(deadline).await.map_err(|reason| {
            tried.set(tried.get() + 1);
            self.note_unreachable();
            Failure::Final(reason.into())
        })?;
        let last = tried.get() + MAX_ADDRESSES;
        let mut unreachable = None;
        let mut left_alone: Option<CircuitOpen> = None;
        for (rank, candidate) in candidates.enumerate() {
            let Some(endpoint) = endpoints.endpoint(candidate) else { continue };
            let now = Instant::now();
            if tried.get() == last || now >= deadline {
                break;
            }
            let permit = match endpoint.breaker.admit(policy.topic.as_str(), now) {
                Ok(permit) => permit,
                Err(open) => {
                    left_alone = Some(left_alone.map_or(open.clone(), |earlier| earlier.or(open)));
                    continue;
                }
            };
            tried.set(tried.get() + 1);
            let wait = wait(policy.end_of_wait, permit.is_try(), now);
            let (address, peer) = (&endpoint.origin.address, Some(candidate.address));
            let server = Server { address, peer, number: tried.get() };
            let mut exchange = Exchange::begin(&self.profile, policy.context, asked(policy), server);
            let call = self.call(policy, sign, (&endpoint.origin, candidate.address), wait).await;
            let now = Instant::now();
            if let Ok(answer) = &call {
                exchange.status(answer.status);
                self.measure_skew(answer, now);
            }
            if let Some(verdict) = verdict(&call, wait + self.plan.answer_timeout) {
                let change = permit.settle(verdict, now);
                self.log_change(change, endpoint, call.as_ref().err());
            }
            match call {
                Err(error @ CallError::NotConnected(_)) => {
                    self.note_unreachable();
                    unreachable = Some(exchange.failed(error.into()));
                }
                Err(error @ (CallError::Full(_) | CallError::Unwritable(_) | CallError::TimedOutUnsent)) => {
                    return Err(Failure::Final(exchange.failed(error.into())));
                }
                reached => {
                    self.profile.up.set(1);
                    if rank > 0 {
                        endpoints.prefer(candidate);
                    }
                    let error = match reached {
                        Ok(answer) => return Ok((answer, exchange)),
                        Err(error) => self.failed(policy, error),
                    };
                    return Err(Failure::Final(exchange.failed(error)));
                }
            }
        }
        Err(match (unreachable, left_alone) {
            (None, Some(open)) => Failure::LeftAlone(open),
            (error, _) => Failure::Final(error.unwrap_or_else(|| CallError::TimedOutUnsent.into())),
        })
    }

    /// One request to one address, signed now with the newest keys.
    async fn call(
        &self,
        policy: &AttemptPolicy<'_>,
        sign: &impl Fn(&Pair, UnixMillis, Duration) -> Request,
        (origin, address): (&Origin, SocketAddr),
        wait: Duration,
    ) -> Result<Answer, CallError> {
        let now = self.plan.clock_skew.corrected(self.profile.clock.now());
        let request = sign(&self.profile.attempts.keys().current(), now, wait);
        let (deadline, max_answer_bytes) = (policy.context.deadline(), self.max_answer_bytes);
        let (client, copies) = match policy.operation {
            Operation::Receive => (&self.polls, COPIES),
            Operation::Publish | Operation::Acknowledge | Operation::Nack | Operation::Extend => (&self.short, 1),
        };
        client.call(Call { request, origin, address, deadline, max_answer_bytes, copies }).await
    }

    /// What the MQ's clock shows, as far as that is known.
    pub(super) fn their_now(&self) -> Option<UnixMillis> {
        let now = self.profile.clock.now();
        // An embedded endpoint's clock is ours.
        if self.profile.is_embedded { Some(now) } else { self.plan.clock_skew.theirs(now) }
    }

    fn failed(&self, policy: &AttemptPolicy<'_>, error: CallError) -> UpstreamError {
        // The messages come again after their visibility timeout.
        if let CallError::NoMemory(full) = error
            && policy.operation == Operation::Receive
        {
            self.profile.messages_left_unread(policy.context, full);
            return full.into();
        }
        error.into()
    }

    fn log_change(&self, change: Option<CircuitChange>, endpoint: &Endpoint, cause: Option<&CallError>) {
        let Some(change) = change else { return };
        let (profile, endpoint) = (self.profile.name.as_str(), endpoint.origin.address.authority());
        match change {
            CircuitChange::Opened { failures, pause } => {
                let cause = cause.map(ToString::to_string);
                let pause_millis = pause.as_millis();
                tracing::warn!(
                    profile,
                    endpoint,
                    failures,
                    cause,
                    pause_millis,
                    "an endpoint failed and is left alone"
                );
            }
            CircuitChange::Closed { after } => {
                let after_millis = after.as_millis();
                tracing::info!(profile, endpoint, after_millis, "an endpoint that was left alone answers again");
            }
        }
    }

    fn note_unreachable(&self) {
        self.profile.up.set(0);
        self.plan.endpoints.mark_stale();
    }

    /// Now and then from a success, and always from a refusal, which the clock may be the cause of.
    fn measure_skew(&self, answer: &Answer, now: Instant) {
        let due = self.skew_measured.get().is_none_or(|last| now - last >= SKEW_PAUSE);
        if (due || !(200..300).contains(&answer.status))
            && let Some(date) = answer.date()
        {
            self.skew_measured.set(Some(now));
            self.plan.clock_skew.measure(date, self.profile.clock.now());
        }
    }
}

/// What an operation is called in spans.
fn asked<'a>(policy: &AttemptPolicy<'a>) -> Asked<'a> {
    let (name, kind) = match policy.operation {
        Operation::Publish => ("publish", "send"),
        Operation::Receive => ("poll", "receive"),
        Operation::Acknowledge => ("ack", "settle"),
        Operation::Nack => ("nack", "settle"),
        Operation::Extend => ("extend", "settle"),
    };
    Asked { name, kind: Some(kind), topic: policy.topic, group: policy.group }
}

/// How long the MQ is asked to wait for messages.
fn wait(end_of_wait: Option<Instant>, is_try: bool, now: Instant) -> Duration {
    let left = end_of_wait.map_or(Duration::ZERO, |end| end.saturating_duration_since(now));
    if is_try { left.min(LONGEST_WAIT_OF_A_TRY) } else { left }
}
