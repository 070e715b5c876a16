//! Where spans go, and what they are made with.

use std::sync::Arc;
use std::time::Instant;

use super::ids::Ids;
use super::queue::Queue;

/// Where spans go, and where their ids are from.
#[derive(Debug, Clone)]
pub(super) struct Recorder {
    pub(super) queue: Arc<Queue>,
    pub(super) ids: Arc<Ids>,
}

/// The same moment on both clocks: times inside a trace are counted from its first, so that setting the wall clock does not
/// change them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) instant: Instant,
    pub(super) unix_nanos: u64,
}

impl Moment {
    pub(super) fn unix_nanos_at(self, instant: Instant) -> u64 {
        let since = instant.saturating_duration_since(self.instant).as_nanos();
        self.unix_nanos.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
    }
}
