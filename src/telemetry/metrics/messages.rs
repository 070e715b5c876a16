//! Messages by topic and group. Names that callers choose are bounded in number.

use std::sync::Arc;

use super::bounded_labels::{Bounded, UNKNOWN};
use super::handles::{Counter, Counters, Gauge};
use super::registrar::{MetricsError, Registrar};
use crate::model::{Outcome, Verb};

/// The value of the label `topic` of a name that is not configured.
pub const UNKNOWN_TOPIC: &str = UNKNOWN;

/// The area's metrics.
#[derive(Debug)]
pub struct MessageFamilies {
    published: Counters<3>,
    bytes: Counters<2>,
    received: Counters<2>,
    redelivered: Counters<2>,
    acked: Counters<3>,
    nacked: Counters<3>,
    extended: Counters<3>,
    /// Receives that wait for messages.
    pub receive_waiters: Gauge,
    topics: Bounded<TopicMetrics>,
    groups: Bounded<GroupMetrics>,
}

/// The series of one topic.
#[derive(Debug)]
pub struct TopicMetrics {
    /// Its value of the label `topic`.
    pub label: String,
    /// Bytes of messages published.
    pub bytes_in: Counter,
    /// Bytes of messages received.
    pub bytes_out: Counter,
    published: Counter,
    not_published: Counter,
    unknown: Counter,
}

/// The series of one group of one topic.
#[derive(Debug)]
pub struct GroupMetrics {
    /// Messages handed to callers.
    pub received: Counter,
    /// Those of them that had been delivered before.
    pub redelivered: Counter,
    acked: Counters<3>,
    nacked: Counters<3>,
    extended: Counters<3>,
    labels: (String, String),
}

impl MessageFamilies {
    pub(super) fn register(registrar: &mut Registrar) -> Result<Self, MetricsError> {
        Ok(Self {
            published: registrar.counters(
                "messages_published_total",
                "Publishes by what is known about them.",
                ["topic", "profile", "outcome"],
            )?,
            bytes: registrar.counters("message_bytes_total", "Bytes of message bodies.", ["topic", "direction"])?,
            received: registrar.counters(
                "messages_received_total",
                "Messages handed to callers.",
                ["topic", "group"],
            )?,
            redelivered: registrar.counters(
                "messages_redelivered_total",
                "Messages handed to callers that had been delivered before.",
                ["topic", "group"],
            )?,
            acked: registrar.counters(
                "messages_acked_total",
                "Acknowledgements by result.",
                ["topic", "group", "result"],
            )?,
            nacked: registrar.counters(
                "messages_nacked_total",
                "Deliveries given back, by result.",
                ["topic", "group", "result"],
            )?,
            extended: registrar.counters(
                "messages_extended_total",
                "Deliveries kept longer, by result.",
                ["topic", "group", "result"],
            )?,
            receive_waiters: registrar.gauge("receive_waiters", "Receives that wait for messages.")?,
            topics: Bounded::default(),
            groups: Bounded::default(),
        })
    }

    /// The series of a topic, bounded in number.
    #[must_use]
    pub fn topic(&self, topic: &str, profile: &str, configured: bool) -> Arc<TopicMetrics> {
        self.topics.get(topic, configured, |label| {
            let outcome = |outcome: Outcome| self.published.with([label, profile, outcome.as_str()]);
            TopicMetrics {
                label: label.to_owned(),
                bytes_in: self.bytes.with([label, "published"]),
                bytes_out: self.bytes.with([label, "received"]),
                published: outcome(Outcome::Published),
                not_published: outcome(Outcome::NotPublished),
                unknown: outcome(Outcome::Unknown),
            }
        })
    }

    /// The value of the label `topic` as things are: asking makes no series, and takes none of the places that a wildcard's names
    /// have.
    #[must_use]
    pub fn topic_label<'a>(&self, topic: &'a str) -> &'a str {
        self.topics.label(topic)
    }

    /// The series of a group of a topic, bounded in number: beyond it both names are `_other`.
    #[must_use]
    pub fn group(&self, topic: &str, group: &str, configured: bool) -> Arc<GroupMetrics> {
        self.groups.get(&format!("{topic}/{group}"), configured, |label| {
            let (topic, group) = label.split_once('/').unwrap_or((label, label));
            GroupMetrics {
                received: self.received.with([topic, group]),
                redelivered: self.redelivered.with([topic, group]),
                acked: self.acked.clone(),
                nacked: self.nacked.clone(),
                extended: self.extended.clone(),
                labels: (topic.to_owned(), group.to_owned()),
            }
        })
    }

    /// Counts a publish to a name that is not configured.
    pub fn unknown_topic(&self) {
        self.published.with([UNKNOWN, "", Outcome::NotPublished.as_str()]).inc();
    }
}

impl TopicMetrics {
    /// The counter of one outcome.
    #[must_use]
    pub fn outcome(&self, outcome: Outcome) -> &Counter {
        match outcome {
            Outcome::Published => &self.published,
            Outcome::NotPublished => &self.not_published,
            Outcome::Unknown => &self.unknown,
        }
    }
}

impl GroupMetrics {
    /// Counts one acknowledgement: `ok` or an error's label.
    pub fn acked(&self, result: &str) {
        self.acked.with([&self.labels.0, &self.labels.1, result]).inc();
    }

    /// Counts one delivery that was to be given back or kept longer: `ok` or an error's label.
    pub fn changed(&self, verb: Verb, result: &str) {
        let counters = match verb {
            Verb::Nack => &self.nacked,
            Verb::Extend => &self.extended,
        };
        counters.with([&self.labels.0, &self.labels.1, result]).inc();
    }
}
