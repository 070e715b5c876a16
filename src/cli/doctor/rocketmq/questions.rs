//! Which topics and groups are asked about.

use crate::cli::doctor::probes::{MAX_PROBES, Name, placeholder_topic};
use crate::config::{Config, Groups, ProfileConfig, ProtocolConfig, TopicPattern};
use crate::model::Feature;

/// All questions of one profile.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Questions {
    /// At least one, so that the keys are tried.
    pub(super) topics: Vec<TopicQuestion>,
    pub(super) groups: Vec<GroupQuestion>,
    /// How many more there would have been.
    pub(super) left_out: usize,
}

/// Where is it, and which messages does it take?
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TopicQuestion {
    pub(super) topic: Name,
    /// What its callers rely on.
    pub(super) requires: Vec<Feature>,
}

/// Does the server know it, and how does it deliver to it?
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GroupQuestion {
    pub(super) topic: Name,
    pub(super) group: String,
    /// Configured as ordered.
    pub(super) ordered: bool,
}

/// The instance, empty for none.
pub(super) fn namespace(profile: &ProfileConfig) -> String {
    match &profile.protocol {
        ProtocolConfig::RocketMq(own) => own.namespace.clone().unwrap_or_default(),
        ProtocolConfig::OnsHttp(_) | ProtocolConfig::MqHttp(_) => String::new(),
    }
}

/// Every named topic of the profile, and every named group; a placeholder topic where none is named.
pub(super) fn of(config: &Config, profile: &ProfileConfig) -> Questions {
    let (mut topics, mut groups) = (Vec::new(), Vec::new());
    for settings in config.topics.iter().filter(|topic| topic.profile == profile.name) {
        let topic = match &settings.name {
            TopicPattern::Named(topic) => Name { text: topic.as_str().to_owned(), is_placeholder: false },
            TopicPattern::Any => placeholder_topic(),
        };
        if let Groups::Named(named) = &settings.groups {
            groups.extend(named.iter().map(|it| GroupQuestion {
                topic: topic.clone(),
                group: it.name.as_str().to_owned(),
                ordered: it.ordered,
            }));
        }
        if !topic.is_placeholder {
            topics.push(TopicQuestion { topic, requires: settings.requires.clone() });
        }
    }
    if topics.is_empty() {
        topics.push(TopicQuestion { topic: placeholder_topic(), requires: Vec::new() });
    }
    let left_out = topics.len().saturating_sub(MAX_PROBES) + groups.len().saturating_sub(MAX_PROBES);
    topics.truncate(MAX_PROBES);
    groups.truncate(MAX_PROBES);
    Questions { topics, groups, left_out }
}
