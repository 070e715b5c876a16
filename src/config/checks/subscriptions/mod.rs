//! Subscriptions beside topics, profiles, files and each other.

mod conflicts;
mod dead_letters;
mod files;
mod names;
mod retries;

use self::names::{unknown_group, unknown_topic};
use super::requirements::advice;
use crate::config::findings::Findings;
use crate::config::sections::{Groups, ProfileConfig, SubscriptionConfig, TopicConfig};
use crate::config::settings::Config;
use crate::config::values::Flaw;
use crate::model::{Feature, Protocol};

pub(super) use files::check as check_files;

pub(super) fn check(config: &Config, findings: &mut Findings) {
    for (name, subscription) in &config.subscriptions {
        let key = |key: &str| format!("subscriptions.{name}.{key}");
        conflicts::check(subscription, &key, findings);
        let Some(topic) = config.topic(&subscription.topic) else {
            findings.add(&key("topic"), unknown_topic(config, &subscription.topic));
            continue;
        };
        if let Some(flaw) = unknown_group(topic, &subscription.group) {
            findings.add(&key("group"), flaw);
        }
        // That it names no profile is found elsewhere.
        let Some(profile) = config.profiles.get(&topic.profile) else { continue };
        conflicts::check_with_profile(subscription, profile, &key, findings);
        check_tags(subscription, topic, profile, &key, findings);
        check_order(config, subscription, profile, &key, findings);
        retries::check(config, subscription, profile, &key, findings);
        warn_of_encoding(subscription, &key, findings);
    }
    check_groups(config, findings);
    dead_letters::check(config, findings);
}

/// Two subscriptions of a group would share its messages: each target would get some. On two topics, too: all members of a group have to
/// subscribe to the same, or the MQ leaves out some of it.
fn check_groups(config: &Config, findings: &mut Findings) {
    let profile_of = |it: &SubscriptionConfig| config.topic(&it.topic).map(|topic| &topic.profile);
    for (index, (name, subscription)) in config.subscriptions.iter().enumerate() {
        let Some(profile) = profile_of(subscription) else { continue };
        let is_same =
            |other: &&SubscriptionConfig| other.group == subscription.group && profile_of(other) == Some(profile);
        let Some(other) = config.subscriptions.values().take(index).find(is_same) else { continue };
        let flaw =
            Flaw::new(format!("is the group of subscription `{}`, too: two subscriptions of one group", other.name));
        let hint = if other.topic == subscription.topic {
            "each message would go to one of the two: give each subscription a group of its own"
        } else {
            "the MQ wants all members of a group to receive the same topics, and leaves out messages where they do not: give each subscription a group of its own"
        };
        findings.add(&format!("subscriptions.{name}.group"), flaw.hint(hint));
    }
}

fn check_tags(
    subscription: &SubscriptionConfig,
    topic: &TopicConfig,
    profile: &ProfileConfig,
    key: &impl Fn(&str) -> String,
    findings: &mut Findings,
) {
    let Some(tags) = &subscription.tags else { return };
    let capabilities = profile.capabilities();
    let flaw = match capabilities.protocol {
        Protocol::RocketMq => {
            let of_group = match &topic.groups {
                Groups::Any { tags, .. } => tags.as_ref(),
                Groups::Named(groups) => {
                    groups.iter().find(|group| group.name == subscription.group).and_then(|group| group.tags.as_ref())
                }
            };
            if of_group == Some(tags) {
                return;
            }
            Flaw::new("are not the tags of the group, and with rocketmq a filter belongs to the group").hint(
                "write `{ name = \"GROUP\", tags = [\"TAG\"] }` in `groups` of the topic, and leave `tags` out here",
            )
        }
        Protocol::OnsHttp | Protocol::MqHttp if capabilities.has(Feature::TagFilter) => return,
        Protocol::OnsHttp | Protocol::MqHttp => {
            Flaw::new(format!("has no effect with {}, which has no tag filter", capabilities.protocol))
                .hint(advice(Feature::TagFilter, &capabilities))
        }
    };
    findings.add(&key("tags"), flaw);
}

fn check_order(
    config: &Config,
    subscription: &SubscriptionConfig,
    profile: &ProfileConfig,
    key: &impl Fn(&str) -> String,
    findings: &mut Findings,
) {
    if !subscription.ordered {
        return;
    }
    let capabilities = profile.capabilities();
    if !capabilities.has(Feature::OrderedGroups) {
        let flaw = Flaw::new(format!(
            "needs {}, and profile `{}` ({}) does not have it",
            Feature::OrderedGroups,
            profile.name,
            capabilities.protocol
        ));
        findings.add(&key("ordered"), flaw.hint(advice(Feature::OrderedGroups, &capabilities)));
    } else if !config.is_ordered(&subscription.topic, &subscription.group) {
        let flaw = Flaw::new("needs a group that receives in order, and the topic does not say so of this one");
        findings
            .add(&key("ordered"), flaw.hint("write `{ name = \"GROUP\", ordered = true }` in `groups` of the topic"));
    }
}

/// In binary mode most libraries read an attribute wrongly that had to be encoded.
fn warn_of_encoding(subscription: &SubscriptionConfig, key: &impl Fn(&str) -> String, findings: &mut Findings) {
    use crate::config::sections::PushFormat::CloudEventsBinary;
    if subscription.format != CloudEventsBinary {
        return;
    }
    let needs_encoding = |text: &str| !text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'%'));
    let tags = subscription.tags.iter().flat_map(|filter| filter.tags()).map(|tag| tag.as_str());
    let named =
        [("topic", subscription.topic.as_str()), ("source", subscription.source.as_deref().unwrap_or_default())];
    let named = named.into_iter().chain(tags.map(|tag| ("tags", tag)));
    for (name, _) in named.filter(|(_, text)| needs_encoding(text)) {
        let flaw = Flaw::new(
            "has characters that are encoded in the headers of cloudevents-binary, and most CloudEvents libraries do not decode them",
        );
        findings.warn(&key(name), flaw.hint("use `format = \"cloudevents\"`, which encodes nothing"));
    }
}
