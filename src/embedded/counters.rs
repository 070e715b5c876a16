//! What an engine counts while it runs.

use std::sync::atomic::{AtomicU64, Ordering};

use super::retention::Dropped;
use crate::storage::CommitStats;

/// What happened since the engine was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Messages dropped by age or bytes.
    pub dropped_by_retention: u64,
    /// Those among them that a group had not acknowledged, counted once for each such group. What its receives only
    /// filtered out since their tags did not want it is not counted.
    pub dropped_unacknowledged: u64,
    /// Messages moved to the dead letters of their groups.
    pub dead_lettered: u64,
    /// Acknowledgements whose handle was stale or had been used.
    pub stale_acknowledgements: u64,
    /// How well callers shared commits.
    pub commits: CommitStats,
}

/// The totals while the engine runs.
#[derive(Debug, Default)]
pub(super) struct Counters {
    dropped_by_retention: AtomicU64,
    dropped_unacknowledged: AtomicU64,
    dead_lettered: AtomicU64,
    stale_acknowledgements: AtomicU64,
}

impl Counters {
    pub(super) fn add_dropped(&self, dropped: Dropped) {
        self.dropped_by_retention.fetch_add(dropped.messages, Ordering::Relaxed);
        self.dropped_unacknowledged.fetch_add(dropped.unacknowledged, Ordering::Relaxed);
    }

    pub(super) fn add_dead_lettered(&self, number: usize) {
        self.dead_lettered.fetch_add(u64::try_from(number).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn add_stale_acknowledgement(&self) {
        self.stale_acknowledgements.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn totals(&self, commits: CommitStats) -> Totals {
        Totals {
            dropped_by_retention: self.dropped_by_retention.load(Ordering::Relaxed),
            dropped_unacknowledged: self.dropped_unacknowledged.load(Ordering::Relaxed),
            dead_lettered: self.dead_lettered.load(Ordering::Relaxed),
            stale_acknowledgements: self.stale_acknowledgements.load(Ordering::Relaxed),
            commits,
        }
    }
}
