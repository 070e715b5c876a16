//! Makes metrics, and notes what it made.

use prometheus::core::Collector;
use prometheus::{Encoder as _, GaugeVec, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};

use super::handles::{Counter, Counters, Gauge, Gauges, Histogram, Histograms, SecondsGauges};

/// Seconds: from a loopback exchange to a long poll.
const BUCKETS: &[f64] =
    &[0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// A name that is wrong or was used twice, or series that do not fit together: a bug, which a test would show.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct MetricsError(#[from] prometheus::Error);

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

/// Registers the metrics of every area. Names are given without the prefix.
#[derive(Debug, Default)]
pub(super) struct Registrar {
    registry: Registry,
    families: Vec<Family>,
}

impl Registrar {
    /// Counters by labels.
    pub(super) fn counters<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        labels: [&str; N],
    ) -> Result<Counters<N>, MetricsError> {
        self.add("counter", name, help, &labels, IntCounterVec::new).map(Counters)
    }

    /// One counter.
    pub(super) fn counter(&mut self, name: &str, help: &str) -> Result<Counter, MetricsError> {
        Ok(self.counters(name, help, [])?.with([]))
    }

    /// Gauges by labels.
    pub(super) fn gauges<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        labels: [&str; N],
    ) -> Result<Gauges<N>, MetricsError> {
        self.add("gauge", name, help, &labels, IntGaugeVec::new).map(Gauges)
    }

    /// One gauge.
    pub(super) fn gauge(&mut self, name: &str, help: &str) -> Result<Gauge, MetricsError> {
        Ok(self.gauges(name, help, [])?.with([]))
    }

    /// Gauges of seconds by labels.
    pub(super) fn seconds_gauges<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        labels: [&str; N],
    ) -> Result<SecondsGauges<N>, MetricsError> {
        self.add("gauge", name, help, &labels, GaugeVec::new).map(SecondsGauges)
    }

    /// Histograms of seconds by labels.
    pub(super) fn histograms<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        labels: [&str; N],
    ) -> Result<Histograms<N>, MetricsError> {
        let make = |opts: Opts, labels: &[&str]| {
            HistogramVec::new(prometheus::HistogramOpts::from(opts).buckets(BUCKETS.to_vec()), labels)
        };
        self.add("histogram", name, help, &labels, make).map(Histograms)
    }

    /// One histogram of seconds.
    pub(super) fn histogram(&mut self, name: &str, help: &str) -> Result<Histogram, MetricsError> {
        Ok(self.histograms(name, help, [])?.with([]))
    }

    /// `process_*`: CPU, memory, open files, start; only where the system has them.
    pub(super) fn process(&mut self) -> Result<(), MetricsError> {
        #[cfg(target_os = "linux")]
        self.registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(())
    }

    fn add<C: Collector + Clone + 'static>(
        &mut self,
        kind: &'static str,
        name: &str,
        help: &str,
        labels: &[&str],
        make: impl FnOnce(Opts, &[&str]) -> prometheus::Result<C>,
    ) -> Result<C, MetricsError> {
        let name = format!("mq_gateway_{name}");
        let collector = make(Opts::new(&*name, help), labels)?;
        self.registry.register(Box::new(collector.clone()))?;
        let labels = labels.iter().map(|&label| label.to_owned()).collect();
        self.families.push(Family { name, kind, labels, help: help.to_owned() });
        Ok(collector)
    }

    /// The page, once everything is registered.
    pub(super) fn finish(mut self) -> Page {
        self.families.sort();
        Page { registry: self.registry, families: self.families }
    }
}

/// Everything that was registered.
#[derive(Debug)]
pub(super) struct Page {
    registry: Registry,
    /// Sorted by name, also those that have no series yet.
    pub(super) families: Vec<Family>,
}

impl Page {
    /// The media type of [`render`](Self::render).
    pub(super) const CONTENT_TYPE: &'static str = prometheus::TEXT_FORMAT;

    /// Every series in Prometheus' text format.
    pub(super) fn render(&self) -> Result<Vec<u8>, MetricsError> {
        let mut page = Vec::with_capacity(32 * 1024);
        TextEncoder::new().encode(&self.registry.gather(), &mut page)?;
        Ok(page)
    }
}
