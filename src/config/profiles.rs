//! Profiles: the MQs that the gateway talks to, and how.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::model::{Protocol, Word as _};
use crate::signature::Credentials;

use super::endpoint::{EMBEDDED, ENDPOINT, Endpoint};
use super::findings::Findings;
use super::kind::{Flaw, Kind};
use super::names::{CONTENT_TYPE, INSTANCE, PRODUCER_GROUP, TABLE_NAME};
use super::schema::{Key, Preset, Section};
use super::units::millis;

/// Largest message body where the profile says nothing, in bytes.
fn max_message_bytes(protocol: Protocol) -> usize {
    match protocol {
        Protocol::OnsHttp => 64 << 10,
        Protocol::MqHttp => 4 << 20,
    }
}

/// How bodies travel that are no UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryBodies {
    /// Not at all: such a message is refused. `false` and `"refuse"` in the configuration.
    Refuse,
    /// As they are (`ons-http` only). `true` in the configuration.
    AsIs,
    /// In base64 (`mq-http` only): its XML carries no other bytes than text. `"base64"` in the configuration.
    Base64,
}

/// Where a profile's keys come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialsSource {
    /// `[credentials.NAME]`.
    Named(String),
    /// The embedded endpoint's own pair; only for the endpoint `embedded`.
    Embedded,
    /// The keys themselves, out of the vendor's `user.properties`. `Debug` shows nothing of them.
    Inline(Credentials),
}

/// `[profiles.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileConfig {
    /// Its name in the configuration, in metrics and in discovery.
    pub name: String,
    /// The protocol of the MQ.
    pub protocol: Protocol,
    /// At least one address; later ones are used when earlier ones fail. `Embedded` stands alone.
    pub endpoints: Vec<Endpoint>,
    /// Where the keys come from.
    pub credentials: CredentialsSource,
    /// The instance that topics and groups are in (`ns`): 1–64 visible ASCII characters; only `mq-http` has them.
    pub instance_id: Option<String>,
    /// Who sends: 1–64 visible ASCII characters; may be empty with `mq-http`, which does not send it.
    pub producer_group: String,
    /// How long the MQ hides a delivered message from others; used to tell callers, not sent. `mq-http` tells itself.
    pub visibility_timeout: Duration,
    /// How bodies travel that are no UTF-8.
    pub binary_bodies: BinaryBodies,
    /// A receive that does not wait sends `timeout=0`; only `ons-http` asks.
    pub zero_timeout: bool,
    /// Largest message body, in bytes.
    pub max_message_bytes: usize,
    /// The content type that messages are sent with; only `ons-http` asks.
    pub content_type: String,
    /// PEM file of a private CA, trusted instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// How long one address may take to connect.
    pub connect_timeout: Duration,
    /// The pause before a waiting receive asks again after an empty answer that came early.
    pub empty_poll_pause: Duration,
    /// How long a looked-up address is used.
    pub dns_refresh: Duration,
    /// How long an idle connection to the MQ stays open.
    pub keep_alive: Duration,
    /// Most requests in flight, per worker.
    pub connections: usize,
    /// What happens when the MQ's clock differs from ours.
    pub clock_skew: ClockSkew,
    /// Failures in a row after which an endpoint is not asked for a while.
    pub breaker_failures: u32,
    /// How long an endpoint that failed is left alone.
    pub breaker_open: Duration,
}

/// What happens when the MQ's clock differs from ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockSkew {
    /// Requests are signed with the MQ's time.
    Correct,
    /// The difference is shown, and requests are signed with our own time.
    Report,
}

impl ClockSkew {
    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Correct => "correct",
            Self::Report => "report",
        }
    }
}

const fn key(name: &'static str, kind: Kind, preset: Preset, meaning: &'static str) -> Key {
    Key { name, kind, preset, meaning }
}

const fn duration(min_millis: u64, max_secs: u64) -> Kind {
    Kind::Duration { min: Duration::from_millis(min_millis), max: Duration::from_secs(max_secs) }
}

