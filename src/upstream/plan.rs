//! What every thread needs to build its client of one profile.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::time::Instant;

use super::clock_skew::ClockSkew;
use super::retry::RetryBudget;
use super::{Endpoints, Keys};
use crate::clock::Clock;
use crate::config::{BinaryBodies, ProfileConfig, Protocol};
use crate::context::RequestContext;
use crate::model::{Capabilities, Topic};
use crate::outbound::Limits;
use crate::random::Random;
use crate::telemetry::{CredentialReloads, Gauge, Metrics, UpstreamMetrics};

/// One profile, ready to be built per thread. Clones share endpoints, keys and metrics.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The profile's name.
    pub name: String,
    /// Its protocol.
    pub protocol: Protocol,
    /// Where to.
    pub endpoints: Arc<Endpoints>,
    /// Signed with.
    pub keys: Keys,
    /// Sent as.
    pub producer_group: String,
    /// Instance of the MQ HTTP protocol.
    pub instance_id: Option<String>,
    /// What becomes of bodies that are no text.
    pub binary_bodies: BinaryBodies,
    /// Content type of publishes.
    pub content_type: String,
    /// Assumed where the protocol does not tell.
    pub visibility_timeout: Duration,
    /// A receive that does not wait says so.
    pub zero_timeout: bool,
    /// What the protocol can do.
    pub capabilities: Capabilities,
    /// Pause after an early empty poll.
    pub empty_poll_pause: Duration,
    /// Time between look-ups.
    pub refresh: Duration,
    /// Timeouts and numbers of the HTTP client.
    pub limits: Limits,
    /// TLS of the HTTP client.
    pub tls: Arc<ClientConfig>,
    /// The clock that signs.
    pub clock: Clock,
    /// Series by operation.
    pub publish: UpstreamMetrics,
    /// Series by operation.
    pub receive: UpstreamMetrics,
    /// Series by operation.
    pub acknowledge: UpstreamMetrics,
    /// Whether the MQ answers.
    pub up: Gauge,
    /// What reading credentials again gave.
    pub(super) reloads: CredentialReloads,
    /// The MQ's clock minus ours.
    pub(super) clock_skew: Arc<ClockSkew>,
    /// How much may be repeated still.
    pub(super) budget: Arc<RetryBudget>,
    /// Jitter.
    pub(super) random: Random,
}

/// The parts of a plan that are shared things, not settings.
#[derive(Debug)]
pub struct Parts<'a> {
    /// Where to.
    pub endpoints: Arc<Endpoints>,
    /// Signed with.
    pub keys: Keys,
    /// TLS of the HTTP client.
    pub tls: Arc<ClientConfig>,
    /// The clock that signs.
    pub clock: Clock,
    /// Jitter.
    pub random: Random,
    /// Where to count.
    pub metrics: &'a Metrics,
}

impl Plan {
    /// Reads the credentials again whenever their files change. Runs until it is dropped.
    pub async fn watch_keys(self) {
        super::watch_keys::watch_keys(self.keys, self.reloads).await;
    }

    /// Messages that were delivered and cannot be read are not acknowledged, so not lost; but nobody will ever get them
    /// through here.
    pub(super) fn warn_unreadable(&self, context: &RequestContext, topic: &Topic, messages: usize) {
        if messages > 0 {
            let (profile, topic) = (self.name.as_str(), topic.as_str());
            tracing::warn!(
                request_id = context.id(),
                profile,
                topic,
                messages,
                "the MQ delivered messages that cannot be read"
            );
        }
    }

    /// Joins a profile's settings with what it shares.
    #[must_use]
    pub fn new(profile: &ProfileConfig, parts: Parts<'_>) -> Self {
        let metrics = parts.metrics;
        Self {
            name: profile.name.clone(),
            protocol: profile.protocol,
            endpoints: parts.endpoints,
            keys: parts.keys,
            producer_group: profile.producer_group.clone(),
            instance_id: profile.instance_id.clone(),
            binary_bodies: profile.binary_bodies,
            content_type: profile.content_type.clone(),
            visibility_timeout: profile.visibility_timeout,
            zero_timeout: profile.zero_timeout,
            capabilities: profile.capabilities(),
            empty_poll_pause: profile.empty_poll_pause,
            refresh: profile.dns_refresh,
            limits: Limits {
                connect_timeout: profile.connect_timeout,
                keep_alive: profile.keep_alive,
                in_flight: profile.connections,
            },
            tls: parts.tls,
            clock: parts.clock,
            publish: metrics.upstream.operation(&profile.name, "publish"),
            receive: metrics.upstream.operation(&profile.name, "receive"),
            acknowledge: metrics.upstream.operation(&profile.name, "ack"),
            up: metrics.upstream.up(&profile.name),
            reloads: metrics.credential_reloads.clone(),
            clock_skew: Arc::new(ClockSkew::new(profile.clock_skew, metrics.upstream.clock_skew(&profile.name))),
            budget: Arc::new(RetryBudget::new(Instant::now())),
            random: parts.random,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::config::{Overrides, Protocol, Source, load};
    use crate::protocol::{mq_http, ons_http};

    /// The configuration may not look at the protocol, so its number is compared here.
    #[test]
    fn the_configuration_knows_how_much_one_receive_takes() {
        let config = load(&Source::BuiltIn, &Overrides::default(), &BTreeMap::new()).unwrap();
        let able = config.profiles["embedded"].capabilities();
        assert_eq!((able.protocol, able.max_receive_messages), ("ons-http", ons_http::MAX_CONSUME));
        let mut profile = config.profiles["embedded"].clone();
        profile.protocol = Protocol::MqHttp;
        let able = profile.capabilities();
        assert_eq!((able.protocol, able.max_receive_messages), ("mq-http", mq_http::MAX_CONSUME));
        assert_eq!(able.max_wait.as_secs(), mq_http::MAX_WAIT_SECONDS);
    }
}
