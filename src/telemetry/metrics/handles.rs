//! What is counted in. A handle is one series, found once by its labels and then kept; `…s` is all series of one metric.

use std::time::Duration;

use prometheus::core::Collector as _;
use prometheus::proto::{Metric, MetricFamily};
use prometheus::{GaugeVec, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use crate::model::UnixMillis;

/// A number that only grows.
#[derive(Debug, Clone)]
pub struct Counter(IntCounter);

impl Counter {
    /// Adds one.
    #[inline]
    pub fn inc(&self) {
        self.0.inc();
    }

    /// Adds `by`.
    #[inline]
    pub fn inc_by(&self, by: u64) {
        self.0.inc_by(by);
    }

    /// Shows a total that is kept elsewhere, where nobody else counts in this one.
    pub(super) fn raise_to(&self, total: u64) {
        self.0.inc_by(total.saturating_sub(self.0.get()));
    }
}

/// A number that goes up and down.
#[derive(Debug, Clone)]
pub struct Gauge(IntGauge);

impl Gauge {
    /// Adds one.
    #[inline]
    pub fn inc(&self) {
        self.0.inc();
    }

    /// Takes one away.
    #[inline]
    pub fn dec(&self) {
        self.0.dec();
    }

    /// Shows `value`.
    #[inline]
    pub fn set(&self, value: i64) {
        self.0.set(value);
    }

    /// What is shown.
    #[inline]
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.get()
    }

    /// One more until the guard is dropped.
    #[inline]
    #[must_use = "it counts as long as it lives"]
    pub fn guard(&self) -> GaugeGuard<'_> {
        self.inc();
        GaugeGuard(self)
    }

    /// Adds `by`, or as much as fits.
    pub(super) fn add(&self, by: u64) {
        self.0.add(i64::try_from(by).unwrap_or(i64::MAX));
    }
}

/// One more in a gauge while it lives.
#[derive(Debug)]
pub struct GaugeGuard<'a>(&'a Gauge);

impl Drop for GaugeGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Seconds that go up and down, with their fraction.
#[derive(Debug, Clone)]
pub struct SecondsGauge(prometheus::Gauge);

impl SecondsGauge {
    /// Shows `seconds`.
    #[inline]
    pub fn set(&self, seconds: f64) {
        self.0.set(seconds);
    }

    /// Shows a time, in seconds since 1970.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit for 285,000 years")]
    pub(super) fn set_time(&self, time: UnixMillis) {
        self.0.set(time.0 as f64 / 1000.0);
    }

    /// Shows `seconds` where they are more than what is shown.
    pub(super) fn raise_to(&self, seconds: f64) {
        self.0.set(self.0.get().max(seconds));
    }
}

/// How often something took how long.
#[derive(Debug, Clone)]
pub struct Histogram(prometheus::Histogram);

impl Histogram {
    /// Counts one that took `elapsed`.
    #[inline]
    pub fn observe(&self, elapsed: Duration) {
        self.0.observe(elapsed.as_secs_f64());
    }
}

/// Counters of one name with `N` labels.
#[derive(Debug, Clone)]
pub(super) struct Counters<const N: usize>(pub(super) IntCounterVec);

impl<const N: usize> Counters<N> {
    pub(super) fn with(&self, labels: [&str; N]) -> Counter {
        Counter(self.0.with_label_values(&labels))
    }

    /// Takes one series off the page.
    #[cfg(feature = "rocketmq")]
    pub(super) fn forget(&self, labels: [&str; N]) {
        // One that is not there is what is wanted.
        drop(self.0.remove_label_values(&labels));
    }
}

/// Gauges of one name with `N` labels.
#[derive(Debug, Clone)]
pub(super) struct Gauges<const N: usize>(pub(super) IntGaugeVec);

impl<const N: usize> Gauges<N> {
    pub(super) fn with(&self, labels: [&str; N]) -> Gauge {
        Gauge(self.0.with_label_values(&labels))
    }

    /// Takes one series off the page.
    #[cfg(feature = "rocketmq")]
    pub(super) fn forget(&self, labels: [&str; N]) {
        // One that is not there is what is wanted.
        drop(self.0.remove_label_values(&labels));
    }

    /// Takes every series off the page.
    pub(super) fn reset(&self) {
        self.0.reset();
    }

    /// The values of the label `of` in the series that have this label and are not 0.
    pub(super) fn not_zero(&self, (label, value): (&str, &str), of: &str) -> Vec<String> {
        let families = self.0.collect();
        let series = families.iter().flat_map(MetricFamily::get_metric).filter(|it| it.get_gauge().get_value() != 0.0);
        let value_of = |series: &Metric, label: &str| {
            let found = series.get_label().iter().find(|it| it.name() == label);
            found.map(|it| it.value().to_owned())
        };
        let wanted = series.filter(|it| value_of(it, label).is_some_and(|it| it == value));
        wanted.filter_map(|it| value_of(it, of)).collect()
    }
}

/// Gauges of seconds of one name with `N` labels.
#[derive(Debug, Clone)]
pub(super) struct SecondsGauges<const N: usize>(pub(super) GaugeVec);

impl<const N: usize> SecondsGauges<N> {
    pub(super) fn with(&self, labels: [&str; N]) -> SecondsGauge {
        SecondsGauge(self.0.with_label_values(&labels))
    }

    /// Takes every series off the page.
    pub(super) fn reset(&self) {
        self.0.reset();
    }
}

/// Histograms of one name with `N` labels.
#[derive(Debug)]
pub(super) struct Histograms<const N: usize>(pub(super) HistogramVec);

impl<const N: usize> Histograms<N> {
    pub(super) fn with(&self, labels: [&str; N]) -> Histogram {
        Histogram(self.0.with_label_values(&labels))
    }
}
