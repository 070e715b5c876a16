//! Places: how many messages a stream may have that are not acknowledged yet, and who is told when one is free again.
//!
//! A delivery that is handed to a stream takes a place until it is settled in this process (acknowledged, given back), or others may
//! get it. The [`Holders`] of the process know whose place a delivery has, by a hash of topic, group and the MQ's handle: an
//! acknowledgement comes on any thread. Two deliveries of one hash would free one place too early, which loses nothing.
//!
//! A place costs memory while it is taken, and nothing else does: a stream that holds nothing costs the budget nothing. All taken
//! places together have a small part of it; when that is used up a stream has a few all the same, whatever others hold.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::memory::{Charge, MemoryBudget};

/// What a taken place costs, in bytes, here and in the index.
const PLACE_BYTES: usize = 160;
/// All places together may take this part of the memory.
const SHARE: usize = 16;
/// A stream may take this many beyond that.
const FEW: usize = 8;

/// A delivery, as the index knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct DeliveryKey(u64);

/// One stream's places.
#[derive(Debug)]
pub(super) struct Places {
    /// The stream's number.
    pub(super) stream: u64,
    most: usize,
    /// The taken ones. A std lock: held for a few lines, never over an await.
    taken: Mutex<Vec<Taken>>,
    freed: Arc<Freed>,
    share: Arc<Share>,
    /// The stream is in `freed`.
    is_reported: AtomicBool,
}

#[derive(Debug)]
struct Taken {
    key: DeliveryKey,
    /// When others may get the delivery, by the clock's monotonic reading.
    until: Duration,
    _memory: Charge,
}

/// What the places of the whole process may take.
#[derive(Debug)]
struct Share {
    most: usize,
    /// As many as are in the index: where no stream holds anything, nothing is looked up.
    taken: AtomicUsize,
}

impl Share {
    fn left(&self) -> usize {
        self.most.saturating_sub(self.taken.load(Ordering::Acquire))
    }
}

/// The streams of one feed that have places again, each once.
#[derive(Debug, Default)]
pub(super) struct Freed {
    streams: Mutex<Vec<Arc<Places>>>,
    pub(super) wake: Notify,
}

impl Freed {
    /// Those that were added since the last time.
    pub(super) fn take(&self) -> Vec<u64> {
        let all = std::mem::take(&mut *self.streams.lock().unwrap_or_else(PoisonError::into_inner));
        let numbers = all.iter().map(|places| {
            places.is_reported.store(false, Ordering::Release);
            places.stream
        });
        numbers.collect()
    }

    fn add(&self, places: &Arc<Places>) {
        if !places.is_reported.swap(true, Ordering::AcqRel) {
            self.streams.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(places));
            self.wake.notify_one();
        }
    }
}

impl Places {
    /// How many are free.
    pub(super) fn free(&self) -> usize {
        let taken = self.lock().len();
        let affordable = self.share.left().max(FEW.saturating_sub(taken));
        self.most.saturating_sub(taken).min(affordable)
    }

