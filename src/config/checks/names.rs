//! Whether topics and groups have names that their profile's protocol takes.

use crate::config::findings::Findings;
use crate::config::sections::{Groups, TopicPattern};
use crate::config::settings::Config;
use crate::config::values::{ANY, Flaw};
use crate::model::NameError;

/// Refuses names that are too long, or that the MQ would refuse one by one.
pub(super) fn check(config: &Config, findings: &mut Findings) {
    for (index, topic) in config.topics.iter().enumerate() {
        // That it names no profile is found elsewhere.
        let Some(profile) = config.profiles.get(&topic.profile) else { continue };
        let protocol = profile.protocol.kind();
        let mut add = |key: String, checked: Result<(), NameError>| {
            if let Err(error) = checked {
                let flaw = Flaw::new(error.to_string());
                findings.add(&key, flaw.hint(format!("so are the names of {protocol}, which its profile speaks")));
            }
        };
        if let TopicPattern::Named(name) = &topic.name {
            add(format!("topics[{index}].name"), name.check_for(protocol));
        }
        let Groups::Named(groups) = &topic.groups else { continue };
        for (number, group) in groups.iter().enumerate().filter(|(_, group)| group.name.as_str() != ANY) {
            add(format!("topics[{index}].groups[{number}].name"), group.name.check_for(protocol));
        }
    }
}
