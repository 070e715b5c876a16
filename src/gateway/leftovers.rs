//! Deliveries that the MQ gave us for a caller who was gone when they came: the next receive gets them.
//!
//! They are not lost when nobody comes: they are not acknowledged, so the MQ delivers them again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::model::{ConsumerGroup, Delivery, Topic, UnixMillis};

/// A handle of the vendor's service is good for 30 s (protocol notes ONS 4): an older leftover could not be
/// acknowledged any more.
const MAX_AGE: Duration = Duration::from_secs(10);
/// Most deliveries kept over all groups.
const MAX_KEPT: usize = 1024;

/// What is kept, for every thread.
#[derive(Debug, Default)]
pub struct Leftovers(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    count: usize,
    by_group: HashMap<(Topic, ConsumerGroup), VecDeque<(UnixMillis, Delivery)>>,
}

impl Leftovers {
    /// Keeps `deliveries` that came at `now`; what does not fit is left to the MQ's redelivery.
    pub fn keep(&self, topic: &Topic, group: &ConsumerGroup, deliveries: Vec<Delivery>, now: UnixMillis) {
        let mut kept = self.lock();
        kept.forget_old(now);
        let room = MAX_KEPT.saturating_sub(kept.count).min(deliveries.len());
        if room == 0 {
            return;
        }
        kept.count += room;
        let queue = kept.by_group.entry((topic.clone(), group.clone())).or_default();
        queue.extend(deliveries.into_iter().take(room).map(|delivery| (now, delivery)));
    }

    /// Takes at most `max` for a caller who is here now.
    pub fn take(&self, topic: &Topic, group: &ConsumerGroup, max: usize, now: UnixMillis) -> Vec<Delivery> {
        let mut kept = self.lock();
        if kept.count == 0 {
            return Vec::new();
        }
        kept.forget_old(now);
        let key = (topic.clone(), group.clone());
        let Some(queue) = kept.by_group.get_mut(&key) else { return Vec::new() };
        let taken: Vec<_> = queue.drain(..max.min(queue.len())).map(|(_, delivery)| delivery).collect();
        if queue.is_empty() {
            kept.by_group.remove(&key);
        }
        kept.count = kept.count.saturating_sub(taken.len());
        taken
    }

    /// A std lock: held for a few lines, never over an await.
    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn forget_old(&mut self, now: UnixMillis) {
        for queue in self.by_group.values_mut() {
            // One second before others get it, it is theirs already.
            queue.retain(|(came, delivery)| {
                now.since(*came) < MAX_AGE && now + Duration::from_secs(1) < delivery.visible_again_at
            });
        }
        self.by_group.retain(|_, queue| !queue.is_empty());
        self.count = self.by_group.values().map(VecDeque::len).sum();
    }
}
