//! The attempts of one operation: what is repeated, after which pause, within which deadline and budget, and what is
//! known when the last one failed. The rule is the last column of the contract's table; how one attempt is made is the
//! transport's business.
//!
//! Nothing whose outcome is unknown is repeated, unless the topic asked for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::acceptance::{Acceptance, Accepted, ConfiguredNames};
use super::watch_keys::{KeyRecord, reload};
use super::{Keys, ReloadPolicy, UpstreamError, UpstreamErrorKind};
use crate::clock::Clock;
use crate::config::OnUnknown;
use crate::context::RequestContext;
use crate::model::{ConsumerGroup, Operation, Outcome, Topic};
use crate::outbound::RetryBudget;
use crate::random::Random;
use crate::telemetry::{Metrics, UpstreamMetrics};

/// Most attempts at one operation.
const MAX_ATTEMPTS: u32 = 3;
const BASE_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A result, and how often the MQ was tried for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempted<T> {
    /// Every address tried, repetitions included.
    pub attempts: u32,
    /// What came of the last one.
    pub result: T,
}

/// What holds for the attempts at one operation.
#[derive(Debug)]
pub(super) struct AttemptPolicy<'a> {
    pub(super) operation: Operation,
    /// What its topic meets decides nothing for other topics.
    pub(super) topic: &'a Topic,
    /// Whose deliveries it is about; none for a publish.
    pub(super) group: Option<&'a ConsumerGroup>,
    /// Until when the MQ is asked to wait for messages.
    pub(super) end_of_wait: Option<Instant>,
    /// Nothing begins or waits after its deadline.
    pub(super) context: &'a RequestContext,
    /// Whether an unknown outcome is repeated.
    pub(super) on_unknown: OnUnknown,
}

impl<'a> AttemptPolicy<'a> {
    /// Of a publish.
    pub(super) fn publish(topic: &'a Topic, context: &'a RequestContext, on_unknown: OnUnknown) -> Self {
        Self { operation: Operation::Publish, topic, group: None, end_of_wait: None, context, on_unknown }
    }

    /// Of anything that a group does: the MQ is not asked to wait, and an unknown outcome is not repeated.
    pub(super) fn of_group(
        operation: Operation,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        context: &'a RequestContext,
    ) -> Self {
        Self { operation, topic, group: Some(group), end_of_wait: None, context, on_unknown: OnUnknown::Report }
    }
}

/// What the attempts at one profile's operations share, in every thread.
#[derive(Debug, Clone)]
pub(super) struct Attempts {
    profile: String,
    /// Read again when the MQ refuses a signature.
    keys: Keys,
    budget: Arc<RetryBudget>,
    /// Jitter.
    random: Random,
    publish: UpstreamMetrics,
    receive: UpstreamMetrics,
    acknowledge: UpstreamMetrics,
    nack: UpstreamMetrics,
    extend: UpstreamMetrics,
    /// What reading the keys again gives.
    key_record: KeyRecord,
    /// What the MQ takes of the profile.
    acceptance: Arc<Acceptance>,
}

impl Attempts {
    pub(super) fn new(
        profile: &str,
        names: ConfiguredNames,
        keys: Keys,
        (clock, random): (Clock, Random),
        metrics: &Metrics,
    ) -> Self {
        let of = |operation: Operation| metrics.upstream.operation(profile, operation.as_str());
        let accepting = |what: Accepted| metrics.upstream.accepting(profile, what.as_str());
        Self {
            profile: profile.to_owned(),
            keys,
            budget: Arc::new(RetryBudget::new(Instant::now())),
            random,
            publish: of(Operation::Publish),
            receive: of(Operation::Receive),
            acknowledge: of(Operation::Acknowledge),
            nack: of(Operation::Nack),
            extend: of(Operation::Extend),
            key_record: KeyRecord { clock, metrics: metrics.credentials.clone() },
            acceptance: Arc::new(Acceptance::new(profile, names, accepting)),
        }
    }

