//! Those who wait for the same: who polls next, and who gets what a poll brings whose own caller is gone.
//!
//! There are [`LANES`] lanes, each with one poll under way, first come, first served across all threads. Whoever waits, in line
//! or with a poll of its own, may be handed what another's poll has brought.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::kind::Wish;
use super::last_ask::LastAsk;
use super::late::LateMessages;
use crate::gateway::GatewayError;
use crate::upstream::Polled;

/// Polls under way at once for those in one line, in the whole process.
const LANES: usize = 8;

/// One line.
#[derive(Debug)]
pub(in crate::gateway) struct Line {
    /// A std lock: held for a few lines, never over an await.
    state: Mutex<State>,
    /// Somebody left.
    left: Notify,
    last_ask: LastAsk,
    late: LateMessages,
}

#[derive(Debug)]
struct State {
    free_lanes: usize,
    next_number: u64,
    /// In the order in which they came.
    waiting: BTreeMap<u64, Waiter>,
    /// Those of them who want a lane, and were not handed anything.
    in_line: BTreeSet<u64>,
}

#[derive(Debug)]
struct Waiter {
    wish: Wish,
    wants: u32,
    /// A lane is its own, and it does not know yet.
    has_turn: bool,
    /// Handed to it, and not taken yet.
    brought: Option<Polled>,
    waker: Option<Waker>,
}

/// Somebody who waits, until this is dropped.
#[derive(Debug)]
pub(in crate::gateway) struct Waiting {
    line: Arc<Line>,
    pub(super) number: u64,
    pub(super) wish: Wish,
}

/// What comes to somebody who waits.
#[derive(Debug)]
pub(in crate::gateway) enum Turn {
    /// It may poll.
    Lane(Lane),
    /// What another's poll has brought, at least one message.
    Messages(Polled),
}

/// The right to one poll, until this is dropped.
#[derive(Debug)]
pub(in crate::gateway) struct Lane(Arc<Line>);

impl Line {
    pub(super) fn new(late: LateMessages) -> Self {
        let state = State { free_lanes: LANES, next_number: 0, waiting: BTreeMap::new(), in_line: BTreeSet::new() };
        Self { state: Mutex::new(state), left: Notify::new(), last_ask: LastAsk::new(), late }
    }

    /// Gets in line for up to `wants` messages.
    pub(in crate::gateway) fn line_up(self: &Arc<Self>, wish: Wish, wants: u32) -> Waiting {
        let mut state = self.lock();
        let number = state.next_number;
        state.next_number += 1;
        // Where a lane is free nobody is in line.
        let has_turn = state.free_lanes > 0;
        if has_turn {
            state.free_lanes -= 1;
        } else {
            state.in_line.insert(number);
        }
        state.waiting.insert(number, Waiter { wish: wish.clone(), wants, has_turn, brought: None, waker: None });
        Waiting { line: Arc::clone(self), number, wish }
    }

    /// Gives what came for somebody who is gone to others, first to those without a poll of their own.
    fn hand_on(&self, wish: &Wish, mut polled: Polled) {
        loop {
            let count = polled.deliveries.len();
            let mut state = self.lock();
            let Some(number) = state.next_taker(wish, count) else { break };
            state.in_line.remove(&number);
            let Some(next) = state.waiting.get_mut(&number) else { break };
            let rest = polled.split_off(usize::try_from(next.wants).unwrap_or(usize::MAX));
            next.brought = Some(polled);
            let waker = next.waker.take();
            drop(state);
            waker.into_iter().for_each(Waker::wake);
            if rest.deliveries.is_empty() {
                return;
            }
            polled = rest;
        }
        self.late.nobody_takes(&polled);
    }

    /// The last question of one whose time is over: see [`LastAsk`]. `None` is nothing.
    ///
    /// # Errors
    /// As `ask`, or that it took too long.
    pub(in crate::gateway) async fn ask_at_the_end(
        &self,
        wish: &Wish,
        patience: Instant,
        ask: impl AsyncFnOnce() -> Result<Polled, GatewayError>,
    ) -> Result<Option<Polled>, GatewayError> {
        self.last_ask.ask(wish, patience, ask).await
    }

