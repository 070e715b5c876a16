//! Many waiting receives share few polls upstream.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

use tokio::sync::Semaphore;

use crate::model::{ConsumerGroup, Topic};

/// Polls under way at once for one group of one topic, on one thread.
const LANES: usize = 8;
/// Look-ups between two clean-ups.
const SWEEP: usize = 1024;

/// One thread's lanes by topic and group. They live as long as somebody waits in or for them.
#[derive(Debug, Default)]
pub(super) struct PollLanes(RefCell<Lanes>);

#[derive(Debug, Default)]
struct Lanes {
    by_group: HashMap<(Topic, ConsumerGroup), Weak<Semaphore>>,
    since_sweep: usize,
}

impl PollLanes {
    /// A permit of it is one lane, first come first served.
    pub(super) fn of(&self, topic: &Topic, group: &ConsumerGroup) -> Arc<Semaphore> {
        let mut lanes = self.0.borrow_mut();
        lanes.since_sweep += 1;
        if lanes.since_sweep >= SWEEP {
            lanes.since_sweep = 0;
            lanes.by_group.retain(|_, lanes| lanes.strong_count() > 0);
        }
        let slot = lanes.by_group.entry((topic.clone(), group.clone())).or_default();
        slot.upgrade().unwrap_or_else(|| {
            let made = Arc::new(Semaphore::new(LANES));
            *slot = Arc::downgrade(&made);
            made
        })
    }
}
