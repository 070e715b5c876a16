//! What the retry schedule of a subscription comes to with the MQ of its topic.

use std::time::Duration;

use serde_json::json;

use super::sections::{Groups, ProfileConfig, ProtocolConfig, SubscriptionConfig, TopicConfig, TopicPattern};
use super::settings::Config;
use super::values::{duration_text, hours, minutes};
use crate::model::{ConsumerGroup, Feature, Topic};
use crate::retry_schedule::{Means, Plan, RetrySchedule};

/// The longest that a nack of the contract can ask for.
const LONGEST_NACK: Duration = hours(12);
/// How long the vendors' MQ HTTP hides a delivery, which no profile says.
const MQ_HTTP_VISIBILITY_TIMEOUT: Duration = minutes(5);
const MQ_HTTP_ORDERED_VISIBILITY_TIMEOUT: Duration = minutes(1);
/// How often the vendors' MQs deliver a message, the first time included.
const USUAL_DELIVERIES: u32 = 17;
const MQ_HTTP_DELIVERIES: u32 = 289;
/// What the names of topics with an MQ's own dead letters begin with.
pub(crate) const DEAD_LETTER_PREFIX: &str = "%DLQ%";

impl Config {
    /// The table that a topic belongs to: its own, else that of `*`, where it may stand for the name.
    #[must_use]
    pub fn topic(&self, name: &Topic) -> Option<&TopicConfig> {
        let own = self.topics.iter().find(|topic| topic.name.as_str() == name.as_str());
        own.or_else(|| {
            let any = self.topics.iter().find(|topic| topic.name == TopicPattern::Any);
            any.filter(|_| Topic::parse(name.as_str()).is_ok())
        })
    }

    /// The profile of a topic.
    #[must_use]
    pub fn profile_of(&self, topic: &Topic) -> Option<&ProfileConfig> {
        self.profiles.get(&self.topic(topic)?.profile)
    }

    /// The schedule of a subscription with the MQ of its topic; none where the topic is not configured.
    #[must_use]
    pub fn retry_schedule(&self, subscription: &SubscriptionConfig) -> Option<RetrySchedule> {
        let SubscriptionConfig { retry_schedule, jitter_percent, timeout, .. } = subscription;
        let means = self.means(subscription)?;
        let schedule = RetrySchedule::new(retry_schedule.clone(), *jitter_percent, *timeout, means);
        Some(if subscription.dead_letter.is_some() { schedule } else { schedule.left_to_the_mq() })
    }

    /// What the MQ of a subscription's topic does for pauses.
    #[must_use]
    pub fn means(&self, subscription: &SubscriptionConfig) -> Option<Means> {
        let profile = self.profile_of(&subscription.topic)?;
        let capabilities = profile.capabilities();
        let usual = self.usual_visibility_timeout(profile, subscription);
        let deliveries = if profile.is_embedded() {
            let is_limited = !subscription.topic.as_str().starts_with(DEAD_LETTER_PREFIX);
            is_limited.then(|| self.embedded.max_redeliveries.saturating_add(1))
        } else {
            Some(subscription.max_deliveries.unwrap_or(match profile.protocol {
                ProtocolConfig::OnsHttp(_) | ProtocolConfig::RocketMq(_) => USUAL_DELIVERIES,
                ProtocolConfig::MqHttp(_) => MQ_HTTP_DELIVERIES,
            }))
        };
        Some(Means {
            visibility_timeout: subscription.visibility_timeout.unwrap_or(usual),
            extends: capabilities.has(Feature::Extend),
            nack_delay: capabilities.has(Feature::Nack).then_some(LONGEST_NACK),
            deliveries,
        })
    }

    fn usual_visibility_timeout(&self, profile: &ProfileConfig, subscription: &SubscriptionConfig) -> Duration {
        match &profile.protocol {
            _ if profile.is_embedded() => self.embedded.visibility_timeout,
            ProtocolConfig::OnsHttp(own) => own.visibility_timeout,
            ProtocolConfig::RocketMq(own) => own.visibility_timeout,
            ProtocolConfig::MqHttp(_) => {
                mq_http_visibility_timeout(self.is_ordered(&subscription.topic, &subscription.group))
            }
        }
    }

