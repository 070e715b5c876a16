//! When a feed polls, and how many polls are under way: without futures, so that it is seen what leads to what.

use std::time::Duration;

use tokio::time::Instant;

/// A poll that brings all it asked for, and at least this many, shows that there is more than one poll can bring.
const MANY: usize = 8;
/// Most polls at once.
const MOST_POLLS: usize = 4;
/// After a failure, doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(16);
/// Polls that bring nothing, and do not wait either, follow each other no faster.
const SHORTEST_ROUND: Duration = Duration::from_secs(1);

/// What is under way, and what may begin.
#[derive(Debug)]
pub(super) struct Rhythm {
    /// Messages that the polls under way may bring.
    pub(super) asked_for: usize,
    /// Polls that may be under way.
    pub(super) at_once: usize,
    /// In a row.
    failures: u32,
    /// The next poll begins no sooner.
    pub(super) not_before: Instant,
}

/// One poll's answer, as far as it matters here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Brought {
    pub(super) messages: usize,
    /// How many the MQ let a poll ask for, where that is fewer.
    pub(super) applied_max_messages: Option<u32>,
}

impl Rhythm {
    pub(super) fn new(now: Instant) -> Self {
        Self { asked_for: 0, at_once: 1, failures: 0, not_before: now }
    }

    /// A poll that asked for `asked` messages has its answer; `None` is a failure.
    pub(super) fn answered(&mut self, asked: usize, began: Instant, brought: Option<Brought>, now: Instant) {
        self.asked_for = self.asked_for.saturating_sub(asked);
        let Some(Brought { messages, applied_max_messages }) = brought else {
            self.not_before = now + FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.failures)).min(LONGEST_PAUSE);
            self.failures = self.failures.saturating_add(1);
            self.at_once = 1;
            return;
        };
        self.failures = 0;
        let is_full = messages >= MANY && applied_max_messages.map_or(asked, |it| it as usize) <= messages;
        self.at_once = if is_full { MOST_POLLS.min(self.at_once + 1) } else { 1 };
        if messages == 0 {
            self.not_before = self.not_before.max(began + SHORTEST_ROUND);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_answers_make_more_polls_and_any_other_makes_one() {
        let now = Instant::now();
        let mut rhythm = Rhythm::new(now);
        for (asked, messages, applied, at_once) in [
            (32, 32, None, 2),
            (32, 32, None, 3),
            (32, 16, Some(16), 4),
            (32, 40, None, 4),
            (32, 31, None, 1),
            (7, 7, None, 1),
            (8, 8, None, 2),
            (32, 0, None, 1),
        ] {
            rhythm.asked_for = asked + 5;
            rhythm.answered(asked, now, Some(Brought { messages, applied_max_messages: applied }), now);
            assert_eq!((rhythm.at_once, rhythm.asked_for), (at_once, 5), "{messages} of {asked}");
        }
    }

    #[test]
    fn failures_are_followed_by_ever_longer_pauses_and_empty_answers_by_a_short_one() {
        let now = Instant::now();
        let mut rhythm = Rhythm::new(now);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            rhythm.answered(1, now, None, now);
            pauses.push((rhythm.not_before - now).as_millis());
        }
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 16_000, 16_000]);
        let later = now + Duration::from_secs(60);
        rhythm.answered(1, later, Some(Brought { messages: 0, applied_max_messages: None }), later);
        assert_eq!(rhythm.not_before, later + SHORTEST_ROUND);
        rhythm.answered(1, later, None, later + Duration::from_secs(5));
        assert_eq!(rhythm.not_before, later + Duration::from_secs(5) + FIRST_PAUSE, "the first one again");
    }
}
