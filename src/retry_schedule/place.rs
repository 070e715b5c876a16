//! Where a delivery stands in the schedule of its message, and what comes next.

use std::time::Duration;

use super::plan::{Head, heads};
use super::{MessageSchedule, Next, RetrySchedule};
use crate::model::{Delivery, UnixMillis};

/// A delivery, as far as the schedule asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Which delivery of the message it is, from 1.
    pub delivery: u32,
    /// No more than this has passed since the first one: the number of the delivery says how much of it counts.
    pub elapsed: Duration,
    /// How long it is hidden from now.
    pub visible_for: Duration,
}

impl Arrival {
    /// Reads a delivery that is hidden for `visible_for` from now; `now` is the time by the MQ's clock, where that is known. Where the MQ
    /// does not tell when it delivered the message first, the number of the delivery says it; where that says nothing, since delays of
    /// ours lie between, the first one was not before the message was due.
    #[must_use]
    pub fn of(delivery: &Delivery, schedule: &RetrySchedule, now: Option<UnixMillis>, visible_for: Duration) -> Self {
        let due = delivery.deliver_at.map_or(delivery.published_at, |time| time.max(delivery.published_at));
        let delays = schedule.means.nack_delay.is_some();
        let first = delivery.first_delivered_at.or(delays.then_some(due));
        let elapsed = now.zip(first).map_or(Duration::MAX, |(now, first)| now.since(first));
        Self { delivery: delivery.delivery_attempt.max(1), elapsed, visible_for }
    }
}

impl MessageSchedule<'_> {
    /// What to do with a delivery that has just come.
    #[must_use]
    pub fn on_delivery(&self, arrival: &Arrival) -> Next {
        let last = self.schedule.pauses.len();
        if arrival.delivery <= 1 {
            return self.attempt_now(0, arrival.visible_for);
        }
        let slack = self.schedule.margin();
        let visibility_timeout = self.schedule.means.visibility_timeout;
        // What passed while nobody received, as in a pause, is none of its time: so many deliveries cannot have made more.
        let by_redeliveries = visibility_timeout.saturating_mul(arrival.delivery.saturating_sub(1));
        let delays = self.schedule.means.nack_delay.is_some();
        let elapsed = if delays { arrival.elapsed } else { arrival.elapsed.min(by_redeliveries) };
        let now = elapsed.saturating_add(slack);
        let is_due = |head: &Head| head.due <= now && (!delays || head.delivery <= arrival.delivery);
        let mut heads = heads(self).peekable();
        let mut place = None;
        while let Some(head) = heads.next_if(is_due) {
            place = Some(head);
        }
        // The first is always due.
        let Some(place) = place else { return self.attempt_now(0, arrival.visible_for) };
        let was_made = arrival.delivery > place.delivery && now >= place.due.saturating_add(visibility_timeout);
        if !was_made {
            return self.attempt_now(place.attempt, arrival.visible_for);
        }
        match heads.next() {
            Some(next) if !self.is_last_delivery(arrival.delivery) => {
                self.pause_of_the_mq(next.due.saturating_sub(elapsed))
            }
            None if self.schedule.is_left => Next::GiveUp,
            // Somebody made the last one and did not come to its end; or it is the last that there is.
            Some(_) | None => self.attempt_now(last, arrival.visible_for),
        }
    }

    /// What to do when attempt `attempt` has failed. `delivery` is the delivery's number, `visible_for` how long it is hidden from
    /// now, `at_least` a pause that the target asks for.
    #[must_use]
    pub fn after_failure(
        &self,
        attempt: usize,
        delivery: u32,
        visible_for: Duration,
        at_least: Option<Duration>,
    ) -> Next {
        if attempt >= self.schedule.pauses.len() {
            return Next::GiveUp;
        }
        let pause = self.pause_after(attempt).max(at_least.unwrap_or_default());
        let hidden_for = pause.saturating_add(self.schedule.hidden_for_attempt());
        let most = if self.schedule.means.extends { self.schedule.means.visibility_timeout } else { visible_for };
        if self.schedule.is_held(attempt) && hidden_for <= most {
            let hidden_for = (hidden_for > visible_for).then_some(hidden_for);
            return Next::WaitInside { pause, attempt: attempt.saturating_add(1), hidden_for };
        }
        if self.is_last_delivery(delivery) { Next::GiveUp } else { self.pause_of_the_mq(pause) }
    }

    fn attempt_now(&self, attempt: usize, visible_for: Duration) -> Next {
        let needed = self.schedule.hidden_for_attempt();
        let hidden_for = (self.schedule.means.extends && needed > visible_for).then_some(needed);
        Next::AttemptNow { attempt, hidden_for }
    }

    fn pause_of_the_mq(&self, pause: Duration) -> Next {
        match self.schedule.means.nack_delay {
            Some(longest) => Next::NackWithDelay(pause.min(longest)),
            None => Next::LeaveToRedelivery,
        }
    }

    fn is_last_delivery(&self, delivery: u32) -> bool {
        self.schedule.means.deliveries.is_some_and(|most| delivery >= most)
    }
}
