//! Credentials: when the pair in use came, and files that changed.

use super::handles::{Counters, SecondsGauges};
use super::registrar::{MetricsError, Registrar};
use crate::model::UnixMillis;

/// The area's metrics. Clones count in the same series.
#[derive(Debug, Clone)]
pub struct CredentialMetrics {
    reloads: Counters<2>,
    changed_at: SecondsGauges<1>,
}

impl CredentialMetrics {
    pub(super) fn register(registrar: &mut Registrar) -> Result<Self, MetricsError> {
        Ok(Self {
            reloads: registrar.counters(
                "credential_reloads_total",
                "Credentials files that changed: taken into use, or refused and the old pair kept.",
                ["credential", "result"],
            )?,
            changed_at: registrar.seconds_gauges(
                "credential_changed_timestamp_seconds",
                "Unix time at which this process took the pair into use.",
                ["credential"],
            )?,
        })
    }

    /// The pair of the start.
    pub fn started(&self, credential: &str, now: UnixMillis) {
        self.changed_at.with([credential]).set_time(now);
    }

    /// Counts a pair taken into use.
    pub fn changed(&self, credential: &str, now: UnixMillis) {
        self.reloads.with([credential, "changed"]).inc();
        self.changed_at.with([credential]).set_time(now);
    }

    /// Counts files that could not be used.
    pub fn kept_old(&self, credential: &str) {
        self.reloads.with([credential, "kept_old"]).inc();
    }
}
