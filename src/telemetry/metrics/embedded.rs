//! The embedded endpoint: its store, and whom it refused.

use std::time::Duration;

use super::bounded_labels::OTHER;
use super::handles::{Counter, Counters, Gauge, Gauges, Histogram, SecondsGauges};
use super::registrar::{MetricsError, Registrar};

/// Groups, and topics of dead letters, that get labels of their own.
const MAX_SAMPLES: usize = 100;

/// The area's metrics.
#[derive(Debug)]
pub struct EmbeddedFamilies {
    messages: Gauges<3>,
    oldest_message_age: SecondsGauges<2>,
    dead_letters: Gauges<1>,
    dropped: Counter,
    dead_lettered: Counter,
    stale_acknowledgements: Counter,
    refused: Counters<1>,
    chaos: Counters<1>,
    store_degraded: Gauges<1>,
    set_aside: Gauge,
    /// Time of making a group of changes durable.
    pub sync_duration: Histogram,
}

/// The embedded endpoint's numbers for one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedSample {
    /// The topic.
    pub topic: String,
    /// The group.
    pub group: String,
    /// Messages that a receive would get now.
    pub ready: u64,
    /// Messages delivered and not acknowledged.
    pub in_flight: u64,
    /// Messages whose time has not come.
    pub delayed: u64,
    /// Messages that the group's tag filters did not want.
    pub filtered_out: u64,
    /// Age of the oldest message not acknowledged.
    pub oldest_age: Option<Duration>,
}

/// What the embedded endpoint did since the process began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddedTotals {
    /// Messages that retention dropped.
    pub dropped: u64,
    /// Messages moved to a dead-letter topic.
    pub dead_lettered: u64,
    /// Acknowledgements of deliveries that no longer belonged to whoever sent them.
    pub stale_acknowledgements: u64,
}

impl EmbeddedFamilies {
    pub(super) fn register(registrar: &mut Registrar) -> Result<Self, MetricsError> {
        Ok(Self {
            messages: registrar.gauges(
                "embedded_messages",
                "Messages in the embedded endpoint.",
                ["topic", "group", "state"],
            )?,
            oldest_message_age: registrar.seconds_gauges(
                "embedded_oldest_message_age_seconds",
                "Age of the oldest message that a group has not acknowledged.",
                ["topic", "group"],
            )?,
            dead_letters: registrar.gauges(
                "dead_letters",
                "Messages in the embedded endpoint's dead-letter topics.",
                ["topic"],
            )?,
            dropped: registrar.counter(
                "embedded_dropped_messages_total",
                "Messages that the embedded endpoint's retention dropped.",
            )?,
            dead_lettered: registrar.counter(
                "embedded_dead_lettered_messages_total",
                "Messages that the embedded endpoint moved to a dead-letter topic.",
            )?,
            stale_acknowledgements: registrar.counter(
                "embedded_stale_acknowledgements_total",
                "Acknowledgements of deliveries that no longer belonged to whoever sent them.",
            )?,
            refused: registrar.counters(
                "embedded_refused_total",
                "Requests that the embedded endpoint refused.",
                ["reason"],
            )?,
            chaos: registrar.counters(
                "embedded_chaos_total",
                "What the embedded endpoint did wrong on purpose, by kind.",
                ["kind"],
            )?,
            store_degraded: registrar.gauges(
                "embedded_store_degraded",
                "Whether something is wrong with the embedded endpoint's store, by kind.",
                ["kind"],
            )?,
            set_aside: registrar.gauge(
                "embedded_set_aside_messages",
                "Messages of the embedded endpoint that are not what was written, and that nobody gets.",
            )?,

            sync_duration: registrar.histogram(
                "embedded_sync_duration_seconds",
                "Time of making a group of changes of the embedded endpoint's store durable.",
            )?,
        })
    }

    /// Shows the numbers of all groups as they are now. Groups that are gone leave the page; beyond the first hundred
    /// they are added up as `_other`.
    pub fn set_groups(&self, samples: &[EmbeddedSample]) {
        self.messages.reset();
        self.oldest_message_age.reset();
        for (index, sample) in samples.iter().enumerate() {
            let (topic, group) =
                if index < MAX_SAMPLES { (sample.topic.as_str(), sample.group.as_str()) } else { (OTHER, OTHER) };
            let states = [
                ("ready", sample.ready),
                ("in_flight", sample.in_flight),
                ("delayed", sample.delayed),
                ("filtered_out", sample.filtered_out),
            ];
            for (state, count) in states {
                self.messages.with([topic, group, state]).add(count);
            }
            let age = sample.oldest_age.map_or(0.0, |age| age.as_secs_f64());
            self.oldest_message_age.with([topic, group]).raise_to(age);
        }
    }

    /// Counts what was done wrong on purpose.
    pub fn chaos(&self, kind: &'static str, number: u64) {
        self.chaos.with([kind]).inc_by(number);
    }

    /// Shows what the endpoint did since the process began, and its dead letters by topic; beyond the first hundred topics they
    /// are added up as `_other`.
    pub fn set_totals(&self, totals: EmbeddedTotals, dead_letters: &[(String, u64)]) {
        self.dropped.raise_to(totals.dropped);
        self.dead_lettered.raise_to(totals.dead_lettered);
        self.stale_acknowledgements.raise_to(totals.stale_acknowledgements);
        self.dead_letters.reset();
        for (index, (topic, messages)) in dead_letters.iter().enumerate() {
            let topic = if index < MAX_SAMPLES { topic.as_str() } else { OTHER };
            self.dead_letters.with([topic]).add(*messages);
        }
    }

    /// Shows whether the store has a fault of this kind.
    pub fn set_store_degraded(&self, kind: &'static str, degraded: bool) {
        self.store_degraded.with([kind]).set(i64::from(degraded));
    }

    /// Shows how many messages were set aside.
    pub fn set_set_aside(&self, messages: u64) {
        self.set_aside.set(i64::try_from(messages).unwrap_or(i64::MAX));
    }

    /// Counts a request that the endpoint refused.
    pub fn refused(&self, reason: &'static str) {
        self.refused.with([reason]).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;

    #[test]
    fn dead_letters_of_the_topics_beyond_the_hundredth_are_added_up() {
        let metrics = Metrics::new().unwrap();
        let totals = EmbeddedTotals { dropped: 0, dead_lettered: 0, stale_acknowledgements: 0 };
        let topics: Vec<_> = (0..103).map(|number| (format!("%DLQ%GID_{number}"), 2)).collect();
        metrics.embedded.set_totals(totals, &topics);
        let shown = |topic: &str| metrics.embedded.dead_letters.with([topic]).get();
        assert_eq!([shown("%DLQ%GID_99"), shown(OTHER)], [2, 6]);
    }
}
