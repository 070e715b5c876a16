//! Places: how many messages a stream may have that are not acknowledged yet, and who is told when one is free again.
//!
//! A delivery that is handed to a stream takes a place until it is settled in this process (acknowledged, given back), or others may
//! get it. The [`Holders`] of the process know whose place a delivery has, by a hash of topic, group and the MQ's handle: an
//! acknowledgement comes on any thread. Two deliveries of one hash would free one place too early, which loses nothing.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// What a taken place costs, in bytes, here and in the index.
pub(super) const PLACE_BYTES: usize = 128;

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
    /// The stream is in `freed`.
    is_reported: AtomicBool,
}

#[derive(Debug, Clone, Copy)]
struct Taken {
    key: DeliveryKey,
    /// When others may get the delivery, by the clock's monotonic reading.
    until: Duration,
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
    pub(super) fn new(stream: u64, most: usize, freed: &Arc<Freed>) -> Self {
        let (taken, freed) = (Mutex::default(), Arc::clone(freed));
        Self { stream, most, taken, freed, is_reported: AtomicBool::new(false) }
    }

    /// How many are free.
    pub(super) fn free(&self) -> usize {
        self.most.saturating_sub(self.lock().len())
    }

    /// Frees one. Whether the delivery had one.
    fn free_one(self: &Arc<Self>, key: DeliveryKey) -> bool {
        let mut taken = self.lock();
        let Some(index) = taken.iter().position(|it| it.key == key) else { return false };
        taken.swap_remove(index);
        drop(taken);
        self.freed.add(self);
        true
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose place each delivery has, for the whole process.
#[derive(Debug, Default)]
pub(super) struct Holders {
    by_delivery: Mutex<HashMap<DeliveryKey, Arc<Places>>>,
    /// As many as are in the map: where no stream holds anything, nothing is looked up.
    count: AtomicUsize,
    hasher: RandomState,
}

impl Holders {
    /// What stands for a delivery.
    pub(super) fn key(&self, topic: &str, group: &str, handle: &str) -> DeliveryKey {
        DeliveryKey(self.hasher.hash_one((topic, group, handle)))
    }

    /// Whether any delivery has a place.
    pub(super) fn is_any(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }

    /// A delivery takes a place until others may get it, whether or not one is free.
    pub(super) fn take(&self, places: &Arc<Places>, key: DeliveryKey, until: Duration) {
        places.lock().push(Taken { key, until });
        let before = self.lock().insert(key, Arc::clone(places));
        match before {
            // The MQ gave out the same handle again.
            Some(before) => drop(before.free_one(key)),
            None => drop(self.count.fetch_add(1, Ordering::AcqRel)),
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
        *place = Taken { key: new, until };
        drop(taken);
        if self.lock().insert(new, places).is_none() {
            self.count.fetch_add(1, Ordering::AcqRel);
        }
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
            self.count.fetch_sub(1, Ordering::AcqRel);
        }
    }

    fn remove(&self, key: DeliveryKey) -> Option<Arc<Places>> {
        let removed = self.lock().remove(&key);
        if removed.is_some() {
            self.count.fetch_sub(1, Ordering::AcqRel);
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

    fn stream(number: u64, freed: &Arc<Freed>) -> Arc<Places> {
        Arc::new(Places::new(number, 2, freed))
    }

    #[test]
    fn a_place_is_free_when_its_delivery_is_settled_or_over() {
        let (holders, freed) = (Holders::default(), Arc::default());
        let places = stream(7, &freed);
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
        let (holders, freed) = (Holders::default(), Arc::default());
        let [first, second] = [1, 2].map(|number| stream(number, &freed));
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
        let (holders, freed) = (Holders::default(), Arc::default());
        let places = stream(1, &freed);
        for handle in ["1", "2", "3"] {
            holders.take(&places, holders.key("t", "g", handle), SECOND);
        }
        assert_eq!(places.free(), 0, "more than it has is no harm");
        holders.leave(&places);
        assert!(!holders.is_any() && holders.lock().is_empty());
    }
}
