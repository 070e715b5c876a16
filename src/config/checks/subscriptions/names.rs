//! Topics and groups that subscriptions name.

use crate::config::sections::{Groups, TopicConfig, TopicPattern};
use crate::config::settings::Config;
use crate::config::values::{Flaw, did_you_mean};
use crate::model::{ConsumerGroup, Topic};

/// A topic that no table is for.
pub(super) fn unknown_topic(config: &Config, topic: &Topic) -> Flaw {
    let names = config.topics.iter().filter_map(|known| match &known.name {
        TopicPattern::Named(topic) => Some(topic.as_str()),
        TopicPattern::Any => None,
    });
    let flaw = Flaw::new("is not a configured topic");
    match did_you_mean(topic.as_str(), names) {
        Some(hint) => flaw.hint(hint),
        None => flaw.hint("add it as [[topics]] with its profile and groups"),
    }
}

/// A group that the topic does not list.
pub(super) fn unknown_group(topic: &TopicConfig, group: &ConsumerGroup) -> Option<Flaw> {
    let groups = match &topic.groups {
        Groups::Any { .. } if ConsumerGroup::parse(group.as_str()).is_ok() => return None,
        Groups::Any { .. } => &[],
        Groups::Named(groups) => groups.as_slice(),
    };
    if groups.iter().any(|known| known.name == *group) {
        return None;
    }
    let flaw = Flaw::new(format!("is not a group of topic `{}`", topic.name.as_str()));
    Some(match did_you_mean(group.as_str(), groups.iter().map(|known| known.name.as_str())) {
        Some(hint) => flaw.hint(hint),
        None => flaw.hint("add it to `groups` of the topic"),
    })
}
