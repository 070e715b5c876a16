//! Every metric series. Label values come from configuration or an enum, never straight from a request. `docs/metrics.md` has a
//! line for each family, which a test holds to what is registered here.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::proto::MetricType;
use prometheus::{
    Encoder as _, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};

use super::connections::ConnectionMetrics;
use super::topic_labels::{Bounded, OTHER, UNKNOWN};
use crate::model::Outcome;

/// Seconds: from a loopback exchange to a long poll.
const BUCKETS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// All series of one gateway. Nothing is global: two gateways of one process do not see each other.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    families: Vec<Family>,
    http_requests: IntCounterVec,
    http_request_duration: HistogramVec,
    /// Requests being answered now.
    pub http_requests_in_flight: IntGauge,
    connections: IntGaugeVec,
    connections_closed: IntCounterVec,
    messages_published: IntCounterVec,
    message_bytes: IntCounterVec,
    messages_received: IntCounterVec,
    messages_redelivered: IntCounterVec,
    messages_acked: IntCounterVec,
    /// Receives that wait for messages.
    pub receive_waiters: IntGauge,
    /// Polls under way upstream.
    pub upstream_polls: IntGauge,
    upstream_requests: IntCounterVec,
    upstream_request_duration: HistogramVec,
    upstream_up: IntGaugeVec,
    upstream_clock_skew: GaugeVec,
    upstream_retries: IntCounterVec,
    circuit_breaker_state: IntGaugeVec,
    credential_reloads: IntCounterVec,
    dead_letters: IntGaugeVec,
    requests_shed: IntCounterVec,
    embedded_messages: IntGaugeVec,
    embedded_oldest_message_age: GaugeVec,
    embedded_refused: IntCounterVec,
    drop_in_requests: IntCounterVec,
    embedded_dropped: IntCounter,
    embedded_dead_lettered: IntCounter,
    embedded_stale_acknowledgements: IntCounter,
    /// Panics caught anywhere in the process.
    pub panics: IntCounter,
    topics: Bounded<TopicMetrics>,
    groups: Bounded<GroupMetrics>,
}

/// Groups of the embedded endpoint that get labels of their own.
const MAX_SAMPLES: usize = 100;

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
    /// Acknowledgements of deliveries that were no longer theirs.
    pub stale_acknowledgements: u64,
}

/// The labels of one answered request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HttpLabels {
    /// The method, or `other`.
    pub method: &'static str,
    /// The route's template, or `unmatched`.
    pub route: &'static str,
    /// The status.
    pub status: u16,
}

/// The series of one topic.
#[derive(Debug)]
pub struct TopicMetrics {
    /// Bytes of messages published.
    pub bytes_in: IntCounter,
    /// Bytes of messages received.
    pub bytes_out: IntCounter,
    published: IntCounter,
    not_published: IntCounter,
    unknown: IntCounter,
}

impl TopicMetrics {
    /// The counter of one outcome.
    #[must_use]
    pub fn outcome(&self, outcome: Outcome) -> &IntCounter {
        match outcome {
            Outcome::Published => &self.published,
            Outcome::NotPublished => &self.not_published,
            Outcome::Unknown => &self.unknown,
        }
    }
}

/// The series of one group of one topic.
#[derive(Debug)]
pub struct GroupMetrics {
    /// Messages handed to callers.
    pub received: IntCounter,
    /// Those of them that had been delivered before.
    pub redelivered: IntCounter,
    acked: IntCounterVec,
    labels: (String, String),
}

impl GroupMetrics {
    /// Counts one acknowledgement: `ok` or an error's label.
    pub fn acked(&self, result: &str) {
        self.acked.with_label_values(&[self.labels.0.as_str(), self.labels.1.as_str(), result]).inc();
    }
}

/// The series of one upstream operation of one profile.
#[derive(Debug, Clone)]
pub struct UpstreamMetrics {
    requests: IntCounterVec,
    /// How long the exchange took, in seconds.
    pub duration: Histogram,
    ok: IntCounter,
    profile: String,
    operation: &'static str,
}

impl UpstreamMetrics {
    /// Counts one exchange's result: `ok` or an error's label.
    pub fn count(&self, result: &str) {
        if result == "ok" {
            self.ok.inc();
        } else {
            self.requests.with_label_values(&[self.profile.as_str(), self.operation, result]).inc();
        }
    }
}

/// What is known of a metric before anything is counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Family {
    /// The whole name.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// The names of its labels, as they were given.
    pub labels: Vec<String>,
    /// What the page says of it.
    pub help: String,
}

/// Registers what constructors made, and notes it.
struct Registrar {
    registry: Registry,
    families: RefCell<Vec<Family>>,
}

