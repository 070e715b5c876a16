//! Times in JSON: RFC 3339 in UTC.

use std::time::Duration;

use crate::model::{MAX_DELAY, UnixMillis};

/// `2026-11-24T08:00:00.123Z`.
pub(super) fn rfc3339(time: UnixMillis) -> String {
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

/// When to deliver, from `deliver_at` or `delay_seconds`: `None` for a past time, which is now.
///
/// # Errors
/// What was expected, naming the limit.
pub(super) fn deliver_at(text: &str, now: UnixMillis) -> Result<Option<UnixMillis>, String> {
    let time: jiff::Timestamp = text
        .parse()
        .map_err(|_| "must be a time such as 2026-11-24T08:00:00Z (RFC 3339 with Z or an offset)".to_owned())?;
    let time = UnixMillis(u64::try_from(time.as_millisecond()).unwrap_or(0));
    bounded(time, now)
}

/// As [`deliver_at`], from a number of seconds.
pub(super) fn delay(seconds: u64, now: UnixMillis) -> Result<Option<UnixMillis>, String> {
    bounded(now + Duration::from_secs(seconds.min(u64::MAX / 1000)), now)
}

fn bounded(time: UnixMillis, now: UnixMillis) -> Result<Option<UnixMillis>, String> {
    if time > now + MAX_DELAY {
        return Err(format!("must be at most {} days ahead", MAX_DELAY.as_secs() / 86_400));
    }
    Ok((time > now).then_some(time))
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
        assert!(deliver_at("2017-12-28T08:05:20Z", now).is_err());
        assert!(deliver_at("tomorrow", now).is_err());
        assert_eq!(delay(0, now), Ok(None));
        assert_eq!(delay(40 * 86_400, now), Ok(Some(now + MAX_DELAY)));
        assert!(delay(40 * 86_400 + 1, now).is_err());
        assert!(delay(u64::MAX, now).is_err());
    }
}
