//! Topics among each other and beside profiles.

use std::collections::BTreeMap;

use super::unknown_table::unknown_table;
use crate::config::findings::Findings;
use crate::config::settings::Config;
use crate::config::values::Flaw;

pub(super) fn check(config: &Config, findings: &mut Findings) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, topic) in config.topics.iter().enumerate() {
        if !config.profiles.contains_key(&topic.profile) {
            let flaw = unknown_table("profiles", &topic.profile, config.profiles.keys());
            findings.add(&format!("topics[{index}].profile"), flaw);
        }
        if let Some(first) = seen.insert(topic.name.as_str(), index) {
            let flaw = Flaw::new("is configured twice");
            let flaw = match findings.line(&format!("topics[{first}].name")) {
                Some(line) => flaw.hint(format!("the other one is in line {line}")),
                None => flaw,
            };
            findings.add(&format!("topics[{index}].name"), flaw);
        }
    }
    if config.topics.is_empty() && !config.profiles.is_empty() {
        let flaw = Flaw::new("there is a profile and no topic, so nothing could be published");
        findings.add("profiles", flaw.hint("add [[topics]] with name and profile; name = \"*\" is any topic"));
    }
}
