//! The difference between the MQ's clock and ours, measured from every answer's `Date`.
//!
//! A signature lives 15 s by the MQ's clock (protocol notes ONS 3.2): a machine whose clock is wrong would be refused
//! for ever. So requests are signed with the MQ's time, as far as it is known, unless the profile says otherwise.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use crate::config::ClockSkew as Mode;
use crate::model::UnixMillis;
use crate::protocol::ClockOffset;
use crate::telemetry::SecondsGauge;

/// More than this is a broken clock or a broken header, and is shown but not followed.
const FURTHEST: Duration = Duration::from_secs(24 * 3600);

/// No `Date` was seen.
const UNKNOWN: i64 = i64::MAX;

/// One profile's difference, for every thread.
#[derive(Debug)]
pub(super) struct ClockSkew {
    mode: Mode,
    /// The MQ's clock minus ours, in milliseconds; `UNKNOWN` before the first `Date`.
    millis: AtomicI64,
    gauge: SecondsGauge,
}

impl ClockSkew {
    pub(super) fn new(mode: Mode, gauge: SecondsGauge) -> Self {
        Self { mode, millis: AtomicI64::new(UNKNOWN), gauge }
    }

    /// Notes what an answer's `Date` says; `now` is when it arrived.
    pub(super) fn measure(&self, date: SystemTime, now: UnixMillis) {
        let Some(offset) = ClockOffset::measured(date, now) else { return };
        self.millis.store(offset.0, Ordering::Relaxed);
        self.gauge.set(offset.as_secs_f64());
    }

    /// The time to sign with.
    pub(super) fn corrected(&self, now: UnixMillis) -> UnixMillis {
        match self.offset() {
            Some(offset) if self.mode == Mode::Correct && !offset.is_noise() && offset.distance() <= FURTHEST => {
                offset.applied_to(now)
            }
            Some(_) | None => now,
        }
    }

    /// What the MQ's clock shows, as far as that is known: whatever is signed with. Nothing is noted of a clock that is broken.
    pub(super) fn theirs(&self, now: UnixMillis) -> Option<UnixMillis> {
        let offset = self.offset().filter(|offset| offset.distance() <= FURTHEST)?;
        Some(if offset.is_noise() { now } else { offset.applied_to(now) })
    }

    fn offset(&self) -> Option<ClockOffset> {
        let millis = self.millis.load(Ordering::Relaxed);
        (millis != UNKNOWN).then_some(ClockOffset(millis))
    }

    /// In words, for people.
    pub(super) fn describe(&self) -> String {
        let Some(offset) = self.offset() else { return "it sent no Date, so its clock is unknown".to_owned() };
        if offset.is_noise() {
            return "the clocks agree, as far as its Date header shows".to_owned();
        }
        let (seconds, direction) = (offset.distance().as_secs(), if offset.is_ahead() { "ahead of" } else { "behind" });
        let followed = match self.mode {
            Mode::Correct if offset.distance() <= FURTHEST => "which is corrected in what we sign",
            Mode::Correct => "which is too much to be corrected",
            Mode::Report => "which clock_skew = \"report\" leaves as it is",
        };
        format!("its clock is {seconds} s {direction} ours, {followed}")
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::telemetry::Metrics;

    #[test]
    fn a_difference_is_followed_within_reason() {
        let check = |mode, date: u64, expected: u64| {
            let skew = ClockSkew::new(mode, Metrics::new().unwrap().upstream.clock_skew("p"));
            let now = UnixMillis(1_700_000_000_000);
            skew.measure(UNIX_EPOCH + Duration::from_secs(date), now);
            assert_eq!(skew.corrected(now), UnixMillis(expected), "{date}");
        };
        check(Mode::Correct, 1_700_000_001, 1_700_000_000_000);
        check(Mode::Correct, 1_700_001_200, 1_700_001_200_500);
        check(Mode::Correct, 1_699_998_800, 1_699_998_800_500);
        check(Mode::Report, 1_700_001_200, 1_700_000_000_000);
        check(Mode::Correct, 1_000_000_000, 1_700_000_000_000);
    }

    #[test]
    fn their_time_is_known_whatever_is_signed_with_unless_it_is_broken() {
        let now = UnixMillis(1_700_000_000_000);
        for mode in [Mode::Correct, Mode::Report] {
            let skew = ClockSkew::new(mode, Metrics::new().unwrap().upstream.clock_skew("p"));
            assert_eq!(skew.theirs(now), None);
            for (date, expected) in [
                (1_700_000_001, Some(now)),
                (1_699_998_800, Some(UnixMillis(1_699_998_800_500))),
                (1_000_000_000, None),
            ] {
                skew.measure(UNIX_EPOCH + Duration::from_secs(date), now);
                assert_eq!(skew.theirs(now), expected, "{date}");
            }
        }
    }
}
