//! What settings of different tables must fulfil together, once each is right by itself.

mod callers;
mod certificates;
mod embedded;
mod files;
mod listeners;
mod names;
mod profiles;
mod requirements;
mod subscriptions;
mod topics;
mod tracing;
mod unknown_table;

use super::findings::Findings;
use super::settings::Config;
use super::values::Flaw;

pub(super) use files::check_files;

/// Everything that can be known without reading another file.
pub(super) fn check(config: &Config, findings: &mut Findings) {
    listeners::check(config, findings);
    profiles::check(config, findings);
    topics::check(config, findings);
    names::check(config, findings);
    requirements::check(config, findings);
    callers::check(config, findings);
    subscriptions::check(config, findings);
    embedded::check(config, findings);
    tracing::check(config, findings);
    if config.profiles.is_empty() && config.topics.is_empty() && !config.embedded.enabled {
        let flaw =
            Flaw::new("configures nothing to do: no profile, no topic, and the embedded endpoint is not enabled");
        findings.add("", flaw.hint("add [profiles.NAME] and [[topics]], or `enabled = true` below [embedded]"));
    }
}
