//! How well callers share commits.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use crate::telemetry::Histogram;

/// What the thread counts.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) groups: AtomicU64,
    pub(super) jobs: AtomicU64,
    /// How long commits took that wrote something, once somebody wants to know.
    pub(super) sync_times: OnceLock<Histogram>,
}

/// How well callers shared commits since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CommitStats {
    /// Transactions, those included that only read.
    pub groups: u64,
    /// Jobs in them; `jobs / groups` callers shared one commit on average.
    pub jobs: u64,
}
