//! How far the MQ's clock is from ours, by the `Date` of what it sends.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::model::UnixMillis;

/// The MQ's clock minus ours, in milliseconds: negative when it is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClockOffset(pub i64);

impl ClockOffset {
    /// Less cannot be measured: a `Date` has whole seconds, and it took some time to arrive.
    const NOISE_MILLIS: u64 = 2_000;

    /// What a `Date` says that arrived at `now`; `None` before 1970.
    #[must_use]
    pub fn measured(date: SystemTime, now: UnixMillis) -> Option<Self> {
        let theirs = date.duration_since(UNIX_EPOCH).ok()?;
        // Half a second is the middle of the second that the header names.
        let theirs = signed(theirs.as_millis()).saturating_add(500);
        Some(Self(theirs.saturating_sub(signed(u128::from(now.0)))))
    }

    /// In seconds, for people and metrics.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "milliseconds within centuries fit a float's 53 bits")]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// Whether the MQ's clock is ahead of ours.
    #[must_use]
    pub const fn is_ahead(self) -> bool {
        self.0 > 0
    }

    /// How far the clocks are apart.
    #[must_use]
    pub const fn distance(self) -> Duration {
        Duration::from_millis(self.0.unsigned_abs())
    }

    /// Too small to tell from none.
    #[must_use]
    pub const fn is_noise(self) -> bool {
        self.0.unsigned_abs() < Self::NOISE_MILLIS
    }

    /// The MQ's time when ours is `now`.
    #[must_use]
    pub fn applied_to(self, now: UnixMillis) -> UnixMillis {
        if self.is_ahead() { now + self.distance() } else { now - self.distance() }
    }
}

fn signed(millis: u128) -> i64 {
    i64::try_from(millis).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_the_middle_of_its_second() {
        for (date, offset, noise) in [
            (1_700_000_000, 500, true),
            (1_700_000_002, 2_500, false),
            (1_699_999_998, -1_500, true),
            (1_699_998_800, -1_199_500, false),
        ] {
            let now = UnixMillis(1_700_000_000_000);
            let measured = ClockOffset::measured(UNIX_EPOCH + Duration::from_secs(date), now).unwrap();
            assert_eq!((measured, measured.is_noise()), (ClockOffset(offset), noise), "{date}");
            assert_eq!(measured.applied_to(now), UnixMillis(date * 1000 + 500));
        }
        assert_eq!(ClockOffset::measured(UNIX_EPOCH - Duration::from_secs(1), UnixMillis(0)), None);
    }
}
