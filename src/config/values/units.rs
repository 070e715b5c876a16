//! Durations (`"1m30s"`) and sizes (`"4MiB"`), read and written; times.

use std::time::Duration;

use bytesize::ByteSize;

use crate::model::UnixMillis;

/// Reads `5s`, `1m30s`, `250ms`; a bare number is none.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let signed: jiff::SignedDuration = text.trim().parse().ok()?;
    Duration::try_from(signed).ok()
}

/// Reads `4MiB`, `64KiB`, `1GB`, `4096`.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    text.trim().parse::<ByteSize>().ok().map(|size| size.as_u64())
}

/// Writes a duration so that [`parse_duration`] reads it back.
pub(crate) fn duration_text(duration: Duration) -> String {
    if duration.is_zero() {
        return "0s".to_owned();
    }
    match jiff::SignedDuration::try_from(duration) {
        Ok(signed) => format!("{signed:#}").replace(' ', ""),
        Err(_) => format!("{}s", duration.as_secs()),
    }
}

pub(crate) const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

pub(crate) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(crate) const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

pub(crate) const fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3600)
}

/// Nothing here is finer than a millisecond.
pub(super) fn millisecond_text(duration: Duration) -> String {
    let fraction = Duration::from_nanos(u64::from(duration.subsec_nanos() % 1_000_000));
    duration_text(duration.saturating_sub(fraction))
}

/// Writes a size in the largest unit that divides it.
pub(super) fn size_text(size: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    for (factor, unit) in UNITS {
        if size >= factor && size.is_multiple_of(factor) {
            return format!("{}{unit}", size / factor);
        }
    }
    format!("{size}B")
}

/// Reads an RFC 3339 time.
pub(super) fn parse_time(text: &str) -> Option<UnixMillis> {
    let time: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(time.as_millisecond()).ok().map(UnixMillis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(parse_duration("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse_duration("72h"), Some(Duration::from_secs(72 * 3600)));
        for bad in ["", "5", "5x", "s", "-5s", "5s ago", "1.2.3s"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
        for millis in [0, 1, 999, 1000, 1500, 3_661_001, 86_400_000, 365 * 86_400_000] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_duration(&duration_text(duration)), Some(duration), "{millis}");
        }
        for text in ["0s", "5s", "1m30s", "100ms", "24h"] {
            assert_eq!(parse_duration(text).map(duration_text).as_deref(), Some(text));
        }
    }

    #[test]
    fn sizes_are_bytes_or_have_a_unit() {
        assert_eq!(parse_size("4MiB"), Some(4 << 20));
        assert_eq!(parse_size("64 KiB"), Some(65_536));
        assert_eq!(parse_size("1GB"), Some(1_000_000_000));
        assert_eq!(parse_size("4096"), Some(4096));
        for bad in ["", "MiB", "4 apples", "-4MiB"] {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
        for text in ["4MiB", "64KiB", "1GiB", "1B"] {
            assert_eq!(parse_size(text).map(size_text).as_deref(), Some(text));
        }
    }
}
