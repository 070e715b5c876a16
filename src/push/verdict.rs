//! What the answer of a target means for its message.

use std::time::Duration;

use serde::Deserialize;

use crate::config::SubscriptionConfig;
use crate::model::{UnixMillis, words};

use super::retry_after::retry_after;

/// How often a target is asked that says that it does not understand a message.
const TRIES_OF_THE_REFUSED: usize = 3;

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'a> {
    /// An answer.
    Status {
        /// Its status.
        status: u16,
        /// Its header `Retry-After`.
        retry_after: Option<&'a str>,
        /// Its body, if only an empty one; `None` where not all of it came, or it is too large.
        body: Option<&'a [u8]>,
    },
    /// None, or none in time.
    None,
}

/// What to do with the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was taken.
    Acknowledge,
    /// It is sent again, by the schedule.
    Retry {
        /// Not before this time has passed.
        not_before: Option<Duration>,
        /// No message of the subscription is sent until then.
        holds_all: bool,
    },
    /// It is a dead letter, whatever the schedule says.
    Final(FinalReason),
    /// The target does not want any more: the subscription is paused, and the message kept.
    PauseSubscription,
}

words! {
    /// Why a message is a dead letter before its schedule is over.
    pub enum FinalReason {
        /// 400 or 422, three times.
        NotUnderstood = "not_understood",
        /// 413.
        TooLarge = "too_large",
        /// 415.
        UnsupportedType = "unsupported_type",
        /// The target asked for it with `DROP`. Without a topic for dead letters it is acknowledged.
        Dropped = "dropped",
    }
}

/// Again, by the schedule.
const BY_SCHEDULE: Verdict = Verdict::Retry { not_before: None, holds_all: false };

/// What answers mean for one subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judge {
    /// Bodies of good answers are read, too.
    pub answer_status: bool,
    /// The longest that `Retry-After` can ask for.
    pub retry_after_max: Duration,
}

impl Judge {
    /// That of a subscription.
    #[must_use]
    pub fn of(config: &SubscriptionConfig) -> Self {
        Self { answer_status: config.answer_status, retry_after_max: config.retry_after_max }
    }

    /// What an answer means. `tries` is how many attempts there were, this one included, as the place in the schedule says; `now` is
    /// when it came.
    #[must_use]
    pub fn verdict(&self, answer: &Answer<'_>, tries: usize, now: UnixMillis) -> Verdict {
        let Answer::Status { status, retry_after: header, body } = *answer else { return BY_SCHEDULE };
        let asked_for = || header.and_then(|value| retry_after(value, now)).map(|time| time.min(self.retry_after_max));
        match status {
            // What did not come may have been a `RETRY`.
            200..=299 if self.answer_status => body.map_or(BY_SCHEDULE, verdict_of_body),
            200..=299 => Verdict::Acknowledge,
            400 | 422 if tries >= TRIES_OF_THE_REFUSED => Verdict::Final(FinalReason::NotUnderstood),
            410 => Verdict::PauseSubscription,
            // With the header it is for a while only.
            413 => match asked_for() {
                None => Verdict::Final(FinalReason::TooLarge),
                not_before @ Some(_) => Verdict::Retry { not_before, holds_all: false },
            },
            415 => Verdict::Final(FinalReason::UnsupportedType),
            429 | 503 => {
                let not_before = asked_for();
                Verdict::Retry { not_before, holds_all: not_before.is_some() }
            }
            _ => BY_SCHEDULE,
        }
    }
}

