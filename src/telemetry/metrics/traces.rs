//! Spans of distributed traces.

use super::handles::{Counter, Counters};
use super::registrar::{MetricsError, Registrar};

/// The area's metrics.
#[derive(Debug)]
pub struct TraceFamilies {
    spans: Counters<1>,
}

/// The series of one exporter.
#[derive(Debug, Clone)]
pub struct TraceMetrics {
    /// The collector took them.
    pub exported: Counter,
    /// There was no room for them.
    pub dropped_queue_full: Counter,
    /// The collector did not take them.
    pub dropped_exporter: Counter,
}

impl TraceFamilies {
    pub(super) fn register(registrar: &mut Registrar) -> Result<Self, MetricsError> {
        let spans = registrar.counters(
            "trace_spans_total",
            "Spans of traces, by what became of them; only where traces are on.",
            ["result"],
        )?;
        Ok(Self { spans })
    }

    /// The series, which are on the page from then on.
    #[must_use]
    pub fn exporter(&self) -> TraceMetrics {
        TraceMetrics {
            exported: self.spans.with(["exported"]),
            dropped_queue_full: self.spans.with(["dropped_queue_full"]),
            dropped_exporter: self.spans.with(["dropped_exporter"]),
        }
    }
}
