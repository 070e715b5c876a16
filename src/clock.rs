//! The clock: the machine's, or one that tests move.
//!
//! It has two readings. The *wall clock* is what people call the time; somebody may set it, forwards or back. The
//! *monotonic* reading only grows, at the speed of time, and means nothing outside this process: what lasts is measured
//! by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use crate::model::UnixMillis;

/// Tells the time and waits for it. Clones share one clock.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    /// Monotonic readings count from this moment.
    System(Instant),
    Manual(Arc<Manual>),
}

#[derive(Debug)]
struct Manual {
    wall: AtomicU64,
    monotonic: AtomicU64,
    moved: watch::Sender<()>,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System(Instant::now()))
    }

    /// A clock that stands still until it is moved: for tests.
    #[must_use]
    pub fn manual(start: UnixMillis) -> Self {
        let (wall, monotonic) = (AtomicU64::new(start.0), AtomicU64::new(0));
        Self(Source::Manual(Arc::new(Manual { wall, monotonic, moved: watch::Sender::new(()) })))
    }

    /// The wall clock's time now.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        match &self.0 {
            Source::System(_) => system_now(),
            Source::Manual(manual) => UnixMillis(manual.wall.load(Ordering::SeqCst)),
        }
    }

    /// The wall clock's time now, in nanoseconds since 1970.
    #[must_use]
    pub fn unix_nanos(&self) -> u64 {
        match &self.0 {
            Source::System(_) => system_nanos(),
            Source::Manual(manual) => manual.wall.load(Ordering::SeqCst).saturating_mul(1_000_000),
        }
    }

    /// The monotonic reading: how long ago a fixed moment of this clock was. Setting the wall clock does not change it.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        match &self.0 {
            Source::System(began) => began.elapsed(),
            Source::Manual(manual) => Duration::from_millis(manual.monotonic.load(Ordering::SeqCst)),
        }
    }

    /// Lets time pass on a manual clock, on both readings, and wakes whoever waits for it. The system clock stays as it
    /// is.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(manual) = &self.0 {
            let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
            manual.wall.fetch_add(millis, Ordering::SeqCst);
            manual.monotonic.fetch_add(millis, Ordering::SeqCst);
            manual.moved.send_replace(());
        }
    }

    /// Sets the wall clock of a manual clock, as an operator or NTP does: no time passes. The system clock stays as it
    /// is.
    pub fn set_wall(&self, time: UnixMillis) {
        if let Source::Manual(manual) = &self.0 {
            manual.wall.store(time.0, Ordering::SeqCst);
            manual.moved.send_replace(());
        }
    }

    /// Waits as long as the wall clock, now, is before `time`. Setting the machine's clock meanwhile neither shortens nor
    /// lengthens the wait.
    pub async fn sleep_until(&self, time: UnixMillis) {
        match &self.0 {
            Source::System(_) => tokio::time::sleep(time.since(self.now())).await,
            Source::Manual(manual) => manual.reach(&manual.wall, time.0).await,
        }
    }

    /// Returns when the monotonic reading is `reading` or more.
    pub async fn sleep_until_monotonic(&self, reading: Duration) {
        match &self.0 {
            Source::System(_) => tokio::time::sleep(reading.saturating_sub(self.monotonic())).await,
            Source::Manual(manual) => {
                let millis = u64::try_from(reading.as_millis()).unwrap_or(u64::MAX);
                manual.reach(&manual.monotonic, millis).await;
            }
        }
    }

    /// Returns after `duration`, by the monotonic reading.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until_monotonic(self.monotonic() + duration).await;
    }
}

impl Manual {
    async fn reach(&self, reading: &AtomicU64, value: u64) {
        // Subscribe first, then look: no move can slip between.
        let mut moved = self.moved.subscribe();
        while reading.load(Ordering::SeqCst) < value {
            if moved.changed().await.is_err() {
                return;
            }
        }
    }
}

fn system_now() -> UnixMillis {
    UnixMillis(u64::try_from(since_epoch().as_millis()).unwrap_or(u64::MAX))
}

fn system_nanos() -> u64 {
    u64::try_from(since_epoch().as_nanos()).unwrap_or(u64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_wakes_sleepers_when_it_is_moved() {
        let clock = Clock::manual(UnixMillis(1_000));
        let other = clock.clone();
        let sleeper = async move { other.sleep(Duration::from_secs(5)).await };
        let mover = async {
            clock.advance(Duration::from_secs(4));
            tokio::task::yield_now().await;
            clock.advance(Duration::from_secs(1));
        };
        tokio::join!(sleeper, mover);
        assert_eq!(clock.now(), UnixMillis(6_000));
    }
    #[tokio::test]
    async fn setting_the_wall_clock_lets_no_time_pass() {
        let clock = Clock::manual(UnixMillis(1_000_000));
        clock.advance(Duration::from_secs(1));
        clock.set_wall(UnixMillis(500_000));
        assert_eq!((clock.now(), clock.monotonic()), (UnixMillis(500_000), Duration::from_secs(1)));
        clock.set_wall(UnixMillis(9_000_000));
        clock.sleep_until(UnixMillis(9_000_000)).await;
        assert_eq!(clock.monotonic(), Duration::from_secs(1));
    }

    #[test]
    fn the_machines_monotonic_reading_grows() {
        let clock = Clock::system();
        let before = clock.monotonic();
        while clock.monotonic() == before {
            std::hint::spin_loop();
        }
        assert!(clock.monotonic() > before);
    }
}
