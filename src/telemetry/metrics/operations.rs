//! What callers asked for and did not get.

use super::handles::Counters;
use super::registrar::{MetricsError, Registrar};
use crate::model::{Operation, Side};

/// The area's metrics.
#[derive(Debug)]
pub struct OperationFamilies {
    failed: Counters<4>,
}

impl OperationFamilies {
    pub(super) fn register(registrar: &mut Registrar) -> Result<Self, MetricsError> {
        let failed = registrar.counters(
            "operations_failed_total",
            "Operations that callers asked for and that failed; in a batch each message counts, of receipt handles each one.",
            ["topic", "operation", "reason", "side"],
        )?;
        Ok(Self { failed })
    }

    /// Counts one. `topic` is a label that [`MessageFamilies`](super::MessageFamilies) gave, `reason` of a fixed list.
    pub fn failed(&self, topic: &str, operation: Operation, reason: &'static str, side: Side) {
        self.failed.with([topic, operation.as_str(), reason, side.as_str()]).inc();
    }
}
