//! The clock: the machine's, or one that tests move.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use crate::model::UnixMillis;

/// Tells the wall-clock time and waits for it. Clones share one clock.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Manual(Arc<Manual>),
}

#[derive(Debug)]
struct Manual {
    now: AtomicU64,
    moved: watch::Sender<()>,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until [`Clock::advance`] moves it: for tests.
    #[must_use]
    pub fn manual(start: UnixMillis) -> Self {
        Self(Source::Manual(Arc::new(Manual { now: AtomicU64::new(start.0), moved: watch::Sender::new(()) })))
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        match &self.0 {
            Source::System => system_now(),
            Source::Manual(manual) => UnixMillis(manual.now.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock forward and wakes whoever waits for the time. The system clock stays as it is.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(manual) = &self.0 {
            manual.now.fetch_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
            manual.moved.send_replace(());
        }
    }

    /// Returns when the clock shows `time` or later.
    pub async fn sleep_until(&self, time: UnixMillis) {
        match &self.0 {
            Source::System => tokio::time::sleep(time.since(self.now())).await,
            Source::Manual(manual) => {
                // Subscribe first, then look: no move can slip between.
                let mut moved = manual.moved.subscribe();
                while UnixMillis(manual.now.load(Ordering::SeqCst)) < time {
                    if moved.changed().await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Returns after `duration` on this clock.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.now() + duration).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
fn system_now() -> UnixMillis {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
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
}
