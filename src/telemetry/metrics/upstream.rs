//! Exchanges with the MQ, by profile.

use std::time::Duration;

use super::handles::{Counter, Counters, Gauge, Gauges, Histogram, Histograms, SecondsGauge, SecondsGauges};
use super::registrar::{MetricsError, Registrar};

/// The area's metrics.
#[derive(Debug)]
pub struct UpstreamFamilies {
    /// Polls under way upstream.
    pub polls: Gauge,
    requests: Counters<3>,
    duration: Histograms<2>,
    retries: Counters<3>,
    not_sent: Counters<3>,
    up: Gauges<1>,
    accepting: Gauges<2>,
    clock_skew: SecondsGauges<1>,
    circuit_breaker_state: Gauges<2>,
    circuits_opened: Counters<2>,
    answers_left_unread: Counters<1>,
    late_messages: Counters<2>,
}

/// The series of one operation of one profile.
#[derive(Debug, Clone)]
pub struct UpstreamMetrics {
    duration: Histogram,
    ok: Counter,
    requests: Counters<3>,
    not_sent: Counters<3>,
    retries: Counters<3>,
    profile: String,
    operation: &'static str,
}

/// The circuits of one profile, of endpoints that come and go.
#[cfg(feature = "rocketmq")]
#[derive(Debug, Clone)]
pub struct CircuitStates {
    states: Gauges<2>,
    opened: Counters<2>,
    profile: String,
}

/// One circuit.
#[derive(Debug, Clone)]
pub struct CircuitMetrics {
    /// 0 closed, 1 open, 2 half-open.
    pub state: Gauge,
    /// How often it opened.
    pub opened: Counter,
}

/// What becomes of messages of polls whose caller had hung up.
#[derive(Debug)]
pub struct LateMessageMetrics {
    /// Others who waited have them.
    pub handed_on: Counter,
    /// The MQ has them back.
    pub given_back: Counter,
    /// Hidden until their visibility timeout is over.
    pub left: Counter,
}

impl UpstreamFamilies {
    pub(super) fn register(registrar: &mut Registrar) -> Result<Self, MetricsError> {
        Ok(Self {
            polls: registrar.gauge("upstream_polls", "Polls under way upstream.")?,
            requests: registrar.counters(
                "upstream_requests_total",
                "Exchanges with the MQ by result.",
                ["profile", "operation", "result"],
            )?,
            duration: registrar.histograms(
                "upstream_request_duration_seconds",
                "Time of an exchange with the MQ.",
                ["profile", "operation"],
            )?,
            retries: registrar.counters(
                "upstream_retries_total",
                "Exchanges repeated, by the error that made them.",
                ["profile", "operation", "reason"],
            )?,
            not_sent: registrar.counters(
                "upstream_not_sent_total",
                "Attempts that ended before anything was sent to the MQ, by what ended them.",
                ["profile", "operation", "reason"],
            )?,
            up: registrar.gauges("upstream_up", "Whether the MQ could be reached when last tried.", ["profile"])?,
            accepting: registrar.gauges(
                "upstream_accepting",
                "Whether the MQ takes the profile's keys, topics and groups.",
                ["profile", "what"],
            )?,
            clock_skew: registrar.seconds_gauges(
                "upstream_clock_skew_seconds",
                "The MQ's clock minus ours, from its last Date header.",
                ["profile"],
            )?,
            circuit_breaker_state: registrar.gauges(
                "circuit_breaker_state",
                "0 closed: asked; 1 open: left alone; 2 half-open: left alone while a request tries.",
                ["profile", "endpoint"],
            )?,
            circuits_opened: registrar.counters(
                "circuits_opened_total",
                "How often an endpoint's circuit opened because it answered nobody.",
                ["profile", "endpoint"],
            )?,
            answers_left_unread: registrar.counters(
                "upstream_answers_left_unread_total",
                "Answers to receives that were not read, as there was no room in the memory budget: their messages come again.",
                ["profile"],
            )?,
            late_messages: registrar.counters(
                "upstream_late_messages_total",
                "Messages of polls whose caller had hung up, by what became of them.",
                ["profile", "fate"],
            )?,
        })
    }

