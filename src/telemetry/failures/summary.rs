//! What went on since the last summary.

use std::time::Duration;

use super::failure::Kind;
use crate::model::Side;

/// The time between two summaries. What did not happen for so long is over.
pub(super) const PAUSE: Duration = Duration::from_secs(10);

/// Failures of one kind.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) kind: Kind,
    pub(super) count: u64,
    /// What is known besides of those that are no caller's mistakes.
    pub(super) outage: Option<Outage>,
}

/// What is told of failures of the MQ or of the gateway.
#[derive(Debug)]
pub(super) struct Outage {
    pub(super) side: Side,
    /// Since the first of them, in seconds.
    pub(super) seconds: u64,
    pub(super) request_ids: String,
    /// Of the last of them.
    pub(super) detail: Box<str>,
}

impl Summary {
    pub(super) fn write_ongoing(&self) {
        let Self { kind, count, outage: Some(Outage { side, seconds, request_ids, detail }) } = self else { return };
        let (topic, operation, reason) = (&*kind.topic, kind.operation.as_str(), kind.reason);
        let (side, detail) = (side.as_str(), &**detail);
        tracing::warn!(topic, operation, reason, side, count, seconds, request_ids, detail, "operations go on failing");
    }

    pub(super) fn write_mistakes(&self) {
        let Self { kind, count, .. } = self;
        let (topic, operation, reason) = (&*kind.topic, kind.operation.as_str(), kind.reason);
        tracing::info!(topic, operation, reason, count, "refused more requests of callers");
    }
}
