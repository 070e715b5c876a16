//! The largest message lately seen of each topic, from which follows how many are asked for at once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::Topic;

/// A size is remembered for one to two of these.
const PERIOD: Duration = Duration::from_secs(60);
/// Most topics with a size of their own; the others have none.
const MAX_TOPICS: usize = 1024;

/// The sizes of a process's topics, in bytes.
#[derive(Debug, Default)]
pub struct MessageSizes(Mutex<HashMap<Topic, Sizes>>);

#[derive(Debug, Clone, Copy)]
struct Sizes {
    /// The largest of this period.
    current: usize,
    /// The largest of the period before.
    previous: usize,
    since: Instant,
}

impl MessageSizes {
    /// The largest message that was seen in the last minute or two; `None` where there was none.
    pub(super) fn largest(&self, topic: &Topic, now: Instant) -> Option<usize> {
        // A std lock: held for a look-up, never over an await.
        let mut sizes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sizes = sizes.get_mut(topic)?;
        sizes.turn(now);
        Some(sizes.current.max(sizes.previous)).filter(|largest| *largest > 0)
    }

    /// Notes the largest message of an answer.
    pub(super) fn note(&self, topic: &Topic, largest: usize, now: Instant) {
        let mut sizes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !sizes.contains_key(topic) {
            if sizes.len() >= MAX_TOPICS {
                sizes.retain(|_, known| now - known.since < PERIOD * 2);
            }
            if sizes.len() >= MAX_TOPICS {
                return;
            }
            sizes.insert(topic.clone(), Sizes { current: 0, previous: 0, since: now });
        }
        if let Some(sizes) = sizes.get_mut(topic) {
            sizes.turn(now);
            sizes.current = sizes.current.max(largest);
        }
    }
}

impl Sizes {
    fn turn(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.since);
        if passed >= PERIOD {
            self.previous = if passed < PERIOD * 2 { self.current } else { 0 };
            self.current = 0;
            self.since = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_forgotten_after_two_periods_at_most() {
        let (sizes, topic, start) = (MessageSizes::default(), Topic::parse("T").unwrap(), Instant::now());
        assert_eq!(sizes.largest(&topic, start), None);
        sizes.note(&topic, 500, start);
        sizes.note(&topic, 100, start);
        assert_eq!(sizes.largest(&topic, start + PERIOD), Some(500));
        sizes.note(&topic, 100, start + PERIOD);
        assert_eq!(sizes.largest(&topic, start + PERIOD * 2), Some(100));
        assert_eq!(sizes.largest(&topic, start + PERIOD * 4), None);
    }

    #[test]
    fn topics_are_bounded() {
        let (sizes, now) = (MessageSizes::default(), Instant::now());
        let topic = |number: usize| Topic::parse(&format!("T{number}")).unwrap();
        (0..=MAX_TOPICS).for_each(|number| sizes.note(&topic(number), 7, now));
        assert_eq!(sizes.largest(&topic(0), now), Some(7));
        assert_eq!(sizes.largest(&topic(MAX_TOPICS), now), None);
        sizes.note(&topic(MAX_TOPICS), 7, now + PERIOD * 2);
        assert_eq!(sizes.largest(&topic(MAX_TOPICS), now + PERIOD * 2), Some(7));
    }
}
