//! How well callers share commits.

use std::sync::atomic::AtomicU64;

/// What the thread counts.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) groups: AtomicU64,
    pub(super) jobs: AtomicU64,
}

/// How well callers shared commits since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CommitStats {
    /// Transactions, those included that only read.
    pub groups: u64,
    /// Jobs in them; `jobs / groups` callers shared one commit on average.
    pub jobs: u64,
}