    /// The series of one operation of one profile.
    #[must_use]
    pub fn operation(&self, profile: &str, operation: &'static str) -> UpstreamMetrics {
        UpstreamMetrics {
            duration: self.duration.with([profile, operation]),
            ok: self.requests.with([profile, operation, "ok"]),
            requests: self.requests.clone(),
            not_sent: self.not_sent.clone(),
            retries: self.retries.clone(),
            profile: profile.to_owned(),
            operation,
        }
    }

    /// Whether the profile's MQ answers: 1, or 0.
    #[must_use]
    pub fn up(&self, profile: &str) -> Gauge {
        self.up.with([profile])
    }

    /// Whether the profile's MQ takes its `keys`, `topics` or `groups`: 1, or 0.
    #[must_use]
    pub fn accepting(&self, profile: &str, what: &'static str) -> Gauge {
        self.accepting.with([profile, what])
    }

    /// The endpoints of one profile whose circuit is not closed.
    #[must_use]
    pub fn open_circuits(&self, profile: &str) -> Vec<String> {
        self.circuit_breaker_state.not_zero(("profile", profile), "endpoint")
    }

    /// The MQ's clock minus ours.
    #[must_use]
    pub fn clock_skew(&self, profile: &str) -> SecondsGauge {
        self.clock_skew.with([profile])
    }

    /// Answers to receives that were not read.
    #[must_use]
    pub fn answers_left_unread(&self, profile: &str) -> Counter {
        self.answers_left_unread.with([profile])
    }

    /// What becomes of messages of polls whose caller had hung up.
    #[must_use]
    pub fn late_messages(&self, profile: &str) -> LateMessageMetrics {
        LateMessageMetrics {
            handed_on: self.late_messages.with([profile, "handed_on"]),
            given_back: self.late_messages.with([profile, "given_back"]),
            left: self.late_messages.with([profile, "left"]),
        }
    }

    /// The circuit of one endpoint of one profile, as configured.
    #[must_use]
    pub fn circuit(&self, profile: &str, endpoint: &str) -> CircuitMetrics {
        let labels = [profile, endpoint];
        CircuitMetrics { state: self.circuit_breaker_state.with(labels), opened: self.circuits_opened.with(labels) }
    }

    /// The circuits of one profile whose endpoints come and go.
    #[cfg(feature = "rocketmq")]
    #[must_use]
    pub fn circuit_states(&self, profile: &str) -> CircuitStates {
        let (states, opened) = (self.circuit_breaker_state.clone(), self.circuits_opened.clone());
        CircuitStates { states, opened, profile: profile.to_owned() }
    }
}

#[cfg(feature = "rocketmq")]
impl CircuitStates {
    /// The circuit of one endpoint. There must never be many.
    #[must_use]
    pub fn of(&self, endpoint: &str) -> CircuitMetrics {
        let labels = [self.profile.as_str(), endpoint];
        CircuitMetrics { state: self.states.with(labels), opened: self.opened.with(labels) }
    }

    /// The endpoint is gone.
    pub fn forget(&self, endpoint: &str) {
        self.states.forget([&self.profile, endpoint]);
        self.opened.forget([&self.profile, endpoint]);
    }
}

impl UpstreamMetrics {
    /// Counts one exchange that did what was asked.
    pub fn succeeded(&self, took: Duration) {
        self.duration.observe(took);
        self.ok.inc();
    }

    /// Counts one exchange that failed with the error that has the label `result`.
    pub fn failed(&self, result: &str, took: Duration) {
        self.duration.observe(took);
        self.requests.with([&self.profile, self.operation, result]).inc();
    }

    /// Counts an attempt that ended before anything was sent, by the label of what ended it.
    pub fn not_sent(&self, reason: &str) {
        self.not_sent.with([&self.profile, self.operation, reason]).inc();
    }

    /// Counts an exchange that is repeated because of the error with the label `reason`.
    pub fn retry(&self, reason: &str) {
        self.retries.with([&self.profile, self.operation, reason]).inc();
    }
}
