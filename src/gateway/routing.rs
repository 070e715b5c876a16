//! From a name in a path to the profile, groups and defaults behind it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::GatewayError;
use super::event_defaults::EventDefaults;
use super::limits::TopicLimits;
use crate::config::{Config, DeliveryMode, Endpoint, Groups, OnUnknown, ProfileConfig, TopicConfig, TopicPattern};
use crate::model::{ConsumerGroup, Key, Tag, TagFilter, Topic};
use crate::telemetry::{GroupMetrics, LateMessageMetrics, Metrics, TopicMetrics};

/// Every configured topic.
#[derive(Debug)]
pub struct Routes {
    named: HashMap<Box<str>, TopicRoute>,
    any: Option<Arc<TopicSettings>>,
    /// Names in configured order, for discovery.
    pub(super) order: Vec<(TopicPattern, Arc<TopicSettings>)>,
}

/// What the configuration says about one topic.
#[derive(Debug)]
pub(super) struct TopicSettings {
    /// Index of the profile.
    pub(super) profile: usize,
    pub(super) profile_name: String,
    /// The profile is the embedded endpoint's own.
    embedded: bool,
    pub(super) groups: Groups,
    pub(super) default_tag: Option<Tag>,
    pub(super) default_key: Option<Key>,
    /// Longest time for one publish or acknowledgement.
    pub(super) deadline: Duration,
    pub(super) delivery: DeliveryMode,
    pub(super) on_unknown: OnUnknown,
    pub(super) limits: TopicLimits,
    pub(super) events: EventDefaults,
    /// What becomes of messages whose caller is gone.
    pub(super) late_messages: Arc<LateMessageMetrics>,
    configured: bool,
}

/// A topic that exists, and how to reach it.
#[derive(Debug, Clone)]
pub struct TopicRoute {
    /// The topic.
    pub topic: Topic,
    pub(super) settings: Arc<TopicSettings>,
    /// Its series, where it is configured by name.
    metrics: Option<Arc<TopicMetrics>>,
}

/// A consumer group of a topic.
#[derive(Debug, Clone)]
pub struct GroupRoute {
    /// The topic.
    pub topic: TopicRoute,
    /// The group.
    pub group: ConsumerGroup,
    /// Configured as ordered.
    pub(super) ordered: bool,
    /// The tags that it is configured with.
    pub(super) tags: Option<TagFilter>,
    configured: bool,
}

impl TopicRoute {
    /// Longest time for one publish.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.settings.deadline
    }

    /// Whether it is on the embedded endpoint, which this process is.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.settings.embedded
    }

    /// Its series. Those of a wildcard's name are made when it is used, not when it is asked about.
    pub(super) fn metrics(&self, metrics: &Metrics) -> Arc<TopicMetrics> {
        let made = || metrics.messages.topic(self.topic.as_str(), &self.settings.profile_name, false);
        self.metrics.clone().unwrap_or_else(made)
    }
}

impl GroupRoute {
    /// Its series.
    pub(super) fn metrics(&self, metrics: &Metrics) -> Arc<GroupMetrics> {
        metrics.messages.group(self.topic.topic.as_str(), self.group.as_str(), self.configured)
    }
}

impl Routes {
    /// Reads the configuration's topics; profiles are numbered in the order of their names.
    #[must_use]
    pub fn new(config: &Config, metrics: &Metrics) -> Self {
        let mut routes = Self { named: HashMap::new(), any: None, order: Vec::new() };
        for topic in &config.topics {
            let profile = config.profiles.values().enumerate().find(|(_, profile)| profile.name == topic.profile);
            let Some((index, profile)) = profile else { continue };
            let settings = Arc::new(TopicSettings::new(topic, index, profile, metrics));
            routes.order.push((topic.name.clone(), Arc::clone(&settings)));
            match &topic.name {
                TopicPattern::Any => routes.any = Some(settings),
                TopicPattern::Named(name) => {
                    let metrics = metrics.messages.topic(name.as_str(), &settings.profile_name, true);
                    routes.named.insert(
                        name.as_str().into(),
                        TopicRoute { topic: name.clone(), settings, metrics: Some(metrics) },
                    );
                }
            }
        }
        routes
    }

    /// The topic of this name.
    ///
    /// # Errors
    /// [`GatewayError::IllegalName`] or [`GatewayError::UnknownTopic`].
    pub(super) fn topic(&self, name: &str) -> Result<TopicRoute, GatewayError> {
        if let Some(route) = self.named.get(name) {
            return Ok(route.clone());
        }
        let topic = Topic::parse(name).map_err(|error| GatewayError::IllegalName { what: "topic", error })?;
        let settings = self.any.as_ref().ok_or(GatewayError::UnknownTopic)?;
        Ok(TopicRoute { topic, settings: Arc::clone(settings), metrics: None })
    }
}

impl TopicSettings {
    fn new(topic: &TopicConfig, index: usize, profile: &ProfileConfig, metrics: &Metrics) -> Self {
        Self {
            profile: index,
            profile_name: topic.profile.clone(),
            embedded: profile.endpoints.contains(&Endpoint::Embedded),
            groups: topic.groups.clone(),
            default_tag: topic.default_tag.clone(),
            default_key: topic.default_key.clone(),
            deadline: topic.deadline,
            delivery: topic.delivery,
            on_unknown: topic.on_unknown,
            limits: TopicLimits::new(topic.max_in_flight, topic.publishes_per_second, Instant::now()),
            events: EventDefaults::new(topic, profile),
            late_messages: Arc::new(metrics.upstream.late_messages(&topic.profile)),
            configured: matches!(topic.name, TopicPattern::Named(_)),
        }
    }
}

impl TopicRoute {
    /// A consumer group of the topic, decoded.
    ///
    /// # Errors
    /// [`GatewayError::IllegalName`] or [`GatewayError::UnknownGroup`].
    pub fn group(self, group: &str) -> Result<GroupRoute, GatewayError> {
        let illegal = |error| GatewayError::IllegalName { what: "group", error };
        let (found, ordered, tags, configured) = match &self.settings.groups {
            Groups::Any { ordered, tags } => (ConsumerGroup::parse(group).map_err(illegal)?, *ordered, tags, false),
            Groups::Named(names) => match names.iter().find(|it| it.name.as_str() == group) {
                Some(it) => (it.name.clone(), it.ordered, &it.tags, self.settings.configured),
                None => {
                    ConsumerGroup::parse(group).map_err(illegal)?;
                    return Err(GatewayError::UnknownGroup);
                }
            },
        };
        let tags = tags.clone();
        Ok(GroupRoute { topic: self, group: found, ordered, tags, configured })
    }
}
