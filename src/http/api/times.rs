//! Times in JSON: RFC 3339 in UTC.

use std::time::Duration;

use crate::model::{MAX_DELAY, UnixMillis};

/// `2026-11-24T08:00:00.123Z`.
pub(in crate::http) fn rfc3339(time: UnixMillis) -> String {
    let timestamp = i64::try_from(time.0).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    let Some(timestamp) = timestamp else { return String::new() };
    let utc = jiff::tz::Offset::UTC.to_datetime(timestamp);
    // Digit by digit: every message of a receive has two of them.
    let mut digits = [b'0'; 17];
    let mut rest = digits.as_mut_slice();
    for (number, places) in [
        (utc.year(), 4),
        (utc.month().into(), 2),
        (utc.day().into(), 2),
        (utc.hour().into(), 2),
        (utc.minute().into(), 2),
        (utc.second().into(), 2),
        (utc.millisecond(), 3),
    ] {
        let (part, after) = rest.split_at_mut(places);
        let mut number = number.unsigned_abs();
        for digit in part.iter_mut().rev() {
            *digit += u8::try_from(number % 10).unwrap_or_default();
            number /= 10;
        }
        rest = after;
    }
    let mut text = String::with_capacity(24);
    for (digit, place) in digits.iter().zip(1..) {
        text.push(char::from(*digit));
        match place {
            4 | 6 => text.push('-'),
            8 => text.push('T'),
            10 | 12 => text.push(':'),
            14 => text.push('.'),
            _ => {}
        }
    }
    text.push('Z');
    text
}

/// The most that `delay_seconds` may be.
pub(super) const MAX_DELAY_SECONDS: u64 = MAX_DELAY.as_secs();
const SECONDS_OF_DAY: u64 = 86_400;

/// When to deliver, from `deliver_at` or `delay_seconds`: `None` for a past time, which is now.
///
/// # Errors
/// What was expected, naming the limit.
pub(super) fn deliver_at(text: &str, now: UnixMillis) -> Result<Option<UnixMillis>, String> {
    let time = match text.parse::<jiff::Timestamp>() {
        Ok(time) => UnixMillis(u64::try_from(time.as_millisecond()).unwrap_or(0)),
        Err(_) => no_timestamp(text)?,
    };
    if time > now + MAX_DELAY {
        let days = MAX_DELAY_SECONDS / SECONDS_OF_DAY;
        return Err(format!(
            "must be at most {days} days ahead ({}): choose an earlier time",
            rfc3339(now + MAX_DELAY)
        ));
    }
    Ok((time > now).then_some(time))
}

/// A text that is a time all the same, only beyond those that the library counts with: the first or the last there is.
fn no_timestamp(text: &str) -> Result<UnixMillis, String> {
    let parts = jiff::fmt::temporal::Pieces::parse(text).ok();
    match parts.map(|parts| (parts.time().is_some(), parts.offset().is_some(), parts.date().year() > 0)) {
        Some((true, true, true)) => Ok(UnixMillis(u64::MAX)),
        Some((true, true, false)) => Ok(UnixMillis(0)),
        Some((true, false, _)) => {
            Err("has no zone: end it with Z for UTC, or with an offset such as +08:00".to_owned())
        }
        Some((false, _, _)) | None => {
            Err("must be a time such as 2026-11-24T08:00:00Z (RFC 3339 with Z or an offset)".to_owned())
        }
    }
}

/// As [`deliver_at`], from a number of seconds.
pub(super) fn delay(seconds: u64, now: UnixMillis) -> Result<Option<UnixMillis>, String> {
    if seconds > MAX_DELAY_SECONDS {
        let days = MAX_DELAY_SECONDS / SECONDS_OF_DAY;
        return Err(format!("must be at most {MAX_DELAY_SECONDS} ({days} days): send a shorter delay"));
    }
    Ok((seconds > 0).then(|| now + Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_and_out() {
        assert_eq!(rfc3339(UnixMillis(1_503_907_519_123)), "2017-08-28T08:05:19.123Z");
        assert_eq!(rfc3339(UnixMillis(1_503_907_519_000)), "2017-08-28T08:05:19.000Z");
        for time in [0, 1, 951_782_399_999, 951_782_400_000, 4_102_444_799_999, 253_402_207_200_000] {
            let library = jiff::Timestamp::from_millisecond(i64::try_from(time).unwrap()).unwrap();
            assert_eq!(rfc3339(UnixMillis(time)), format!("{library:.3}"));
        }
        let now = UnixMillis(1_503_907_519_123);
        assert_eq!(deliver_at("2017-08-28T08:05:20.5Z", now), Ok(Some(UnixMillis(1_503_907_520_500))));
        assert_eq!(deliver_at("2017-08-28T16:05:20+08:00", now), Ok(Some(UnixMillis(1_503_907_520_000))));
        assert_eq!(deliver_at("1999-01-01T00:00:00Z", now), Ok(None));
        assert!(deliver_at("tomorrow", now).is_err());
        assert_eq!(delay(0, now), Ok(None));
        assert_eq!(delay(40 * 86_400, now), Ok(Some(now + MAX_DELAY)));
    }

    #[test]
    fn far_times_name_the_limit_and_what_is_missing_is_told() {
        let now = UnixMillis(1_503_907_519_123);
        let far = "must be at most 40 days ahead (2017-10-07T08:05:19.123Z): choose an earlier time";
        for text in [
            "2017-10-07T08:05:20Z",
            "9999-12-30T22:00:00Z",
            "9999-12-30T22:00:01Z",
            "9999-12-31T23:59:59Z",
            "9999-12-31T23:59:59.999999999-23:59",
        ] {
            assert_eq!(deliver_at(text, now), Err(far.to_owned()), "{text}");
        }
        assert_eq!(deliver_at("-009999-01-01T00:00:00+12:00", now), Ok(None));
        for (text, words) in [
            ("2017-08-28T08:05:20", "has no zone"),
            ("9999-12-31 23:59:59", "has no zone"),
            ("2017-08-28T08:05:20[Asia/Shanghai]", "has no zone"),
            ("2017-08-28", "must be a time such as"),
            ("10000-01-01T00:00:00Z", "must be a time such as"),
            ("1503907520", "must be a time such as"),
            ("2017-02-30T00:00:00Z", "must be a time such as"),
            ("", "must be a time such as"),
        ] {
            let detail = deliver_at(text, now).unwrap_err();
            assert!(detail.starts_with(words), "{text}: {detail}");
        }
        for seconds in [40 * 86_400 + 1, 1_000_000_000_000_000_000, u64::MAX] {
            let expected = "must be at most 3456000 (40 days): send a shorter delay";
            assert_eq!(delay(seconds, now), Err(expected.to_owned()));
        }
    }
}