pub(super) const SECTION: Section = Section {
    path: "profiles.*",
    meaning: "An MQ under a name of your choice.",
    keys: &[
        key(
            "protocol",
            Kind::Choice { allowed: Protocol::WORDS, later: &["rocketmq"] },
            Preset::Required,
            "The protocol of the MQ: `ons-http`, or `mq-http`, which the vendor's MQ HTTP SDKs (`x-mq-version: 2015-06-06`) speak.",
        ),
        key(
            "endpoints",
            Kind::List { rule: ENDPOINT, min: 1 },
            Preset::Required,
            "Addresses of the MQ, http or https, without a path; several are tried in turn when one fails. \
             `[\"embedded\"]` is the embedded endpoint of this process.",
        ),
        key(
            "credentials",
            Kind::Text(TABLE_NAME),
            Preset::Required,
            "Name of a table below `credentials`; `\"embedded\"` is the embedded endpoint's own pair.",
        ),
        key(
            "instance_id",
            Kind::Text(INSTANCE),
            Preset::Unset("the default instance, which has no namespace"),
            "The instance that topics and groups are in (`ns`, `MQ_INST_…`). Only with `mq-http`.",
        ),
        key(
            "producer_group",
            Kind::Text(PRODUCER_GROUP),
            Preset::Unset("nobody; `ons-http` needs it, `mq-http` does not send it"),
            "Who sends (ProducerID, PID).",
        ),
        key(
            "visibility_timeout",
            duration(100, 24 * 3600),
            Preset::Value("\"300s\""),
            "How long the MQ hides a delivered message from others. Set it to what the MQ does; the gateway only reports it. \
             With `mq-http` each delivery tells (NextConsumeTime), and this is used where it does not.",
        ),
        key(
            "binary_bodies",
            Kind::FlagOrChoice { allowed: &["refuse", "base64"] },
            Preset::Value("false"),
            "Bodies that are no UTF-8. `false` or `\"refuse\"`: such messages are refused. `true`, with `ons-http`: the MQ \
             takes them as they are. `\"base64\"`, with `mq-http`: they travel in base64, and the gateway decodes them again.",
        ),
        key(
            "zero_timeout",
            Kind::Flag,
            Preset::Value("false"),
            "A receive that does not wait sends `timeout=0`; otherwise it sends no timeout at all. Only with `ons-http`.",
        ),
        key(
            "max_message_bytes",
            Kind::Size { min: 1, max: 64 << 20 },
            Preset::Unset("`\"64KiB\"` with `ons-http`, `\"4MiB\"` with `mq-http`"),
            "Largest body of one message; more is answered 413.",
        ),
        key(
            "content_type",
            Kind::Text(CONTENT_TYPE),
            Preset::Value("\"text/html;charset=UTF-8\""),
            "The content type that messages are sent with. Only with `ons-http`; `mq-http` sends XML.",
        ),
        key(
            "ca_file",
            Kind::File,
            Preset::Unset("the public CAs are trusted"),
            "PEM file of a private CA, trusted instead of the public ones, for https endpoints. \
             Relative to the configuration file.",
        ),
        key("connect_timeout", duration(10, 30), Preset::Value("\"1s\""), "How long one address may take to connect."),
        key(
            "empty_poll_pause",
            duration(1, 60),
            Preset::Value("\"2s\""),
            "The pause before a waiting receive asks again after an empty answer that came early.",
        ),
        key(
            "dns_refresh",
            duration(100, 3600),
            Preset::Value("\"30s\""),
            "How often the endpoints' names are looked up and their addresses tried. A busy connection is renewed within ten minutes.",
        ),
        key(
            "keep_alive",
            duration(0, 600),
            Preset::Value("\"30s\""),
            "How long an idle connection to the MQ stays open.",
        ),
        key(
            "connections",
            Kind::Integer { min: 1, max: 65_535 },
            Preset::Value("1024"),
            "Most receives in flight to this MQ, and again most other requests, per worker; one more is answered 503.",
        ),
        key(
            "clock_skew",
            Kind::Choice { allowed: &["correct", "report"], later: &[] },
            Preset::Value("\"correct\""),
            "`correct`: requests are signed with the MQ's own time as far as its Date headers tell it; `report`: the \
             difference is only shown.",
        ),
        key(
            "breaker_failures",
            Kind::Integer { min: 1, max: 1000 },
            Preset::Value("5"),
            "Failures in a row after which an endpoint is not asked for a while.",
        ),
        key(
            "breaker_open",
            duration(100, 3600),
            Preset::Value("\"30s\""),
            "How long an endpoint that failed is left alone before one request tries it again.",
        ),
    ],
};

/// The table as written.
#[derive(Debug, Deserialize)]
pub(super) struct RawProfile {
    #[serde(deserialize_with = "protocol")]
    protocol: Protocol,
    endpoints: Vec<String>,
    credentials: String,
    instance_id: Option<String>,
    producer_group: Option<String>,
    #[serde(deserialize_with = "millis")]
    visibility_timeout: Duration,
    binary_bodies: RawBinaryBodies,
    zero_timeout: bool,
    max_message_bytes: Option<usize>,
    content_type: String,
    ca_file: Option<PathBuf>,
    #[serde(deserialize_with = "millis")]
    connect_timeout: Duration,
    #[serde(deserialize_with = "millis")]
    empty_poll_pause: Duration,
    #[serde(deserialize_with = "millis")]
    dns_refresh: Duration,
    #[serde(deserialize_with = "millis")]
    keep_alive: Duration,
    connections: usize,
    clock_skew: ClockSkew,
    breaker_failures: u32,
    #[serde(deserialize_with = "millis")]
    breaker_open: Duration,
}

