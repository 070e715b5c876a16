//! How many successes a second there were, over the last minute.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// What a rate is counted over, in slices.
const SLICE: Duration = Duration::from_secs(5);
const SLICES: usize = 12;

/// Successes of the last minute, by slices of time.
#[derive(Debug)]
pub(super) struct Rate {
    began: Instant,
    slices: VecDeque<(u64, u64)>,
}

impl Rate {
    pub(super) fn new(began: Instant) -> Self {
        Self { began, slices: VecDeque::new() }
    }

    fn slice(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.began).as_secs() / SLICE.as_secs()
    }

    pub(super) fn note(&mut self, now: Instant) {
        let slice = self.slice(now);
        match self.slices.back_mut() {
            Some((last, count)) if *last == slice => *count += 1,
            _ => self.slices.push_back((slice, 1)),
        }
        while self.slices.len() > SLICES {
            self.slices.pop_front();
        }
    }

    pub(super) fn per_second(&mut self, now: Instant) -> f64 {
        let oldest = (self.slice(now) + 1).saturating_sub(SLICES as u64);
        self.slices.retain(|(slice, _)| *slice >= oldest);
        let count: u64 = self.slices.iter().map(|(_, count)| count).sum();
        let span = now.saturating_duration_since(self.began).as_secs_f64().clamp(1.0, 60.0);
        #[expect(clippy::cast_precision_loss, reason = "a minute's successes")]
        let count = count as f64;
        count / span
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_over_the_last_minute_or_since_the_start() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        let at = |seconds| start + Duration::from_secs(seconds);
        for second in 0..10 {
            (0..6).for_each(|_| rate.note(at(second)));
        }
        assert!((rate.per_second(at(10)) - 6.0).abs() < 0.01);
        assert!((rate.per_second(at(50)) - 1.2).abs() < 0.01);
        assert!(rate.per_second(at(120)).abs() < f64::EPSILON);
    }
}
