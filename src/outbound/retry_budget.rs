//! A budget for repetitions, so that they can never multiply the load on a server in trouble: a fifth of the requests,
//! and ten a second besides.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The repetitions per request, in thousandths.
const PER_REQUEST_MILLIS: u64 = 200;
/// The time that earns a thousandth of a repetition, in microseconds: ten repetitions a second.
const MICROS_OF_A_MILLI: u64 = 100;
/// What may be saved up: ten seconds' worth.
const MOST_SAVED_MILLIS: u64 = 100_000;
/// What there is at the start: one second's worth.
const AT_START_MILLIS: u64 = 10_000;

/// The repetitions that may still be made, for every thread.
#[derive(Debug)]
pub struct RetryBudget {
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
    /// A budget with one second's worth.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        let saved = Mutex::new(Saved { millis: AT_START_MILLIS, counted_at: now });
        Self { requests: AtomicU64::new(0), saved }
    }

    /// Notes one request.
    pub fn earn(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether one more repetition is within the budget; if so, it is taken from it.
    pub fn spend(&self, now: Instant) -> bool {
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let requests = self.requests.swap(0, Ordering::Relaxed);
        // In whole thousandths; what is left of the time counts the next time. Never back: another thread may have read its time
        // later, and come first.
        let elapsed = now.saturating_duration_since(saved.counted_at).as_micros();
        let by_time = u64::try_from(elapsed).unwrap_or(u64::MAX) / MICROS_OF_A_MILLI;
        saved.counted_at += Duration::from_micros(by_time.saturating_mul(MICROS_OF_A_MILLI));
        let earned = requests.saturating_mul(PER_REQUEST_MILLIS).saturating_add(by_time);
        saved.millis = saved.millis.saturating_add(earned).min(MOST_SAVED_MILLIS);
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

    #[test]
    fn who_asks_all_the_time_gets_ten_a_second_too() {
        let start = Instant::now();
        for micros in [1, 70, 500, 999] {
            let budget = RetryBudget::new(start);
            let asked = (0..=2_000_000 / micros).map(|number| start + Duration::from_micros(number * micros));
            let given = asked.filter(|now| budget.spend(*now)).count();
            assert!((29..=30).contains(&given), "{given} every {micros} us: ten at the start, and ten a second");
        }
    }

    #[test]
    fn times_that_come_in_another_order_earn_nothing_twice() {
        let start = Instant::now();
        let budget = RetryBudget::new(start);
        let spendable = |now| (0..1000).take_while(|_| budget.spend(now)).count();
        assert_eq!(spendable(start + Duration::from_secs(1)), 20);
        assert_eq!(spendable(start), 0, "of a thread that read its time before and came later");
        assert_eq!(spendable(start + Duration::from_secs(1)), 0);
    }
}
