//! One attempt over HTTP: one address after the other until one connects, each behind its circuit breaker.
//!
//! What is sent and what an answer means is the protocol's business: it gives a function that signs and one that reads.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::HttpPlan;
use super::outcome::verdict;
use crate::http_message::Request;
use crate::model::UnixMillis;
use crate::outbound::{Answer, Call, CallError, HttpClient, Origin, Verdict};
use crate::signature::Pair;
use crate::upstream::attempts::{AttemptPolicy, Operation};
use crate::upstream::plan::Profile;
use crate::upstream::{Attempted, UpstreamError};

/// The whole call of a receive ends this long after its wait.
pub(super) const RECEIVE_MARGIN: Duration = Duration::from_secs(5);
/// Most addresses that one attempt tries.
const MAX_ADDRESSES: u32 = 3;
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

impl Failover {
    /// Builds the clients.
    pub(super) fn new(profile: &Profile, plan: &HttpPlan, max_answer_bytes: usize) -> Self {
        Self {
            profile: profile.clone(),
            short: HttpClient::new(plan.tls.clone(), plan.limits),
            polls: HttpClient::new(plan.tls.clone(), plan.limits),
            plan: plan.clone(),
            max_answer_bytes,
            skew_measured: Cell::new(None),
        }
    }

    /// Performs an operation. `sign` is called anew for each address with the newest keys and the time to sign with,
    /// since a signature lives seconds.
    pub(super) async fn perform<T>(
        &self,
        policy: &AttemptPolicy<'_>,
        sign: impl Fn(&Pair, UnixMillis) -> Request,
        read: impl Fn(&Answer) -> Result<T, UpstreamError>,
    ) -> Attempted<Result<T, UpstreamError>> {
        let tried = Cell::new(0);
        let attempt = || self.attempt(policy, &sign, &read, &tried);
        let result = self.profile.attempts.perform(policy, attempt).await;
        Attempted { attempts: tried.get(), result }
    }

    /// One attempt; adds to `tried` for each address.
    async fn attempt<T>(
        &self,
        policy: &AttemptPolicy<'_>,
        sign: &impl Fn(&Pair, UnixMillis) -> Request,
        read: &impl Fn(&Answer) -> Result<T, UpstreamError>,
        tried: &Cell<u32>,
    ) -> Result<T, UpstreamError> {
        let (endpoints, deadline) = (&self.plan.endpoints, policy.context.deadline());
        let candidates = endpoints.candidates(deadline).await.inspect_err(|_| {
            tried.set(tried.get() + 1);
            self.note_unreachable();
        })?;
        let last = tried.get() + MAX_ADDRESSES;
        let mut failure = None;
        for (rank, candidate) in candidates.enumerate() {
            let Some(endpoint) = endpoints.endpoint(candidate) else { continue };
            let now = Instant::now();
            if tried.get() == last || now >= deadline {
                break;
            }
            let permit = match endpoint.breaker.admit(now) {
                Ok(permit) => permit,
                Err(open) => {
                    failure.get_or_insert_with(|| open.into());
                    continue;
                }
            };
            tried.set(tried.get() + 1);
            let result = match self.call(policy, sign, &endpoint.origin, candidate.address).await {
                // Nothing was learned about the endpoint: the permit is dropped without a verdict.
                Err(error @ (CallError::Full(_) | CallError::TimedOutUnsent)) => return Err(error.into()),
                Err(error @ CallError::NotConnected(_)) => {
                    permit.settle(Verdict::Failed, Instant::now());
                    self.note_unreachable();
                    failure = Some(error.into());
                    continue;
                }
                Err(error @ (CallError::TimedOut | CallError::Broken(_) | CallError::TooLarge(_))) => Err(error.into()),
                Ok(answer) => {
                    self.measure_skew(&answer);
                    read(&answer)
                }
            };
            permit.settle(verdict(&result), Instant::now());
            self.profile.up.set(1);
            if rank > 0 {
                endpoints.prefer(candidate);
            }
            return result;
        }
        Err(failure.unwrap_or_else(|| CallError::TimedOutUnsent.into()))
    }

    /// One request to one address, signed now with the newest keys.
    async fn call(
        &self,
        policy: &AttemptPolicy<'_>,
        sign: &impl Fn(&Pair, UnixMillis) -> Request,
        origin: &Origin,
        address: SocketAddr,
    ) -> Result<Answer, CallError> {
        let now = self.plan.clock_skew.corrected(self.profile.clock.now());
        let request = sign(&self.profile.keys.current(), now);
        let (deadline, max_answer_bytes) = (policy.context.deadline(), self.max_answer_bytes);
        let client = if policy.operation == Operation::Receive { &self.polls } else { &self.short };
        client.call(Call { request, origin, address, deadline, max_answer_bytes }).await
    }

    fn note_unreachable(&self) {
        self.profile.up.set(0);
        self.plan.endpoints.mark_stale();
    }

    /// Now and then from a success, and always from a refusal, which the clock may be the cause of.
    fn measure_skew(&self, answer: &Answer) {
        let Some(date) = answer.date else { return };
        let now = Instant::now();
        let due = self.skew_measured.get().is_none_or(|last| now - last >= SKEW_PAUSE);
        if due || !(200..300).contains(&answer.status) {
            self.skew_measured.set(Some(now));
            self.plan.clock_skew.measure(date, self.profile.clock.now());
        }
    }
}