fn protocol<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Protocol, D::Error> {
    let word = String::deserialize(deserializer)?;
    Protocol::named(&word).ok_or_else(|| de::Error::custom("unknown protocol"))
}

/// A flag or a word, as checked.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum RawBinaryBodies {
    Flag(bool),
    Word(String),
}

impl RawBinaryBodies {
    fn resolve(&self) -> BinaryBodies {
        match self {
            Self::Flag(true) => BinaryBodies::AsIs,
            Self::Word(word) if word == "base64" => BinaryBodies::Base64,
            // The kind of the key allows one more word, and it says the same as `false`.
            Self::Flag(false) | Self::Word(_) => BinaryBodies::Refuse,
        }
    }
}

/// Keys that one protocol has and the other does not: refused where they are written, since they would do nothing.
const KEYS_OF_ONE: &[(&str, Protocol)] =
    &[("instance_id", Protocol::MqHttp), ("zero_timeout", Protocol::OnsHttp), ("content_type", Protocol::OnsHttp)];

/// Checks what a protocol has against what is written for it.
fn check_protocol(name: &str, raw: &RawProfile, findings: &mut Findings) {
    let key = |key: &str| format!("profiles.{name}.{key}");
    let protocol = raw.protocol.as_str();
    for (of_one, owner) in KEYS_OF_ONE {
        if *owner != raw.protocol && findings.is_set(&key(of_one)) {
            let flaw = Flaw::new(format!("is no key of {protocol}"));
            findings.add(&key(of_one), flaw.hint(format!("only {} has it: take it away", owner.as_str())));
        }
    }
    match (raw.protocol, raw.binary_bodies.resolve()) {
        (Protocol::OnsHttp, BinaryBodies::Base64) => {
            let flaw = Flaw::new("ons-http encodes no bodies");
            findings.add(&key("binary_bodies"), flaw.hint("write true where the MQ gives such bodies back unchanged"));
        }
        (Protocol::MqHttp, BinaryBodies::AsIs) => {
            let flaw = Flaw::new("mq-http carries text only, so no body travels as it is");
            findings.add(&key("binary_bodies"), flaw.hint("write \"base64\""));
        }
        (Protocol::OnsHttp | Protocol::MqHttp, _) => {}
    }
    if raw.protocol == Protocol::OnsHttp && raw.producer_group.is_none() {
        let flaw = Flaw::new("is missing, and ons-http needs it");
        findings.add(&key("producer_group"), flaw.hint(format!("it is {}", PRODUCER_GROUP.expects)));
    }
}

/// Resolves the tables. `inline` replaces every profile's credentials.
pub(super) fn resolve(
    raw: BTreeMap<String, RawProfile>,
    inline: Option<&Credentials>,
    findings: &mut Findings,
) -> BTreeMap<String, ProfileConfig> {
    let mut profiles = BTreeMap::new();
    for (name, raw) in raw {
        check_protocol(&name, &raw, findings);
        let mut endpoints: Vec<Endpoint> = Vec::new();
        for (index, text) in raw.endpoints.iter().enumerate() {
            let key = format!("profiles.{name}.endpoints[{index}]");
            match Endpoint::parse(text) {
                Ok(endpoint) if endpoints.contains(&endpoint) => {
                    findings.add(&key, Flaw::new("is listed twice"));
                }
                Ok(endpoint) => endpoints.push(endpoint),
                Err(flaw) => findings.add(&key, flaw),
            }
        }
        let credentials = match inline {
            Some(inline) => CredentialsSource::Inline(inline.clone()),
            None if raw.credentials == EMBEDDED => CredentialsSource::Embedded,
            None => CredentialsSource::Named(raw.credentials),
        };
        let profile = ProfileConfig {
            name: name.clone(),
            protocol: raw.protocol,
            endpoints,
            credentials,
            instance_id: raw.instance_id,
            producer_group: raw.producer_group.unwrap_or_default(),
            visibility_timeout: raw.visibility_timeout,
            binary_bodies: raw.binary_bodies.resolve(),
            zero_timeout: raw.zero_timeout,
            max_message_bytes: raw.max_message_bytes.unwrap_or_else(|| max_message_bytes(raw.protocol)),
            content_type: raw.content_type,
            ca_file: raw.ca_file,
            connect_timeout: raw.connect_timeout,
            empty_poll_pause: raw.empty_poll_pause,
            dns_refresh: raw.dns_refresh,
            keep_alive: raw.keep_alive,
            connections: raw.connections,
            clock_skew: raw.clock_skew,
            breaker_failures: raw.breaker_failures,
            breaker_open: raw.breaker_open,
        };
        profiles.insert(name, profile);
    }
    profiles
}
