//! What settings of different tables must fulfil together, once each is right by itself.

mod callers;
mod embedded;
mod files;
mod listeners;
mod profiles;
mod requirements;
mod topics;

use super::findings::Findings;
use super::settings::Config;
use super::values::{Flaw, did_you_mean};

pub(super) use files::check_files;

/// Everything that can be known without reading another file.
pub(super) fn check(config: &Config, findings: &mut Findings) {
    listeners::check(config, findings);
    profiles::check(config, findings);
    topics::check(config, findings);
    requirements::check(config, findings);
    callers::check(config, findings);
    embedded::check(config, findings);
    if config.profiles.is_empty() && config.topics.is_empty() && !config.embedded.enabled {
        let flaw =
            Flaw::new("configures nothing to do: no profile, no topic, and the embedded endpoint is not enabled");
        findings.add("", flaw.hint("add [profiles.NAME] and [[topics]], or `enabled = true` below [embedded]"));
    }
}

/// A reference to a table that is not there; lists those that are.
fn unknown_table<'a>(tables: &str, name: &str, known: impl Iterator<Item = &'a String> + Clone) -> Flaw {
    let flaw = Flaw::new(format!("names no table below [{tables}]"));
    let names: Vec<String> = known.clone().map(|name| format!("`{name}`")).collect();
    if let Some(hint) = did_you_mean(name, known.map(String::as_str)) {
        return flaw.hint(hint);
    }
    if names.is_empty() {
        return flaw.hint(format!("there are none; add [{tables}.NAME]"));
    }
    flaw.hint(format!("there are {}", names.join(", ")))
}
