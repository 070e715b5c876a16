//! When a message that a target did not take is sent again: pure arithmetic over pauses, and over what an MQ can do for them.
//!
//! A schedule is a list of pauses between attempts. A pause inside the visibility timeout is *held*: a timer of ours, while the MQ
//! hides the message from others, extended where the protocol can. A longer one is the MQ's: the message is given back with a delay
//! where there is such a thing, else left alone until the MQ delivers it again, so that the pause is rounded up to whole redeliveries.
//! Nothing is kept in between. What begins with a delivery is therefore a *head*: the first attempt, or the one after a pause
//! of the MQ's; those that follow it by held pauses are made in the same delivery. Where a delivery stands follows from the time since
//! the first one and from its number, so that it holds over restarts and for every replica: its head is the last one that is due and
//! that so many deliveries can have reached, and it was made already when an earlier delivery began after that was due. Time in which
//! nobody received, as in a pause, makes no deliveries: it takes no attempt away.

mod place;
mod plan;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use place::Arrival;
pub use plan::{Plan, PlannedAttempt, Start};

/// Millionths, in which jitter is counted.
const WHOLE: u64 = 1_000_000;

/// What the MQ does for pauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Means {
    /// How long it hides a delivery.
    pub visibility_timeout: Duration,
    /// Whether a delivery can be hidden for longer, again and again.
    pub extends: bool,
    /// The longest delay of a nack, where it has that.
    pub nack_delay: Option<Duration>,
    /// After how many deliveries it gives a message up, where that is known.
    pub deliveries: Option<u32>,
}

/// What to do with a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Send it: this is attempt `attempt` of the schedule, from 0. First see to it that the delivery is hidden for `hidden_for` from
    /// now, where that is said.
    AttemptNow {
        /// Which attempt.
        attempt: usize,
        /// How long the delivery has to be hidden; it is not for so long yet.
        hidden_for: Option<Duration>,
    },
    /// A timer of ours; then make attempt `attempt`. First see to it that the delivery is hidden for `hidden_for` from now, where
    /// that is said.
    WaitInside {
        /// For how long.
        pause: Duration,
        /// Which attempt comes then.
        attempt: usize,
        /// How long the delivery has to be hidden; it is not for so long yet.
        hidden_for: Option<Duration>,
    },
    /// Give it back; the MQ delivers it again after this time.
    NackWithDelay(Duration),
    /// Do nothing: the MQ delivers it again after its visibility timeout.
    LeaveToRedelivery,
    /// The schedule is over: it is a dead letter.
    GiveUp,
}

/// The pauses between the attempts of a subscription, and the MQ that they are made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrySchedule {
    pauses: Vec<Duration>,
    jitter_percent: u32,
    timeout: Duration,
    means: Means,
    /// Which pauses are held, in their order.
    held: Vec<bool>,
    /// What is over is left to the MQ, which delivers it until it gives it up.
    is_left: bool,
}

impl RetrySchedule {
    /// `timeout` is what one attempt may take; it has to be shorter than the visibility timeout.
    #[must_use]
    pub fn new(pauses: Vec<Duration>, jitter_percent: u32, timeout: Duration, means: Means) -> Self {
        let mut schedule = Self { held: Vec::new(), pauses, jitter_percent, timeout, means, is_left: false };
        schedule.held = schedule.which_are_held();
        schedule
    }

    /// What is over is left to the MQ's own dead letters: deliveries that come after the last attempt are given up again. Without
    /// this they are attempted once more, since whoever made the last attempt did not come to its end.
    #[must_use]
    pub fn left_to_the_mq(self) -> Self {
        Self { is_left: true, ..self }
    }

    /// How many attempts there are.
    #[must_use]
    pub fn attempts(&self) -> usize {
        self.pauses.len().saturating_add(1)
    }

    /// What the MQ does.
    #[must_use]
    pub fn means(&self) -> &Means {
        &self.means
    }

    /// How long a delivery has to be hidden for one attempt.
    #[must_use]
    pub fn hidden_for_attempt(&self) -> Duration {
        self.timeout.saturating_add(self.margin())
    }

    /// The schedule of one message; `seed` is random, and the same for every delivery of the message: see [`seed_of`].
    #[must_use]
    pub fn of_message(&self, seed: u64) -> MessageSchedule<'_> {
        MessageSchedule { schedule: self, seed }
    }

    /// What is kept free of the visibility timeout, and how exact times are: clocks differ, and an MQ is late or early.
    fn margin(&self) -> Duration {
        (self.means.visibility_timeout / 10).min(Duration::from_secs(1))
    }

    /// The longest that a pause can be.
    fn longest(&self, pause: Duration) -> Duration {
        millionths(pause, WHOLE.saturating_add(self.jitter()))
    }

    fn jitter(&self) -> u64 {
        u64::from(self.jitter_percent).min(100).saturating_mul(WHOLE / 100)
    }

    /// Attempts are taken to last as long as they may, and pauses to be as long as they can be.
    fn which_are_held(&self) -> Vec<bool> {
        let visible = self.means.visibility_timeout.saturating_sub(self.margin());
        let mut used = self.timeout;
        let mut held = Vec::with_capacity(self.pauses.len());
        for pause in &self.pauses {
            let more = self.longest(*pause).saturating_add(self.timeout);
            let before = if self.means.extends { Duration::ZERO } else { used };
            let is_held = before.saturating_add(more) <= visible;
            used = if is_held { used.saturating_add(more) } else { self.timeout };
            held.push(is_held);
        }
        held
    }

    fn is_held(&self, pause: usize) -> bool {
        self.held.get(pause).copied().unwrap_or(false)
    }
}

/// The schedule of one message: what jitter makes of the pauses is settled.
#[derive(Debug, Clone, Copy)]
pub struct MessageSchedule<'a> {
    schedule: &'a RetrySchedule,
    seed: u64,
}

impl MessageSchedule<'_> {
    /// The pause after attempt `attempt`.
    #[must_use]
    pub fn pause_after(&self, attempt: usize) -> Duration {
        let Some(pause) = self.schedule.pauses.get(attempt) else { return Duration::ZERO };
        let jitter = self.schedule.jitter();
        let place = u64::try_from(attempt).unwrap_or(u64::MAX);
        let random = mixed(self.seed.wrapping_add(place.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        // From WHOLE - jitter to WHOLE + jitter, both included.
        let offset = random % jitter.saturating_mul(2).saturating_add(1);
        millionths(*pause, WHOLE.saturating_sub(jitter).saturating_add(offset))
    }
}

/// A number that follows from a message's id alone, so that every replica has the same one: FNV-1a.
#[must_use]
pub fn seed_of(message_id: &str) -> u64 {
    message_id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The last step of SplitMix64: every bit of the result depends on every bit of the number.
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

fn millionths(duration: Duration, part: u64) -> Duration {
    let nanos = duration.as_nanos().saturating_mul(u128::from(part)) / u128::from(WHOLE);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
