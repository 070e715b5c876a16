//! Durations on the command line.

use std::time::Duration;

use crate::config::parse_duration;

/// Reads `90s`, `1h30m`, or whole seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    parse_duration(text).ok_or_else(|| "write a duration such as 90s or 1h30m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_may_be_bare() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert!(duration("-5s").is_err() && duration("soon").is_err() && duration("").is_err());
    }
}
