//! What a profile's protocol can do, and whether that is all that the topics ask of it.

use std::time::Duration;

use crate::model::Capabilities;

use super::findings::Findings;
use super::kind::{Flaw, TextRule};
use super::profiles::{BinaryBodies, ProfileConfig, Protocol};
use super::suggest::did_you_mean;
use super::topics::{Groups, TopicConfig, TopicPattern};
use super::{Config, names};

impl ProfileConfig {
    /// What the profile's protocol can do, as far as the profile says so.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        capabilities(self.protocol, self.binary_bodies, self.max_message_bytes)
    }
}

/// The protocols' own numbers: this layer may not ask them, so their tests compare.
fn capabilities(protocol: Protocol, binary_bodies: BinaryBodies, max_message_bytes: usize) -> Capabilities {
    let common = Capabilities {
        protocol: protocol.as_str(),
        max_message_bytes,
        max_receive_messages: 1,
        max_wait: Duration::from_secs(30),
        properties: false,
        delayed_delivery: true,
        message_groups: true,
        delayed_message_groups: false,
        binary_bodies: binary_bodies != BinaryBodies::Refuse,
        empty_bodies: false,
        tag_filter: false,
        ordered_groups: false,
        visibility_timeout: false,
        nack: false,
        extend: false,
        transactions: false,
    };
    match protocol {
        Protocol::OnsHttp => Capabilities { max_receive_messages: 32, empty_bodies: true, ..common },
        Protocol::MqHttp => Capabilities {
            max_receive_messages: 16,
            properties: true,
            // What the protocol cannot carry goes with a mark, an empty body as well.
            empty_bodies: binary_bodies == BinaryBodies::Base64,
            tag_filter: true,
            ordered_groups: true,
            ..common
        },
    }
}

/// One of the abilities that [`Capabilities`] lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// Carries `properties`.
    Properties,
    /// Carries `deliver_at` and `delay_seconds`.
    DelayedDelivery,
    /// Carries `message_group`.
    MessageGroups,
    /// A message may have both a time and a message group.
    DelayedMessageGroups,
    /// Carries bodies that are no UTF-8.
    BinaryBodies,
    /// Carries an empty body.
    EmptyBodies,
    /// Filters a receive by tags.
    TagFilter,
    /// Delivers to a group in order.
    OrderedGroups,
    /// A receive may choose its visibility timeout.
    VisibilityTimeout,
    /// Can give a delivery back.
    Nack,
    /// Can keep a delivery longer.
    Extend,
    /// Carries half messages.
    Transactions,
}

impl Feature {
    /// Every feature, in the order of [`Capabilities`].
    pub const ALL: [Self; 12] = [
        Self::Properties,
        Self::DelayedDelivery,
        Self::MessageGroups,
        Self::DelayedMessageGroups,
        Self::BinaryBodies,
        Self::EmptyBodies,
        Self::TagFilter,
        Self::OrderedGroups,
        Self::VisibilityTimeout,
        Self::Nack,
        Self::Extend,
        Self::Transactions,
    ];

    /// The name in the configuration and in discovery.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Properties => "properties",
            Self::DelayedDelivery => "delayed_delivery",
            Self::MessageGroups => "message_groups",
            Self::DelayedMessageGroups => "delayed_message_groups",
            Self::BinaryBodies => "binary_bodies",
            Self::EmptyBodies => "empty_bodies",
            Self::TagFilter => "tag_filter",
            Self::OrderedGroups => "ordered_groups",
            Self::VisibilityTimeout => "visibility_timeout",
            Self::Nack => "nack",
            Self::Extend => "extend",
            Self::Transactions => "transactions",
        }
    }

    /// Whether a protocol has it.
    #[must_use]
    pub fn is_in(self, capabilities: &Capabilities) -> bool {
        match self {
            Self::Properties => capabilities.properties,
            Self::DelayedDelivery => capabilities.delayed_delivery,
            Self::MessageGroups => capabilities.message_groups,
            Self::DelayedMessageGroups => capabilities.delayed_message_groups,
            Self::BinaryBodies => capabilities.binary_bodies,
            Self::EmptyBodies => capabilities.empty_bodies,
            Self::TagFilter => capabilities.tag_filter,
            Self::OrderedGroups => capabilities.ordered_groups,
            Self::VisibilityTimeout => capabilities.visibility_timeout,
            Self::Nack => capabilities.nack,
            Self::Extend => capabilities.extend,
            Self::Transactions => capabilities.transactions,
        }
    }

    /// The feature of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|feature| feature.as_str() == name)
    }

    /// Whether a protocol has it when the profile asks for all it can.
    fn is_possible(self, protocol: Protocol) -> bool {
        let binary_bodies = match protocol {
            Protocol::OnsHttp => BinaryBodies::AsIs,
            Protocol::MqHttp => BinaryBodies::Base64,
        };
        self.is_in(&capabilities(protocol, binary_bodies, 0))
    }

    /// What to do where a profile lacks it.
    fn advice(self, protocol: Protocol) -> String {
        if self.is_possible(protocol) {
            return match protocol {
                Protocol::OnsHttp => "set `binary_bodies = true` on the profile",
                Protocol::MqHttp => "set `binary_bodies = \"base64\"` on the profile",
            }
            .to_owned();
        }
        let able = Protocol::ALL.into_iter().filter(|protocol| self.is_possible(*protocol));
        match able.map(Protocol::as_str).collect::<Vec<_>>().as_slice() {
            [] => "no protocol of this version has it".to_owned(),
            able => format!("{} has it", able.join(" and ")),
        }
    }
}