    /// Whether anybody but `number` waits for such messages.
    fn is_awaited(&self, wish: &Wish, but: Option<u64>) -> bool {
        let state = self.lock();
        state.waiting.iter().any(|(number, waiter)| Some(*number) != but && waiter.takes(wish))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Who is handed `count` messages, or the first of them.
    fn next_taker(&self, wish: &Wish, count: usize) -> Option<u64> {
        let fits = |waiter: &Waiter| !wish.ordered || usize::try_from(waiter.wants).is_ok_and(|wants| wants >= count);
        let takes = |number: &u64| self.waiting.get(number).is_some_and(|waiter| waiter.takes(wish) && fits(waiter));
        self.in_line.iter().copied().find(takes).or_else(|| self.waiting.keys().copied().find(takes))
    }

    /// A lane is free: the next in line has it, and is to be woken.
    #[must_use]
    fn pass_lane(&mut self) -> Option<Waker> {
        let next = self.in_line.pop_first();
        let Some(next) = next.and_then(|number| self.waiting.get_mut(&number)) else {
            self.free_lanes += 1;
            return None;
        };
        next.has_turn = true;
        next.waker.take()
    }
}

impl Waiter {
    fn takes(&self, wish: &Wish) -> bool {
        self.brought.is_none() && self.wish == *wish
    }
}

impl Waiting {
    /// Waits for a lane, or for what another's poll brings.
    pub(in crate::gateway) async fn turn(&self) -> Turn {
        poll_fn(|context| self.poll_turn(context)).await
    }

    /// Waits for what another's poll brings.
    pub(in crate::gateway) async fn messages(&self) -> Polled {
        poll_fn(|context| match self.poll_messages(context) {
            Some(polled) => Poll::Ready(polled),
            None => Poll::Pending,
        })
        .await
    }

    /// What another's poll has brought so far.
    pub(in crate::gateway) fn take_messages(&self) -> Option<Polled> {
        let brought = self.line.lock().waiting.get_mut(&self.number)?.brought.take();
        brought.inspect(|polled| self.line.late.count_handed_on(polled.deliveries.len()))
    }

    fn poll_turn(&self, context: &mut Context<'_>) -> Poll<Turn> {
        if let Some(polled) = self.poll_messages(context) {
            return Poll::Ready(Turn::Messages(polled));
        }
        let mut state = self.line.lock();
        let Some(waiter) = state.waiting.get_mut(&self.number) else { return Poll::Pending };
        if !waiter.has_turn {
            return Poll::Pending;
        }
        waiter.has_turn = false;
        Poll::Ready(Turn::Lane(Lane(Arc::clone(&self.line))))
    }

    fn poll_messages(&self, context: &Context<'_>) -> Option<Polled> {
        if let Some(waiter) = self.line.lock().waiting.get_mut(&self.number)
            && waiter.brought.is_none()
        {
            if !waiter.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
                waiter.waker = Some(context.waker().clone());
            }
            return None;
        }
        self.take_messages()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut state = self.line.lock();
        state.in_line.remove(&self.number);
        let Some(waiter) = state.waiting.remove(&self.number) else { return };
        let next = if waiter.has_turn { state.pass_lane() } else { None };
        drop(state);
        next.into_iter().for_each(Waker::wake);
        if let Some(polled) = waiter.brought {
            self.line.hand_on(&self.wish, polled);
        }
        self.line.left.notify_waiters();
    }
}

impl Lane {
    /// Whether others than who polls here wait for the same.
    pub(super) fn others_wait(&self, wish: &Wish, number: u64) -> bool {
        self.0.is_awaited(wish, Some(number))
    }

    /// Gives what the lane's poll has brought to those who wait.
    pub(super) fn hand_on(&self, wish: &Wish, polled: Polled) {
        self.0.hand_on(wish, polled);
    }

