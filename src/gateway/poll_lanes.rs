//! Many waiting receives share few polls upstream: so many for each kind of receive of one group, whichever threads its callers
//! are on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::model::{ConsumerGroup, Tag, TagFilter, Topic};
use crate::upstream::PollRequest;

/// Polls under way at once for one kind of receive, in the whole process.
const LANES: usize = 8;
/// Callers choose tags and visibility timeouts: so many kinds of one group have lanes of their own, besides the one that chooses
/// nothing. All further ones share lanes, so that a group's polls are bounded whatever its callers choose.
const KINDS: usize = 7;
/// Look-ups between two clean-ups.
const SWEEP: usize = 1024;

/// The process's lanes by topic, group and kind. They live as long as somebody waits in or for them.
#[derive(Debug, Default)]
pub struct PollLanes(Mutex<Lanes>);

#[derive(Debug, Default)]
struct Lanes {
    by_group: HashMap<(Topic, ConsumerGroup), GroupLanes>,
    since_sweep: usize,
}

/// What the receives of one group must have in common to share polls.
#[derive(Debug, Default, PartialEq, Eq)]
struct Kind {
    /// In the order of their names.
    tags: Vec<Tag>,
    ordered: bool,
    visibility_timeout: Option<Duration>,
}

/// One group's lanes.
#[derive(Debug, Default)]
struct GroupLanes {
    usual: Weak<Semaphore>,
    chosen: Vec<(Kind, Weak<Semaphore>)>,
    others: Weak<Semaphore>,
}

impl PollLanes {
    /// The lanes for such polls: a permit of it is one lane, first come first served over all threads.
    pub(super) fn of(&self, asked: &PollRequest<'_>) -> Arc<Semaphore> {
        let kind = Kind::of(asked);
        // A std lock: held for a few lines, never over an await.
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.since_sweep += 1;
        if lanes.since_sweep >= SWEEP {
            lanes.since_sweep = 0;
            lanes.by_group.retain(|_, group| group.is_in_use());
        }
        lanes.by_group.entry((asked.topic.clone(), asked.group.clone())).or_default().of(kind)
    }
}

impl Kind {
    fn of(asked: &PollRequest<'_>) -> Self {
        let mut tags = asked.tags.map(TagFilter::tags).unwrap_or_default().to_vec();
        tags.sort_unstable();
        Self { tags, ordered: asked.ordered, visibility_timeout: asked.visibility_timeout }
    }
}

impl GroupLanes {
    fn of(&mut self, kind: Kind) -> Arc<Semaphore> {
        if kind == Kind::default() {
            return lanes_in(&mut self.usual);
        }
        if let Some((_, lanes)) = self.chosen.iter_mut().find(|(known, _)| *known == kind) {
            return lanes_in(lanes);
        }
        self.chosen.retain(|(_, lanes)| lanes.strong_count() > 0);
        if self.chosen.len() >= KINDS {
            return lanes_in(&mut self.others);
        }
        let made = Arc::new(Semaphore::new(LANES));
        self.chosen.push((kind, Arc::downgrade(&made)));
        made
    }

    fn is_in_use(&self) -> bool {
        let chosen = self.chosen.iter().map(|(_, lanes)| lanes);
        chosen.chain([&self.usual, &self.others]).any(|lanes| lanes.strong_count() > 0)
    }
}

/// Those of a slot, made where nobody uses them.
fn lanes_in(slot: &mut Weak<Semaphore>) -> Arc<Semaphore> {
    slot.upgrade().unwrap_or_else(|| {
        let made = Arc::new(Semaphore::new(LANES));
        *slot = Arc::downgrade(&made);
        made
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lanes of a receive of `group` with this visibility timeout and these tags.
    fn of(lanes: &PollLanes, group: &str, seconds: Option<u64>, tags: &[&str]) -> Arc<Semaphore> {
        lanes.of(&PollRequest {
            topic: &Topic::parse("t").unwrap(),
            group: &ConsumerGroup::parse(group).unwrap(),
            max_messages: 1,
            wait: Duration::from_secs(1),
            tags: TagFilter::new(tags.iter().map(|tag| Tag::parse(tag).unwrap())).as_ref(),
            ordered: false,
            visibility_timeout: seconds.map(Duration::from_secs),
        })
    }

    #[test]
    fn receives_that_ask_the_same_share_lanes() {
        let lanes = PollLanes::default();
        let [usual, chosen] = [of(&lanes, "a", None, &[]), of(&lanes, "a", Some(60), &["x", "y"])];
        assert!(Arc::ptr_eq(&usual, &of(&lanes, "a", None, &[])));
        assert!(Arc::ptr_eq(&chosen, &of(&lanes, "a", Some(60), &["y", "x"])), "whatever the order of the tags");
        for other in
            [of(&lanes, "b", None, &[]), of(&lanes, "a", Some(61), &["x", "y"]), of(&lanes, "a", Some(60), &["x"])]
        {
            assert!(!Arc::ptr_eq(&usual, &other) && !Arc::ptr_eq(&chosen, &other));
        }
    }

    #[test]
    fn a_group_has_so_many_lanes_whatever_its_callers_choose() {
        let lanes = PollLanes::default();
        let kinds: Vec<_> = (0..100).map(|seconds| of(&lanes, "a", Some(seconds), &[])).collect();
        let mut distinct: Vec<_> = kinds.iter().map(Arc::as_ptr).collect();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), KINDS + 1);
        let usual = of(&lanes, "a", None, &[]);
        assert!(kinds.iter().all(|kind| !Arc::ptr_eq(kind, &usual)), "who chooses nothing shares with nobody");
        drop(kinds);
        let [one, other] = [of(&lanes, "a", Some(200), &[]), of(&lanes, "a", Some(201), &[])];
        assert!(!Arc::ptr_eq(&one, &other), "places are free again");
    }

    #[test]
    fn lanes_that_nobody_uses_are_forgotten() {
        let lanes = PollLanes::default();
        let used = of(&lanes, "used", None, &[]);
        for index in 0..2 * SWEEP {
            drop(of(&lanes, &format!("g{index}"), None, &[]));
        }
        let kept = lanes.0.lock().unwrap().by_group.len();
        assert!(kept <= SWEEP, "{kept}");
        assert!(Arc::ptr_eq(&used, &of(&lanes, "used", None, &[])));
    }
}