impl Registrar {
    fn add<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> prometheus::Result<C> {
        let collector = made?;
        self.registry.register(Box::new(collector.clone()))?;
        let kinds = collector.collect();
        for (description, collected) in collector.desc().into_iter().zip(&kinds) {
            let kind = match collected.get_field_type() {
                MetricType::COUNTER => "counter",
                MetricType::HISTOGRAM => "histogram",
                MetricType::GAUGE | MetricType::SUMMARY | MetricType::UNTYPED => "gauge",
            };
            self.families.borrow_mut().push(Family {
                name: description.fq_name.clone(),
                kind,
                labels: description.variable_labels.clone(),
                help: description.help.clone(),
            });
        }
        Ok(collector)
    }
}

impl Metrics {
    /// Makes and registers every series.
    ///
    /// # Errors
    /// Only when a name is wrong or used twice, which a test would show.
    #[expect(clippy::too_many_lines, reason = "one table, an entry per series")]
    pub fn new() -> prometheus::Result<Arc<Self>> {
        let registrar = Registrar { registry: Registry::new(), families: RefCell::default() };
        let counters = |name: &str, help: &str, labels: &[&str]| {
            registrar.add(IntCounterVec::new(Opts::new(format!("mq_gateway_{name}"), help), labels))
        };
        let counter = |name: &str, help: &str| registrar.add(IntCounter::new(format!("mq_gateway_{name}"), help));
        let gauge = |name: &str, help: &str| registrar.add(IntGauge::new(format!("mq_gateway_{name}"), help));
        let gauges = |name: &str, help: &str, labels: &[&str]| {
            registrar.add(IntGaugeVec::new(Opts::new(format!("mq_gateway_{name}"), help), labels))
        };
        let floats = |name: &str, help: &str, labels: &[&str]| {
            registrar.add(GaugeVec::new(Opts::new(format!("mq_gateway_{name}"), help), labels))
        };
        let histograms = |name: &str, help: &str, labels: &[&str]| {
            let opts = HistogramOpts::new(format!("mq_gateway_{name}"), help).buckets(BUCKETS.to_vec());
            registrar.add(HistogramVec::new(opts, labels))
        };
        let build_info = gauges("build_info", "The running version.", &["version"])?;
        build_info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let mut metrics = Self {
            http_requests: counters(
                "http_requests_total",
                "Requests answered on the data listener.",
                &["method", "route", "status"],
            )?,
            http_request_duration: histograms(
                "http_request_duration_seconds",
                "Time from a request's head to its answer.",
                &["route"],
            )?,
            http_requests_in_flight: gauge("http_requests_in_flight", "Requests being answered now.")?,
            connections: gauges("connections", "Open connections of callers.", &["listener"])?,
            connections_closed: counters(
                "connections_closed_total",
                "Connections of callers that ended, by what ended them.",
                &["listener", "reason"],
            )?,
            messages_published: counters(
                "messages_published_total",
                "Publishes by what is known about them.",
                &["topic", "profile", "outcome"],
            )?,
            message_bytes: counters("message_bytes_total", "Bytes of message bodies.", &["topic", "direction"])?,
            messages_received: counters("messages_received_total", "Messages handed to callers.", &["topic", "group"])?,
            messages_redelivered: counters(
                "messages_redelivered_total",
                "Messages handed to callers that had been delivered before.",
                &["topic", "group"],
            )?,
            messages_acked: counters(
                "messages_acked_total",
                "Acknowledgements by result.",
                &["topic", "group", "result"],
            )?,
            receive_waiters: gauge("receive_waiters", "Receives that wait for messages.")?,
            upstream_polls: gauge("upstream_polls", "Polls under way upstream.")?,
            upstream_requests: counters(
                "upstream_requests_total",
                "Exchanges with the MQ by result.",
                &["profile", "operation", "result"],
            )?,
            upstream_request_duration: histograms(
                "upstream_request_duration_seconds",
                "Time of an exchange with the MQ.",
                &["profile", "operation"],
            )?,
            upstream_up: gauges("upstream_up", "Whether the MQ could be reached when last tried.", &["profile"])?,
            upstream_clock_skew: floats(
                "upstream_clock_skew_seconds",
                "The MQ's clock minus ours, from its last Date header.",
                &["profile"],
            )?,
            upstream_retries: counters(
                "upstream_retries_total",
                "Exchanges repeated, by the error that made them.",
                &["profile", "operation", "reason"],
            )?,
            circuit_breaker_state: gauges(
                "circuit_breaker_state",
                "0 closed: asked; 1 open: left alone; 2 half-open: one request tries.",
                &["profile", "endpoint"],
            )?,
            credential_reloads: counters(
                "credential_reloads_total",
                "Credentials files that changed: taken into use, or refused and the old pair kept.",
                &["credential", "result"],
            )?,
            dead_letters: gauges(
                "dead_letters",
                "Messages in the embedded endpoint's dead-letter topics.",
                &["topic"],
            )?,
            requests_shed: counters("requests_shed_total", "Requests refused to protect the rest.", &["reason"])?,
            embedded_messages: gauges(
                "embedded_messages",
                "Messages in the embedded endpoint.",
                &["topic", "group", "state"],
            )?,
            embedded_oldest_message_age: floats(
                "embedded_oldest_message_age_seconds",
                "Age of the oldest message that a group has not acknowledged.",
                &["topic", "group"],
            )?,
            drop_in_requests: counters(
                "dropin_requests_total",
                "Requests of the vendors' clients. Callers: configured names; embedded: the embedded endpoint's pair; _anyone: \
                 nobody is asked; _unknown: not known.",
                &["caller", "protocol", "operation", "result"],
            )?,
            embedded_refused: counters(
                "embedded_refused_total",
                "Requests that the embedded endpoint refused.",
                &["reason"],
            )?,
            embedded_dropped: counter(
                "embedded_dropped_messages_total",
                "Messages that the embedded endpoint's retention dropped.",
            )?,
            embedded_dead_lettered: counter(
                "embedded_dead_lettered_messages_total",
                "Messages that the embedded endpoint moved to a dead-letter topic.",
            )?,
            embedded_stale_acknowledgements: counter(
                "embedded_stale_acknowledgements_total",
                "Acknowledgements of deliveries that were no longer theirs.",
            )?,
            panics: counter("panics_total", "Panics caught; each one is a bug.")?,
            topics: Bounded::default(),
            groups: Bounded::default(),
            registry: registrar.registry.clone(),
            families: Vec::new(),
        };
        metrics.families = registrar.families.take();
        metrics.families.sort();
        #[cfg(target_os = "linux")]
        metrics.registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(Arc::new(metrics))
    }

