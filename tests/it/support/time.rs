//! Waiting for conditions, and the machine's clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a condition may take that should hold at once: generous, the machine is shared.
pub const CONDITION_LIMIT: Duration = Duration::from_secs(15);

/// More than anything takes that happens at once, on a shared machine, and much less than what does not.
pub const AT_ONCE: Duration = Duration::from_secs(5);

/// Milliseconds since 1970.
pub fn now_millis() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis()).expect("fits")
}

/// Asks `condition` again and again until it has an answer.
#[track_caller]
pub fn until<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    within(CONDITION_LIMIT, condition).unwrap_or_else(|| panic!("waited {CONDITION_LIMIT:?} for {what}"))
}

/// Asks `condition` until it has an answer or the time is over.
pub fn within<T>(limit: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = condition() {
            return Some(answer);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The calendar's view of `2017-09-28T08:05:19.123Z`: milliseconds since 1970.
pub fn parse_rfc3339_millis(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    if bytes.len() != 24 || bytes[10] != b'T' || bytes[19] != b'.' || bytes[23] != b'Z' {
        return None;
    }
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    // Days from a civil date, after Howard Hinnant.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted - era * 400;
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    let seconds = days * 86_400 + number(11..13)? * 3600 + number(14..16)? * 60 + number(17..19)?;
    u64::try_from(seconds * 1000 + number(20..23)?).ok()
}

/// The other direction.
pub fn format_rfc3339_millis(millis: u64) -> String {
    let days = i64::try_from(millis / 86_400_000).expect("fits") + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days - era * 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let rest = millis % 86_400_000;
    let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", rest % 1000)
}

/// The same as HTTP's `Date` has it.
pub fn format_http_date(millis: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = format_rfc3339_millis(millis);
    let day = DAYS[usize::try_from(millis / 86_400_000 % 7).expect("fits")];
    let month = MONTHS[text[5..7].parse::<usize>().expect("a month") - 1];
    format!("{day}, {} {month} {} {} GMT", &text[8..10], &text[..4], &text[11..19])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        assert_eq!(format_rfc3339_millis(1_503_907_519_123), "2017-08-28T08:05:19.123Z");
        assert_eq!(parse_rfc3339_millis("2017-08-28T08:05:19.123Z"), Some(1_503_907_519_123));
        assert_eq!(parse_rfc3339_millis("2024-02-29T23:59:59.999Z"), Some(1_709_251_199_999));
        assert_eq!(format_rfc3339_millis(1_709_251_199_999), "2024-02-29T23:59:59.999Z");
        assert_eq!(parse_rfc3339_millis("2017-08-28T08:05:19Z"), None);
        assert_eq!(format_http_date(1_503_907_519_123), "Mon, 28 Aug 2017 08:05:19 GMT");
    }
}
