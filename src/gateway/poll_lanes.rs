//! Many waiting receives share few polls upstream.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::model::{ConsumerGroup, Topic};

/// Polls under way at once for one group of one topic, on one thread.
const LANES: usize = 8;
/// Look-ups between two clean-ups.
const SWEEP: usize = 1024;

/// One thread's lanes by topic and group.
#[derive(Debug, Default)]
pub(super) struct PollLanes(RefCell<Lanes>);

#[derive(Debug, Default)]
struct Lanes {
    by_group: HashMap<(Topic, ConsumerGroup), Weak<Lane>>,
    since_sweep: usize,
}

/// The lanes of one group. It lives as long as somebody waits in or for them.
#[derive(Debug)]
pub(super) struct Lane(std::sync::Arc<Semaphore>);

impl PollLanes {
    pub(super) fn of(&self, topic: &Topic, group: &ConsumerGroup) -> Rc<Lane> {
        let mut lanes = self.0.borrow_mut();
        lanes.since_sweep += 1;
        if lanes.since_sweep >= SWEEP {
            lanes.since_sweep = 0;
            lanes.by_group.retain(|_, lane| lane.strong_count() > 0);
        }
        let slot = lanes.by_group.entry((topic.clone(), group.clone())).or_default();
        if let Some(lane) = slot.upgrade() {
            return lane;
        }
        let lane = Rc::new(Lane(std::sync::Arc::new(Semaphore::new(LANES))));
        *slot = Rc::downgrade(&lane);
        lane
    }
}

impl Lane {
    /// Waits for a free lane, first come first served. `None` never happens: the semaphore is not closed.
    pub(super) async fn enter(&self) -> Option<OwnedSemaphorePermit> {
        std::sync::Arc::clone(&self.0).acquire_owned().await.ok()
    }
}