/// `{"status": …}`, as Dapr reads it: a word that nobody knows is a wish for a repetition; where there is none, all is well.
fn verdict_of_body(body: &[u8]) -> Verdict {
    #[derive(Deserialize)]
    struct Said {
        status: Option<String>,
    }
    match serde_json::from_slice::<Said>(body).ok().and_then(|said| said.status).as_deref() {
        None | Some("" | "SUCCESS") => Verdict::Acknowledge,
        Some("DROP") => Verdict::Final(FinalReason::Dropped),
        Some(_) => BY_SCHEDULE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(784_111_777_000);
    const JUDGE: Judge = Judge { answer_status: false, retry_after_max: Duration::from_secs(3600) };

    fn verdict(status: u16, header: Option<&str>, tries: usize) -> Verdict {
        JUDGE.verdict(&Answer::Status { status, retry_after: header, body: Some(b"{\"status\":\"DROP\"}") }, tries, NOW)
    }

    fn after(seconds: u64, holds_all: bool) -> Verdict {
        Verdict::Retry { not_before: Some(Duration::from_secs(seconds)), holds_all }
    }

    #[test]
    fn every_status_has_its_meaning() {
        for status in 100..=999 {
            for tries in [1, 2, 3, 4] {
                let expected = match status {
                    200..=299 => Verdict::Acknowledge,
                    400 | 422 if tries > 2 => Verdict::Final(FinalReason::NotUnderstood),
                    410 => Verdict::PauseSubscription,
                    413 => Verdict::Final(FinalReason::TooLarge),
                    415 => Verdict::Final(FinalReason::UnsupportedType),
                    _ => BY_SCHEDULE,
                };
                assert_eq!(verdict(status, None, tries), expected, "{status} {tries}");
            }
        }
        assert_eq!(JUDGE.verdict(&Answer::None, 9, NOW), BY_SCHEDULE);
    }

    #[test]
    fn three_statuses_may_ask_for_time() {
        for (status, holds_all) in [(429, true), (503, true), (413, false)] {
            assert_eq!(verdict(status, Some("120"), 1), after(120, holds_all), "{status}");
            assert_eq!(verdict(status, Some("Sun, 06 Nov 1994 08:50:37 GMT"), 1), after(60, holds_all), "{status}");
            assert_eq!(verdict(status, Some("0"), 1), after(0, holds_all), "{status}");
            assert_eq!(verdict(status, Some("86400"), 1), after(3600, holds_all), "{status}");
            assert_eq!(verdict(status, Some("soon"), 1), verdict(status, None, 1), "{status}");
        }
        for status in [200, 302, 400, 401, 404, 408, 409, 415, 425, 500, 502, 504] {
            assert_eq!(verdict(status, Some("120"), 1), verdict(status, None, 1), "{status}");
        }
    }

    #[test]
    fn a_body_decides_only_where_it_is_asked_and_the_status_is_good() {
        let judge = Judge { answer_status: true, ..JUDGE };
        let said = |status, body| judge.verdict(&Answer::Status { status, retry_after: None, body }, 1, NOW);
        for (body, expected) in [
            ("{\"status\":\"SUCCESS\"}", Verdict::Acknowledge),
            ("{\"status\":\"RETRY\"}", BY_SCHEDULE),
            ("{\"status\":\"DROP\",\"more\":1}", Verdict::Final(FinalReason::Dropped)),
            ("{\"status\":\"FAILED\"}", BY_SCHEDULE),
            ("{\"status\":\"\"}", Verdict::Acknowledge),
            ("{\"status\":null}", Verdict::Acknowledge),
            ("{\"status\":5}", Verdict::Acknowledge),
            ("{}", Verdict::Acknowledge),
            ("[]", Verdict::Acknowledge),
            ("OK", Verdict::Acknowledge),
            ("", Verdict::Acknowledge),
        ] {
            assert_eq!(said(200, Some(body.as_bytes())), expected, "{body}");
            assert_eq!(said(500, Some(body.as_bytes())), BY_SCHEDULE, "{body}");
        }
        assert_eq!(said(204, Some(b"")), Verdict::Acknowledge);
        // It did not come whole: nobody knows what it says.
        for status in [200, 202, 299] {
            assert_eq!(said(status, None), BY_SCHEDULE, "{status}");
        }
        assert_eq!(
            JUDGE.verdict(&Answer::Status { status: 200, retry_after: None, body: None }, 1, NOW),
            Verdict::Acknowledge
        );
    }
}
