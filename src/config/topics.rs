//! Topics: what callers may publish to and receive from, and through which profile.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;

use crate::model::{ConsumerGroup, Feature, Key as MessageKey, NameError, Tag, Topic, Word as _};

use super::Config;
use super::capabilities::FEATURE;
use super::findings::Findings;
use super::kind::{Flaw, Kind};
use super::names::{ANY, GROUP_OR_ANY, KEY, TABLE_NAME, TAG, TOPIC_OR_ANY};
use super::references::unknown_table;
use super::schema::{Key, Preset, Section};
use super::units::millis;

/// Which topics an entry is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicPattern {
    /// `"*"`: any legal name that no other entry has.
    Any,
    /// This one.
    Named(Topic),
}

/// Which groups may receive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Groups {
    /// `["*"]`: any legal name.
    Any {
        /// All of them receive in order.
        ordered: bool,
    },
    /// These; none at all for a topic that is only published to.
    Named(Vec<GroupConfig>),
}

/// One consumer group of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupConfig {
    /// The group.
    pub name: ConsumerGroup,
    /// It receives in order: nothing more of a message group until what is out of it is acknowledged.
    pub ordered: bool,
}

/// When a publish is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// After the MQ has answered.
    Direct,
}

/// What happens when nobody knows whether the MQ stored a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    /// The caller is told.
    Report,
    /// It is sent again: it may be stored twice.
    Retry,
}

/// One table of `[[topics]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicConfig {
    /// Which topics.
    pub name: TopicPattern,
    /// The name of the profile that serves them.
    pub profile: String,
    /// Which groups may receive.
    pub groups: Groups,
    /// What callers of the topic rely on; the profile's protocol has all of it.
    pub requires: Vec<Feature>,
    /// The tag of a publish that names none.
    pub default_tag: Option<Tag>,
    /// The key of a publish that names none.
    pub default_key: Option<MessageKey>,
    /// How long a publish may take, repetitions included.
    pub deadline: Duration,
    /// When a publish is answered.
    pub delivery: Delivery,
    /// What happens when the outcome is unknown.
    pub on_unknown: OnUnknown,
    /// Most publishes at once; 0 is no limit.
    pub max_in_flight: usize,
    /// Most publishes per second; 0 is no limit.
    pub publishes_per_second: u32,
}

impl Delivery {
    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
        }
    }
}

impl OnUnknown {
    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Retry => "retry",
        }
    }
}

const fn key(name: &'static str, kind: Kind, preset: Preset, meaning: &'static str) -> Key {
    Key { name, kind, preset, meaning }
}

pub(super) const SECTION: Section = Section {
    path: "topics[]",
    meaning: "What callers may publish to and receive from. One table for each topic; a named topic goes before `*`.",
    keys: &[
        key("name", Kind::Text(TOPIC_OR_ANY), Preset::Required, "The topic, or `\"*\"` for any legal name."),
        key("profile", Kind::Text(TABLE_NAME), Preset::Required, "Name of a table below `profiles`."),
        key(
            "groups",
            Kind::Tables { rule: GROUP_OR_ANY, section: GROUPS_SECTION.path },
            Preset::Value("[]"),
            "Consumer groups that may receive (ConsumerID, CID, GID); `[\"*\"]` is any, `[]` none. A table says more of a \
             group: `{ name = \"GID_a\", ordered = true }`.",
        ),
        key(
            "requires",
            Kind::List { rule: FEATURE, min: 0 },
            Preset::Value("[]"),
            "What callers of this topic rely on, by the names of `capabilities` in `/v1/topics`. A profile whose protocol lacks \
             one of them is refused.",
        ),
        key(
            "default_tag",
            Kind::Text(TAG),
            Preset::Unset("a message has no tag unless the publish names one"),
            "The tag of a publish that names none.",
        ),
        key(
            "default_key",
            Kind::Text(KEY),
            Preset::Unset("a message has no key unless the publish names one"),
            "The key of a publish that names none.",
        ),
        key(
            "deadline",
            Kind::Duration { min: Duration::from_millis(10), max: Duration::from_secs(300) },
            Preset::Value("\"5s\""),
            "How long a publish may take, repetitions included; `Prefer: wait=N` lowers it, never raises it.",
        ),
        key(
            "delivery",
            Kind::Choice { allowed: &["direct"], later: &["outbox", "outbox_on_failure"] },
            Preset::Value("\"direct\""),
            "`direct`: a publish is answered after the MQ has answered.",
        ),
        key(
            "on_unknown",
            Kind::Choice { allowed: &["report", "retry"], later: &[] },
            Preset::Value("\"report\""),
            "`report`: when nobody knows whether the MQ stored a message, the caller is told and decides; `retry`: it is \
             sent again, and may be stored twice.",
        ),
        key(
            "max_in_flight",
            Kind::Integer { min: 0, max: 1_000_000 },
            Preset::Value("0"),
            "Most publishes of this topic at once, over all workers; one more is answered 503; the names of `\"*\"` share it. 0 is no limit.",
        ),
        key(
            "publishes_per_second",
            Kind::Integer { min: 0, max: 1_000_000 },
            Preset::Value("0"),
            "Most publishes of this topic per second, a second's worth at once; more is answered 429; the names of `\"*\"` share it. 0 is no limit.",
        ),
    ],
};

