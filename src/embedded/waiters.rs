//! Who waits for messages, and what wakes them.
//!
//! A receive registers, then looks, then waits: whatever is committed after its look finds it registered. Receives of a
//! group that want the same, their *interest*, form a class. A new message wakes one waiter of each class that may want
//! it, the longest waiting first. When all of them are about to look, the wake-up is kept for the next one that waits;
//! when one leaves without looking, it is passed on (tokio's `Notify` does both).
//!
//! Beside that, each group shares the time at which something becomes due, a delayed message or a redelivery. It is set
//! by the storage thread in the order of its jobs, so that no older look overwrites a newer. A look after that time
//! sets a new one; whoever had not noticed the old one by then would sleep on, so the look tells whether that may
//! have happened, and wakes the other classes when it leaves something behind that is due.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, futures::Notified, watch};

use super::interest::Interest;
use super::store_time::StoreClock;
use crate::model::UnixMillis;

/// Everybody who waits, by topic and group.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    /// A std lock: held for a look-up, never over an await, and taken on the storage thread.
    by_topic: Mutex<HashMap<String, HashMap<String, Entry>>>,
}

/// The receives of one group.
#[derive(Debug, Default)]
struct Entry {
    due: Arc<watch::Sender<Option<UnixMillis>>>,
    // Few: consumers of one group want the same.
    classes: Vec<Class>,
}

/// The receives of one group with one interest.
#[derive(Debug)]
struct Class {
    interest: Interest,
    waiting: usize,
    message: Arc<Notify>,
}

/// One registered receive; leaves when dropped.
#[derive(Debug)]
pub(super) struct Waiter<'a> {
    waiters: &'a Waiters,
    topic: &'a str,
    group: &'a str,
    due: Arc<watch::Sender<Option<UnixMillis>>>,
    message: Arc<Notify>,
}

