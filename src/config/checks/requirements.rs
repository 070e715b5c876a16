//! Whether profiles have all that their topics ask of them.

use crate::config::findings::Findings;
use crate::config::sections::{TopicConfig, abilities};
use crate::config::settings::Config;
use crate::config::values::Flaw;
use crate::model::{Capabilities, Feature, MAX_FILTER_TAGS, Protocol};

/// Refuses what a topic asks of a profile that does not have it.
pub(super) fn check(config: &Config, findings: &mut Findings) {
    for (index, topic) in config.topics.iter().enumerate() {
        // That it names no profile is found elsewhere.
        let Some(profile) = config.profiles.get(&topic.profile) else { continue };
        let capabilities = profile.capabilities();
        for (feature, key) in asked(topic).into_iter().filter(|(feature, _)| !capabilities.has(*feature)) {
            let flaw = Flaw::new(format!(
                "topic `{}` needs {feature}, and its profile `{}` ({}) does not have it",
                topic.name.as_str(),
                profile.name,
                capabilities.protocol
            ));
            findings.add(&format!("topics[{index}].{key}"), flaw.hint(advice(feature, &capabilities)));
        }
        let filters = topic.groups.entries().into_iter().enumerate();
        for (group, tags) in filters.filter_map(|(group, (_, tags))| Some((group, tags?))) {
            let flaw = flaw_of_tags(tags.tags().len(), &capabilities);
            if let Some(flaw) = flaw {
                findings.add(&format!("topics[{index}].groups[{group}].tags"), flaw);
            }
        }
    }
}

/// What a topic asks of its profile, and the keys that ask.
fn asked(topic: &TopicConfig) -> Vec<(Feature, String)> {
    let required = topic.requires.iter().enumerate().map(|(index, feature)| (*feature, format!("requires[{index}]")));
    let ordered = topic.groups.entries().into_iter().enumerate().filter(|(_, (ordered, _))| *ordered);
    let ordered = ordered.map(|(index, _)| (Feature::OrderedGroups, format!("groups[{index}].ordered")));
    required.chain(ordered).collect()
}

/// What is wrong with a group that receives by so many tags.
fn flaw_of_tags(count: usize, capabilities: &Capabilities) -> Option<Flaw> {
    let protocol = capabilities.protocol;
    match protocol {
        Protocol::RocketMq if count > MAX_FILTER_TAGS => {
            let flaw = Flaw::new(format!("has {count} tags, the limit is {MAX_FILTER_TAGS}"));
            Some(flaw.hint("leave `tags` out, or give the messages that belong together one tag"))
        }
        Protocol::RocketMq => None,
        Protocol::MqHttp => {
            let flaw = Flaw::new(format!("has no effect with {protocol}, whose receives choose their tags themselves"));
            Some(flaw.hint("remove it, and let each receive say its `tags`"))
        }
        Protocol::OnsHttp => {
            let flaw = Flaw::new(format!("has no effect with {protocol}, which has no tag filter"));
            Some(flaw.hint("remove it; only rocketmq has it, where a filter belongs to the group"))
        }
    }
}

/// What to do where a profile lacks a feature.
pub(super) fn advice(feature: Feature, lacking: &Capabilities) -> String {
    if let Some(setting) = lacking.setting_for(feature) {
        return format!("set `{setting}` on the profile");
    }
    let able = Protocol::ALL.into_iter().filter(|protocol| abilities(*protocol).may_have(feature));
    let embedded = Protocol::ALL.into_iter().filter(|protocol| abilities(*protocol).embedded.has(feature));
    let able = able.map(|protocol| protocol.as_str().to_owned());
    let embedded = embedded.map(|protocol| format!("{protocol} with `endpoints = [\"embedded\"]`"));
    match able.chain(embedded).collect::<Vec<_>>().as_slice() {
        [] => "no protocol of this version has it".to_owned(),
        [only] => format!("{only} has it"),
        able => format!("{} have it", able.join(" and ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protocols_differ_as_the_contract_says() {
        let able = |protocol| {
            let all = Feature::ALL.into_iter().filter(move |feature| abilities(protocol).may_have(*feature));
            all.map(Feature::as_str).collect::<Vec<_>>()
        };
        let ons = ["delayed_delivery", "message_groups", "binary_bodies", "empty_bodies"];
        assert_eq!(able(Protocol::OnsHttp), ons);
        let mq = [
            "properties",
            "delayed_delivery",
            "message_groups",
            "binary_bodies",
            "empty_bodies",
            "tag_filter",
            "ordered_groups",
        ];
        assert_eq!(able(Protocol::MqHttp), mq);
    }
}
