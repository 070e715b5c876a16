//! What the HTTP protocols share of a profile.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use super::clock_skew::ClockSkew;
use crate::config::ProfileConfig;
use crate::outbound::{BreakerSettings, EndpointAddress, Endpoints, Limits, TlsRoots, client_config};
use crate::telemetry::Metrics;
use crate::upstream::PlanError;

/// How a profile's MQ is reached over HTTP, in every thread.
#[derive(Debug, Clone)]
pub(in crate::upstream) struct HttpPlan {
    /// Where to.
    pub(super) endpoints: Arc<Endpoints>,
    /// Time between look-ups.
    pub(super) refresh: Duration,
    /// Timeouts and numbers of the client.
    pub(super) limits: Limits,
    /// TLS of the client.
    pub(super) tls: Arc<ClientConfig>,
    /// The MQ's clock minus ours.
    pub(super) clock_skew: Arc<ClockSkew>,
}

impl HttpPlan {
    /// Looks nothing up yet.
    ///
    /// # Errors
    /// [`PlanError`] with what the configuration's checks cannot find.
    pub(in crate::upstream) fn new(
        profile: &ProfileConfig,
        addresses: &[EndpointAddress],
        metrics: &Metrics,
    ) -> Result<Self, PlanError> {
        let breaker = BreakerSettings { failures: profile.breaker_failures, open: profile.breaker_open };
        let state = |endpoint: &str| metrics.upstream.circuit_breaker_state(&profile.name, endpoint);
        let roots = profile.ca_file.clone().map_or(TlsRoots::Public, TlsRoots::File);
        Ok(Self {
            endpoints: Arc::new(Endpoints::new(addresses, breaker, state)?),
            refresh: profile.dns_refresh,
            limits: Limits {
                connect_timeout: profile.connect_timeout,
                keep_alive: profile.keep_alive,
                in_flight: profile.connections,
            },
            tls: client_config(&roots)?,
            clock_skew: Arc::new(ClockSkew::new(profile.clock_skew, metrics.upstream.clock_skew(&profile.name))),
        })
    }
}
