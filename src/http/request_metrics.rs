//! Counts the data listener's requests.

use std::cell::RefCell;
use std::time::Instant;

use crate::telemetry::{GaugeGuard, HttpLabels, Metrics, RequestMetrics};

/// The status in metrics of a request whose caller was gone before its answer (nginx's, not on the wire).
const CALLER_GONE: u16 = 499;

/// One thread's handles to the series it uses, so that a request costs no look-up by text. There are few, and the
/// commonest come first.
#[derive(Debug, Default)]
pub(super) struct RequestSeries(RefCell<Vec<(HttpLabels, RequestMetrics)>>);

impl RequestSeries {
    fn observe(&self, metrics: &Metrics, labels: HttpLabels, started: Instant) {
        let mut series = self.0.borrow_mut();
        if !series.iter().any(|(known, _)| *known == labels) {
            series.push((labels, metrics.http_server.request(labels)));
        }
        if let Some((_, request)) = series.iter().find(|(known, _)| *known == labels) {
            request.ended(started.elapsed());
        }
    }
}

/// Counts a request when it ends, also one whose caller hung up before its answer.
pub(super) struct RequestTimer<'a> {
    metrics: &'a Metrics,
    series: &'a RequestSeries,
    labels: HttpLabels,
    started: Instant,
    _in_flight: GaugeGuard<'a>,
}

impl<'a> RequestTimer<'a> {
    pub(super) fn new(
        metrics: &'a Metrics,
        series: &'a RequestSeries,
        (method, route): (&'static str, &'static str),
        started: Instant,
    ) -> Self {
        let labels = HttpLabels { method, route, status: CALLER_GONE };
        Self { metrics, series, labels, started, _in_flight: metrics.http_server.in_flight.guard() }
    }

    /// The answer has this status.
    pub(super) fn answered(&mut self, status: u16) {
        self.labels.status = status;
    }
}

impl Drop for RequestTimer<'_> {
    fn drop(&mut self) {
        self.series.observe(self.metrics, self.labels, self.started);
    }
}
