//! What each key had from an endpoint since its last answer to anybody: a failure, or a request of its own that is
//! finding out.
//!
//! Keys that were named beforehand have a place each. Others may be anything that callers send: so many have places of
//! their own, and the rest shares one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// How long a failure keeps its key from trying by itself.
pub(super) const FAILURE_COUNTS: Duration = Duration::from_secs(60);
/// Most places for keys that were not named beforehand.
pub(super) const MOST_OTHERS: usize = 1024;
/// Time between two looks for places that are free again.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);

/// Every key's place.
#[derive(Debug)]
pub(super) struct Places {
    names: Arc<HashSet<String>>,
    named: HashMap<Box<str>, Place>,
    others: HashMap<Box<str>, Place>,
    shared: Place,
    swept_at: Option<Instant>,
}

/// What one key had.
#[derive(Debug, Default)]
pub(super) enum Place {
    /// Nothing.
    #[default]
    Free,
    /// A failure.
    Failed(Instant),
    /// Its request is under way, as long as the sender lives.
    Trying(watch::Receiver<()>),
}

impl Place {
    /// Whether the key may try.
    pub(super) fn is_free(&self, now: Instant) -> bool {
        match self {
            Self::Free => true,
            Self::Failed(at) => now >= *at + FAILURE_COUNTS,
            Self::Trying(sender) => sender.has_changed().is_err(),
        }
    }
}

impl Places {
    /// Places for `names`, and for others within bounds.
    pub(super) fn new(names: Arc<HashSet<String>>) -> Self {
        Self { names, named: HashMap::new(), others: HashMap::new(), shared: Place::Free, swept_at: None }
    }

    /// The place of `key`.
    pub(super) fn of(&mut self, key: &str, now: Instant) -> &mut Place {
        let places = if self.names.contains(key) {
            &mut self.named
        } else {
            if !self.others.contains_key(key) && !self.has_room(now) {
                return &mut self.shared;
            }
            &mut self.others
        };
        places.entry(key.into()).or_default()
    }

    /// Makes every place free.
    pub(super) fn clear(&mut self) {
        self.named.clear();
        self.others.clear();
        self.shared = Place::Free;
    }

    fn has_room(&mut self, now: Instant) -> bool {
        let due = self.swept_at.is_none_or(|last| now >= last + SWEEP_PAUSE);
        if self.others.len() >= MOST_OTHERS && due {
            self.swept_at = Some(now);
            self.others.retain(|_, place| !place.is_free(now));
        }
        self.others.len() < MOST_OTHERS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// To look at all places costs more than a request.
    #[test]
    fn places_that_are_free_again_are_looked_for_once_a_second() {
        let start = Instant::now();
        let mut places = Places::new(Arc::default());
        for index in 0..MOST_OTHERS {
            *places.of(&index.to_string(), start) = Place::Failed(start);
        }
        let shared = &raw const places.shared;
        let mut is_shared = |key: &str, now| std::ptr::eq(places.of(key, now), shared);
        let looked = start + FAILURE_COUNTS - SWEEP_PAUSE / 2;
        assert!(is_shared("a", looked), "none is free yet");
        assert!(is_shared("a", looked + SWEEP_PAUSE - Duration::from_millis(1)));
        assert!(!is_shared("0", looked), "who has a place keeps it");
        assert!(!is_shared("a", looked + SWEEP_PAUSE));
        assert_eq!(places.others.len(), 1);
    }
}
