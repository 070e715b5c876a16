//! What receives of one group must have in common to share polls.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{Tag, TagFilter};
use crate::upstream::PollRequest;

/// What a receive asks for besides a number of messages.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Kind {
    /// In the order of their names.
    tags: Vec<Tag>,
    ordered: bool,
    visibility_timeout: Option<Duration>,
}

/// Which of those in one line want the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::gateway) struct Wish {
    /// `None` where all in the line do.
    pub(super) kind: Option<Arc<Kind>>,
    /// What a poll brings goes to one caller, as it is to be worked off in order.
    pub(super) ordered: bool,
}

impl Kind {
    pub(super) fn of(asked: &PollRequest<'_>) -> Self {
        let mut tags = asked.tags.map(TagFilter::tags).unwrap_or_default().to_vec();
        tags.sort_unstable();
        Self { tags, ordered: asked.ordered, visibility_timeout: asked.visibility_timeout }
    }
}

#[cfg(test)]
impl Kind {
    pub(super) fn hidden_for(time: Duration) -> Self {
        Self { visibility_timeout: Some(time), ..Self::default() }
    }
}
