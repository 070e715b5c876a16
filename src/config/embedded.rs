//! The embedded MQ endpoint: a small MQ inside the gateway, for development and small installations.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::model::Topic;

use super::Config;
use super::endpoint::{EMBEDDED, Endpoint};
use super::findings::Findings;
use super::kind::{Flaw, Kind};
use super::names::{TABLE_NAME, TOPIC};
use super::references::unknown_table;
use super::schema::{Key, Preset, Section};
use super::topics::TopicPattern;
use super::units::millis;

/// `[embedded]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EmbeddedConfig {
    /// The endpoint runs.
    pub enabled: bool,
    /// Its listener's address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where it keeps messages.
    pub storage: EmbeddedStorage,
    /// The name of the pair in `[credentials]` that it accepts; none: its own generated pair.
    pub credentials: Option<String>,
    /// The topics that it has; empty: any.
    #[serde(deserialize_with = "topics")]
    pub topics: Vec<Topic>,
    /// How long a delivered message is hidden from others.
    #[serde(deserialize_with = "millis")]
    pub visibility_timeout: Duration,
    /// How often a message is delivered again before it is a dead letter.
    pub max_redeliveries: u32,
    /// Where a group that was never seen begins.
    pub new_group_starts: NewGroupStarts,
    /// How long messages are kept.
    #[serde(deserialize_with = "millis")]
    pub retention: Duration,
    /// How many bytes of messages are kept.
    pub retention_bytes: u64,
    /// What happens when they are reached.
    pub when_full: WhenFull,
    /// How far a request's time may be behind ours.
    #[serde(deserialize_with = "millis")]
    pub clock_past: Duration,
    /// How far a request's time may be ahead of ours.
    #[serde(deserialize_with = "millis")]
    pub clock_future: Duration,
    /// How far the date of an MQ HTTP request may be off, both ways.
    #[serde(deserialize_with = "millis")]
    pub clock_window: Duration,
    /// Largest message body over either protocol, in bytes; none: each protocol's own limit.
    pub max_message_bytes: Option<usize>,
    /// How long a poll that names no timeout is held when there is no message.
    #[serde(deserialize_with = "millis")]
    pub default_wait: Duration,
    /// How long an error answer to a poll is held, so that a client in a loop does not spin.
    #[serde(deserialize_with = "millis")]
    pub error_hold: Duration,
}

/// Where the embedded endpoint keeps messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmbeddedStorage {
    /// In `data_dir`.
    Disk,
    /// In memory: gone with the process.
    Memory,
}

impl EmbeddedStorage {
    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Memory => "memory",
        }
    }
}

/// Where a group that was never seen begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NewGroupStarts {
    /// At the oldest message that is kept.
    Earliest,
    /// After the newest message.
    Latest,
}

impl NewGroupStarts {
    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Earliest => "earliest",
            Self::Latest => "latest",
        }
    }
}

/// What happens when the messages take as many bytes as they may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// The oldest messages go.
    DropOldest,
    /// Publishes are refused.
    Refuse,
}

impl WhenFull {
    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DropOldest => "drop_oldest",
            Self::Refuse => "refuse",
        }
    }
}

const fn key(name: &'static str, kind: Kind, preset: Preset, meaning: &'static str) -> Key {
    Key { name, kind, preset, meaning }
}

const fn duration(min_millis: u64, max_secs: u64) -> Kind {
    Kind::Duration { min: Duration::from_millis(min_millis), max: Duration::from_secs(max_secs) }
}

const YEAR: u64 = 8760 * 3600;

pub(super) const SECTION: Section = Section {
    path: "embedded",
    meaning: "The embedded MQ endpoint: a small MQ inside the gateway, for development and small installations.",
    keys: &[
        key(
            "enabled",
            Kind::Flag,
            Preset::Value("false"),
            "The endpoint runs. Without any configuration file, and with `--embedded-listen`, it is `true`.",
        ),
        key(
            "listen",
            Kind::Address,
            Preset::Value("\"127.0.0.1:8090\""),
            "Address of the endpoint; port 0 takes a free one.",
        ),
        key(
            "storage",
            Kind::Choice { allowed: &["disk", "memory"], later: &[] },
            Preset::Value("\"disk\""),
            "`disk` keeps messages in `data_dir`; `memory` loses them at the stop.",
        ),
        key(
            "credentials",
            Kind::Text(TABLE_NAME),
            Preset::Unset("a pair of its own, generated at the first start and kept in `data_dir`"),
            "Name of a table below `credentials`: the pair that it accepts.",
        ),
        key("topics", Kind::List { rule: TOPIC, min: 0 }, Preset::Value("[]"), "The topics that it has; `[]` is any."),
        key(
            "visibility_timeout",
            duration(100, 24 * 3600),
            Preset::Value("\"300s\""),
            "How long a delivered message is hidden from others.",
        ),
        key(
            "max_redeliveries",
            Kind::Integer { min: 0, max: 1000 },
            Preset::Value("16"),
            "How often a message is delivered again before it is a dead letter.",
        ),
        key(
            "new_group_starts",
            Kind::Choice { allowed: &["earliest", "latest"], later: &[] },
            Preset::Value("\"earliest\""),
            "Where a group that was never seen begins.",
        ),
        key("retention", duration(1000, YEAR), Preset::Value("\"72h\""), "How long messages are kept."),
        key(
            "retention_bytes",
            Kind::Size { min: 64 << 10, max: 1 << 40 },
            Preset::Value("\"1GiB\""),
            "How many bytes of messages are kept.",
        ),
        key(
            "when_full",
            Kind::Choice { allowed: &["drop_oldest", "refuse"], later: &[] },
            Preset::Value("\"drop_oldest\""),
            "At `retention_bytes`: `drop_oldest` drops the oldest messages, acknowledged or not; `refuse` drops what all \
             groups have acknowledged, and answers publishes with 503 when that is not enough.",
        ),
        key(
            "clock_past",
            duration(0, 3600),
            Preset::Value("\"15s\""),
            "How far a request's time may be behind ours (ONS HTTP).",
        ),
        key(
            "clock_future",
            duration(0, 3600),
            Preset::Value("\"60s\""),
            "How far a request's time may be ahead of ours (ONS HTTP).",
        ),
        key(
            "clock_window",
            duration(1000, 24 * 3600),
            Preset::Value("\"15m\""),
            "How far a request's Date may be from our time, both ways (MQ HTTP).",
        ),
        key(
            "max_message_bytes",
            Kind::Size { min: 1, max: 64 << 20 },
            Preset::Unset("`\"64KiB\"` over ONS HTTP, `\"4MiB\"` over MQ HTTP"),
            "Largest body of one message, over either protocol.",
        ),
        key(
            "default_wait",
            duration(0, 30),
            Preset::Value("\"3s\""),
            "How long a poll that names no timeout is held when there is no message (ONS HTTP).",
        ),
        key(
            "error_hold",
            duration(0, 30),
            Preset::Value("\"1s\""),
            "How long an error answer to a poll is held, so that a client in a loop does not spin (ONS HTTP).",
        ),
    ],
};

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

fn topics<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Topic>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    names.iter().map(|name| Topic::parse_configured(name).map_err(de::Error::custom)).collect()
}

/// Checks the endpoint against the rest of the configuration.
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
