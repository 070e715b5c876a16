//! The difference between the MQ's clock and ours, measured from every answer's `Date`.
//!
//! A signature lives 15 s by the MQ's clock (protocol notes ONS 3.2): a machine whose clock is wrong would be refused
//! for ever. So requests are signed with the MQ's time, as far as it is known, unless the profile says otherwise.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::config::ClockSkew as Mode;
use crate::model::UnixMillis;
use crate::telemetry::SecondsGauge;

/// A date has whole seconds and took some time to arrive: less than this is no difference.
const NOISE: i64 = 2_000;
/// More than this is a broken clock or a broken header, and is shown but not followed.
const FURTHEST: i64 = 24 * 3600 * 1000;

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
        let Ok(theirs) = date.duration_since(UNIX_EPOCH) else { return };
        // Half a second is the middle of the second that the header names.
        let theirs = signed(theirs.as_millis()).saturating_add(500);
        let millis = theirs.saturating_sub(signed(u128::from(now.0)));
        self.millis.store(millis, Ordering::Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "milliseconds within centuries fit a float's 53 bits")]
        self.gauge.set(millis as f64 / 1000.0);
    }

    /// The time to sign with.
    pub(super) fn corrected(&self, now: UnixMillis) -> UnixMillis {
        let millis = self.millis.load(Ordering::Relaxed);
        if self.mode == Mode::Report || millis.abs() < NOISE || millis.abs() > FURTHEST {
            return now;
        }
        let by = Duration::from_millis(millis.unsigned_abs());
        if millis > 0 { now + by } else { now - by }
    }

    /// In words, for people.
    pub(super) fn describe(&self) -> String {
        let millis = self.millis.load(Ordering::Relaxed);
        if millis == UNKNOWN {
            return "it sent no Date, so its clock is unknown".to_owned();
        }
        if millis.abs() < NOISE {
            return "the clocks agree, as far as its Date header shows".to_owned();
        }
        let (seconds, direction) = (millis.unsigned_abs() / 1000, if millis > 0 { "ahead of" } else { "behind" });
        let followed = match self.mode {
            Mode::Correct if millis.abs() <= FURTHEST => "which is corrected in what we sign",
            Mode::Correct => "which is too much to be corrected",
            Mode::Report => "which clock_skew = \"report\" leaves as it is",
        };
        format!("its clock is {seconds} s {direction} ours, {followed}")
    }
}

fn signed(millis: u128) -> i64 {
    i64::try_from(millis).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
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
}