impl Waiters {
    /// Registers a receive.
    pub(super) fn register<'a>(&'a self, topic: &'a str, group: &'a str, interest: &Interest) -> Waiter<'a> {
        let mut by_topic = self.lock();
        let entry = by_topic.entry(topic.to_owned()).or_default().entry(group.to_owned()).or_default();
        let message = entry.enter(interest);
        Waiter { waiters: self, topic, group, due: Arc::clone(&entry.due), message }
    }

    /// Something is there for every group of the topic: wakes one waiter of each class.
    pub(super) fn wake_topic(&self, topic: &str) {
        self.wake_where(topic, |_| true);
    }

    /// A message with this tag is there for every group of the topic: wakes one waiter of each class that wants it.
    pub(super) fn wake_for_tag(&self, topic: &str, tag: Option<&str>) {
        self.wake_where(topic, |interest| interest.wants(tag));
    }

    /// Something is there for this group: wakes one waiter of each class.
    pub(super) fn wake_group(&self, topic: &str, group: &str) {
        self.wake_in_group(topic, group, |_| true);
    }

    /// Something is there for those of this group who want something else: wakes one waiter of each other class.
    pub(super) fn wake_others(&self, topic: &str, group: &str, looked: &Interest) {
        self.wake_in_group(topic, group, |interest| interest != looked);
    }

    /// A message group may have become free: wakes one ordered waiter of each class.
    pub(super) fn wake_ordered(&self, topic: &str, group: &str) {
        self.wake_in_group(topic, group, |interest| interest.ordered);
    }

    /// Message groups of any topic may have become free.
    pub(super) fn wake_ordered_everywhere(&self) {
        for entry in self.lock().values().flat_map(HashMap::values) {
            entry.wake(|interest| interest.ordered);
        }
    }

    fn wake_where(&self, topic: &str, which: impl Fn(&Interest) -> bool) {
        if let Some(groups) = self.lock().get(topic) {
            groups.values().for_each(|entry| entry.wake(&which));
        }
    }

    fn wake_in_group(&self, topic: &str, group: &str, which: impl Fn(&Interest) -> bool) {
        if let Some(entry) = self.lock().get(topic).and_then(|groups| groups.get(group)) {
            entry.wake(which);
        }
    }

    /// Something becomes due for every group of the topic.
    pub(super) fn due_in_topic(&self, topic: &str, time: UnixMillis) {
        if let Some(groups) = self.lock().get(topic) {
            for entry in groups.values() {
                entry.due_at(time);
            }
        }
    }

    /// Something becomes due for this group.
    pub(super) fn due_in_group(&self, topic: &str, group: &str, time: UnixMillis) {
        if let Some(entry) = self.lock().get(topic).and_then(|groups| groups.get(group)) {
            entry.due_at(time);
        }
    }

    /// What a look at the time `now` found to be the next time for this group; whether the one before had come.
    pub(super) fn set_due(&self, topic: &str, group: &str, now: UnixMillis, time: Option<UnixMillis>) -> bool {
        let by_topic = self.lock();
        let Some(entry) = by_topic.get(topic).and_then(|groups| groups.get(group)) else { return false };
        let mut came = false;
        entry.due.send_if_modified(|due| {
            came = due.is_some_and(|known| known <= now);
            std::mem::replace(due, time) != time
        });
        came
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, HashMap<String, Entry>>> {
        self.by_topic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn enter(&mut self, interest: &Interest) -> Arc<Notify> {
        if let Some(class) = self.classes.iter_mut().find(|class| class.interest == *interest) {
            class.waiting += 1;
            return Arc::clone(&class.message);
        }
        let message = Arc::new(Notify::new());
        self.classes.push(Class { interest: interest.clone(), waiting: 1, message: Arc::clone(&message) });
        message
    }

    fn leave(&mut self, message: &Arc<Notify>) {
        if let Some(class) = self.classes.iter_mut().find(|class| Arc::ptr_eq(&class.message, message)) {
            class.waiting = class.waiting.saturating_sub(1);
        }
        self.classes.retain(|class| class.waiting > 0);
    }

    fn due_at(&self, time: UnixMillis) {
        self.due.send_if_modified(|due| {
            let sooner = due.is_none_or(|known| time < known);
            if sooner {
                *due = Some(time);
            }
            sooner
        });
    }

    fn wake(&self, which: impl Fn(&Interest) -> bool) {
        for class in self.classes.iter().filter(|class| which(&class.interest)) {
            class.message.notify_one();
        }
    }
}

impl Waiter<'_> {
    /// Completes when a message is there for this waiter.
    pub(super) fn message(&self) -> Notified<'_> {
        self.message.notified()
    }

    /// Completes at the time at which something becomes due for the group.
    pub(super) async fn due(&self, clock: &StoreClock) {
        let mut due = self.due.subscribe();
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
        entry.leave(&self.message);
        if entry.classes.is_empty() {
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
    use crate::model::TagFilter;

    fn all() -> Interest {
        Interest::default()
    }

    #[test]
    fn a_message_wakes_one_waiter_of_each_group() {
        let waiters = Waiters::default();
        let (a1, a2, b) = (
            waiters.register("t", "a", &all()),
            waiters.register("t", "a", &all()),
            waiters.register("t", "b", &all()),
        );
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
        let (a1, a2) = (waiters.register("t", "a", &all()), waiters.register("t", "a", &all()));
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
        let machine = crate::clock::Clock::manual(UnixMillis(1_000));
        let clock = StoreClock::begin(machine.clone());
        let waiters = Waiters::default();
        let waiter = waiters.register("t", "a", &all());
        let mut due = pin!(waiter.due(&clock));
        assert!(due.as_mut().now_or_never().is_none());
        assert!(!waiters.set_due("t", "a", clock.now(), Some(UnixMillis(9_000))));
        waiters.due_in_topic("t", UnixMillis(3_000));
        waiters.due_in_topic("t", UnixMillis(5_000));
        machine.advance(Duration::from_secs(1));
        assert!(due.as_mut().now_or_never().is_none());
        assert!(!waiters.set_due("t", "a", clock.now(), Some(UnixMillis(8_000))));
        machine.advance(Duration::from_secs(5));
        assert!(due.as_mut().now_or_never().is_none());
        machine.advance(Duration::from_secs(1));
        assert!(due.as_mut().now_or_never().is_some());
        assert!(waiters.set_due("t", "a", clock.now(), None), "the one before had come");
    }

    #[test]
    fn a_message_wakes_one_waiter_of_each_class_that_wants_it() {
        let waiters = Waiters::default();
        let of = |tags: &str, ordered| Interest { tags: TagFilter::parse(tags).unwrap(), ordered };
        let interests = [of("", false), of("a", false), of("a||b", true), of("c", false)];
        let registered = interests.each_ref().map(|interest| waiters.register("t", "g", interest));
        let woken = |wake: &dyn Fn()| {
            let mut waiting = registered.each_ref().map(|waiter| Box::pin(waiter.message()));
            waiting.iter_mut().for_each(|message| {
                message.as_mut().enable();
            });
            wake();
            waiting.map(|message| message.now_or_never().is_some())
        };
        assert_eq!(woken(&|| waiters.wake_for_tag("t", Some("a"))), [true, true, true, false]);
        assert_eq!(woken(&|| waiters.wake_for_tag("t", None)), [true, false, false, false]);
        assert_eq!(woken(&|| waiters.wake_others("t", "g", &of("a", false))), [true, false, true, true]);
        assert_eq!(woken(&|| waiters.wake_ordered("t", "g")), [false, false, true, false]);
        assert_eq!(woken(&|| waiters.wake_ordered_everywhere()), [false, false, true, false]);
        assert_eq!(woken(&|| waiters.wake_ordered("t", "other")), [false; 4]);
    }

    #[test]
    fn nothing_remains_of_those_who_left() {
        let waiters = Waiters::default();
        let (first, second) = (waiters.register("t", "a", &all()), waiters.register("t", "a", &all()));
        drop(first);
        assert_eq!(waiters.lock().len(), 1);
        drop(second);
        assert!(waiters.lock().is_empty());
    }
}
