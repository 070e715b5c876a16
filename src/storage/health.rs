//! What is wrong with a store at present: cheap to ask for, seldom logged.
//!
//! A fault is reported from its first failure until the next success of that kind, or until five minutes after its last
//! failure. The log gets a line when a fault begins and when it ends, and between them a summary at most every ten seconds:
//! a full disk fails thousands of requests a minute, and its log would be the next thing that is full.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::model::UnixMillis;

/// A fault without a new failure is reported for this long.
const REPORTED_FOR: Duration = Duration::from_secs(300);
/// The least time between two summaries in the log.
const LOG_PAUSE: Duration = Duration::from_secs(10);

/// A kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The disk is full: nothing new is stored; what is there can be taken and acknowledged.
    Full,
    /// The disk does not take or give what it should.
    Io,
    /// The file holds what nobody wrote.
    Damage,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Full, Self::Io, Self::Damage];

    /// The word in metrics and logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Io => "io",
            Self::Damage => "damage",
        }
    }
}

/// A fault that a store has now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of trouble.
    pub kind: FaultKind,
    /// Its first failure, by the wall clock.
    pub since: UnixMillis,
    /// The first failure's words: no content, no secret.
    pub reason: String,
}

/// The faults of one store. Written by whoever meets them, read by whoever asks.
#[derive(Debug)]
pub(super) struct Health {
    clock: Clock,
    /// A std lock: held for a few lines, never over an await.
    faults: Mutex<[Option<Open>; FaultKind::ALL.len()]>,
}

/// A fault that has not ended.
#[derive(Debug)]
struct Open {
    fault: Fault,
    /// Monotonic reading of the last failure.
    last: Duration,
    /// Since the fault began.
    failures: u64,
    /// Failures that the log knows of, and when it last heard.
    logged: u64,
    logged_at: Duration,
}

impl Health {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, faults: Mutex::default() }
    }

    /// What is wrong now.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let now = self.clock.monotonic();
        let faults = self.lock();
        faults.iter().flatten().filter(|open| open.last + REPORTED_FOR > now).map(|open| open.fault.clone()).collect()
    }

    /// Notes failures of a kind; with none of them it says that the state goes on.
    pub(super) fn failed(&self, kind: FaultKind, failures: u64, reason: impl FnOnce() -> String) {
        let now = self.clock.monotonic();
        let mut faults = self.lock();
        let Some(slot) = faults.get_mut(kind as usize) else { return };
        if let Some(open) = slot.as_mut().filter(|open| open.last + REPORTED_FOR > now) {
            open.last = now;
            open.failures += failures;
            if open.failures > open.logged && open.logged_at + LOG_PAUSE <= now {
                let (more, reason) = (open.failures - open.logged, open.fault.reason.as_str());
                tracing::warn!(kind = kind.label(), failures = more, reason, "the store is still degraded");
                open.logged = open.failures;
                open.logged_at = now;
            }
            return;
        }
        let fault = Fault { kind, since: self.clock.now(), reason: reason() };
        tracing::error!(kind = kind.label(), reason = fault.reason, "the store is degraded");
        *slot = Some(Open { fault, last: now, failures, logged: failures, logged_at: now });
    }

    /// Notes a success of a kind: the fault has ended.
    pub(super) fn succeeded(&self, kind: FaultKind) {
        let ended = self.lock().get_mut(kind as usize).and_then(Option::take);
        if let Some(open) = ended {
            tracing::info!(kind = kind.label(), failures = open.failures, "the store is well again");
        }
    }

    fn lock(&self) -> MutexGuard<'_, [Option<Open>; FaultKind::ALL.len()]> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const START: UnixMillis = UnixMillis(1_700_000_000_000);

    /// The lines that `work` logs.
    fn logged(work: impl FnOnce()) -> Vec<String> {
        struct Sink(Arc<Mutex<Vec<u8>>>);
        impl std::io::Write for Sink {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().write(bytes)
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let text = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&text);
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || Sink(Arc::clone(&sink)));
        tracing::subscriber::with_default(subscriber.finish(), work);
        let text = String::from_utf8(text.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn kinds(health: &Health) -> Vec<FaultKind> {
        health.faults().into_iter().map(|fault| fault.kind).collect()
    }

    #[test]
    fn a_fault_is_reported_until_its_next_success() {
        let health = Health::new(Clock::manual(START));
        assert_eq!(health.faults(), []);
        health.failed(FaultKind::Io, 1, || "first".to_owned());
        health.clock.advance(Duration::from_secs(60));
        health.failed(FaultKind::Io, 1, || "second".to_owned());
        health.failed(FaultKind::Full, 1, || "full".to_owned());
        let expected = Fault { kind: FaultKind::Io, since: START, reason: "first".to_owned() };
        assert_eq!(health.faults().last(), Some(&expected));
        assert_eq!(kinds(&health), [FaultKind::Full, FaultKind::Io]);
        health.succeeded(FaultKind::Io);
        assert_eq!(kinds(&health), [FaultKind::Full], "each kind by itself");
    }

    #[test]
    fn or_until_five_minutes_after_its_last_failure_whatever_the_wall_clock_does() {
        let health = Health::new(Clock::manual(START));
        health.failed(FaultKind::Damage, 1, || "first".to_owned());
        health.clock.advance(Duration::from_secs(200));
        health.failed(FaultKind::Damage, 1, || "second".to_owned());
        health.clock.set_wall(UnixMillis(0));
        health.clock.advance(Duration::from_secs(299));
        assert_eq!(kinds(&health), [FaultKind::Damage]);
        health.clock.advance(Duration::from_secs(1));
        assert_eq!(kinds(&health), []);
        health.failed(FaultKind::Damage, 1, || "third".to_owned());
        let expected = Fault { kind: FaultKind::Damage, since: UnixMillis(300_000), reason: "third".to_owned() };
        assert_eq!(health.faults(), [expected], "it began anew");
    }

    #[test]
    fn the_log_gets_a_line_for_each_change_and_a_summary_every_ten_seconds() {
        let lines = logged(|| {
            let health = Health::new(Clock::manual(START));
            for _ in 0..100 {
                health.failed(FaultKind::Full, 3, || "no room".to_owned());
                health.clock.advance(Duration::from_millis(150));
            }
            health.succeeded(FaultKind::Full);
            health.succeeded(FaultKind::Full);
        });
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[0].contains("ERROR") && lines[0].contains("no room"), "{lines:?}");
        assert!(lines[1].contains("WARN") && lines[1].contains("failures=201"), "{lines:?}");
        assert!(lines[2].contains("INFO") && lines[2].contains("failures=300"), "{lines:?}");
    }
}
