//! Who waits for messages, and what wakes them.
//!
//! A receive registers, then looks, then waits: whatever is committed after its look finds it registered. A new message
//! wakes one waiter of each group, the longest waiting first. When all of them are about to look, the wake-up is kept for
//! the next one that waits; when one leaves without looking, it is passed on (tokio's `Notify` does both). Beside that, each group shares the time at which something becomes due, a delayed message
//! or a redelivery. It is set by the storage thread in the order of its jobs, so that no older look overwrites a newer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, futures::Notified, watch};

use crate::clock::Clock;
use crate::model::UnixMillis;

/// Everybody who waits, by topic and group.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    // A lock of the standard library: held for a lookup, never over an await, and taken on the storage thread.
    by_topic: Mutex<HashMap<String, HashMap<String, Entry>>>,
}

#[derive(Debug)]
struct Entry {
    waiting: usize,
    signals: Arc<Signals>,
}

#[derive(Debug, Default)]
struct Signals {
    message: Notify,
    due: watch::Sender<Option<UnixMillis>>,
}

/// One registered receive; leaves when dropped.
#[derive(Debug)]
pub(super) struct Waiter<'a> {
    waiters: &'a Waiters,
    topic: &'a str,
    group: &'a str,
    signals: Arc<Signals>,
}

impl Waiters {
    /// Registers a receive.
    pub(super) fn register<'a>(&'a self, topic: &'a str, group: &'a str) -> Waiter<'a> {
        let mut by_topic = self.lock();
        let groups = by_topic.entry(topic.to_owned()).or_default();
        let entry = groups
            .entry(group.to_owned())
            .or_insert_with(|| Entry { waiting: 0, signals: Arc::new(Signals::default()) });
        entry.waiting += 1;
        Waiter { waiters: self, topic, group, signals: Arc::clone(&entry.signals) }
    }

    /// Something is there for every group of the topic: wakes one waiter of each.
    pub(super) fn wake_topic(&self, topic: &str) {
        if let Some(groups) = self.lock().get(topic) {
            for entry in groups.values() {
                entry.signals.message.notify_one();
            }
        }
    }

    /// Something is there for this group: wakes one of its waiters.
    pub(super) fn wake_group(&self, topic: &str, group: &str) {
        if let Some(entry) = self.lock().get(topic).and_then(|groups| groups.get(group)) {
            entry.signals.message.notify_one();
        }
    }

    /// Something becomes due for every group of the topic.
    pub(super) fn due_in_topic(&self, topic: &str, time: UnixMillis) {
        if let Some(groups) = self.lock().get(topic) {
            for entry in groups.values() {
                entry.signals.due.send_if_modified(|due| {
                    let sooner = due.is_none_or(|known| time < known);
                    if sooner {
                        *due = Some(time);
                    }
                    sooner
                });
            }
        }
    }

    /// What a look found to be the next time for this group.
    pub(super) fn set_due(&self, topic: &str, group: &str, time: Option<UnixMillis>) {
        if let Some(entry) = self.lock().get(topic).and_then(|groups| groups.get(group)) {
            entry.signals.due.send_if_modified(|due| std::mem::replace(due, time) != time);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, HashMap<String, Entry>>> {
        self.by_topic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter<'_> {
    /// Completes when a message is there for this waiter.
    pub(super) fn message(&self) -> Notified<'_> {
        self.signals.message.notified()
    }

    /// Completes when the clock shows the time at which something becomes due for the group.
    pub(super) async fn due(&self, clock: &Clock) {
        let mut due = self.signals.due.subscribe();
        loop {
            let next = *due.borrow_and_update();
            let come = async {
                match next {
                    Some(time) => clock.sleep_until(time).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // A newer time first: the older one may no longer hold.
                biased;
                // The sender lives as long as `self`.
                changed = due.changed() => if changed.is_err() { return },
                () = come => return,
            }
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut by_topic = self.waiters.lock();
        let Some(groups) = by_topic.get_mut(self.topic) else { return };
        let Some(entry) = groups.get_mut(self.group) else { return };
        entry.waiting = entry.waiting.saturating_sub(1);
        if entry.waiting == 0 {
            groups.remove(self.group);
        }
        if groups.is_empty() {
            by_topic.remove(self.topic);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_message_wakes_one_waiter_of_each_group() {
        let waiters = Waiters::default();
        let (a1, a2, b) = (waiters.register("t", "a"), waiters.register("t", "a"), waiters.register("t", "b"));
        let (mut first, mut second, mut other) = (pin!(a1.message()), pin!(a2.message()), pin!(b.message()));
        first.as_mut().enable();
        second.as_mut().enable();
        waiters.wake_topic("t");
        waiters.wake_topic("elsewhere");
        assert!(first.as_mut().now_or_never().is_some());
        assert!(second.as_mut().now_or_never().is_none());
        assert!(other.as_mut().now_or_never().is_some(), "a wake-up before the first wait is kept");
        waiters.wake_group("t", "a");
        assert!(second.as_mut().now_or_never().is_some());
    }

    #[test]
    fn a_waiter_that_leaves_passes_its_wake_up_on() {
        let waiters = Waiters::default();
        let (a1, a2) = (waiters.register("t", "a"), waiters.register("t", "a"));
        let mut first = Box::pin(a1.message());
        let mut second = pin!(a2.message());
        first.as_mut().enable();
        second.as_mut().enable();
        waiters.wake_topic("t");
        drop(first);
        assert!(second.as_mut().now_or_never().is_some());
    }

    #[test]
    fn the_due_time_can_move_either_way_while_somebody_waits() {
        let clock = Clock::manual(UnixMillis(1_000));
        let waiters = Waiters::default();
        let waiter = waiters.register("t", "a");
        let mut due = pin!(waiter.due(&clock));
        assert!(due.as_mut().now_or_never().is_none());
        waiters.set_due("t", "a", Some(UnixMillis(9_000)));
        waiters.due_in_topic("t", UnixMillis(3_000));
        waiters.due_in_topic("t", UnixMillis(5_000));
        clock.advance(Duration::from_secs(1));
        assert!(due.as_mut().now_or_never().is_none());
        waiters.set_due("t", "a", Some(UnixMillis(8_000)));
        clock.advance(Duration::from_secs(5));
        assert!(due.as_mut().now_or_never().is_none());
        clock.advance(Duration::from_secs(1));
        assert!(due.as_mut().now_or_never().is_some());
    }

    #[test]
    fn nothing_remains_of_those_who_left() {
        let waiters = Waiters::default();
        let (first, second) = (waiters.register("t", "a"), waiters.register("t", "a"));
        drop(first);
        assert_eq!(waiters.lock().len(), 1);
        drop(second);
        assert!(waiters.lock().is_empty());
    }
}
