//! What a profile's protocol can do, and whether that is all that the topics ask of it.

use std::time::Duration;

use crate::model::{Capabilities, Feature, Features, OptionalFeatures, Protocol, ProtocolLimits, Word as _};

use super::findings::Findings;
use super::kind::{Flaw, TextRule};
use super::profiles::{BinaryBodies, ProfileConfig};
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
    let common = Features::NONE.with(Feature::DelayedDelivery).with(Feature::MessageGroups);
    let binary = Features::NONE.with(Feature::BinaryBodies);
    let (max_receive_messages, always, optional) = match protocol {
        Protocol::OnsHttp => (
            32,
            common.with(Feature::EmptyBodies),
            OptionalFeatures { features: binary, setting: "binary_bodies = true" },
        ),
        Protocol::MqHttp => (
            16,
            common.with(Feature::Properties).with(Feature::TagFilter).with(Feature::OrderedGroups),
            // What the protocol cannot carry goes with a mark, an empty body as well.
            OptionalFeatures { features: binary.with(Feature::EmptyBodies), setting: "binary_bodies = \"base64\"" },
        ),
    };
    let features = if binary_bodies == BinaryBodies::Refuse { always } else { always | optional.features };
    let limits = ProtocolLimits { max_message_bytes, max_receive_messages, max_wait: Duration::from_secs(30) };
    Capabilities { protocol, limits, features, optional }
}

/// What to do where a profile lacks a feature.
fn advice(feature: Feature, lacking: &Capabilities) -> String {
    if let Some(setting) = lacking.setting_for(feature) {
        return format!("set `{setting}` on the profile");
    }
    let able = Protocol::ALL.into_iter().filter(|protocol| {
        let able = capabilities(*protocol, BinaryBodies::Refuse, 0);
        (able.features | able.optional.features).has(feature)
    });
    match able.map(Protocol::as_str).collect::<Vec<_>>().as_slice() {
        [] => "no protocol of this version has it".to_owned(),
        able => format!("{} has it", able.join(" and ")),
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
        for (feature, key) in asked(topic).into_iter().filter(|(feature, _)| !capabilities.has(*feature)) {
            let topic = match &topic.name {
                TopicPattern::Any => names::ANY,
                TopicPattern::Named(topic) => topic.as_str(),
            };
            let flaw = Flaw::new(format!(
                "topic `{topic}` needs {feature}, and its profile `{}` ({}) does not have it",
                profile.name, profile.protocol
            ));
            findings.add(&format!("topics[{index}].{key}"), flaw.hint(advice(feature, &capabilities)));
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
    fn the_protocols_differ_as_the_contract_says() {
        let ons = capabilities(Protocol::OnsHttp, BinaryBodies::AsIs, 65_536);
        let mq = capabilities(Protocol::MqHttp, BinaryBodies::Base64, 4 << 20);
        let of =
            |capabilities: &Capabilities| -> Vec<&str> { capabilities.features.iter().map(Feature::as_str).collect() };
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
        assert_eq!((ons.limits.max_receive_messages, mq.limits.max_receive_messages), (32, 16));
        assert_eq!((ons.limits.max_wait, mq.limits.max_wait), (Duration::from_secs(30), Duration::from_secs(30)));
    }
}