pub(super) const GROUPS_SECTION: Section = Section {
    path: "topics[].groups[]",
    meaning: "A consumer group of the topic above it, where more than its name is to be said. Also written as \
              `{ name = \"GID_a\", ordered = true }` in the list `groups`.",
    keys: &[
        key("name", Kind::Text(GROUP_OR_ANY), Preset::Required, "The group, or `\"*\"` for any legal name."),
        key(
            "ordered",
            Kind::Flag,
            Preset::Value("false"),
            "The group receives in order: nothing more of a message group comes until what is out of it is acknowledged. \
             Only with `mq-http`.",
        ),
    ],
};

/// The table as written.
#[derive(Debug, Deserialize)]
pub(super) struct RawTopic {
    name: String,
    profile: String,
    groups: Vec<RawGroup>,
    requires: Vec<String>,
    default_tag: Option<String>,
    default_key: Option<String>,
    #[serde(deserialize_with = "millis")]
    deadline: Duration,
    delivery: Delivery,
    on_unknown: OnUnknown,
    max_in_flight: usize,
    publishes_per_second: u32,
}

/// A group as written; a text was made a table by the reader.
#[derive(Debug, Deserialize)]
struct RawGroup {
    name: String,
    ordered: bool,
}

/// Resolves the tables.
pub(super) fn resolve(raw: Vec<RawTopic>, findings: &mut Findings) -> Vec<TopicConfig> {
    let mut topics = Vec::new();
    for (index, raw) in raw.into_iter().enumerate() {
        let groups: Vec<&str> = raw.groups.iter().map(|group| group.name.as_str()).collect();
        if let Err(flaw) = check_names("group", &groups) {
            findings.add(&format!("topics[{index}].groups"), flaw);
        }
        match raw.parse() {
            Ok(topic) => topics.push(topic),
            Err((key, flaw)) => findings.add(&format!("topics[{index}].{key}"), flaw),
        }
    }
    topics
}

impl RawTopic {
    fn parse(self) -> Result<TopicConfig, (&'static str, Flaw)> {
        let named = |key| move |error: NameError| (key, Flaw::new(error.to_string()));
        let name = match self.name.as_str() {
            ANY => TopicPattern::Any,
            name => TopicPattern::Named(Topic::parse_configured(name).map_err(named("name"))?),
        };
        let groups = match self.groups.iter().find(|group| group.name == ANY) {
            Some(any) => Groups::Any { ordered: any.ordered },
            None => {
                let groups = self.groups.iter().map(RawGroup::parse);
                Groups::Named(groups.collect::<Result<_, _>>().map_err(named("groups"))?)
            }
        };
        // Every word has passed its rule.
        let requires = self.requires.iter().filter_map(|name| Feature::named(name)).collect();
        let default_tag = self.default_tag.as_deref().map(Tag::parse).transpose().map_err(named("default_tag"))?;
        let default_key =
            self.default_key.as_deref().map(MessageKey::parse).transpose().map_err(named("default_key"))?;
        Ok(TopicConfig {
            name,
            profile: self.profile,
            groups,
            requires,
            default_tag,
            default_key,
            deadline: self.deadline,
            delivery: self.delivery,
            on_unknown: self.on_unknown,
            max_in_flight: self.max_in_flight,
            publishes_per_second: self.publishes_per_second,
        })
    }
}

impl RawGroup {
    fn parse(&self) -> Result<GroupConfig, NameError> {
        Ok(GroupConfig { name: ConsumerGroup::parse_configured(&self.name)?, ordered: self.ordered })
    }
}

/// Checks a list of names where `*` stands for all of them.
pub(super) fn check_names(what: &str, names: &[&str]) -> Result<(), Flaw> {
    let distinct: BTreeSet<&str> = names.iter().copied().collect();
    if distinct.len() < names.len() {
        return Err(Flaw::new(format!("lists a {what} twice")));
    }
    if distinct.len() > 1 && distinct.contains(ANY) {
        return Err(Flaw::new(format!("has \"*\" beside other {what}s")).hint("it stands alone"));
    }
    Ok(())
}

/// Checks topics against the rest of the configuration.
pub(super) fn check(config: &Config, findings: &mut Findings) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, topic) in config.topics.iter().enumerate() {
        if !config.profiles.contains_key(&topic.profile) {
            let flaw = unknown_table("profiles", &topic.profile, config.profiles.keys());
            findings.add(&format!("topics[{index}].profile"), flaw);
        }
        let name = match &topic.name {
            TopicPattern::Any => ANY,
            TopicPattern::Named(topic) => topic.as_str(),
        };
        if let Some(first) = seen.insert(name, index) {
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
