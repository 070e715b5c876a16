//! What changes all the time is reported now and then.

use std::time::{Duration, Instant};

/// The shortest time between two reports.
const PAUSE: Duration = Duration::from_secs(10);

/// What was last reported of something that is so, or is not.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChangeReport {
    /// `None` where anything would be news.
    said: Option<bool>,
    at: Option<Instant>,
}

impl ChangeReport {
    /// That it is so needs no report at first.
    #[must_use]
    pub fn beginning_with(is_so: bool) -> Self {
        Self { said: Some(is_so), at: None }
    }

    /// Whether it is to be reported that it is so, or is not: where that is other than was last reported, and not too often. What
    /// lasts is reported when this is asked again.
    pub fn is_due(&mut self, is_so: bool, now: Instant) -> bool {
        let is_soon = self.at.is_some_and(|at| now.saturating_duration_since(at) < PAUSE);
        if is_soon || self.said == Some(is_so) {
            return false;
        }
        *self = Self { said: Some(is_so), at: Some(now) };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_and_goes_is_told_of_every_ten_seconds() {
        let (mut report, start) = (ChangeReport::default(), Instant::now());
        assert!(report.is_due(true, start), "the first is said");
        let after = |tenths: u32| start + Duration::from_millis(100) * tenths;
        let said: Vec<_> = (1..=310).filter(|tenths| report.is_due(tenths % 2 == 0, after(*tenths))).collect();
        assert_eq!(said, [101, 202, 303]);
        assert!(report.is_due(true, after(10_000)) && !report.is_due(true, after(20_000)), "once for what stays");
    }

    #[test]
    fn what_it_begins_with_is_no_news() {
        let (mut report, start) = (ChangeReport::beginning_with(false), Instant::now());
        assert!(!report.is_due(false, start));
        assert!(report.is_due(true, start), "a change is, at once");
    }
}
