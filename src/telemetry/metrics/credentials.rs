//! Credentials files that changed.

use super::handles::Counters;
use super::registrar::{MetricsError, Registrar};

/// The area's metrics. Clones count in the same series.
#[derive(Debug, Clone)]
pub struct CredentialReloads(Counters<2>);

impl CredentialReloads {
    pub(super) fn register(registrar: &mut Registrar) -> Result<Self, MetricsError> {
        let reloads = registrar.counters(
            "credential_reloads_total",
            "Credentials files that changed: taken into use, or refused and the old pair kept.",
            ["credential", "result"],
        )?;
        Ok(Self(reloads))
    }

    /// Counts a pair taken into use.
    pub fn changed(&self, credential: &str) {
        self.0.with([credential, "changed"]).inc();
    }

    /// Counts files that could not be used.
    pub fn kept_old(&self, credential: &str) {
        self.0.with([credential, "kept_old"]).inc();
    }
}
