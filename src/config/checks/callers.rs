//! Callers of the drop-in relay beside profiles, topics and pairs of keys.

use std::collections::BTreeMap;

use super::unknown_table::unknown_table;
use crate::config::findings::Findings;
use crate::config::sections::{CallerTopics, ClientAuth, CredentialsSource, TopicPattern};
use crate::config::settings::Config;
use crate::config::values::{EMBEDDED, Flaw, did_you_mean};
use crate::model::Topic;

const NEW_PAIR: &str = "make a pair for the caller with `mq-gateway issue-key --out DIR`, and name its directory in a \
                        table of its own below [credentials]";

pub(super) fn check(config: &Config, findings: &mut Findings) {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, caller) in &config.callers {
        let key = format!("callers.{name}.credentials");
        if let Err(flaw) = check_credentials(config, &caller.credentials) {
            findings.add(&key, flaw);
        } else if let Some(first) = seen.insert(&caller.credentials, name) {
            let flaw = Flaw::new(format!("is the pair of caller `{first}`, too"));
            findings.add(&key, flaw.hint(NEW_PAIR));
        }
        if let CallerTopics::Named(topics) = &caller.topics {
            for (index, topic) in topics.iter().enumerate() {
                if let Err(flaw) = check_topic(config, topic) {
                    findings.add(&format!("callers.{name}.topics[{index}]"), flaw);
                }
            }
        }
    }
    let asked_for = config.dropin.client_auth == ClientAuth::Keys;
    if asked_for && config.callers.is_empty() {
        let flaw = Flaw::new("asks callers for keys, and there is no caller");
        findings.add("dropin.client_auth", flaw.hint("add [callers.NAME] with credentials and topics"));
    }
    if !asked_for && !config.callers.is_empty() {
        let flaw = Flaw::new("there are callers with keys, and nobody is asked for them");
        findings.add("callers", flaw.hint("set `client_auth = \"keys\"` below [dropin]"));
    }
}

/// Refuses callers whose files hold an access key that somebody else has: a signature has to tell who signed.
/// `access_keys` are those of `[credentials]` that could be read.
pub(super) fn check_access_keys(config: &Config, access_keys: &BTreeMap<&str, String>, findings: &mut Findings) {
    let mut owners: BTreeMap<&str, String> = BTreeMap::new();
    for profile in config.profiles.values() {
        if let CredentialsSource::Named(name) = &profile.credentials
            && let Some(access_key) = access_keys.get(name.as_str())
        {
            owners.insert(access_key, format!("profile `{}`", profile.name));
        }
    }
    for (name, caller) in &config.callers {
        let Some(access_key) = access_keys.get(caller.credentials.as_str()) else { continue };
        match owners.get(access_key.as_str()) {
            Some(owner) => {
                let flaw = Flaw::new(format!("names files with the access key of {owner}"));
                findings.add(&format!("callers.{name}.credentials"), flaw.hint(NEW_PAIR));
            }
            None => {
                owners.insert(access_key, format!("caller `{name}`"));
            }
        }
    }
}

fn check_credentials(config: &Config, name: &str) -> Result<(), Flaw> {
    if name == EMBEDDED {
        return Err(Flaw::new("is the embedded endpoint's own pair, which callers must not hold").hint(NEW_PAIR));
    }
    if !config.credentials.contains_key(name) {
        return Err(unknown_table("credentials", name, config.credentials.keys()));
    }
    let is_its_pair = |source: &CredentialsSource| matches!(source, CredentialsSource::Named(named) if named == name);
    if let Some(profile) = config.profiles.values().find(|profile| is_its_pair(&profile.credentials)) {
        let flaw = Flaw::new(format!("is the pair of profile `{}`, which callers must not hold", profile.name));
        return Err(flaw.hint(NEW_PAIR));
    }
    if config.embedded.credentials.as_deref() == Some(name) {
        return Err(Flaw::new("is the pair of the embedded endpoint, which callers must not hold").hint(NEW_PAIR));
    }
    Ok(())
}

/// A topic that nobody configured could never be used.
fn check_topic(config: &Config, topic: &Topic) -> Result<(), Flaw> {
    let names = || {
        config.topics.iter().filter_map(|topic| match &topic.name {
            TopicPattern::Named(topic) => Some(topic),
            TopicPattern::Any => None,
        })
    };
    // `*` covers what callers may write, which is less than what can be configured.
    let any = config.topics.iter().any(|topic| topic.name == TopicPattern::Any);
    if names().any(|name| name == topic) || (any && Topic::parse(topic.as_str()).is_ok()) {
        return Ok(());
    }
    let flaw = Flaw::new("is not a configured topic");
    Err(match did_you_mean(topic.as_str(), names().map(Topic::as_str)) {
        Some(hint) => flaw.hint(hint),
        None => flaw.hint("add it as [[topics]], or remove it here"),
    })
}
