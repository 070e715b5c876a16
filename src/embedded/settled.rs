//! Whoever wants to know which deliveries are settled: a consumer's own place for them is free then.

use std::fmt;

use super::handle::Handle;
use crate::model::{ConsumerGroup, Topic};

type Listener = dyn Fn(&Topic, &ConsumerGroup, &dyn Fn() -> String) + Send + Sync;

/// Hears of each delivery: its topic, its group and, when asked for, its handle.
pub(super) struct Settled(Box<Listener>);

impl Settled {
    pub(super) fn new(listener: impl Fn(&Topic, &ConsumerGroup, &dyn Fn() -> String) + Send + Sync + 'static) -> Self {
        Self(Box::new(listener))
    }

    pub(super) fn tell(&self, topic: &Topic, group: &ConsumerGroup, handle: Handle) {
        (self.0)(topic, group, &|| handle.encode());
    }
}

impl fmt::Debug for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settled").finish_non_exhaustive()
    }
}