    /// Every family of ours, by name, also those that have no series yet.
    #[must_use]
    pub fn families(&self) -> &[Family] {
        &self.families
    }

    /// The whole page in Prometheus' text format.
    ///
    /// # Errors
    /// When a series is inconsistent, which a test would show.
    pub fn render(&self) -> prometheus::Result<Vec<u8>> {
        let mut page = Vec::with_capacity(32 * 1024);
        TextEncoder::new().encode(&self.registry.gather(), &mut page)?;
        Ok(page)
    }

    /// The counter of one combination of labels: look it up once, keep it.
    #[must_use]
    pub fn http_requests(&self, labels: HttpLabels) -> IntCounter {
        let mut status = itoa::Buffer::new();
        self.http_requests.with_label_values(&[labels.method, labels.route, status.format(labels.status)])
    }

    /// The histogram of one route: look it up once, keep it.
    #[must_use]
    pub fn http_request_duration(&self, route: &'static str) -> Histogram {
        self.http_request_duration.with_label_values(&[route])
    }

    /// The series of one listener.
    #[must_use]
    pub fn connections(&self, listener: &'static str) -> ConnectionMetrics {
        let closed = |reason| self.connections_closed.with_label_values(&[listener, reason]);
        ConnectionMetrics::new(self.connections.with_label_values(&[listener]), closed)
    }

    /// The series of a topic, bounded in number.
    #[must_use]
    pub fn topic(&self, topic: &str, profile: &str, configured: bool) -> Arc<TopicMetrics> {
        self.topics.get(topic, configured, |label| {
            let outcome =
                |outcome: Outcome| self.messages_published.with_label_values(&[label, profile, outcome.as_str()]);
            TopicMetrics {
                bytes_in: self.message_bytes.with_label_values(&[label, "published"]),
                bytes_out: self.message_bytes.with_label_values(&[label, "received"]),
                published: outcome(Outcome::Published),
                not_published: outcome(Outcome::NotPublished),
                unknown: outcome(Outcome::Unknown),
            }
        })
    }

    /// The series of a group of a topic, bounded in number: beyond it both names are `_other`.
    #[must_use]
    pub fn group(&self, topic: &str, group: &str, configured: bool) -> Arc<GroupMetrics> {
        self.groups.get(&format!("{topic}/{group}"), configured, |label| {
            let (topic, group) = label.split_once('/').unwrap_or((label, label));
            GroupMetrics {
                received: self.messages_received.with_label_values(&[topic, group]),
                redelivered: self.messages_redelivered.with_label_values(&[topic, group]),
                acked: self.messages_acked.clone(),
                labels: (topic.to_owned(), group.to_owned()),
            }
        })
    }

