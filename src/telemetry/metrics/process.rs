//! The process itself.

use super::handles::Counter;
use super::registrar::{MetricsError, Registrar};

/// The area's metrics.
#[derive(Debug)]
pub struct ProcessFamilies {
    /// Panics caught anywhere in the process.
    pub panics: Counter,
}

impl ProcessFamilies {
    pub(super) fn register(registrar: &mut Registrar) -> Result<Self, MetricsError> {
        registrar.process()?;
        registrar.gauges("build_info", "The running version.", ["version"])?.with([env!("CARGO_PKG_VERSION")]).set(1);
        Ok(Self { panics: registrar.counter("panics_total", "Panics caught; each one is a bug.")? })
    }
}
