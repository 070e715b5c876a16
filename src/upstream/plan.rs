//! What every thread needs to build its client of one profile.

use std::sync::Arc;

use tokio::time::Instant;

use super::acceptance::{Acceptance, ConfiguredNames};
use super::attempts::Attempts;
use super::http::HttpPlan;
use super::profile::Profile;
#[cfg(feature = "rocketmq")]
use super::rocketmq::{self, RocketMqPlan};
use super::{Keys, PlanError, PlanResources, Refused};
use crate::config::{MqHttpConfig, OnsHttpConfig, ProfileConfig, ProtocolConfig};
use crate::tasks::StopSignal;
use crate::telemetry::Gauge;

/// What operators are told of one profile's MQ.
#[derive(Debug, Clone)]
pub struct UpstreamHealth {
    name: String,
    up: Gauge,
    acceptance: Arc<Acceptance>,
}

impl UpstreamHealth {
    /// The profile's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the MQ could be reached when last tried.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.up.get() == 1
    }

    /// Shows in the metrics what is true now: a refusal that nobody met for long stands no more.
    pub fn refresh(&self, now: Instant) {
        self.acceptance.forget_old(now);
    }

    /// The first `most` refusals of the MQ that stand, and how many there are.
    #[must_use]
    pub fn refused(&self, most: usize, now: Instant) -> (Vec<Refused>, usize) {
        self.acceptance.refused(most, now)
    }
}

/// One profile, ready to be built per thread. Clones share addresses, keys and metrics.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(super) profile: Profile,
    pub(super) protocol: ProtocolPlan,
}

/// What only one protocol, or one transport, needs.
#[derive(Debug, Clone)]
pub(super) enum ProtocolPlan {
    OnsHttp(HttpPlan, OnsHttpConfig),
    MqHttp(HttpPlan, MqHttpConfig),
    #[cfg(feature = "rocketmq")]
    RocketMq(Arc<RocketMqPlan>),
}

impl Plan {
    /// Joins a profile's settings with what it shares.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn new(profile: &ProfileConfig, resources: PlanResources<'_>) -> Result<Self, PlanError> {
        let shared = shared(profile, &resources);
        let http = || HttpPlan::new(profile, &resources);
        let protocol = match &profile.protocol {
            ProtocolConfig::OnsHttp(config) => ProtocolPlan::OnsHttp(http()?, config.clone()),
            ProtocolConfig::MqHttp(config) => ProtocolPlan::MqHttp(http()?, config.clone()),
            #[cfg(feature = "rocketmq")]
            ProtocolConfig::RocketMq(config) => {
                ProtocolPlan::RocketMq(RocketMqPlan::new(profile, config, &shared, &resources)?)
            }
            #[cfg(not(feature = "rocketmq"))]
            ProtocolConfig::RocketMq(_) => return Err(PlanError::NotBuilt(profile.protocol.kind())),
        };
        Ok(Self { protocol, profile: shared })
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

    /// What operators are told of the way to the MQ.
    #[must_use]
    pub fn health(&self) -> UpstreamHealth {
        let Profile { name, up, attempts, .. } = &self.profile;
        UpstreamHealth { name: name.clone(), up: up.clone(), acceptance: Arc::clone(attempts.acceptance()) }
    }

    /// Looks after the way to the MQ in the background, until `stop` is given.
    pub async fn watch(self, stop: StopSignal) {
        match self.protocol {
            ProtocolPlan::OnsHttp(plan, _) | ProtocolPlan::MqHttp(plan, _) => {
                stop.interrupts(plan.lookout(&self.profile).keep()).await;
            }
            #[cfg(feature = "rocketmq")]
            ProtocolPlan::RocketMq(plan) => rocketmq::watch(plan, stop).await,
        }
    }
}

/// What the clients of every protocol need of a profile.
fn shared(profile: &ProfileConfig, resources: &PlanResources<'_>) -> Profile {
    let PlanResources { topics, groups, keys, clock, random, metrics, .. } = resources;
    let names = ConfiguredNames { topics: topics.iter().cloned().collect(), groups: groups.iter().cloned().collect() };
    Profile {
        name: profile.name.clone(),
        is_embedded: profile.is_embedded(),
        capabilities: profile.capabilities(),
        propagates_trace: profile.propagates_trace(),
        empty_poll_pause: profile.empty_poll_pause,
        attempts: Attempts::new(&profile.name, names, keys.clone(), (clock.clone(), random.clone()), metrics),
        clock: clock.clone(),
        up: metrics.upstream.up(&profile.name),
        answers_left_unread: metrics.upstream.answers_left_unread(&profile.name),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::config::{Overrides, Source, load};
    use crate::model::Protocol;
    use crate::protocol::{mq_http, ons_http};

    /// The configuration may not look at the protocol, so its number is compared here.
    #[test]
    fn the_configuration_knows_how_much_one_receive_takes() {
        let able = |source| {
            let config = load(&source, &Overrides::default(), &BTreeMap::new()).unwrap();
            config.profiles["embedded"].capabilities()
        };
        let ons = able(Source::BuiltIn);
        assert_eq!((ons.protocol, ons.limits.max_receive_messages), (Protocol::OnsHttp, ons_http::MAX_CONSUME));
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/config/examples/embedded-mq-http.toml");
        let able = able(Source::File(example.into()));
        assert_eq!((able.protocol, able.limits.max_receive_messages), (Protocol::MqHttp, mq_http::MAX_CONSUME));
        assert_eq!(able.limits.max_wait.as_secs(), mq_http::MAX_WAIT_SECONDS);
    }
}
