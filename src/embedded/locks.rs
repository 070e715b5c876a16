//! Message groups that ordered receives must leave alone.

use std::collections::HashSet;

/// Message groups of which something is not acknowledged; messages without a message group are one among themselves,
/// called by an empty text.
#[derive(Debug, Default)]
pub(super) struct Locks(HashSet<String>);

impl Locks {
    /// Locks a message group.
    pub(super) fn add(&mut self, message_group: &str) {
        if !self.0.contains(message_group) {
            self.0.insert(message_group.to_owned());
        }
    }

    /// Whether messages of this group must wait.
    pub(super) fn hold(&self, message_group: &str) -> bool {
        self.0.contains(message_group)
    }
}