    /// Waits until nobody waits for the same any more.
    pub(super) async fn deserted(&self, wish: &Wish) {
        loop {
            let mut left = pin!(self.0.left.notified());
            // Registered before the look: nobody can slip away between.
            left.as_mut().enable();
            if !self.0.is_awaited(wish, None) {
                return;
            }
            left.await;
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let next = self.0.lock().pass_lane();
        next.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::gateway::polls::kind::Kind;
    use crate::gateway::polls::late::tests::{late, late_given_back};
    use crate::memory::MemoryBudget;
    use crate::model::Delivery;

    const USUAL: Wish = Wish { kind: None, ordered: false };

    fn line() -> Arc<Line> {
        Arc::new(Line::new(late()))
    }

    fn polled(ids: &[&str]) -> Polled {
        let memory = MemoryBudget::new(1000).charge();
        Polled { deliveries: ids.iter().map(|id| Delivery::for_tests(id)).collect(), memory }
    }

    fn lane(place: &Waiting) -> Option<Lane> {
        place.turn().now_or_never().and_then(|turn| match turn {
            Turn::Lane(lane) => Some(lane),
            Turn::Messages(_) => None,
        })
    }

    fn ids(place: &Waiting) -> Vec<String> {
        let brought = place.take_messages().into_iter().flat_map(|polled| polled.deliveries);
        brought.map(|delivery| delivery.message_id.as_str().to_owned()).collect()
    }

    /// Eight who poll.
    fn polling(line: &Arc<Line>) -> Vec<(Waiting, Lane)> {
        let one = |_| {
            let place = line.line_up(USUAL, 32);
            let lane = lane(&place).unwrap();
            (place, lane)
        };
        (0..LANES).map(one).collect()
    }

    #[test]
    fn lanes_are_given_in_order_and_passed_on_by_those_who_leave() {
        let line = line();
        let mut polling = polling(&line);
        let [first, second, third] = [1, 2, 3].map(|wants| line.line_up(USUAL, wants));
        assert!(lane(&first).is_none());
        drop(polling.pop());
        assert!(lane(&second).is_none());
        // It leaves before it knows.
        drop(first);
        let second = (lane(&second).unwrap(), second);
        assert!(lane(&third).is_none());
        drop(second);
        assert!(lane(&third).is_some());
        drop((polling, third));
        assert_eq!(line.lock().free_lanes, LANES);
    }

    #[test]
    fn what_comes_late_goes_first_to_those_without_a_poll_and_is_split() {
        let line = line();
        let polling = polling(&line);
        let waiting = [1, 2].map(|wants| line.line_up(USUAL, wants));
        line.hand_on(&USUAL, polled(&["1", "2", "3", "4", "5"]));
        assert_eq!(waiting.each_ref().map(ids), [vec!["1"], vec!["2", "3"]]);
        assert_eq!(ids(&polling[0].0), ["4", "5"]);
        assert!(ids(&polling[1].0).is_empty());
    }

    #[test]
    fn what_was_handed_to_one_who_left_goes_to_the_next() {
        let line = line();
        let _polling = polling(&line);
        let [first, second] = [5, 5].map(|wants| line.line_up(USUAL, wants));
        line.hand_on(&USUAL, polled(&["1"]));
        drop(first);
        assert_eq!(ids(&second), ["1"]);
    }

    #[test]
    fn what_is_in_order_stays_together() {
        let (late, given_back) = late_given_back();
        let line = Arc::new(Line::new(late));
        let wish = Wish { kind: None, ordered: true };
        let [small, large] = [1, 3].map(|wants| line.line_up(wish.clone(), wants));
        line.hand_on(&wish, polled(&["1", "2"]));
        assert!(ids(&small).is_empty());
        assert_eq!(ids(&large), ["1", "2"]);
        line.hand_on(&wish, polled(&["1", "2", "3", "4"]));
        assert_eq!(*given_back.lock().unwrap(), ["1", "2", "3", "4"], "nobody takes all of it");
    }

    #[test]
    fn only_those_who_want_the_same_are_served() {
        let line = line();
        let [one, other] = [1, 2].map(|seconds| {
            let kind = Kind::hidden_for(std::time::Duration::from_secs(seconds));
            Wish { kind: Some(Arc::new(kind)), ordered: false }
        });
        let (first, second) = (line.line_up(one.clone(), 1), line.line_up(other.clone(), 1));
        line.hand_on(&other, polled(&["1"]));
        assert!(ids(&first).is_empty());
        assert_eq!(ids(&second), ["1"]);
        let lane = lane(&second).unwrap();
        assert!(lane.others_wait(&one, second.number) && !lane.others_wait(&other, second.number));
        drop(second);
        assert!(lane.deserted(&other).now_or_never().is_some());
        assert!(lane.deserted(&one).now_or_never().is_none());
    }
}