    /// Makes one attempt after the other until one succeeds or must be the last.
    pub(super) async fn perform<T>(
        &self,
        policy: &AttemptPolicy<'_>,
        attempt: impl AsyncFn() -> Result<T, UpstreamError>,
    ) -> Result<T, UpstreamError> {
        let metrics = self.metrics(policy.operation);
        let mut number = 0;
        let mut earlier = None;
        self.budget.earn();
        loop {
            number += 1;
            let started = Instant::now();
            let error = match attempt().await {
                Ok(done) => {
                    metrics.succeeded(started.elapsed());
                    self.acceptance.taken(policy.topic, policy.group, started);
                    return Ok(done);
                }
                Err(error) => error,
            };
            if error.kind.was_sent() {
                metrics.failed(error.kind.label(), started.elapsed());
            } else {
                metrics.not_sent(error.kind.label());
            }
            self.acceptance.failed(policy.topic, policy.group, &error, Instant::now());
            let pause = self.pause_within_budget(&error, number, policy);
            let refused = error.kind == UpstreamErrorKind::AuthRejected;
            let reason = error.kind.label();
            let error = merged_outcome(error, earlier);
            let Some(pause) = pause else { return Err(error) };
            let (profile, operation) = (self.profile.as_str(), policy.operation.as_str());
            if refused && !self.reload_keys(policy.context.deadline()).await {
                return Err(error);
            }
            metrics.retry(reason);
            tracing::debug!(request_id = policy.context.id(), profile, operation, reason, "the operation is repeated");
            earlier = Some(error);
            sleep(pause).await;
        }
    }

    /// What the MQ takes of the profile.
    pub(super) fn acceptance(&self) -> &Arc<Acceptance> {
        &self.acceptance
    }

    /// What requests are signed with.
    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Reads the keys again, and returns whether that ended before `deadline`, whatever came of it.
    async fn reload_keys(&self, deadline: Instant) -> bool {
        let Some(name) = self.keys.name() else { return true };
        let read = reload(&self.keys, name, ReloadPolicy::AnyChange, &self.key_record);
        timeout_at(deadline, read).await.is_ok()
    }

    /// The pause before the next attempt, where one may follow within deadline and budget.
    fn pause_within_budget(&self, error: &UpstreamError, number: u32, policy: &AttemptPolicy<'_>) -> Option<Duration> {
        let now = Instant::now();
        let left = policy.context.deadline().saturating_duration_since(now);
        let pause = pause(error, number, policy.on_unknown, &self.random)?;
        (pause < left && self.budget.spend(now)).then_some(pause)
    }

    fn metrics(&self, operation: Operation) -> &UpstreamMetrics {
        match operation {
            Operation::Publish => &self.publish,
            Operation::Receive => &self.receive,
            Operation::Acknowledge => &self.acknowledge,
            Operation::Nack => &self.nack,
            Operation::Extend => &self.extend,
        }
    }
}

/// The pause before the next attempt, or `None` when `error` is the answer; `number` is how many were made.
fn pause(error: &UpstreamError, number: u32, on_unknown: OnUnknown, random: &Random) -> Option<Duration> {
    let again = match error.kind {
        UpstreamErrorKind::Unreachable => number < MAX_ATTEMPTS,
        UpstreamErrorKind::Throttled => {
            let wait = error.retry_after.unwrap_or_default();
            return (number < MAX_ATTEMPTS).then(|| wait + backoff(number, random));
        }
        // Once, at once: the keys are read again, and the clocks were compared.
        UpstreamErrorKind::AuthRejected => return (number < 2).then_some(Duration::ZERO),
        UpstreamErrorKind::Timeout | UpstreamErrorKind::BadResponse | UpstreamErrorKind::ServerError => {
            on_unknown == OnUnknown::Retry && number < MAX_ATTEMPTS
        }
        UpstreamErrorKind::Overloaded
        | UpstreamErrorKind::CircuitOpen
        | UpstreamErrorKind::Misconfigured
        | UpstreamErrorKind::RejectedMessage
        | UpstreamErrorKind::WrongTopicType
        | UpstreamErrorKind::StaleHandle => false,
    };
    again.then(|| backoff(number, random))
}

