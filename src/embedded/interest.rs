//! What a receive wants of its group's messages, and how.

use crate::model::TagFilter;

/// What a receive wants and how. Receives with the same interest can stand in for each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Interest {
    /// `None`: every message.
    pub(super) tags: Option<TagFilter>,
    /// Each message group in order, one batch after the other.
    pub(super) ordered: bool,
}

impl Interest {
    /// Whether the tags of a receive let this one through.
    pub(super) fn wants(&self, tag: Option<&str>) -> bool {
        self.tags.as_ref().is_none_or(|tags| tags.wants(tag))
    }

    /// Whether there is nothing that this receive would not take.
    pub(super) const fn is_everything(&self) -> bool {
        self.tags.is_none() && !self.ordered
    }
}
