//! A bounded number of lines a second.

use std::time::{Duration, Instant};

/// Lines of one sort, of the whole process.
#[derive(Debug, Default)]
pub(super) struct LineRate(Option<(Instant, u32)>);

impl LineRate {
    /// Lines a second.
    pub(super) const PER_SECOND: u32 = 20;

    /// Whether one more line may be written in this second, which is counted then.
    pub(super) fn permits(&mut self, now: Instant) -> bool {
        let this_second = |(since, _): &(Instant, u32)| now.saturating_duration_since(*since) < Duration::from_secs(1);
        let (since, lines) = self.0.filter(this_second).unwrap_or((now, 0));
        let permits = lines < Self::PER_SECOND;
        self.0 = Some((since, lines + u32::from(permits)));
        permits
    }
}
