//! What every thread needs to build its client of one profile.

use std::time::Duration;

use super::Keys;
use super::attempts::Attempts;
use super::http::{self, HttpPlan, MqHttpSettings, OnsHttpSettings};
use crate::clock::Clock;
use crate::config::{ProfileConfig, Protocol};
use crate::context::RequestContext;
use crate::model::{Capabilities, Topic};
use crate::outbound::{EndpointAddress, InvalidHost, TlsError};
use crate::random::Random;
use crate::telemetry::{Gauge, Metrics};

/// One profile, ready to be built per thread. Clones share addresses, keys and metrics.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(super) profile: Profile,
    pub(super) protocol: ProtocolPlan,
}

/// What the clients of every protocol need of a profile.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    pub(super) name: String,
    /// What the protocol can do.
    pub(super) capabilities: Capabilities,
    /// Pause after an early empty poll.
    pub(super) empty_poll_pause: Duration,
    /// Signed with.
    pub(super) keys: Keys,
    /// The clock that signs.
    pub(super) clock: Clock,
    /// Whether the MQ could be reached when last tried.
    pub(super) up: Gauge,
    pub(super) attempts: Attempts,
}

/// What only one protocol, or one transport, needs.
#[derive(Debug, Clone)]
pub(super) enum ProtocolPlan {
    OnsHttp(HttpPlan, OnsHttpSettings),
    MqHttp(HttpPlan, MqHttpSettings),
}

/// What a plan needs besides the profile's settings.
#[derive(Debug)]
pub struct PlanResources<'a> {
    /// Where the MQ is.
    pub addresses: Vec<EndpointAddress>,
    /// Signed with.
    pub keys: Keys,
    /// The clock that signs.
    pub clock: Clock,
    /// Jitter.
    pub random: Random,
    /// Where to count.
    pub metrics: &'a Metrics,
}

/// What is wrong with a profile that the configuration's own checks let pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// An address whose host is not one.
    #[error("endpoints: {0}")]
    Host(#[from] InvalidHost),
    /// The file of a private CA.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Plan {
    /// Joins a profile's settings with what it shares.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn new(profile: &ProfileConfig, resources: PlanResources<'_>) -> Result<Self, PlanError> {
        let PlanResources { addresses, keys, clock, random, metrics } = resources;
        let http = || HttpPlan::new(profile, &addresses, metrics);
        Ok(Self {
            protocol: match profile.protocol {
                Protocol::OnsHttp => ProtocolPlan::OnsHttp(http()?, OnsHttpSettings::new(profile)),
                Protocol::MqHttp => ProtocolPlan::MqHttp(http()?, MqHttpSettings::new(profile)),
            },
            profile: Profile {
                name: profile.name.clone(),
                capabilities: profile.capabilities(),
                empty_poll_pause: profile.empty_poll_pause,
                attempts: Attempts::new(&profile.name, keys.clone(), random, metrics),
                keys,
                clock,
                up: metrics.upstream.up(&profile.name),
            },
        })
    }

    /// The profile's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.profile.name
    }

    /// What requests are signed with.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        self.profile.attempts.keys()
    }

    /// Shows whether the MQ could be reached when last tried: 0 or 1.
    #[must_use]
    pub fn up(&self) -> &Gauge {
        &self.profile.up
    }

    /// Looks after the way to the MQ in the background. Runs until it is dropped.
    pub async fn watch(self) {
        match self.protocol {
            ProtocolPlan::OnsHttp(plan, _) | ProtocolPlan::MqHttp(plan, _) => http::watch(self.profile, plan).await,
        }
    }
}

impl Profile {
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
