//! The lines of the process, by topic, group and kind of receive.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::kind::{Kind, Wish};
use super::late::LateMessages;
use super::line::Line;
use crate::model::{ConsumerGroup, Topic};
use crate::upstream::PollRequest;

/// Callers choose tags and visibility timeouts. This many kinds of one group have a line of their own, besides the line of those that
/// choose nothing. All further ones share a line, so that a group's polls are bounded whatever its callers choose.
const KINDS: usize = 7;
/// Look-ups between two clean-ups.
const SWEEP: usize = 1024;

/// The lines in use. They live as long as somebody waits in them, or a poll is under way for them.
#[derive(Debug, Default)]
pub struct PollLines(Mutex<Lines>);

#[derive(Debug, Default)]
struct Lines {
    by_group: HashMap<(Topic, ConsumerGroup), GroupLines>,
    since_sweep: usize,
}

/// One group's lines.
#[derive(Debug, Default)]
struct GroupLines {
    usual: Weak<Line>,
    chosen: HashMap<Kind, Weak<Line>>,
    others: Weak<Line>,
}

impl PollLines {
    /// The line for such polls, made with what `late` says where there is none yet.
    pub(in crate::gateway) fn of(
        &self,
        asked: &PollRequest<'_>,
        late: impl FnOnce() -> LateMessages,
    ) -> (Arc<Line>, Wish) {
        let kind = Kind::of(asked);
        // A std lock: held for a few lines, never over an await.
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.since_sweep += 1;
        if lines.since_sweep >= SWEEP {
            lines.since_sweep = 0;
            lines.by_group.retain(|_, group| group.is_in_use());
        }
        let group = lines.by_group.entry((asked.topic.clone(), asked.group.clone())).or_default();
        let (slot, kind) = group.slot(kind);
        let line = slot.upgrade().unwrap_or_else(|| {
            let made = Arc::new(Line::new(late()));
            *slot = Arc::downgrade(&made);
            made
        });
        (line, Wish { kind, ordered: asked.ordered })
    }
}

impl GroupLines {
    /// Where the line of a kind is; with the kind where others are in it, too.
    fn slot(&mut self, kind: Kind) -> (&mut Weak<Line>, Option<Arc<Kind>>) {
        if kind == Kind::default() {
            return (&mut self.usual, None);
        }
        if !self.chosen.contains_key(&kind) {
            self.chosen.retain(|_, line| line.strong_count() > 0);
            if self.chosen.len() >= KINDS {
                return (&mut self.others, Some(Arc::new(kind)));
            }
        }
        (self.chosen.entry(kind).or_default(), None)
    }

    fn is_in_use(&self) -> bool {
        self.chosen.values().chain([&self.usual, &self.others]).any(|line| line.strong_count() > 0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::gateway::polls::late::tests::late;
    use crate::model::{Tag, TagFilter};

    /// The line of a receive of `group` with this visibility timeout and these tags.
    fn of(lines: &PollLines, group: &str, seconds: Option<u64>, tags: &[&str]) -> Arc<Line> {
        let tags = TagFilter::new(tags.iter().map(|tag| Tag::parse(tag).unwrap()));
        let asked = PollRequest {
            topic: &Topic::parse("t").unwrap(),
            group: &ConsumerGroup::parse(group).unwrap(),
            max_messages: 1,
            wait: Duration::from_secs(1),
            tags: tags.as_ref(),
            ordered: false,
            visibility_timeout: seconds.map(Duration::from_secs),
            says_no_wait: false,
        };
        lines.of(&asked, late).0
    }

    #[test]
    fn receives_that_ask_the_same_stand_in_one_line() {
        let lines = PollLines::default();
        let [usual, chosen] = [of(&lines, "a", None, &[]), of(&lines, "a", Some(60), &["x", "y"])];
        assert!(Arc::ptr_eq(&usual, &of(&lines, "a", None, &[])));
        assert!(Arc::ptr_eq(&chosen, &of(&lines, "a", Some(60), &["y", "x"])), "whatever the order of the tags");
        for other in
            [of(&lines, "b", None, &[]), of(&lines, "a", Some(61), &["x", "y"]), of(&lines, "a", Some(60), &["x"])]
        {
            assert!(!Arc::ptr_eq(&usual, &other) && !Arc::ptr_eq(&chosen, &other));
        }
    }

    #[test]
    fn a_group_has_so_many_lines_whatever_its_callers_choose() {
        let lines = PollLines::default();
        let kinds: Vec<_> = (0..100).map(|seconds| of(&lines, "a", Some(seconds), &[])).collect();
        let mut distinct: Vec<_> = kinds.iter().map(Arc::as_ptr).collect();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), KINDS + 1);
        let usual = of(&lines, "a", None, &[]);
        assert!(kinds.iter().all(|kind| !Arc::ptr_eq(kind, &usual)), "who chooses nothing has a line apart");
        drop(kinds);
        let [one, other] = [of(&lines, "a", Some(200), &[]), of(&lines, "a", Some(201), &[])];
        assert!(!Arc::ptr_eq(&one, &other), "places are free again");
    }

    #[test]
    fn lines_that_nobody_uses_are_forgotten() {
        let lines = PollLines::default();
        let used = of(&lines, "used", None, &[]);
        for index in 0..2 * SWEEP {
            drop(of(&lines, &format!("g{index}"), None, &[]));
        }
        let kept = lines.0.lock().unwrap().by_group.len();
        assert!(kept <= SWEEP, "{kept}");
        assert!(Arc::ptr_eq(&used, &of(&lines, "used", None, &[])));
    }
}
