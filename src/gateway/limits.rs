//! What one topic may ask for: publishes at once and per second, over all threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::GatewayError;

/// A topic's limits; those that are not configured cost nothing.
#[derive(Debug)]
pub(super) struct TopicLimits {
    /// 0 is no limit.
    max_in_flight: usize,
    in_flight: AtomicUsize,
    rate: Option<Rate>,
}

/// A bucket that holds a second's worth.
#[derive(Debug)]
struct Rate {
    per_second: u32,
    /// A std lock: held for a few lines, never over an await.
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

/// One publish under way.
#[derive(Debug)]
pub(super) struct InFlight<'a>(Option<&'a AtomicUsize>);

impl TopicLimits {
    pub(super) fn new(max_in_flight: usize, publishes_per_second: u32, now: Instant) -> Self {
        let rate = (publishes_per_second > 0).then(|| {
            let bucket = Bucket { tokens: f64::from(publishes_per_second), filled_at: now };
            Rate { per_second: publishes_per_second, bucket: Mutex::new(bucket) }
        });
        Self { max_in_flight, in_flight: AtomicUsize::new(0), rate }
    }

    /// Lets one publish in.
    ///
    /// # Errors
    /// [`GatewayError::RateLimited`] or [`GatewayError::TopicFull`].
    pub(super) fn enter(&self, now: Instant) -> Result<InFlight<'_>, GatewayError> {
        // First the room: who finds none does not use up what others may publish in this second.
        let in_flight = self.take_room()?;
        if let Some(rate) = &self.rate {
            rate.take(now)?;
        }
        Ok(in_flight)
    }

    fn take_room(&self) -> Result<InFlight<'_>, GatewayError> {
        if self.max_in_flight == 0 {
            return Ok(InFlight(None));
        }
        let entered = self.in_flight.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| {
            (count < self.max_in_flight).then_some(count + 1)
        });
        match entered {
            Ok(_) => Ok(InFlight(Some(&self.in_flight))),
            Err(_) => Err(GatewayError::TopicFull { limit: self.max_in_flight }),
        }
    }
}

impl Rate {
    fn take(&self, now: Instant) -> Result<(), GatewayError> {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let per_second = f64::from(self.per_second);
        let earned = (now - bucket.filled_at).as_secs_f64() * per_second;
        bucket.tokens = (bucket.tokens + earned).min(per_second);
        // Never back: another thread may have read its time later, and come first.
        bucket.filled_at = bucket.filled_at.max(now);
        if bucket.tokens < 1.0 {
            let retry_after = Duration::from_secs_f64((1.0 - bucket.tokens) / per_second);
            return Err(GatewayError::RateLimited { per_second: self.per_second, retry_after });
        }
        bucket.tokens -= 1.0;
        Ok(())
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if let Some(in_flight) = self.0 {
            in_flight.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_so_many_publishes() {
        let start = Instant::now();
        let limits = TopicLimits::new(0, 5, start);
        let entered = |now| (0..100).take_while(|_| limits.enter(now).is_ok()).count();
        assert_eq!(entered(start), 5);
        assert_eq!(entered(start + Duration::from_millis(400)), 2);
        assert_eq!(entered(start + Duration::from_secs(60)), 5);
        let Err(GatewayError::RateLimited { retry_after, .. }) = limits.enter(start + Duration::from_secs(60)) else {
            panic!("not limited");
        };
        assert_eq!(retry_after, Duration::from_millis(200));
    }

    #[test]
    fn times_that_come_in_another_order_earn_nothing_twice() {
        let start = Instant::now();
        let limits = TopicLimits::new(0, 5, start);
        let entered = |now| (0..100).take_while(|_| limits.enter(now).is_ok()).count();
        assert_eq!(entered(start + Duration::from_secs(1)), 5);
        assert_eq!(entered(start), 0, "of a thread that read its time before and came later");
        assert_eq!(entered(start + Duration::from_secs(1)), 0);
    }

    #[test]
    fn a_refusal_for_want_of_room_costs_nothing_of_the_rate() {
        let start = Instant::now();
        let limits = TopicLimits::new(1, 2, start);
        let first = limits.enter(start).unwrap();
        for _ in 0..3 {
            assert!(matches!(limits.enter(start), Err(GatewayError::TopicFull { limit: 1 })));
        }
        drop(first);
        drop(limits.enter(start).unwrap());
        for _ in 0..3 {
            assert!(
                matches!(limits.enter(start), Err(GatewayError::RateLimited { per_second: 2, .. })),
                "the room is free"
            );
        }
    }

    #[test]
    fn so_many_at_once() {
        let limits = TopicLimits::new(2, 0, Instant::now());
        let first = limits.enter(Instant::now()).unwrap();
        let _second = limits.enter(Instant::now()).unwrap();
        assert!(limits.enter(Instant::now()).is_err());
        drop(first);
        assert!(limits.enter(Instant::now()).is_ok());
    }
}
