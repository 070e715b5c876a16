//! How a subscription's target does: since when it fails, and when that is told.

use std::time::Duration;

use tokio::time::Instant;

use super::rate::Rate;
use super::status::LastError;
use crate::model::UnixMillis;

/// How long a target goes on failing until the next line about it.
const SUMMARY_PAUSE: Duration = Duration::from_secs(60);

/// A target, as its last answers show it.
#[derive(Debug)]
pub(super) struct TargetState {
    pub(super) failing_since: Option<UnixMillis>,
    /// Since then.
    failures: u64,
    told_at: Option<Instant>,
    told_unwritable_at: Option<Instant>,
    pub(super) last_success: Option<UnixMillis>,
    pub(super) last_error: Option<LastError>,
    successes: Rate,
}

/// A time in which a target failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failing {
    pub(super) since: UnixMillis,
    pub(super) failures: u64,
}

impl TargetState {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            failing_since: None,
            failures: 0,
            told_at: None,
            told_unwritable_at: None,
            last_success: None,
            last_error: None,
            successes: Rate::new(now),
        }
    }

    /// It took a message; the time in which it failed that is over by that.
    pub(super) fn succeeded(&mut self, at: UnixMillis, now: Instant) -> Option<Failing> {
        self.last_success = Some(at);
        self.successes.note(now);
        self.told_at = None;
        let failures = std::mem::take(&mut self.failures);
        self.failing_since.take().map(|since| Failing { since, failures })
    }

    /// It failed; what is to be told of that, once a minute.
    pub(super) fn failed(&mut self, error: LastError, now: Instant) -> Option<Failing> {
        self.last_error = Some(error);
        self.failures = self.failures.saturating_add(1);
        let since = *self.failing_since.get_or_insert(error.at);
        is_due(&mut self.told_at, now).then_some(Failing { since, failures: self.failures })
    }

    /// A message could not be written, which is not the target's fault; whether that is to be told, once a minute.
    pub(super) fn unwritable(&mut self, error: LastError, now: Instant) -> bool {
        self.last_error = Some(error);
        is_due(&mut self.told_unwritable_at, now)
    }

    /// Successes a second, over the last minute.
    pub(super) fn per_second(&mut self, now: Instant) -> f64 {
        self.successes.per_second(now)
    }
}

/// Whether something that was told last at this time may be told again; it is then told.
fn is_due(told_at: &mut Option<Instant>, now: Instant) -> bool {
    let is_due = told_at.is_none_or(|at| now.saturating_duration_since(at) >= SUMMARY_PAUSE);
    if is_due {
        *told_at = Some(now);
    }
    is_due
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::AttemptResult;

    #[test]
    fn failures_are_told_once_a_minute_and_their_end_at_once() {
        let (start, mut state) = (Instant::now(), TargetState::new(Instant::now()));
        let error = |millis| LastError { result: AttemptResult::Timeout, status: None, at: UnixMillis(millis) };
        let after = |seconds| start + Duration::from_secs(seconds);
        let failing = |failures| Some(Failing { since: UnixMillis(7), failures });
        assert_eq!(state.failed(error(7), start), failing(1));
        assert_eq!(state.failed(error(8), after(59)), None);
        assert!(state.unwritable(error(9), after(59)), "told by itself");
        assert!(!state.unwritable(error(9), after(60)));
        assert_eq!(state.failed(error(10), after(60)), failing(3));
        assert_eq!(state.succeeded(UnixMillis(11), after(61)), failing(3));
        assert_eq!(state.succeeded(UnixMillis(12), after(61)), None);
        assert_eq!((state.failing_since, state.last_success), (None, Some(UnixMillis(12))));
        let again = state.failed(error(13), after(62));
        assert_eq!(again, Some(Failing { since: UnixMillis(13), failures: 1 }), "another time");
    }
}
