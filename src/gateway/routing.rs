//! From a name in a path to the profile, groups and defaults behind it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Gateway, GatewayError};
use crate::config::{Config, Delivery, Groups, OnUnknown, TopicConfig, TopicPattern};
use crate::model::{ConsumerGroup, Key, Tag, Topic};
use crate::telemetry::{GroupMetrics, Metrics, TopicMetrics};

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
    pub(super) groups: Groups,
    pub(super) default_tag: Option<Tag>,
    pub(super) default_key: Option<Key>,
    /// Longest time for one publish or acknowledgement.
    pub(super) deadline: Duration,
    pub(super) delivery: Delivery,
    pub(super) on_unknown: OnUnknown,
    configured: bool,
}

/// A topic that exists, and how to reach it.
#[derive(Debug, Clone)]
pub struct TopicRoute {
    /// The topic.
    pub topic: Topic,
    pub(super) settings: Arc<TopicSettings>,
    /// Its series.
    pub metrics: Arc<TopicMetrics>,
}

/// A consumer group of a topic.
#[derive(Debug, Clone)]
pub struct GroupRoute {
    /// The topic.
    pub topic: TopicRoute,
    /// The group.
    pub group: ConsumerGroup,
    /// Its series.
    pub metrics: Arc<GroupMetrics>,
}

impl TopicRoute {
    /// Longest time for one publish.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.settings.deadline
    }
}

impl Routes {
    /// Reads the configuration's topics; profiles are numbered in the order of their names.
    #[must_use]
    pub fn new(config: &Config, metrics: &Metrics) -> Self {
        let mut routes = Self { named: HashMap::new(), any: None, order: Vec::new() };
        for topic in &config.topics {
            let Some(profile) = config.profiles.keys().position(|name| *name == topic.profile) else { continue };
            let settings = Arc::new(TopicSettings::new(topic, profile));
            routes.order.push((topic.name.clone(), Arc::clone(&settings)));
            match &topic.name {
                TopicPattern::Any => routes.any = Some(settings),
                TopicPattern::Named(name) => {
                    let metrics = metrics.topic(name.as_str(), &settings.profile_name, true);
                    routes.named.insert(name.as_str().into(), TopicRoute { topic: name.clone(), settings, metrics });
                }
            }
        }
        routes
    }
}

impl TopicSettings {
    fn new(topic: &TopicConfig, profile: usize) -> Self {
        Self {
            profile,
            profile_name: topic.profile.clone(),
            groups: topic.groups.clone(),
            default_tag: topic.default_tag.clone(),
            default_key: topic.default_key.clone(),
            deadline: topic.deadline,
            delivery: topic.delivery,
            on_unknown: topic.on_unknown,
            configured: matches!(topic.name, TopicPattern::Named(_)),
        }
    }
}

impl Gateway {
    /// The topic that a path names, decoded.
    ///
    /// # Errors
    /// [`GatewayError::IllegalName`] or [`GatewayError::UnknownTopic`].
    pub fn topic(&self, name: &str) -> Result<TopicRoute, GatewayError> {
        let routes = &self.shared.routes;
        if let Some(route) = routes.named.get(name) {
            return Ok(route.clone());
        }
        let topic = Topic::parse(name).map_err(|error| GatewayError::IllegalName { what: "topic", error })?;
        let Some(settings) = &routes.any else {
            self.shared.metrics.unknown_topic();
            return Err(GatewayError::UnknownTopic(name.to_owned()));
        };
        let metrics = self.shared.metrics.topic(topic.as_str(), &settings.profile_name, false);
        Ok(TopicRoute { topic, settings: Arc::clone(settings), metrics })
    }

    /// The consumer group that a path names, decoded.
    ///
    /// # Errors
    /// [`GatewayError::IllegalName`], [`GatewayError::UnknownTopic`] or [`GatewayError::UnknownGroup`].
    pub fn group(&self, topic: &str, group: &str) -> Result<GroupRoute, GatewayError> {
        let topic = self.topic(topic)?;
        let illegal = |error| GatewayError::IllegalName { what: "group", error };
        let (found, configured) = match &topic.settings.groups {
            Groups::Any => (ConsumerGroup::parse(group).map_err(illegal)?, false),
            Groups::Named(names) => match names.iter().find(|name| name.as_str() == group) {
                Some(name) => (name.clone(), topic.settings.configured),
                None => {
                    ConsumerGroup::parse(group).map_err(illegal)?;
                    let topic = topic.topic.as_str().to_owned();
                    return Err(GatewayError::UnknownGroup { topic, group: group.to_owned() });
                }
            },
        };
        let metrics = self.shared.metrics.group(topic.topic.as_str(), found.as_str(), configured);
        Ok(GroupRoute { topic, group: found, metrics })
    }
}
