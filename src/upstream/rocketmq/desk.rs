//! Where deliveries and those who wait for them meet: one desk for each topic and group (and visibility timeout), for all threads.
//!
//! First come, first served, each with as many as it wants. What nobody takes is kept for whoever comes next.
//!
//! Where order is promised, what one poll brings stays together: it is of one queue of the broker, which gives out nothing more
//! of its message groups until all of it is acknowledged (protocol notes RocketMQ 5, section 3, "semantics that bite" 10). Two
//! callers with parts of it would work on the messages of one message group at the same time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::held::Held;
use super::poll::Subject;
use crate::protocol::rocketmq::MAX_RECEIVE;
use crate::upstream::UpstreamError;

/// What somebody who waits gets.
pub(super) type Handed = Result<Vec<Held>, UpstreamError>;

/// One desk.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) subject: Subject,
    /// A std lock: held for a few lines, never over an await.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What comes together goes to one caller.
    ordered: bool,
    /// In the order in which they came.
    waiting: VecDeque<Waiter>,
    /// What came together, none of it empty.
    kept: VecDeque<Vec<Held>>,
    /// The brokers that are asked at the moment, and how their last poll failed.
    asked: HashMap<String, Option<UpstreamError>>,
}

#[derive(Debug)]
struct Waiter {
    wants: u32,
    hand: oneshot::Sender<Handed>,
}

/// What comes to one who stands in line.
pub(super) type Hand = oneshot::Receiver<Handed>;

impl Desk {
    pub(super) fn new(subject: Subject) -> Self {
        let state = State { ordered: subject.ordered, ..State::default() };
        Self { subject, state: Mutex::new(state) }
    }

    /// Gets in line for up to `wants` messages.
    pub(super) fn line_up(&self, wants: u32) -> Hand {
        let (hand, handed) = oneshot::channel();
        let mut state = self.lock();
        state.waiting.push_back(Waiter { wants, hand });
        state.hand_out();
        handed
    }

    /// Leaves the line: what was handed over and not taken goes back to the desk.
    pub(super) fn leave(&self, hand: &mut Hand) {
        hand.close();
        if let Ok(Ok(back)) = hand.try_recv() {
            let mut state = self.lock();
            state.kept.push_front(back);
            state.hand_out();
        }
    }

    /// Those of `brokers` that nobody asks yet: the caller does from here on.
    pub(super) fn claim<'a>(&self, brokers: impl Iterator<Item = &'a str>) -> Vec<String> {
        let mut state = self.lock();
        if state.wanted() == 0 {
            return Vec::new();
        }
        let idle: Vec<String> = brokers.filter(|it| !state.asked.contains_key(*it)).map(str::to_owned).collect();
        state.asked.extend(idle.iter().map(|broker| (broker.clone(), None)));
        idle
    }

    /// How many messages to ask a claimed broker for; `None`, and the broker is free again, where nobody waits.
    pub(super) fn wanted_of(&self, broker: &str) -> Option<u32> {
        let mut state = self.lock();
        let wanted = state.wanted();
        if wanted == 0 {
            state.asked.remove(broker);
            return None;
        }
        Some(wanted)
    }

    /// A claimed broker is not asked any more.
    pub(super) fn release(&self, broker: &str) {
        self.lock().asked.remove(broker);
    }

    /// What a poll brought.
    pub(super) fn arrived(&self, broker: &str, held: Vec<Held>) {
        let mut state = self.lock();
        if let Some(failure) = state.asked.get_mut(broker) {
            *failure = None;
        }
        if !held.is_empty() {
            state.kept.push_back(held);
        }
        state.hand_out();
    }

    /// A poll failed. Those who wait are told once no broker is left that answers; whether that is so.
    pub(super) fn failed(&self, broker: &str, error: &UpstreamError) -> bool {
        let mut state = self.lock();
        state.asked.insert(broker.to_owned(), Some(error.clone()));
        let all = state.asked.values().all(Option::is_some);
        if all {
            for waiter in std::mem::take(&mut state.waiting) {
                // Who left does not need it.
                drop(waiter.hand.send(Err(error.clone())));
            }
        }
        all
    }

    /// When the next of what is kept is due to be given back.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.lock().kept.iter().flatten().map(|held| held.until).min()
    }

    /// What nobody took in time.
    pub(super) fn take_due(&self, now: Instant) -> Vec<Held> {
        let mut state = self.lock();
        let is_due = |held: &Held| held.until <= now;
        let mut all_due = Vec::new();
        for batch in std::mem::take(&mut state.kept) {
            let (due, rest) = if state.ordered && batch.iter().any(is_due) {
                (batch, Vec::new())
            } else {
                batch.into_iter().partition(is_due)
            };
            all_due.extend(due);
            if !rest.is_empty() {
                state.kept.push_back(rest);
            }
        }
        all_due
    }

    /// Takes everything that is kept, at the end.
    pub(super) fn take_all(&self) -> Vec<Held> {
        std::mem::take(&mut self.lock().kept).into_iter().flatten().collect()
    }

    /// Nobody waits, nothing is kept and nobody is asked.
    pub(super) fn is_empty(&self) -> bool {
        let state = self.lock();
        state.waiting.is_empty() && state.kept.is_empty() && state.asked.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How many messages a poll is to bring: what those who wait want together, or, where order is promised, the first of them.
    fn wanted(&mut self) -> u32 {
        self.waiting.retain(|waiter| !waiter.hand.is_closed());
        let takers = if self.ordered { 1 } else { usize::MAX };
        self.waiting.iter().take(takers).map(|waiter| waiter.wants).fold(0, u32::saturating_add).min(MAX_RECEIVE)
    }

    fn hand_out(&mut self) {
        while let Some((waiter, given)) = if self.ordered { self.next_batch() } else { self.next_messages() } {
            if let Err(Ok(back)) = waiter.hand.send(Ok(given)) {
                self.kept.push_front(back);
            }
        }
    }

    /// What came together, and the first who wants that many. Where there is nobody, it stays for whoever comes.
    fn next_batch(&mut self) -> Option<(Waiter, Vec<Held>)> {
        let mut pairs = self.kept.iter().enumerate().filter_map(|(batch, held)| {
            Some((batch, self.waiting.iter().position(|waiter| waiter.most() >= held.len())?))
        });
        let (batch, waiter) = pairs.next()?;
        Some((self.waiting.remove(waiter)?, self.kept.remove(batch)?))
    }

    /// As many messages as the first who waits wants, whatever they came with.
    fn next_messages(&mut self) -> Option<(Waiter, Vec<Held>)> {
        let mut given = self.kept.pop_front()?;
        let Some(waiter) = self.waiting.pop_front() else {
            self.kept.push_front(given);
            return None;
        };
        while given.len() < waiter.most()
            && let Some(next) = self.kept.pop_front()
        {
            given.extend(next);
        }
        if given.len() > waiter.most() {
            self.kept.push_front(given.split_off(waiter.most()));
        }
        Some((waiter, given))
    }
}