/// Exponential, with full jitter: anything from nothing to the whole pause.
fn backoff(number: u32, random: &Random) -> Duration {
    let doubled = BASE_PAUSE.saturating_mul(1_u32.checked_shl(number.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.min(LONGEST_PAUSE).mul_f64(random.part())
}

/// What is known when the last of several attempts failed: an outcome that became unknown stays unknown whatever came
/// later, and a circuit that opened on the way does not explain why the first attempt failed.
fn merged_outcome(last: UpstreamError, earlier: Option<UpstreamError>) -> UpstreamError {
    match earlier {
        Some(earlier) if earlier.kind.outcome() == Outcome::Unknown => earlier,
        Some(earlier) if last.kind == UpstreamErrorKind::CircuitOpen => earlier,
        Some(_) | None => last,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use UpstreamErrorKind as Kind;

    use super::*;
    use crate::config::CredentialsConfig;
    use crate::signature::{Credentials, Secret};

    const LONG: Duration = Duration::from_secs(3600);

    fn credentials(access_key: &str) -> Credentials {
        let secret_key = Secret::new("sk".to_owned());
        Credentials { access_key: access_key.to_owned(), secret_key, security_token: None }
    }

    fn topic() -> Topic {
        Topic::parse("orders").unwrap()
    }

    fn attempts() -> Attempts {
        attempts_with(Keys::new(&credentials("ak"), None))
    }

    fn attempts_counted(metrics: &Metrics) -> Attempts {
        let keys = Keys::new(&credentials("ak"), None);
        Attempts::new("main", ConfiguredNames::default(), keys, (Clock::system(), Random::seeded(1)), metrics)
    }

    fn attempts_with(keys: Keys) -> Attempts {
        Attempts::new(
            "main",
            ConfiguredNames::default(),
            keys,
            (Clock::system(), Random::seeded(1)),
            &Metrics::new().unwrap(),
        )
    }

    /// What became of one operation.
    struct Performed {
        result: Result<(), UpstreamError>,
        attempts: usize,
        took: Duration,
    }

    /// Performs one operation whose attempts end as `script` says; it panics when it is asked for more.
    async fn perform(
        attempts: &Attempts,
        on_unknown: OnUnknown,
        time: Duration,
        script: &[Result<(), UpstreamError>],
    ) -> Performed {
        let started = Instant::now();
        let context = RequestContext::shared(started + time);
        let topic = topic();
        let policy = AttemptPolicy::publish(&topic, &context, on_unknown);
        let made = Cell::new(0);
        let attempt = async || {
            made.set(made.get() + 1);
            script[made.get() - 1].clone()
        };
        let result = attempts.perform(&policy, attempt).await;
        Performed { result, attempts: made.get(), took: started.elapsed() }
    }

    fn failed(kind: Kind) -> Result<(), UpstreamError> {
        Err(UpstreamError::new(kind, "x"))
    }

    fn throttled(seconds: u64) -> Result<(), UpstreamError> {
        let retry_after = Some(Duration::from_secs(seconds));
        Err(UpstreamError { retry_after, ..UpstreamError::new(Kind::Throttled, "x") })
    }

    #[tokio::test(start_paused = true)]
    async fn the_contracts_last_column() {
        let attempts = attempts();
        for (kind, report, retry) in [
            (Kind::Unreachable, 3, 3),
            (Kind::Throttled, 3, 3),
            (Kind::AuthRejected, 2, 2),
            (Kind::Timeout, 1, 3),
            (Kind::BadResponse, 1, 3),
            (Kind::ServerError, 1, 3),
            (Kind::Overloaded, 1, 1),
            (Kind::CircuitOpen, 1, 1),
            (Kind::Misconfigured, 1, 1),
            (Kind::RejectedMessage, 1, 1),
        ] {
            for (on_unknown, expected) in [(OnUnknown::Report, report), (OnUnknown::Retry, retry)] {
                let script = vec![failed(kind); expected];
                let performed = perform(&attempts, on_unknown, LONG, &script).await;
                assert_eq!(performed.result.unwrap_err().kind, kind);
                assert_eq!(performed.attempts, expected, "{kind:?} {on_unknown:?}");
                assert!(performed.took <= Duration::from_millis(300), "{kind:?} {:?}", performed.took);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_success_ends_it() {
        for failures in 0..=2 {
            let mut script = vec![failed(Kind::Unreachable); failures];
            script.push(Ok(()));
            let performed = perform(&attempts(), OnUnknown::Report, LONG, &script).await;
            assert_eq!((performed.result, performed.attempts), (Ok(()), failures + 1));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_unknown_outcome_stays_unknown() {
        let check = async |kinds: &[Kind], expected| {
            let script: Vec<_> = kinds.iter().map(|kind| failed(*kind)).collect();
            let performed = perform(&attempts(), OnUnknown::Retry, LONG, &script).await;
            assert_eq!((performed.result.unwrap_err().kind, performed.attempts), (expected, kinds.len()), "{kinds:?}");
        };
        check(&[Kind::Timeout, Kind::Unreachable, Kind::Unreachable], Kind::Timeout).await;
        check(&[Kind::ServerError, Kind::Unreachable, Kind::CircuitOpen], Kind::ServerError).await;
        check(&[Kind::BadResponse, Kind::RejectedMessage], Kind::BadResponse).await;
        check(&[Kind::Timeout, Kind::AuthRejected], Kind::Timeout).await;
        check(&[Kind::Unreachable, Kind::CircuitOpen], Kind::Unreachable).await;
        check(&[Kind::Throttled, Kind::Timeout, Kind::Timeout], Kind::Timeout).await;
        check(&[Kind::Unreachable, Kind::Throttled, Kind::Throttled], Kind::Throttled).await;
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_is_a_lower_bound_and_the_deadline_an_upper_one() {
        let script = [throttled(7), Ok(())];
        let performed = perform(&attempts(), OnUnknown::Report, LONG, &script).await;
        assert_eq!((performed.result, performed.attempts), (Ok(()), 2));
        assert!((7.0..=7.1).contains(&performed.took.as_secs_f64()), "{:?}", performed.took);
        let performed = perform(&attempts(), OnUnknown::Report, Duration::from_secs(7), &script).await;
        assert_eq!((performed.attempts, performed.took), (1, Duration::ZERO), "nobody waits for nothing");
        assert_eq!(performed.result.unwrap_err().retry_after, Some(Duration::from_secs(7)));
    }

    /// The sequence is SplitMix64's: its first number for the seed 1 ends in 0x5CC1, which is 23,745 of 65,535.
    #[test]
    fn a_pause_is_a_random_part_of_one_that_doubles() {
        let part = 23_745.0 / 65_535.0;
        for (number, whole) in [(1, 0.1), (2, 0.2), (3, 0.4), (9, 25.6), (10, 30.0), (33, 30.0), (100, 30.0)] {
            let pause = backoff(number, &Random::seeded(1)).as_secs_f64();
            assert!((pause - whole * part).abs() < 1e-6, "{number} {pause}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_repeated_after_the_deadline() {
        let attempts = attempts();
        let context = RequestContext::shared(Instant::now() + Duration::from_secs(2));
        let topic = topic();
        let group = ConsumerGroup::parse("GID_a").unwrap();
        let policy = AttemptPolicy::of_group(Operation::Receive, &topic, &group, &context);
        let made = Cell::new(0);
        let slow = async || {
            made.set(made.get() + 1);
            assert!(made.get() < 10, "no end");
            sleep(Duration::from_secs(2)).await;
            failed(Kind::AuthRejected)
        };
        assert_eq!(attempts.perform(&policy, slow).await.unwrap_err().kind, Kind::AuthRejected);
        assert_eq!(made.get(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn repetitions_have_a_budget() {
        let attempts = attempts();
        let mut repetitions = 0;
        for _ in 0..100 {
            // Repeated without a pause, so that no time passes in which the budget grows.
            let script = vec![failed(Kind::AuthRejected); 2];
            repetitions += perform(&attempts, OnUnknown::Report, LONG, &script).await.attempts - 1;
        }
        assert_eq!(repetitions, 10 + 100 / 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_signature_is_repeated_with_the_newest_keys() {
        let directory = tempfile::tempdir().unwrap();
        let write = |field: &str, text: &str| std::fs::write(directory.path().join(field), text).unwrap();
        write("access_key", "new");
        write("secret_key", "sk");
        let files = CredentialsConfig {
            access_key_file: directory.path().join("access_key"),
            secret_key_file: directory.path().join("secret_key"),
            security_token_file: None,
        };
        let keys = Keys::new(&credentials("old"), Some(("main".to_owned(), files)));
        let attempts = attempts_with(keys.clone());
        let context = RequestContext::shared(Instant::now() + LONG);
        let topic = topic();
        let policy = AttemptPolicy::publish(&topic, &context, OnUnknown::Report);
        let seen = RefCell::new(Vec::new());
        let attempt = async || {
            let access_key = keys.current().access_key.clone();
            seen.borrow_mut().push(access_key.clone());
            if access_key == "new" { Ok(()) } else { failed(Kind::AuthRejected) }
        };
        assert_eq!(attempts.perform(&policy, attempt).await, Ok(()));
        assert_eq!(*seen.borrow(), ["old", "new"]);
    }

    #[tokio::test(start_paused = true)]
    async fn every_attempt_is_counted_by_its_result() {
        let metrics = Metrics::new().unwrap();
        let attempts = attempts_counted(&metrics);
        let script = [failed(Kind::Unreachable), throttled(1), Ok(())];
        perform(&attempts, OnUnknown::Report, LONG, &script).await.result.unwrap();
        let page = String::from_utf8(metrics.render().unwrap()).unwrap();
        let operation = r#"operation="publish",profile="main""#;
        for line in [
            format!("mq_gateway_upstream_not_sent_total{{{operation},reason=\"unreachable\"}} 1"),
            format!("mq_gateway_upstream_requests_total{{{operation},result=\"throttled\"}} 1"),
            format!("mq_gateway_upstream_requests_total{{{operation},result=\"ok\"}} 1"),
            format!("mq_gateway_upstream_retries_total{{{operation},reason=\"unreachable\"}} 1"),
            format!("mq_gateway_upstream_retries_total{{{operation},reason=\"throttled\"}} 1"),
            format!("mq_gateway_upstream_request_duration_seconds_count{{{operation}}} 2"),
        ] {
            assert!(page.lines().any(|it| it == line), "{line}\n{page}");
        }
        assert!(!page.contains("result=\"unreachable\""), "what was not sent is no exchange\n{page}");
    }
}
