//! How an engine behaves.

use std::time::Duration;

use crate::model::Topic;

/// Chosen once, when the engine starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineOptions {
    /// How long nobody else of the group gets a delivery.
    pub visibility_timeout: Duration,
    /// Deliveries after the first, before a message goes to the group's dead letters.
    pub max_redeliveries: u32,
    /// Where a group begins that asks for the first time.
    pub new_group_starts: NewGroupStarts,
    /// How long a message is kept after it became visible.
    pub retention: Duration,
    /// How many bytes all messages may take.
    pub retention_bytes: u64,
    /// What happens to more.
    pub when_full: WhenFull,
    /// The only topics there are, besides dead letters; empty: any topic exists from its first use.
    pub topics: Vec<Topic>,
}

/// What happens when all messages take as many bytes as they may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// The oldest messages go, acknowledged or not.
    DropOldest,
    /// Publishes are refused. What every group has acknowledged goes before its time.
    Refuse,
}

/// Where a group begins that asks for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewGroupStarts {
    /// At the oldest message that is retained.
    Earliest,
    /// With what becomes visible from now on.
    Latest,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            visibility_timeout: Duration::from_secs(300),
            max_redeliveries: 16,
            new_group_starts: NewGroupStarts::Earliest,
            retention: Duration::from_secs(72 * 3600),
            retention_bytes: 1 << 30,
            when_full: WhenFull::DropOldest,
            topics: Vec::new(),
        }
    }
}
