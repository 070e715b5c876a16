//! What this process knows of deliveries that the server does not tell: which handles a change has replaced, or may have, and which
//! were acknowledged.
//!
//! The server judges a handle by its time alone (protocol notes RocketMQ 5, section 3, "semantics that bite" 4). It says yes to an
//! acknowledgement by a handle that was replaced, and the message comes again; two changes by one handle make two copies; a change
//! after the acknowledgement revives the message. So a handle is changed by one request at a time, and what it was good for once is
//! remembered: the last ten thousand of each kind. After a change that was not answered nobody knows whether the server's yes to an
//! acknowledgement means anything; nor whether there are two copies after another change, so its new handle is in the same doubt.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha1::{Digest as _, Sha1};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::protocol::rocketmq::Handle;

/// Most handles of one kind that are remembered.
const MOST: usize = 10_000;

/// A handle, in little room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 16]);

/// What is known of the handles of one profile, in every thread.
#[derive(Debug, Default)]
pub(super) struct Superseded {
    /// A std lock: held for a look-up, never over an await.
    state: Mutex<State>,
    settled: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// A request with them is under way.
    claimed: HashSet<Key>,
    replaced: Recent,
    /// A change of them was not answered.
    doubtful: Recent,
    acknowledged: Recent,
}

/// The last of many, each once.
#[derive(Debug, Default)]
struct Recent {
    keys: HashSet<Key>,
    order: VecDeque<Key>,
}

/// Handles that nobody else sends meanwhile.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    all: &'a Superseded,
    keys: Vec<Key>,
}

impl Key {
    pub(super) fn of(handle: &Handle) -> Self {
        let digest: [u8; 20] = Sha1::digest(handle.text.as_bytes()).into();
        Self(digest.first_chunk().copied().unwrap_or_default())
    }
}

impl Recent {
    fn note(&mut self, key: Key) {
        if !self.keys.insert(key) {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
    }
}

impl Superseded {
    /// Waits until nobody else sends any of these handles; `None` where that takes too long.
    pub(super) async fn claim(&self, mut keys: Vec<Key>, deadline: Instant) -> Option<Claim<'_>> {
        keys.sort_unstable_by_key(|key| key.0);
        keys.dedup();
        loop {
            // Before the look: what is settled between it and the wait is not missed.
            let mut settled = std::pin::pin!(self.settled.notified());
            settled.as_mut().enable();
            if self.try_claim(&keys) {
                return Some(Claim { all: self, keys });
            }
            timeout_at(deadline, settled).await.ok()?;
        }
    }

    fn try_claim(&self, keys: &[Key]) -> bool {
        let mut state = self.lock();
        let is_free = keys.iter().all(|key| !state.claimed.contains(key));
        if is_free {
            state.claimed.extend(keys);
        }
        is_free
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim<'_> {
    /// A change by this process has replaced it.
    pub(super) fn is_replaced(&self, key: Key) -> bool {
        self.all.lock().replaced.keys.contains(&key)
    }

    /// A change by this process may have replaced it.
    pub(super) fn is_doubtful(&self, key: Key) -> bool {
        self.all.lock().doubtful.keys.contains(&key)
    }

    /// This process has acknowledged it.
    pub(super) fn is_acknowledged(&self, key: Key) -> bool {
        self.all.lock().acknowledged.keys.contains(&key)
    }

    pub(super) fn note_replaced(&self, key: Key) {
        self.all.lock().replaced.note(key);
    }

    pub(super) fn note_doubtful(&self, key: Key) {
        self.all.lock().doubtful.note(key);
    }

    pub(super) fn note_acknowledged(&self, keys: impl Iterator<Item = Key>) {
        let mut state = self.all.lock();
        keys.for_each(|key| state.acknowledged.note(key));
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut state = self.all.lock();
        for key in &self.keys {
            state.claimed.remove(key);
        }
        drop(state);
        self.all.settled.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;

    use super::*;

    fn key(number: u32) -> Key {
        Key::of(&Handle { message_id: "id".to_owned(), text: number.to_string() })
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(1)
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_at_a_time_has_a_handle() {
        let all = Superseded::default();
        let first = all.claim(vec![key(1), key(2), key(1)], soon()).await.unwrap();
        let mut second = std::pin::pin!(all.claim(vec![key(3), key(2)], soon()));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(all.claim(vec![key(3)], soon()).await.is_some(), "who waits keeps nothing from others");
        first.note_replaced(key(2));
        drop(first);
        let second = second.await.unwrap();
        assert!(second.is_replaced(key(2)) && !second.is_replaced(key(3)));
        let began = Instant::now();
        assert!(all.claim(vec![key(2)], soon()).await.is_none());
        assert_eq!(began.elapsed(), Duration::from_secs(1));
    }

    #[tokio::test]
    async fn the_last_ten_thousand_are_known() {
        let all = Superseded::default();
        let claim = all.claim(vec![key(0)], soon()).await.unwrap();
        for number in 0..10_001 {
            claim.note_replaced(key(number));
            claim.note_replaced(key(number));
            claim.note_acknowledged(std::iter::once(key(number)));
        }
        assert!(!claim.is_replaced(key(0)) && claim.is_replaced(key(1)) && claim.is_replaced(key(10_000)));
        assert!(!claim.is_acknowledged(key(0)) && claim.is_acknowledged(key(1)));
        let state = all.lock();
        assert_eq!((state.replaced.keys.len(), state.replaced.order.len()), (10_000, 10_000));
    }
}
