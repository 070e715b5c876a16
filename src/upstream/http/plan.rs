//! What the HTTP protocols share of a profile.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use super::clock_skew::ClockSkew;
use crate::config::ProfileConfig;
use crate::memory::MemoryBudget;
use crate::outbound::{BreakerSettings, Endpoints, Limits, TlsRoots, client_config};
use crate::upstream::profile::Profile;
use crate::upstream::reachability::Lookout;
use crate::upstream::{PlanError, PlanResources};

/// How a profile's MQ is reached over HTTP, in every thread.
#[derive(Debug, Clone)]
pub(in crate::upstream) struct HttpPlan {
    /// Where to.
    pub(super) endpoints: Arc<Endpoints>,
    /// Time between look-ups.
    pub(super) refresh: Duration,
    /// An endpoint that has not answered for so long has failed.
    pub(super) answer_timeout: Duration,
    /// Timeouts and numbers of the client.
    pub(super) limits: Limits,
    /// TLS of the client.
    pub(super) tls: Arc<ClientConfig>,
    /// The MQ's clock minus ours.
    pub(super) clock_skew: Arc<ClockSkew>,
    /// What answers are charged to.
    pub(super) memory: MemoryBudget,
}

impl HttpPlan {
    /// What looks after the profile's endpoints.
    pub(in crate::upstream) fn lookout<'a>(&'a self, profile: &'a Profile) -> Lookout<'a> {
        Lookout {
            profile,
            endpoints: &self.endpoints,
            tls: &self.tls,
            connect_timeout: self.limits.connect_timeout,
            refresh: self.refresh,
        }
    }

    /// Looks nothing up yet.
    ///
    /// # Errors
    /// [`PlanError`] with what the configuration's checks cannot find.
    pub(in crate::upstream) fn new(profile: &ProfileConfig, resources: &PlanResources<'_>) -> Result<Self, PlanError> {
        let PlanResources { addresses, topics, random, memory, metrics, .. } = resources;
        let breaker = BreakerSettings {
            failures: profile.breaker_failures,
            longest_pause: profile.breaker_open,
            keys: Arc::new(topics.iter().map(|topic| topic.as_str().to_owned()).collect()),
        };
        let state = |endpoint: &str| metrics.upstream.circuit(&profile.name, endpoint);
        let roots = profile.ca_file.clone().map_or(TlsRoots::Public, TlsRoots::File);
        Ok(Self {
            endpoints: Arc::new(Endpoints::new(addresses, &breaker, random, state)?),
            refresh: profile.dns_refresh,
            answer_timeout: profile.answer_timeout,
            limits: Limits {
                connect_timeout: profile.connect_timeout,
                keep_alive: profile.keep_alive,
                in_flight: profile.connections,
            },
            tls: client_config(&roots)?,
            clock_skew: Arc::new(ClockSkew::new(profile.clock_skew, metrics.upstream.clock_skew(&profile.name))),
            memory: memory.clone(),
        })
    }
}
