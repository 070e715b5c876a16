//! Topics: what callers may publish to and receive from, and through which profile.

use std::time::Duration;

use serde_json::Value;

use crate::config::section::section;
use crate::config::values::{
    ANY, EVENT_TEXT, FEATURE, FILTER_TAG, GROUP_OR_ANY, KEY, Kind, Setting, TABLE_NAME, TAG, TOPIC_OR_ANY, millis,
    minutes,
};
use crate::model::{ConsumerGroup, Feature, Key, Tag, TagFilter, Topic, words};

section! {
    /// What callers may publish to and receive from. One table for each topic; a named topic goes before `*`.
    pub struct TopicConfig at "topics[]" {
        /// The topic, or `"*"` for any legal name.
        name: TopicPattern, Kind::Text(TOPIC_OR_ANY), required;
        /// Name of a table below `profiles`.
        profile: String, Kind::Text(TABLE_NAME), required;
        /// Consumer groups that may receive (ConsumerID, CID, GID); `["*"]` is any, `[]` none. A table says more about a
        /// group: `{ name = "GID_a", ordered = true }`.
        groups: Groups,
            Kind::Tables { rule: GROUP_OR_ANY, section: GroupConfig::SECTION.path, names: "group", short: "name" }, default([]);
        /// What callers of this topic rely on, by the names of `capabilities` in `/v1/topics`. A profile whose protocol lacks
        /// one of them is refused.
        requires: Vec<Feature>, Kind::List { rule: FEATURE, min: 0, names: None }, default([]);
        /// The tag of a publish that names none.
        default_tag: Option<Tag>, Kind::Text(TAG), unset("a message has no tag unless the publish names one");
        /// The key of a publish that names none.
        default_key: Option<Key>, Kind::Text(KEY), unset("a message has no key unless the publish names one");
        /// How long a publish may take, repetitions included; `Prefer: wait=N` lowers it, never raises it.
        deadline: Duration, Kind::duration(millis(10), minutes(5)), default("5s");
        /// `direct`: a publish is answered after the MQ has answered.
        delivery: DeliveryMode,
            Kind::Choice { allowed: DeliveryMode::WORDS, later: &["outbox", "outbox_on_failure"] }, default("direct");
        /// `report`: when it is unknown whether the MQ stored a message, the caller gets that as the answer and decides; `retry`: it is
        /// sent again, and may be stored twice.
        on_unknown: OnUnknown, Kind::choice(OnUnknown::WORDS), default("report");
        /// Most publishes of this topic at once, over all workers; one more is answered 503; the names of `"*"` share it. 0 is
        /// no limit.
        max_in_flight: usize, Kind::integer(0, 1_000_000), default(0);
        /// Most publishes of this topic per second, a second's worth at once; more is answered 429; the names of `"*"` share
        /// it. 0 is no limit.
        publishes_per_second: u32, Kind::integer(0, 1_000_000), default(0);
        /// How a published CloudEvent is kept. `auto`: its data is the body and its attributes are properties (`ce_id`, `ce_source` and so
        /// on) where the protocol has properties that can hold them, else the whole event in the JSON format is the body; `envelope`: always the
        /// whole event, and what is received with such a body is that event.
        cloudevents: CloudEventsForm, Kind::choice(CloudEventsForm::WORDS), default("auto");
        /// The `source` of events that are made of messages which were not published as events.
        cloudevents_source: Option<String>, Kind::Text(EVENT_TEXT), unset("it is `/mq-gateway/` and the name of the profile");
        /// The `type` of such events.
        cloudevents_type: String, Kind::Text(EVENT_TEXT), default("mq.message");
    }
}

section! {
    /// A consumer group of the topic above it, where more than its name is to be said. Also written as
    /// `{ name = "GID_a", ordered = true }` in the list `groups`.
    pub struct GroupConfig at "topics[].groups[]" {
        /// The group, or `"*"` for any legal name.
        name: ConsumerGroup, Kind::Text(GROUP_OR_ANY), required;
        /// The group receives in order: no further message of a message group is delivered until those that
        /// are out are acknowledged. Only with `mq-http` and `rocketmq`.
        ordered: bool, Kind::Flag, default(false);
        /// The group receives messages with one of these tags only, at most 32 of them. Only with `rocketmq`, where a filter
        /// acknowledges for the group what it leaves out, so that all who receive for it must have the same; `tags` of a receive must be these or absent.
        tags: Option<TagFilter>,
            Kind::List { rule: FILTER_TAG, min: 1, names: Some("tag") }, unset("it receives every message");
    }
}

/// Which topics an entry is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicPattern {
    /// `"*"`: any legal name that no other entry has.
    Any,
    /// This one.
    Named(Topic),
}

impl TopicPattern {
    /// As it is written.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Any => ANY,
            Self::Named(topic) => topic.as_str(),
        }
    }
}

impl Setting for TopicPattern {
    fn read(value: &Value) -> Option<Self> {
        if value == ANY { Some(Self::Any) } else { Topic::read(value).map(Self::Named) }
    }
}

/// Which groups may receive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Groups {
    /// `["*"]`: any legal name.
    Any {
        /// All of them receive in order.
        ordered: bool,
        /// All of them receive by these tags.
        tags: Option<TagFilter>,
    },
    /// These; none at all for a topic that is only published to.
    Named(Vec<GroupConfig>),
}

impl Groups {
    /// What is said of each entry of the list, in its order: whether it is ordered, and its tags.
    pub(crate) fn entries(&self) -> Vec<(bool, Option<&TagFilter>)> {
        match self {
            Self::Any { ordered, tags } => vec![(*ordered, tags.as_ref())],
            Self::Named(groups) => groups.iter().map(|group| (group.ordered, group.tags.as_ref())).collect(),
        }
    }
}

impl Setting for Groups {
    fn read(value: &Value) -> Option<Self> {
        let groups = Vec::<GroupConfig>::read(value)?;
        Some(match groups.iter().find(|group| group.name.as_str() == ANY) {
            Some(any) => Self::Any { ordered: any.ordered, tags: any.tags.clone() },
            None => Self::Named(groups),
        })
    }
}

words! {
    /// When a publish is answered.
    pub enum DeliveryMode {
        /// After the MQ has answered.
        Direct = "direct",
    }
}

words! {
    /// How a published CloudEvent is kept.
    pub enum CloudEventsForm {
        /// Its attributes are properties where that is possible, else it is the body as a whole.
        Auto = "auto",
        /// It is the body as a whole.
        Envelope = "envelope",
    }
}

words! {
    /// What happens when nobody knows whether the MQ stored a message.
    pub enum OnUnknown {
        /// The caller gets the unknown outcome as the answer.
        Report = "report",
        /// It is sent again: it may be stored twice.
        Retry = "retry",
    }
}
