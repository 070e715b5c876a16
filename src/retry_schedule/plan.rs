//! What a schedule comes to with its MQ when every attempt fails: which delivery makes which attempt, and when.

use std::time::Duration;

use super::{MessageSchedule, RetrySchedule};

/// What a schedule comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Every attempt, in order.
    pub attempts: Vec<PlannedAttempt>,
    /// How many deliveries it takes, with the longest pauses that jitter can make.
    pub deliveries: u32,
    /// From the first attempt to the last one, with the longest pauses that jitter can make; attempts themselves take no time.
    pub total: Duration,
}

/// One attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedAttempt {
    /// The time since the first attempt, without jitter.
    pub after: Duration,
    /// Which delivery makes it, from 1.
    pub delivery: u32,
    /// What starts it.
    pub start: Start,
}

/// What starts an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The first delivery.
    First,
    /// A timer of ours.
    Timer,
    /// A delivery that was delayed by a nack.
    Nack,
    /// A redelivery after the visibility timeout.
    Redelivery,
}

impl Start {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first delivery",
            Self::Timer => "timer",
            Self::Nack => "nack",
            Self::Redelivery => "redelivery",
        }
    }
}

impl RetrySchedule {
    /// What it comes to.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let longest = steps(self, |pause| self.longest(self.pauses.get(pause).copied().unwrap_or_default())).last();
        let (deliveries, total) = longest.map_or((1, Duration::ZERO), |step| (step.delivery, step.at));
        let attempts = steps(self, |pause| self.pauses.get(pause).copied().unwrap_or_default());
        let attempts =
            attempts.map(|step| PlannedAttempt { after: step.at, delivery: step.delivery, start: step.start });
        Plan { attempts: attempts.collect(), deliveries, total }
    }
}

/// An attempt that begins with a delivery.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) attempt: usize,
    /// The time since the first delivery from which on it is due.
    pub(super) due: Duration,
    /// The delivery that makes it unless something comes between.
    pub(super) delivery: u32,
}

/// The heads of a message's schedule, in order.
pub(super) fn heads(message: &MessageSchedule<'_>) -> impl Iterator<Item = Head> {
    let steps = steps(message.schedule, |pause| message.pause_after(pause));
    steps.filter(|step| step.start != Start::Timer).map(|step| Head {
        attempt: step.attempt,
        due: step.due,
        delivery: step.delivery,
    })
}

struct Step {
    attempt: usize,
    /// The sum of the pauses before it.
    due: Duration,
    /// When it is made.
    at: Duration,
    delivery: u32,
    start: Start,
}

fn steps(schedule: &RetrySchedule, pause: impl Fn(usize) -> Duration) -> impl Iterator<Item = Step> {
    let visibility_timeout = schedule.means.visibility_timeout.max(Duration::from_millis(1));
    let mut due = Duration::ZERO;
    let mut at = Duration::ZERO;
    let mut delivery: u32 = 1;
    (0..schedule.attempts()).map(move |attempt| {
        let Some(before) = attempt.checked_sub(1) else {
            return Step { attempt, due, at, delivery, start: Start::First };
        };
        let length = pause(before);
        due = due.saturating_add(length);
        let start = if schedule.is_held(before) {
            at = at.saturating_add(length);
            Start::Timer
        } else if let Some(longest) = schedule.means.nack_delay {
            at = at.saturating_add(length);
            delivery = delivery.saturating_add(times(length, longest).max(1));
            Start::Nack
        } else {
            // Not by the delivery that made the one before it, as exact as a place is.
            let began = visibility_timeout.saturating_mul(delivery.saturating_sub(1));
            due = due.max(began.saturating_add(schedule.margin().saturating_mul(2)));
            delivery = times(due.saturating_sub(schedule.margin()), visibility_timeout).saturating_add(1);
            at = visibility_timeout.saturating_mul(delivery.saturating_sub(1));
            Start::Redelivery
        };
        Step { attempt, due, at, delivery, start }
    })
}

/// How often `part` has to be taken to reach `whole`.
fn times(whole: Duration, part: Duration) -> u32 {
    u32::try_from(whole.as_nanos().div_ceil(part.as_nanos().max(1))).unwrap_or(u32::MAX)
}
