//! Callers of the drop-in relay: each with a pair of keys of its own, so that no service holds the real one.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::Topic;

use super::Config;
use super::dropin::ClientAuth;
use super::endpoint::EMBEDDED;
use super::findings::Findings;
use super::kind::{Flaw, Kind};
use super::names::{ANY, TABLE_NAME, TOPIC_OR_ANY};
use super::profiles::CredentialsSource;
use super::references::unknown_table;
use super::schema::{Key, Preset, Section};
use super::suggest::did_you_mean;
use super::topics::{TopicPattern, check_names};

/// `[callers.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerConfig {
    /// Its name in the configuration, in metrics and in logs.
    pub name: String,
    /// The name of the pair in `[credentials]` that it signs with.
    pub credentials: String,
    /// What it may use.
    pub topics: CallerTopics,
}

/// Which topics a caller may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallerTopics {
    /// `["*"]`: all that there are.
    Any,
    /// These.
    Named(Vec<Topic>),
}

impl CallerTopics {
    /// Whether this topic is one of them.
    #[must_use]
    pub fn has(&self, topic: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Named(topics) => topics.iter().any(|known| known.as_str() == topic),
        }
    }
}

pub(super) const SECTION: Section = Section {
    path: "callers.*",
    meaning: "A caller of the drop-in relay under a name of your choice, with `client_auth = \"keys\"` below `[dropin]`. It \
              signs with a pair of its own (`mq-gateway issue-key` makes one); the pairs of the profiles stay with the gateway.",
    keys: &[
        Key {
            name: "credentials",
            kind: Kind::Text(TABLE_NAME),
            preset: Preset::Required,
            meaning: "Name of a table below `credentials`: the pair that it signs with. No other caller and no profile has it.",
        },
        Key {
            name: "topics",
            kind: Kind::List { rule: TOPIC_OR_ANY, min: 1 },
            preset: Preset::Required,
            meaning: "The topics that it may use; `[\"*\"]` is all that are configured.",
        },
    ],
};

/// The table as written.
#[derive(Debug, Deserialize)]
pub(super) struct RawCaller {
    credentials: String,
    topics: Vec<String>,
}

/// Resolves the tables.
pub(super) fn resolve(raw: BTreeMap<String, RawCaller>, findings: &mut Findings) -> BTreeMap<String, CallerConfig> {
    let mut callers = BTreeMap::new();
    for (name, raw) in raw {
        let key = format!("callers.{name}.topics");
        let topics: Vec<&str> = raw.topics.iter().map(String::as_str).collect();
        if let Err(flaw) = check_names("topic", &topics) {
            findings.add(&key, flaw);
        }
        let parsed = topics.iter().map(|topic| Topic::parse_configured(topic)).collect::<Result<Vec<_>, _>>();
        let topics = match parsed {
            _ if topics.contains(&ANY) => CallerTopics::Any,
            Ok(topics) => CallerTopics::Named(topics),
            Err(error) => {
                findings.add(&key, Flaw::new(error.to_string()));
                continue;
            }
        };
        callers.insert(name.clone(), CallerConfig { name, credentials: raw.credentials, topics });
    }
    callers
}

/// Checks callers against the rest of the configuration.
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

const NEW_PAIR: &str = "make a pair for the caller with `mq-gateway issue-key --out DIR`, and name its directory in a \
                        table of its own below [credentials]";

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
    let flaw = Flaw::new("is no configured topic");
    Err(match did_you_mean(topic.as_str(), names().map(Topic::as_str)) {
        Some(hint) => flaw.hint(hint),
        None => flaw.hint("add it as [[topics]], or take it away here"),
    })
}
