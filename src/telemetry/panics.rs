//! Panics are counted and logged by their place; their text may hold what a caller sent.

use std::sync::Arc;

use super::metrics::Metrics;

/// Replaces the process's panic hook.
pub fn count(metrics: &Arc<Metrics>) {
    let metrics = Arc::clone(metrics);
    std::panic::set_hook(Box::new(move |panic| {
        metrics.process.panics.inc();
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        tracing::error!(place, "panicked: this is a bug");
    }));
}
