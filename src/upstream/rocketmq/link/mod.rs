//! The way to one profile's MQ: its endpoints and their connections, and what goes with every call. `servers` is which servers there
//! are and how they do, `calls` what is asked of them.

mod calls;
mod servers;

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::sync::watch;

use super::named_servers::{Making, NamedServers};
use super::place::Place;
use crate::config::{CredentialsSource, ProfileConfig, RocketMqConfig};
use crate::context::RequestContext;
use crate::model::{ConsumerGroup, Outcome, Topic};
use crate::outbound::{BreakerSettings, EndpointAddress, Endpoints, GrpcChannel, TlsRoots, http2_client_config};
use crate::protocol::rocketmq::Handle;
use crate::protocol::rocketmq::wire::{ChangeInvisibleDurationRequest, Resource};
use crate::tasks::Nursery;
use crate::upstream::profile::Profile;
use crate::upstream::{PlanError, PlanResources, UpstreamError, UpstreamErrorKind};

/// What a message may have besides its body: properties, and what the protocol adds.
const ENVELOPE_BYTES: usize = 256 << 10;

/// One profile's way to its MQ, for every thread.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) profile: Profile,
    /// The instance, empty for none.
    namespace: String,
    /// Requests are signed.
    signs: bool,
    /// Requests go where routes say.
    pub(super) follows_routes: bool,
    /// The configured endpoints.
    pub(super) addresses: Vec<EndpointAddress>,
    pub(super) endpoints: Arc<Endpoints>,
    /// One per configured endpoint.
    channels: Vec<GrpcChannel>,
    /// The others.
    named: NamedServers,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) connect_timeout: Duration,
    /// Time between look-ups.
    pub(super) refresh: Duration,
    /// An endpoint that has not answered for so long has failed.
    pub(super) answer_timeout: Duration,
    max_answer_bytes: usize,
    /// The client that publishes and acknowledges, which needs no settings.
    client_id: String,
}

/// What one call is for, and where it may go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Errand<'a> {
    pub(super) topic: &'a Topic,
    pub(super) context: &'a RequestContext,
    /// Each server that is tried adds one.
    pub(super) tried: &'a AtomicU32,
    /// Best first; to the next only where nobody was reached.
    pub(super) places: &'a [Place],
    /// Whose deliveries it is about.
    pub(super) group: Option<&'a ConsumerGroup>,
}

impl Link {
    /// Makes the connections, which connect when they are used. Looks nothing up yet. What looks after the servers that routes name
    /// is handed to `nursery`, and ends when `stopping` says so.
    pub(super) fn new(
        config: &ProfileConfig,
        own: &RocketMqConfig,
        profile: &Profile,
        client_id: String,
        resources: &PlanResources<'_>,
        (nursery, stopping): (Nursery, watch::Receiver<bool>),
    ) -> Result<Self, PlanError> {
        let PlanResources { addresses, topics, random, metrics, .. } = resources;
        let making = Making {
            breaker: BreakerSettings {
                failures: config.breaker_failures,
                longest_pause: config.breaker_open,
                keys: Arc::new(topics.iter().map(|topic| topic.as_str().to_owned()).collect()),
            },
            random: random.clone(),
            states: metrics.upstream.circuit_states(&config.name),
            tls: http2_client_config(&config.ca_file.clone().map_or(TlsRoots::Public, TlsRoots::File))?,
            connect_timeout: config.connect_timeout,
        };
        let state = |endpoint: &str| making.states.of(endpoint);
        let endpoints = Arc::new(Endpoints::new(addresses, &making.breaker, random, state)?);
        let channel = |(index, address)| {
            let known = Arc::clone(&endpoints);
            GrpcChannel::new(address, move || known.addresses_of(index), &making.tls, config.connect_timeout)
        };
        let channels = addresses.iter().enumerate().map(channel).collect::<Result<_, _>>()?;
        Ok(Self {
            profile: profile.clone(),
            namespace: own.namespace.clone().unwrap_or_default(),
            signs: config.credentials != CredentialsSource::Nowhere,
            follows_routes: own.follow_routes,
            addresses: addresses.clone(),
            channels,
            endpoints,
            tls: Arc::clone(&making.tls),
            named: NamedServers::new(making, nursery, stopping),
            connect_timeout: config.connect_timeout,
            refresh: config.dns_refresh,
            answer_timeout: config.answer_timeout,
            max_answer_bytes: profile.capabilities.limits.max_message_bytes + ENVELOPE_BYTES,
            client_id,
        })
    }

    /// A topic or group in the protocol's terms.
    pub(super) fn resource(&self, name: &str) -> Resource {
        Resource { resource_namespace: self.namespace.clone(), name: name.to_owned() }
    }

    /// The request that hides a delivery for so long from now.
    pub(super) fn change_of(
        &self,
        topic: &Topic,
        group: &ConsumerGroup,
        handle: &Handle,
        hidden_for: Duration,
    ) -> ChangeInvisibleDurationRequest {
        ChangeInvisibleDurationRequest {
            group: Some(self.resource(group.as_str())),
            topic: Some(self.resource(topic.as_str())),
            receipt_handle: handle.text.clone(),
            invisible_duration: Some(hidden_for.into()),
            message_id: handle.message_id.clone(),
        }
    }

    /// The instance, empty for none.
    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }
}

/// Nothing of the request itself was sent, whatever became of what had to be done before.
pub(super) fn nothing_sent(error: UpstreamError) -> UpstreamError {
    let kind = if error.kind.outcome() == Outcome::Unknown { UpstreamErrorKind::Unreachable } else { error.kind };
    UpstreamError { kind, ..error }
}
