//! Where the dead letters of subscriptions go, and that none of them goes round in a circle.

use std::collections::{BTreeMap, BTreeSet};

use super::unknown_topic;
use crate::config::findings::Findings;
use crate::config::push_schedule::DEAD_LETTER_PREFIX;
use crate::config::sections::SubscriptionConfig;
use crate::config::settings::Config;
use crate::config::values::Flaw;

pub(super) fn check(config: &Config, findings: &mut Findings) {
    for (name, subscription) in &config.subscriptions {
        match &subscription.dead_letter {
            Some(dead_letter) if config.topic(&dead_letter.topic).is_none() => {
                let key = format!("subscriptions.{name}.dead_letter.topic");
                findings.add(&key, unknown_topic(config, &dead_letter.topic));
            }
            None if subscription.topic.as_str().starts_with(DEAD_LETTER_PREFIX) => {
                let flaw = Flaw::new(
                    "holds dead letters of the MQ, which it delivers without end: without `dead_letter` nothing ends their schedule",
                );
                let key = format!("subscriptions.{name}.topic");
                findings.add(&key, flaw.hint("add `dead_letter = { topic = \"…\" }`"));
            }
            Some(_) | None => {}
        }
    }
    for (name, subscription) in &config.subscriptions {
        if let Some(way) = circle(config, subscription) {
            let flaw = Flaw::new(format!("leads dead letters in a circle: {}", way.join(" → ")));
            let key = format!("subscriptions.{name}.dead_letter.topic");
            findings.add(
                &key,
                flaw.hint(
                    "let the last subscription have another topic for its dead letters, which no subscription has",
                ),
            );
        }
    }
}

/// The topic that dead letters of a subscription come into: its own, or the MQ's.
fn destination(subscription: &SubscriptionConfig) -> Option<String> {
    match &subscription.dead_letter {
        Some(dead_letter) => Some(dead_letter.topic.as_str().to_owned()),
        // Dead letters of dead letters there are none.
        None if subscription.topic.as_str().starts_with(DEAD_LETTER_PREFIX) => None,
        None => Some(format!("{DEAD_LETTER_PREFIX}{}", subscription.group.as_str())),
    }
}

/// The topics on the way back to the subscription's own, where there is such a way and its name is the first of those on it.
fn circle(config: &Config, subscription: &SubscriptionConfig) -> Option<Vec<String>> {
    let start = subscription.topic.as_str().to_owned();
    let first = destination(subscription)?;
    // From each topic, how it was come to: the way may branch, as a topic can have several subscriptions.
    let mut from: BTreeMap<String, String> = BTreeMap::from([(first.clone(), start.clone())]);
    let mut names: BTreeMap<String, &str> = BTreeMap::from([(first.clone(), subscription.name.as_str())]);
    let mut open = vec![first];
    let mut seen = BTreeSet::new();
    while let Some(topic) = open.pop() {
        if topic == start {
            break;
        }
        if !seen.insert(topic.clone()) {
            continue;
        }
        for next in config.subscriptions.values().filter(|next| next.topic.as_str() == topic) {
            let Some(destination) = destination(next) else { continue };
            from.entry(destination.clone()).or_insert_with(|| topic.clone());
            names.entry(destination.clone()).or_insert(next.name.as_str());
            open.push(destination);
        }
    }
    let mut way = vec![start.clone()];
    let mut topic = &start;
    let mut is_first = true;
    loop {
        is_first &= names.get(topic).is_some_and(|name| subscription.name.as_str() <= *name);
        topic = from.get(topic)?;
        way.push(topic.clone());
        if *topic == start {
            break;
        }
    }
    way.reverse();
    is_first.then_some(way)
}