impl Waiter {
    fn most(&self) -> usize {
        usize::try_from(self.wants).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::memory::MemoryBudget;
    use crate::model::{ConsumerGroup, Delivery, Topic};
    use crate::upstream::UpstreamErrorKind;

    fn desk() -> Desk {
        desk_of(false)
    }

    fn desk_of(ordered: bool) -> Desk {
        Desk::new(Subject {
            topic: Topic::parse("t").unwrap(),
            group: ConsumerGroup::parse("g").unwrap(),
            visibility_timeout: Duration::from_secs(60),
            ordered,
            tags: None,
        })
    }

    fn held(id: &str) -> Held {
        Held::new(Delivery::for_tests(id), MemoryBudget::new(1000).charge(), Duration::from_secs(60))
    }

    fn ids(mut hand: Hand) -> Vec<String> {
        let handed = hand.try_recv().unwrap_or_else(|_| Ok(vec![]));
        handed.unwrap().into_iter().map(|held| held.delivery.message_id.as_str().to_owned()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_first_is_served_first() {
        let desk = desk();
        let (first, second) = (desk.line_up(2), desk.line_up(40));
        assert_eq!(desk.claim(["a", "b"].into_iter()), ["a", "b"]);
        assert!(desk.claim(["a"].into_iter()).is_empty(), "it is asked already");
        assert_eq!(desk.wanted_of("a"), Some(32), "no more than one poll brings");
        desk.arrived("a", vec![held("1"), held("2"), held("3")]);
        assert_eq!((ids(first), ids(second)), (vec!["1".to_owned(), "2".to_owned()], vec!["3".to_owned()]));
        assert_eq!((desk.wanted_of("a"), desk.wanted_of("b")), (None, None));
        assert!(desk.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_takes_is_kept_and_then_due() {
        let desk = desk();
        drop(desk.line_up(1));
        desk.arrived("a", vec![held("1"), held("2")]);
        assert_eq!(ids(desk.line_up(1)), ["1"]);
        assert!(desk.take_due(Instant::now()).is_empty());
        let due = desk.next_due().unwrap();
        assert_eq!(due - Instant::now(), Duration::from_secs(3));
        assert_eq!(desk.take_due(due).len(), 1);
        assert!(desk.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_handed_to_one_who_left_goes_to_the_next() {
        let desk = desk();
        let mut hand = desk.line_up(1);
        desk.arrived("a", vec![held("1")]);
        desk.leave(&mut hand);
        assert!(desk.next_due().is_some());
        let mut late = desk.line_up(1);
        desk.arrived("a", vec![held("2")]);
        desk.leave(&mut late);
        assert_eq!(ids(desk.line_up(2)), ["1", "2"], "in the order in which they came");
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_fails_is_told_when_no_other_answers() {
        let desk = desk();
        let mut hand = desk.line_up(1);
        desk.claim(["a", "b"].into_iter());
        let error = UpstreamError::new(UpstreamErrorKind::ServerError, "x");
        assert!(!desk.failed("a", &error));
        assert!(desk.failed("b", &error));
        assert_eq!(hand.try_recv().unwrap().unwrap_err(), error);
    }
    #[tokio::test(start_paused = true)]
    async fn what_is_in_order_is_never_split_between_callers() {
        let desk = desk_of(true);
        let (first, second) = (desk.line_up(1), desk.line_up(3));
        desk.claim(["a"].into_iter());
        assert_eq!(desk.wanted_of("a"), Some(1), "what the first wants");
        desk.arrived("a", vec![held("1"), held("2")]);
        assert_eq!(ids(second), ["1", "2"], "the first has no use for all of it");
        desk.arrived("a", vec![held("3"), held("4")]);
        assert_eq!(ids(first), [""; 0], "neither of two");
        assert_eq!(ids(desk.line_up(2)), ["3", "4"], "kept for whoever wants that many");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_in_order_is_kept_and_given_back_together() {
        let desk = desk_of(true);
        let mut hand = desk.line_up(2);
        desk.arrived("a", vec![held("1"), held("2")]);
        tokio::time::advance(Duration::from_secs(1)).await;
        desk.leave(&mut hand);
        desk.arrived("b", vec![held("3")]);
        let small = desk.line_up(1);
        assert_eq!(ids(small), ["3"], "of another queue");
        let due = desk.take_due(desk.next_due().unwrap());
        assert_eq!(due.iter().map(|held| held.delivery.message_id.as_str()).collect::<Vec<_>>(), ["1", "2"]);
        assert!(desk.is_empty());
    }
}
