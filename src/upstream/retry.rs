//! Whether, and when, a failed exchange is repeated: the last column of the contract's table.
//!
//! Nothing whose outcome is unknown is repeated, unless the topic asked for it. Repetition has a budget, so that it can
//! never multiply the load on an MQ in trouble: a fifth of the requests, and ten a second besides.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{UpstreamError, UpstreamErrorKind};
use crate::config::OnUnknown;
use crate::random::Random;

/// Most exchanges for one request, the first included.
const MAX_ATTEMPTS: u32 = 3;
const BASE_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The repetitions per request, in thousandths.
const PER_REQUEST_MILLIS: u64 = 200;
/// The repetitions per second, in thousandths.
const PER_SECOND_MILLIS: u64 = 10_000;
/// What may be saved up: ten seconds' worth.
const MOST_SAVED_MILLIS: u64 = 100_000;
/// What there is at the start: one second's worth.
const AT_START_MILLIS: u64 = 10_000;

/// The pause before the next attempt, or `None` when `error` is the answer.
///
/// `attempts` is how many were made.
pub(super) fn pause(error: &UpstreamError, attempts: u32, on_unknown: OnUnknown, random: &Random) -> Option<Duration> {
    let again = match error.kind {
        UpstreamErrorKind::Unreachable => attempts < MAX_ATTEMPTS,
        UpstreamErrorKind::Throttled => {
            let wait = error.retry_after.unwrap_or_default();
            return (attempts < MAX_ATTEMPTS).then(|| wait + backoff(attempts, random));
        }
        // Once, at once: the keys were read again, and the clocks compared.
        UpstreamErrorKind::AuthRejected => return (attempts < 2).then_some(Duration::ZERO),
        UpstreamErrorKind::Timeout | UpstreamErrorKind::BadResponse | UpstreamErrorKind::ServerError => {
            on_unknown == OnUnknown::Retry && attempts < MAX_ATTEMPTS
        }
        UpstreamErrorKind::Overloaded
        | UpstreamErrorKind::CircuitOpen
        | UpstreamErrorKind::Misconfigured
        | UpstreamErrorKind::RejectedMessage => false,
    };
    again.then(|| backoff(attempts, random))
}

/// Exponential, with full jitter: anything from nothing to the whole pause.
fn backoff(attempts: u32, random: &Random) -> Duration {
    let doubled = BASE_PAUSE.saturating_mul(1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX));
    let mut bytes = [0; 2];
    // Without randomness the whole pause is as good.
    let part = random.fill(&mut bytes).map_or(u16::MAX, |()| u16::from_le_bytes(bytes));
    doubled.min(LONGEST_PAUSE).mul_f64(f64::from(part) / f64::from(u16::MAX))
}

/// The repetitions that one profile may still make, for every thread.
#[derive(Debug)]
pub(super) struct RetryBudget {
    /// Requests since the last repetition was asked for: all that the common request touches.
    requests: AtomicU64,
    /// A std lock: held for a few lines, never over an await.
    saved: Mutex<Saved>,
}

#[derive(Debug)]
struct Saved {
    millis: u64,
    counted_at: Instant,
}

impl RetryBudget {
    pub(super) fn new(now: Instant) -> Self {
        let saved = Mutex::new(Saved { millis: AT_START_MILLIS, counted_at: now });
        Self { requests: AtomicU64::new(0), saved }
    }

    /// Notes one request.
    pub(super) fn earn(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether one more repetition is within the budget; it is taken from it then.
    pub(super) fn spend(&self, now: Instant) -> bool {
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let requests = self.requests.swap(0, Ordering::Relaxed);
        let elapsed = u64::try_from((now - saved.counted_at).as_millis()).unwrap_or(u64::MAX);
        let earned = requests
            .saturating_mul(PER_REQUEST_MILLIS)
            .saturating_add(elapsed.saturating_mul(PER_SECOND_MILLIS) / 1000);
        saved.millis = saved.millis.saturating_add(earned).min(MOST_SAVED_MILLIS);
        saved.counted_at = now;
        let enough = saved.millis >= 1000;
        if enough {
            saved.millis -= 1000;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contracts_last_column() {
        let check = |kind, attempts, on_unknown, expected: bool| {
            let error = UpstreamError::new(kind, "x");
            assert_eq!(
                pause(&error, attempts, on_unknown, &Random::seeded(1)).is_some(),
                expected,
                "{kind:?} {attempts}"
            );
        };
        for on_unknown in [OnUnknown::Report, OnUnknown::Retry] {
            check(UpstreamErrorKind::Unreachable, 1, on_unknown, true);
            check(UpstreamErrorKind::Unreachable, 3, on_unknown, false);
            check(UpstreamErrorKind::Throttled, 1, on_unknown, true);
            check(UpstreamErrorKind::AuthRejected, 1, on_unknown, true);
            check(UpstreamErrorKind::AuthRejected, 2, on_unknown, false);
            for kind in [
                UpstreamErrorKind::Overloaded,
                UpstreamErrorKind::CircuitOpen,
                UpstreamErrorKind::Misconfigured,
                UpstreamErrorKind::RejectedMessage,
            ] {
                check(kind, 1, on_unknown, false);
            }
            for kind in [UpstreamErrorKind::Timeout, UpstreamErrorKind::BadResponse, UpstreamErrorKind::ServerError] {
                check(kind, 1, on_unknown, on_unknown == OnUnknown::Retry);
            }
        }
    }

    #[test]
    fn retry_after_is_a_lower_bound() {
        let mut error = UpstreamError::new(UpstreamErrorKind::Throttled, "x");
        error.retry_after = Some(Duration::from_secs(7));
        let pause = pause(&error, 1, OnUnknown::Report, &Random::seeded(1)).unwrap();
        assert!(pause >= Duration::from_secs(7) && pause <= Duration::from_secs(8), "{pause:?}");
    }

    #[test]
    fn the_budget_is_a_fifth_and_ten_a_second() {
        let start = Instant::now();
        let budget = RetryBudget::new(start);
        let spendable = |now| (0..1000).take_while(|_| budget.spend(now)).count();
        assert_eq!(spendable(start), 10);
        (0..100).for_each(|_| budget.earn());
        assert_eq!(spendable(start), 20);
        assert_eq!(spendable(start + Duration::from_secs(2)), 20);
        assert_eq!(spendable(start + Duration::from_secs(3600)), 100, "no more than ten seconds' worth is saved up");
    }
}
