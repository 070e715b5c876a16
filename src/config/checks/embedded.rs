//! The embedded endpoint beside those who use it.

use super::unknown_table::unknown_table;
use crate::config::findings::Findings;
use crate::config::sections::TopicPattern;
use crate::config::settings::Config;
use crate::config::values::{EMBEDDED, Endpoint, Flaw};

pub(super) fn check(config: &Config, findings: &mut Findings) {
    check_topics(config, findings);
    let Some(name) = &config.embedded.credentials else { return };
    if name == EMBEDDED {
        let flaw = Flaw::new("must not be \"embedded\"").hint("leave the key out for the endpoint's own pair");
        findings.add("embedded.credentials", flaw);
    } else if !config.credentials.contains_key(name) {
        findings.add("embedded.credentials", unknown_table("credentials", name, config.credentials.keys()));
    }
}

/// A topic that the gateway serves from the endpoint must be one that the endpoint has.
fn check_topics(config: &Config, findings: &mut Findings) {
    let embedded = &config.embedded;
    if embedded.topics.is_empty() {
        return;
    }
    for (index, topic) in config.topics.iter().enumerate() {
        let profile = config.profiles.get(&topic.profile);
        if let TopicPattern::Named(name) = &topic.name
            && profile.is_some_and(|profile| profile.endpoints.contains(&Endpoint::Embedded))
            && !embedded.topics.contains(name)
        {
            let flaw = Flaw::new("is served by the embedded endpoint, which has other topics only");
            findings.add(&format!("topics[{index}].name"), flaw.hint("add it to `topics` below [embedded]"));
        }
    }
}
