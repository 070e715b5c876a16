//! How many requests a target gets at once, and when it gets none: less while it is under strain, slowly more when it is well again.

use std::time::Duration;

use tokio::time::Instant;

/// The first pause of a target that does not answer, and the longest.
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(30);

/// One target's pace.
#[derive(Debug)]
pub(super) struct Pace {
    most: f64,
    allowed: f64,
    /// What began before that knew nothing of it.
    halved_at: Option<Instant>,
    /// No request goes out before, as the target said so.
    closed_until: Option<Instant>,
    /// No message is received before, as nobody answers.
    rests_until: Option<Instant>,
    /// Unanswered in a row.
    unanswered: u32,
}

impl Pace {
    /// At most `most` at once, which is allowed at the start.
    pub(super) fn new(most: usize) -> Self {
        let most = f64::from(u32::try_from(most.max(1)).unwrap_or(u32::MAX));
        Self { most, allowed: most, halved_at: None, closed_until: None, rests_until: None, unanswered: 0 }
    }

    /// Requests that may be under way at once now: one at least.
    pub(super) fn allowed(&self) -> usize {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to the configured number")]
        let allowed = self.allowed as usize;
        allowed.max(1)
    }

    /// The target is well. About one more for each round of all that are allowed.
    pub(super) fn succeeded(&mut self) {
        self.allowed = (self.allowed + 1.0 / self.allowed).min(self.most);
        (self.unanswered, self.rests_until) = (0, None);
    }

    /// The target has too much to do: half as many, once for all that were under way together. Nothing goes out for `pause`.
    pub(super) fn throttled(&mut self, began: Instant, now: Instant, pause: Option<Duration>) {
        self.halve(began, now);
        if let Some(until) = pause.filter(|pause| !pause.is_zero()).and_then(|pause| now.checked_add(pause)) {
            self.closed_until = Some(self.closed_until.map_or(until, |known| known.max(until)));
        }
    }

    /// Nobody answers: half as many, and where that is one already, no further messages for a while.
    pub(super) fn not_answered(&mut self, began: Instant, now: Instant) {
        if self.allowed() == 1 && self.is_news(began) {
            let rest = FIRST_REST.saturating_mul(1 << self.unanswered.min(5)).min(LONGEST_REST);
            self.unanswered = self.unanswered.saturating_add(1);
            self.rests_until = now.checked_add(rest);
        }
        self.halve(began, now);
    }

    /// An operator lets the subscription go on: whatever was asked for or met before does not hold any more.
    pub(super) fn lift(&mut self) {
        (self.closed_until, self.rests_until, self.unanswered) = (None, None, 0);
    }

    /// Until when no request goes out.
    pub(super) fn closed_until(&self, now: Instant) -> Option<Instant> {
        self.closed_until.filter(|until| *until > now)
    }

    /// Until when nothing is received.
    pub(super) fn receives_from(&self, now: Instant) -> Option<Instant> {
        let rests_until = self.rests_until.filter(|until| *until > now);
        self.closed_until(now).max(rests_until)
    }

    fn is_news(&self, began: Instant) -> bool {
        self.halved_at.is_none_or(|halved_at| began >= halved_at)
    }

    fn halve(&mut self, began: Instant, now: Instant) {
        if self.is_news(began) {
            self.allowed = (self.allowed / 2.0).max(1.0);
            self.halved_at = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_full_target_gets_half_and_slowly_more() {
        let (start, mut pace) = (Instant::now(), Pace::new(16));
        assert_eq!(pace.allowed(), 16);
        // All that were under way together are one sign.
        for _ in 0..16 {
            pace.throttled(start, start + SECOND, None);
        }
        assert_eq!(pace.allowed(), 8);
        pace.throttled(start + SECOND, start + 2 * SECOND, None);
        assert_eq!(pace.allowed(), 4);
        let rounds = (1..).find(|_| {
            pace.succeeded();
            pace.allowed() == 16
        });
        // 4 + 5 + … + 15, about.
        assert!((100..130).contains(&rounds.unwrap()), "{rounds:?}");
        for _ in 0..100 {
            pace.succeeded();
        }
        assert_eq!(pace.allowed(), 16);
    }

    #[test]
    fn what_the_target_asks_for_holds_for_all_and_the_longest_counts() {
        let (start, mut pace) = (Instant::now(), Pace::new(4));
        pace.throttled(start, start, Some(5 * SECOND));
        pace.throttled(start, start + SECOND, Some(SECOND));
        assert_eq!(pace.closed_until(start + SECOND), Some(start + 5 * SECOND));
        assert_eq!(pace.receives_from(start + SECOND), Some(start + 5 * SECOND));
        assert_eq!(pace.closed_until(start + 5 * SECOND), None);
        pace.lift();
        assert_eq!(pace.receives_from(start + SECOND), None, "an operator knows better");
    }

    #[test]
    fn while_nobody_answers_fewer_messages_are_asked_for_until_somebody_does() {
        let (start, mut pace) = (Instant::now(), Pace::new(4));
        let mut now = start;
        let mut rests = Vec::new();
        for _ in 0..10 {
            let began = now;
            now += SECOND;
            pace.not_answered(began, now);
            rests.push(pace.receives_from(now).map_or(0, |until| (until - now).as_secs()));
        }
        assert_eq!(rests, [0, 0, 1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!((pace.allowed(), pace.closed_until(now)), (1, None), "what is in hand goes by its schedule");
        pace.succeeded();
        assert_eq!((pace.receives_from(now), pace.allowed()), (None, 2));
    }
}