    /// Frees one. Whether the delivery had one.
    fn free_one(self: &Arc<Self>, key: DeliveryKey) -> bool {
        let mut taken = self.lock();
        let Some(index) = taken.iter().position(|it| it.key == key) else { return false };
        drop(taken.swap_remove(index));
        drop(taken);
        self.freed.add(self);
        true
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose place each delivery has, for the whole process.
#[derive(Debug)]
pub(super) struct Holders {
    by_delivery: Mutex<HashMap<DeliveryKey, Arc<Places>>>,
    share: Arc<Share>,
    memory: MemoryBudget,
    hasher: RandomState,
}

impl Holders {
    pub(super) fn new(memory: &MemoryBudget) -> Self {
        let most = memory.usage().limit / SHARE / PLACE_BYTES;
        let share = Arc::new(Share { most, taken: AtomicUsize::default() });
        Self { by_delivery: Mutex::default(), share, memory: memory.clone(), hasher: RandomState::default() }
    }

    /// A stream's places, `most` at once.
    pub(super) fn places(&self, stream: u64, most: usize, freed: &Arc<Freed>) -> Places {
        let (taken, freed, share) = (Mutex::default(), Arc::clone(freed), Arc::clone(&self.share));
        Places { stream, most, taken, freed, share, is_reported: AtomicBool::new(false) }
    }

    /// What stands for a delivery.
    pub(super) fn key(&self, topic: &str, group: &str, handle: &str) -> DeliveryKey {
        DeliveryKey(self.hasher.hash_one((topic, group, handle)))
    }

    /// Whether any delivery has a place.
    pub(super) fn is_any(&self) -> bool {
        self.share.taken.load(Ordering::Acquire) > 0
    }

    /// A delivery takes a place until others may get it, whether or not one is free.
    pub(super) fn take(&self, places: &Arc<Places>, key: DeliveryKey, until: Duration) {
        // It is taken whether or not there is room: the delivery is here.
        let mut memory = self.memory.charge();
        memory.cover(PLACE_BYTES);
        places.lock().push(Taken { key, until, _memory: memory });
        let before = self.lock().insert(key, Arc::clone(places));
        match before {
            // The MQ gave out the same handle again.
            Some(before) => drop(before.free_one(key)),
            None => drop(self.share.taken.fetch_add(1, Ordering::AcqRel)),
        }
    }

    /// A delivery is settled: its place is free.
    pub(super) fn free(&self, key: DeliveryKey) {
        if let Some(places) = self.remove(key) {
            places.free_one(key);
        }
    }

    /// A delivery is kept until another time, under a key that may be another.
    pub(super) fn keep(&self, key: DeliveryKey, new: DeliveryKey, until: Duration) {
        let Some(places) = self.remove(key) else { return };
        let mut taken = places.lock();
        let Some(place) = taken.iter_mut().find(|it| it.key == key) else { return };
        (place.key, place.until) = (new, until);
        // Under the lock of the places: the stream may leave meanwhile, and what it does not find is never taken out again.
        if self.lock().insert(new, Arc::clone(&places)).is_none() {
            self.share.taken.fetch_add(1, Ordering::AcqRel);
        }
        drop(taken);
    }

    /// Frees the places of deliveries that others may get by now.
    pub(super) fn expire(&self, places: &Arc<Places>, now: Duration) {
        let mut taken = places.lock();
        if taken.is_empty() {
            return;
        }
        let mut over = Vec::new();
        taken.retain(|it| {
            let stays = it.until > now;
            if !stays {
                over.push(it.key);
            }
            stays
        });
        drop(taken);
        if !over.is_empty() {
            over.iter().for_each(|key| self.forget(*key, places));
            places.freed.add(places);
        }
    }

    /// The stream has ended: nobody asks for its places any more.
    pub(super) fn leave(&self, places: &Arc<Places>) {
        let all = std::mem::take(&mut *places.lock());
        all.iter().for_each(|taken| self.forget(taken.key, places));
    }

    /// Takes a delivery out of the index, if it is this stream's still.
    fn forget(&self, key: DeliveryKey, places: &Arc<Places>) {
        let mut by_delivery = self.lock();
        if by_delivery.get(&key).is_some_and(|holder| Arc::ptr_eq(holder, places)) {
            by_delivery.remove(&key);
            self.share.taken.fetch_sub(1, Ordering::AcqRel);
        }
    }

    fn remove(&self, key: DeliveryKey) -> Option<Arc<Places>> {
        let removed = self.lock().remove(&key);
        if removed.is_some() {
            self.share.taken.fetch_sub(1, Ordering::AcqRel);
        }
        removed
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DeliveryKey, Arc<Places>>> {
        self.by_delivery.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn holders() -> Holders {
        Holders::new(&MemoryBudget::new(1 << 20))
    }

    fn stream(holders: &Holders, number: u64, freed: &Arc<Freed>) -> Arc<Places> {
        Arc::new(holders.places(number, 2, freed))
    }

    #[test]
    fn a_place_is_free_when_its_delivery_is_settled_or_over() {
        let (holders, freed) = (holders(), Arc::default());
        let places = stream(&holders, 7, &freed);
        let [one, two, three] = ["1", "2", "3"].map(|handle| holders.key("t", "g", handle));
        assert_eq!((places.free(), holders.is_any()), (2, false));
        holders.take(&places, one, SECOND);
        holders.take(&places, two, SECOND * 2);
        assert_eq!((places.free(), holders.is_any(), freed.take()), (0, true, vec![]));
        holders.free(three);
        assert_eq!((places.free(), freed.take()), (0, vec![]));
        holders.free(one);
        holders.free(one);
        assert_eq!((places.free(), freed.take(), freed.take()), (1, vec![7], vec![]));
        // Kept longer, under a new handle: the old one frees nothing.
        holders.keep(two, three, SECOND * 4);
        holders.free(two);
        holders.expire(&places, SECOND * 3);
        assert_eq!((places.free(), freed.take()), (1, vec![]));
        holders.expire(&places, SECOND * 4);
        assert_eq!((places.free(), freed.take(), holders.is_any()), (2, vec![7], false));
    }

    #[test]
    fn a_handle_that_comes_again_has_the_newest_place() {
        let (holders, freed) = (holders(), Arc::default());
        let [first, second] = [1, 2].map(|number| stream(&holders, number, &freed));
        let key = holders.key("t", "g", "h");
        holders.take(&first, key, SECOND);
        holders.take(&second, key, SECOND);
        assert_eq!((first.free(), second.free()), (2, 1));
        holders.leave(&first);
        holders.expire(&first, SECOND * 9);
        assert!(holders.is_any());
        holders.free(key);
        assert_eq!((second.free(), holders.is_any()), (2, false));
    }

    #[test]
    fn a_stream_that_ended_leaves_nothing() {
        let (holders, freed) = (holders(), Arc::default());
        let places = stream(&holders, 1, &freed);
        for handle in ["1", "2", "3"] {
            holders.take(&places, holders.key("t", "g", handle), SECOND);
        }
        assert_eq!(places.free(), 0, "more than it has is no harm");
        holders.leave(&places);
        assert!(!holders.is_any() && holders.lock().is_empty());
    }

    /// A hundred streams of a thousand at once, in a budget that has room for a few thousand places.
    #[test]
    fn places_cost_memory_only_while_they_are_taken() {
        let memory = MemoryBudget::new(8 << 20);
        let (holders, freed) = (Holders::new(&memory), Arc::default());
        let streams: Vec<_> = (0..100).map(|number| Arc::new(holders.places(number, 1000, &freed))).collect();
        let held = || memory.usage().small + memory.usage().large;
        assert_eq!((held(), streams[99].free()), (0, 1000));
        let mut number = 0;
        let mut take_all = |places: &Arc<Places>| {
            while places.free() > 0 {
                number += 1;
                holders.take(places, holders.key("t", "g", &number.to_string()), SECOND);
            }
            places.lock().len()
        };
        let taken: Vec<usize> = streams.iter().map(&mut take_all).collect();
        assert_eq!((taken[0], taken[2]), (1000, 1000));
        assert!(taken.iter().all(|taken| *taken >= FEW), "{taken:?}");
        assert!(held() <= (8 << 20) / 16 + 100 * FEW * PLACE_BYTES, "{}", held());
        assert_eq!(memory.usage().large, 0);
        streams.iter().for_each(|places| holders.leave(places));
        assert_eq!((held(), holders.is_any(), streams[99].free()), (0, false, 1000));
    }

    #[test]
    fn what_is_kept_while_its_stream_leaves_does_not_stay() {
        for _ in 0..500 {
            let (holders, freed) = (holders(), Arc::default());
            let places = stream(&holders, 1, &freed);
            let [old, new] = ["1", "2"].map(|handle| holders.key("t", "g", handle));
            holders.take(&places, old, SECOND);
            std::thread::scope(|scope| {
                scope.spawn(|| holders.keep(old, new, SECOND * 2));
                holders.leave(&places);
            });
            assert!(!holders.is_any() && holders.lock().is_empty());
        }
    }
}
