//! Requests of the vendors' clients at the data listener.

use super::handles::Counters;
use super::registrar::{MetricsError, Registrar};

/// The area's metrics.
#[derive(Debug)]
pub struct DropInFamilies {
    requests: Counters<4>,
}

impl DropInFamilies {
    pub(super) fn register(registrar: &mut Registrar) -> Result<Self, MetricsError> {
        Ok(Self {
            requests: registrar.counters(
                "dropin_requests_total",
                "Requests of the vendors' clients. Callers: configured names; embedded: the embedded endpoint's pair; _anyone: \
                 nobody is asked; _unknown: not known.",
                ["caller", "protocol", "operation", "result"],
            )?,
        })
    }

    /// Counts a request. Every label is configured or one of a few words.
    pub fn request(&self, caller: &str, protocol: &str, operation: &str, result: &str) {
        self.requests.with([caller, protocol, operation, result]).inc();
    }
}
