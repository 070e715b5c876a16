//! The process itself.

use super::handles::{Counter, Gauges};
use super::registrar::{MetricsError, Registrar};
use crate::memory::MemoryUse;

/// The area's metrics.
#[derive(Debug)]
pub struct ProcessFamilies {
    /// Panics caught anywhere in the process.
    pub panics: Counter,
    memory_budget: Gauges<1>,
}

impl ProcessFamilies {
    pub(super) fn register(registrar: &mut Registrar) -> Result<Self, MetricsError> {
        registrar.process()?;
        registrar.gauges("build_info", "The running version.", ["version"])?.with([env!("CARGO_PKG_VERSION")]).set(1);
        Ok(Self {
            panics: registrar.counter("panics_total", "Panics caught; each one is a bug.")?,
            memory_budget: registrar.gauges(
                "memory_budget_bytes",
                "Bytes that requests hold: limit is the whole budget; small and large are what is held in parts of up to 64 KiB, and in \
                 larger ones.",
                ["state"],
            )?,
        })
    }

    /// Shows what requests hold.
    pub fn set_memory(&self, memory: MemoryUse) {
        for (state, bytes) in [("limit", memory.limit), ("small", memory.small), ("large", memory.large)] {
            self.memory_budget.with([state]).set(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
    }
}