    /// Whether the configuration says that a group receives in order.
    #[must_use]
    pub fn is_ordered(&self, topic: &Topic, group: &ConsumerGroup) -> bool {
        self.topic(topic).is_some_and(|topic| topic.is_ordered(group))
    }
}

impl TopicConfig {
    /// Whether it says that a group receives in order.
    #[must_use]
    pub fn is_ordered(&self, group: &ConsumerGroup) -> bool {
        match &self.groups {
            Groups::Any { ordered, .. } => *ordered,
            Groups::Named(groups) => groups.iter().any(|known| known.name == *group && known.ordered),
        }
    }
}

/// How long the MQ behind `mq-http` hides a delivery, where its group was not given another time.
#[must_use]
pub const fn mq_http_visibility_timeout(ordered: bool) -> Duration {
    if ordered { MQ_HTTP_ORDERED_VISIBILITY_TIMEOUT } else { MQ_HTTP_VISIBILITY_TIMEOUT }
}

/// What a subscription's schedule comes to, as `check` tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionPlan {
    /// The subscription's name.
    pub name: String,
    /// What is done with the topic's MQ.
    pub means: Means,
    /// The attempts.
    pub plan: Plan,
    protocol: &'static str,
    timeout: Duration,
    dead_letter: Option<String>,
}

impl SubscriptionPlan {
    /// Those of all subscriptions whose topic is configured.
    pub(super) fn all(config: &Config) -> Vec<Self> {
        let plan = |(name, subscription): (&String, &SubscriptionConfig)| {
            let schedule = config.retry_schedule(subscription)?;
            Some(Self {
                name: name.clone(),
                means: *schedule.means(),
                plan: schedule.plan(),
                protocol: config.profile_of(&subscription.topic)?.protocol.kind().as_str(),
                timeout: subscription.timeout,
                dead_letter: subscription.dead_letter.as_ref().map(|dead| dead.topic.as_str().to_owned()),
            })
        };
        config.subscriptions.iter().filter_map(plan).collect()
    }

    /// The longest time from the first delivery to the dead letter. What attempts take before the last one comes on top.
    #[must_use]
    pub fn until_dead_letter(&self) -> Duration {
        self.plan.total.saturating_add(self.timeout)
    }

    /// As `check --format json` shows it.
    pub(super) fn to_json(&self) -> serde_json::Value {
        let attempts = self.plan.attempts.iter().map(|attempt| {
            json!({
                "after_seconds": attempt.after.as_secs_f64(),
                "delivery": attempt.delivery,
                "started_by": attempt.start.as_str(),
            })
        });
        json!({
            "name": self.name,
            "protocol": self.protocol,
            "visibility_timeout_seconds": self.means.visibility_timeout.as_secs_f64(),
            "attempts": attempts.collect::<Vec<_>>(),
            "deliveries": self.plan.deliveries,
            "max_deliveries": self.means.deliveries,
            "dead_letter_after_seconds": self.until_dead_letter().as_secs_f64(),
            "dead_letter": self.dead_letter,
        })
    }

    /// As `check` shows it: a line for each attempt.
    pub(super) fn to_text(&self) -> String {
        let limit = match self.means.deliveries {
            Some(limit) => format!("of at most {limit}"),
            None => "without a limit".to_owned(),
        };
        let mut text = format!(
            "subscription `{}`: {}, {} (visibility timeout {}), {} {limit}, a dead letter after at most {}{}\n",
            self.name,
            counted(self.plan.attempts.len(), "attempt", "attempts"),
            self.protocol,
            duration_text(self.means.visibility_timeout),
            counted(self.plan.deliveries, "delivery", "deliveries"),
            duration_text(self.until_dead_letter()),
            match &self.dead_letter {
                Some(topic) => format!(" in `{topic}`"),
                None => ", left to the MQ".to_owned(),
            },
        );
        for (number, attempt) in (1_usize..).zip(&self.plan.attempts) {
            let (after, start) = (duration_text(attempt.after), attempt.start.as_str());
            text += &format!("    attempt {number:<3} after {after:<10} delivery {:<4} {start}\n", attempt.delivery);
        }
        text
    }
}

fn counted(count: impl TryInto<u64>, one: &str, many: &str) -> String {
    match count.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    }
}