    /// Counts a publish to a name that is not configured.
    pub fn unknown_topic(&self) {
        self.messages_published.with_label_values(&[UNKNOWN, "", Outcome::NotPublished.as_str()]).inc();
    }

    /// The series of one operation of one profile.
    #[must_use]
    pub fn upstream(&self, profile: &str, operation: &'static str) -> UpstreamMetrics {
        UpstreamMetrics {
            requests: self.upstream_requests.clone(),
            duration: self.upstream_request_duration.with_label_values(&[profile, operation]),
            ok: self.upstream_requests.with_label_values(&[profile, operation, "ok"]),
            profile: profile.to_owned(),
            operation,
        }
    }

    /// Repetitions by profile, operation and reason.
    #[must_use]
    pub fn upstream_retries(&self) -> IntCounterVec {
        self.upstream_retries.clone()
    }

    /// Changed credentials by credential and result.
    #[must_use]
    pub fn credential_reloads(&self) -> IntCounterVec {
        self.credential_reloads.clone()
    }

    /// The circuit of one endpoint of one profile, as configured.
    #[must_use]
    pub fn circuit_breaker_state(&self, profile: &str, endpoint: &str) -> IntGauge {
        self.circuit_breaker_state.with_label_values(&[profile, endpoint])
    }

    /// Whether the profile's MQ answers.
    #[must_use]
    pub fn upstream_up(&self, profile: &str) -> IntGauge {
        self.upstream_up.with_label_values(&[profile])
    }

    /// The MQ's clock minus ours.
    #[must_use]
    pub fn upstream_clock_skew(&self, profile: &str) -> Gauge {
        self.upstream_clock_skew.with_label_values(&[profile])
    }

    /// Counts a request refused to protect the rest.
    pub fn shed(&self, reason: &'static str) {
        self.requests_shed.with_label_values(&[reason]).inc();
    }

    /// Shows the embedded endpoint's numbers as they are now. Groups that are gone leave the page; beyond the first
    /// hundred they are added up as `_other`.
    pub fn set_embedded(&self, samples: &[EmbeddedSample]) {
        self.embedded_messages.reset();
        self.embedded_oldest_message_age.reset();
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
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                self.embedded_messages.with_label_values(&[topic, group, state]).add(count);
            }
            let age = sample.oldest_age.map_or(0.0, |age| age.as_secs_f64());
            let oldest = self.embedded_oldest_message_age.with_label_values(&[topic, group]);
            oldest.set(oldest.get().max(age));
        }
    }

    /// Shows what the embedded endpoint did since the process began, and its dead letters by topic.
    pub fn set_embedded_totals(&self, totals: EmbeddedTotals, dead_letters: &[(String, u64)]) {
        let pairs = [
            (&self.embedded_dropped, totals.dropped),
            (&self.embedded_dead_lettered, totals.dead_lettered),
            (&self.embedded_stale_acknowledgements, totals.stale_acknowledgements),
        ];
        for (counter, total) in pairs {
            // Nobody else counts in these: what they show is the last total.
            counter.inc_by(total.saturating_sub(counter.get()));
        }
        self.dead_letters.reset();
        for (topic, messages) in dead_letters.iter().take(MAX_SAMPLES) {
            self.dead_letters.with_label_values(&[topic.as_str()]).set(i64::try_from(*messages).unwrap_or(i64::MAX));
        }
    }

    /// Counts a request of a vendor's client. Every label is configured or one of a few words.
    pub fn drop_in(&self, caller: &str, protocol: &str, operation: &str, result: &str) {
        self.drop_in_requests.with_label_values(&[caller, protocol, operation, result]).inc();
    }

    /// Counts a request that the embedded endpoint refused.
    pub fn embedded_refused(&self, reason: &'static str) {
        self.embedded_refused.with_label_values(&[reason]).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `docs/metrics.md` has a line for each family, with its kind, its labels and what the page says of it, and none for
    /// others.
    #[test]
    fn the_page_on_metrics_has_every_family() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
        let page = std::fs::read_to_string(path).unwrap();
        let metrics = Metrics::new().unwrap();
        for Family { name, kind, labels, help } in metrics.families() {
            let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
            let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
            let line = format!("| `{name}` | {kind} | {labels} | {help}");
            let found = page.lines().filter(|it| it.starts_with(&line)).count();
            assert_eq!(found, 1, "docs/metrics.md needs one line that begins with\n{line}");
        }
        let lines = page.lines().filter(|line| line.starts_with("| `mq_gateway_")).count();
        assert_eq!(lines, metrics.families().len(), "docs/metrics.md has lines of others");
    }
}
