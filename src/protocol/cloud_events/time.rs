//! The times of events: RFC 3339, as all official libraries read it.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Nobody keeps more digits of a second.
const MOST_DIGITS: usize = 9;

/// The time in UTC with `T` and `Z`, the digits of its second as they were written; `None` for anything but a time.
pub(super) fn canonical(text: &str) -> Option<Cow<'_, str>> {
    let parts = Parts::of(text)?;
    let is_canonical = parts.offset == "Z" && parts.date_time.as_bytes().get(10) == Some(&b'T');
    let digits = parts.digits.get(..parts.digits.len().min(MOST_DIGITS))?;
    let date_time = parts.date_time.to_ascii_uppercase();
    let utc = if parts.offset.eq_ignore_ascii_case("z") {
        date_time.parse::<jiff::civil::DateTime>().ok()?
    } else {
        let time: jiff::Timestamp = format!("{date_time}{}", parts.offset).parse().ok()?;
        jiff::tz::Offset::UTC.to_datetime(time)
    };
    // The year before the first has no four digits.
    if utc.year() < 0 {
        return None;
    }
    if is_canonical && digits.len() == parts.digits.len() {
        return Some(text.into());
    }
    let mut written = utc.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    if !digits.is_empty() {
        write!(written, ".{digits}").ok()?;
    }
    written.push('Z');
    Some(written.into())
}

/// A time as it is written.
struct Parts<'a> {
    /// `2018-04-05T17:31:00`.
    date_time: &'a str,
    /// Behind the point of a second, empty without one.
    digits: &'a str,
    /// `Z`, or with its sign.
    offset: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Option<Self> {
        const DATE_TIME: &[u8] = b"0000-00-00T00:00:00";
        let (date_time, rest) = text.split_at_checked(DATE_TIME.len())?;
        let fits = |(byte, pattern): (u8, u8)| match pattern {
            b'0' => byte.is_ascii_digit(),
            other => byte.eq_ignore_ascii_case(&other),
        };
        if !date_time.bytes().zip(DATE_TIME.iter().copied()).all(fits) {
            return None;
        }
        let (digits, offset) = match rest.strip_prefix('.') {
            None => ("", rest),
            Some(rest) => rest.split_at_checked(rest.find(|letter: char| !letter.is_ascii_digit())?)?,
        };
        let has_digits = !rest.starts_with('.') || !digits.is_empty();
        let is_offset = offset.eq_ignore_ascii_case("z")
            || (offset.len() == 6
                && offset.bytes().zip(*b"+00:00").all(|(byte, pattern)| match pattern {
                    b'+' => matches!(byte, b'+' | b'-'),
                    other => fits((byte, other)),
                }));
        (has_digits && is_offset).then_some(Self { date_time, digits, offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_utc() {
        for (text, expected) in [
            ("2018-04-05T17:31:00Z", Some("2018-04-05T17:31:00Z")),
            ("2018-04-05T17:31:00.123456789Z", Some("2018-04-05T17:31:00.123456789Z")),
            ("2018-04-05T17:31:00.1234567891Z", Some("2018-04-05T17:31:00.123456789Z")),
            ("2018-04-05T19:31:00+02:00", Some("2018-04-05T17:31:00Z")),
            ("2018-04-05T19:31:00.50-02:30", Some("2018-04-05T22:01:00.50Z")),
            ("2018-04-05t17:31:00z", Some("2018-04-05T17:31:00Z")),
            ("9999-12-31T23:59:59Z", Some("9999-12-31T23:59:59Z")),
            ("0001-01-01T00:00:00Z", Some("0001-01-01T00:00:00Z")),
            ("0000-01-01T00:01:00+00:01", Some("0000-01-01T00:00:00Z")),
            ("0000-01-01T00:00:00+00:01", None),
            ("9999-12-31T23:59:59-00:01", None),
            ("2018-04-05T19:31:00-00:00", Some("2018-04-05T19:31:00Z")),
            ("2018-02-30T00:00:00Z", None),
            ("2018-04-05T17:31:00", None),
            ("2018-04-05 17:31:00Z", None),
            ("2018-04-05T17:31:00.Z", None),
            ("2018-04-05T17:31:00.5", None),
            ("2018-04-05T17:31Z", None),
            ("2018-04-05T17:31:00+0200", None),
            ("2018-04-05T17:31:00Z[UTC]", None),
            ("yesterday", None),
            ("", None),
            ("2018-04-05T17:31:0€", None),
        ] {
            assert_eq!(canonical(text).as_deref(), expected, "{text}");
        }
        assert!(matches!(canonical("2018-04-05T17:31:00.5Z"), Some(Cow::Borrowed(_))));
    }
}