/// For a key that lists features.
pub(super) const FEATURE: TextRule = TextRule {
    expects: "the name of a capability",
    check: |text| {
        if Feature::named(text).is_some() {
            return Ok(());
        }
        let names = || Feature::ALL.into_iter().map(Feature::as_str);
        let hint = did_you_mean(text, names())
            .unwrap_or_else(|| format!("there are {}", names().collect::<Vec<_>>().join(", ")));
        Err(Flaw::new("is no capability of this version").hint(hint))
    },
};

/// Refuses what a topic asks of a profile whose protocol does not have it.
pub(super) fn check(config: &Config, findings: &mut Findings) {
    for (index, topic) in config.topics.iter().enumerate() {
        // That it names no profile is found elsewhere.
        let Some(profile) = config.profiles.get(&topic.profile) else { continue };
        let capabilities = profile.capabilities();
        for (feature, key) in asked(topic).into_iter().filter(|(feature, _)| !feature.is_in(&capabilities)) {
            let topic = match &topic.name {
                TopicPattern::Any => names::ANY,
                TopicPattern::Named(topic) => topic.as_str(),
            };
            let (feature_name, protocol) = (feature.as_str(), profile.protocol);
            let flaw = Flaw::new(format!(
                "topic `{topic}` needs {feature_name}, and its profile `{}` ({}) does not have it",
                profile.name,
                protocol.as_str()
            ));
            findings.add(&format!("topics[{index}].{key}"), flaw.hint(feature.advice(protocol)));
        }
    }
}

/// What a topic asks of its protocol, and the keys that ask.
fn asked(topic: &TopicConfig) -> Vec<(Feature, String)> {
    let required = topic.requires.iter().enumerate().map(|(index, feature)| (*feature, format!("requires[{index}]")));
    let ordered: Vec<bool> = match &topic.groups {
        Groups::Any { ordered } => vec![*ordered],
        Groups::Named(groups) => groups.iter().map(|group| group.ordered).collect(),
    };
    let ordered = ordered.into_iter().enumerate().filter(|(_, ordered)| *ordered);
    let ordered = ordered.map(|(index, _)| (Feature::OrderedGroups, format!("groups[{index}].ordered")));
    required.chain(ordered).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_is_found_by_its_name_and_has_its_own_flag() {
        let none = capabilities(Protocol::OnsHttp, BinaryBodies::Refuse, 1);
        let none = Capabilities { delayed_delivery: false, message_groups: false, empty_bodies: false, ..none };
        for feature in Feature::ALL {
            assert_eq!(Feature::named(feature.as_str()), Some(feature));
            assert!(!feature.is_in(&none), "{feature:?}");
        }
        let nack = Capabilities { nack: true, ..none };
        assert_eq!(
            Feature::ALL.into_iter().filter(|feature| feature.is_in(&nack)).collect::<Vec<_>>(),
            [Feature::Nack]
        );
    }

    #[test]
    fn the_protocols_differ_as_the_contract_says() {
        let ons = capabilities(Protocol::OnsHttp, BinaryBodies::AsIs, 65_536);
        let mq = capabilities(Protocol::MqHttp, BinaryBodies::Base64, 4 << 20);
        let of = |capabilities: &Capabilities| -> Vec<&str> {
            let features = Feature::ALL.into_iter().filter(|feature| feature.is_in(capabilities));
            features.map(Feature::as_str).collect()
        };
        assert_eq!(of(&ons), ["delayed_delivery", "message_groups", "binary_bodies", "empty_bodies"]);
        let expected = [
            "properties",
            "delayed_delivery",
            "message_groups",
            "binary_bodies",
            "empty_bodies",
            "tag_filter",
            "ordered_groups",
        ];
        assert_eq!(of(&mq), expected);
        assert_eq!((ons.max_receive_messages, mq.max_receive_messages), (32, 16));
        assert_eq!((ons.max_wait, mq.max_wait), (Duration::from_secs(30), Duration::from_secs(30)));
    }
}
