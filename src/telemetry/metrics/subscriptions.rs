//! Subscriptions: what was sent to services, and what came of it. Labels are the names of the configuration and closed lists.

use std::time::Duration;

use super::handles::{Counter, Counters, Gauge, Gauges, Histogram, Histograms, SecondsGauge, SecondsGauges};
use super::registrar::{MetricsError, Registrar};
use crate::model::UnixMillis;

/// The area's metrics.
#[derive(Debug)]
pub struct SubscriptionFamilies {
    attempts: Counters<2>,
    attempt_duration: Histograms<1>,
    in_flight: Gauges<1>,
    held: Gauges<1>,
    settled: Counters<2>,
    dead_letters: Counters<2>,
    dead_letter_failures: Counters<1>,
    paused: Gauges<2>,
    failing: Gauges<1>,
    stopped: Gauges<1>,
    last_success: SecondsGauges<1>,
    file_reloads: Counters<2>,
    secrets_changed_at: SecondsGauges<1>,
}

/// One subscription's series.
#[derive(Debug, Clone)]
pub struct SubscriptionMetrics {
    name: String,
    attempts: Counters<2>,
    settled: Counters<2>,
    dead_letters: Counters<2>,
    file_reloads: Counters<2>,
    paused: Gauges<2>,
    attempt_duration: Histogram,
    secrets_changed_at: SecondsGauge,
    last_success: SecondsGauge,
    /// Publishes of dead letters that failed.
    pub dead_letter_failures: Counter,
    /// Requests under way.
    pub in_flight: Gauge,
    /// Messages in hand.
    pub held: Gauge,
    /// 1 while its target fails.
    pub failing: Gauge,
    /// 1 once its service has ended by itself.
    pub stopped: Gauge,
}

impl SubscriptionFamilies {
    pub(super) fn register(registrar: &mut Registrar) -> Result<Self, MetricsError> {
        Ok(Self {
            attempts: registrar.counters(
                "subscription_attempts_total",
                "Requests to the targets of subscriptions, by what came of them.",
                ["subscription", "result"],
            )?,
            attempt_duration: registrar.histograms(
                "subscription_attempt_duration_seconds",
                "Time of one request to a target, from the look-up of its name to the status, or to the failure.",
                ["subscription"],
            )?,
            in_flight: registrar.gauges(
                "subscription_in_flight",
                "Requests to targets under way.",
                ["subscription"],
            )?,
            held: registrar.gauges(
                "subscription_messages_held",
                "Messages that a subscription has in hand: under way, or waiting for a request.",
                ["subscription"],
            )?,
            settled: registrar.counters(
                "subscription_deliveries_total",
                "Deliveries that a subscription is done with, by how: acknowledged, put off, left to the MQ, given back.",
                ["subscription", "result"],
            )?,
            dead_letters: registrar.counters(
                "subscription_dead_letters_total",
                "Messages that a subscription gave up, by why; `not_published` could not be made dead letters and come again.",
                ["subscription", "reason"],
            )?,
            dead_letter_failures: registrar.counters(
                "subscription_dead_letter_failures_total",
                "Publishes of dead letters of a subscription that failed: they are repeated, or the message comes again.",
                ["subscription"],
            )?,
            paused: registrar.gauges(
                "subscription_paused",
                "1 while the subscription is paused, under the reason why; 0 otherwise.",
                ["subscription", "reason"],
            )?,
            failing: registrar.gauges(
                "subscription_failing",
                "1 while the subscription's target fails: from the first failure until the next success.",
                ["subscription"],
            )?,
            stopped: registrar.gauges(
                "subscription_stopped",
                "1 once something in the subscription broke: it does nothing more until the process restarts.",
                ["subscription"],
            )?,
            last_success: registrar.seconds_gauges(
                "subscription_last_success_timestamp_seconds",
                "Unix time of the last answer with a status from 200 to 299 that did not ask for the message again; 0 where there was none.",
                ["subscription"],
            )?,
            file_reloads: registrar.counters(
                "subscription_file_reloads_total",
                "Files of secrets and headers that changed: taken into use, or refused and the old ones kept.",
                ["subscription", "result"],
            )?,
            secrets_changed_at: registrar.seconds_gauges(
                "subscription_secrets_changed_timestamp_seconds",
                "Unix time at which this process took the secrets and headers of a subscription into use.",
                ["subscription"],
            )?,
        })
    }

    /// Whether a subscription is shown as paused for this reason.
    #[cfg(test)]
    pub(crate) fn paused_for(&self, name: &str, reason: &str) -> i64 {
        self.paused.with([name, reason]).get()
    }

    /// The series of one subscription, which has them from the start.
    #[must_use]
    pub fn of(&self, name: &str) -> SubscriptionMetrics {
        SubscriptionMetrics {
            name: name.to_owned(),
            attempts: self.attempts.clone(),
            settled: self.settled.clone(),
            dead_letters: self.dead_letters.clone(),
            file_reloads: self.file_reloads.clone(),
            paused: self.paused.clone(),
            attempt_duration: self.attempt_duration.with([name]),
            secrets_changed_at: self.secrets_changed_at.with([name]),
            last_success: self.last_success.with([name]),
            dead_letter_failures: self.dead_letter_failures.with([name]),
            in_flight: self.in_flight.with([name]),
            held: self.held.with([name]),
            failing: self.failing.with([name]),
            stopped: self.stopped.with([name]),
        }
    }
}

impl SubscriptionMetrics {
    /// Counts one request.
    pub fn attempted(&self, result: &'static str, took: Duration) {
        self.attempts.with([&self.name, result]).inc();
        self.attempt_duration.observe(took);
    }

    /// Counts a delivery that it is done with.
    pub fn settled(&self, result: &'static str) {
        self.settled.with([&self.name, result]).inc();
    }

    /// Shows which of the `reasons` it is paused for; `None` where it is not paused.
    pub fn show_pause(&self, reasons: &[&'static str], current: Option<&str>) {
        for &reason in reasons {
            self.paused.with([&self.name, reason]).set(i64::from(current == Some(reason)));
        }
    }

    /// Counts a message that was given up.
    pub fn dead_letter(&self, reason: &str) {
        self.dead_letters.with([&self.name, reason]).inc();
    }

    /// Notes the time of a success.
    pub fn succeeded(&self, now: UnixMillis) {
        self.last_success.set_time(now);
    }

    /// The secrets and headers of the start.
    pub fn secrets_started(&self, now: UnixMillis) {
        self.secrets_changed_at.set_time(now);
    }

    /// Counts files taken into use.
    pub fn secrets_changed(&self, now: UnixMillis) {
        self.file_reloads.with([&self.name, "changed"]).inc();
        self.secrets_changed_at.set_time(now);
    }

    /// Counts files that could not be used.
    pub fn secrets_kept(&self) {
        self.file_reloads.with([&self.name, "kept_old"]).inc();
    }
}
