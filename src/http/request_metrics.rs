//! Counts the data listener's requests.

use std::cell::RefCell;
use std::time::Instant;

use prometheus::{Histogram, IntCounter};

use crate::telemetry::{HttpLabels, Metrics};

/// The status in metrics of a request whose caller was gone before its answer (nginx's, not on the wire).
const CALLER_GONE: u16 = 499;

/// One thread's handles to the series it uses, so that a request costs no look-up by text. There are few, and the
/// commonest come first.
#[derive(Debug, Default)]
pub(super) struct RequestSeries(RefCell<Vec<(HttpLabels, IntCounter, Histogram)>>);

impl RequestSeries {
    fn observe(&self, metrics: &Metrics, labels: HttpLabels, started: Instant) {
        let mut series = self.0.borrow_mut();
        if !series.iter().any(|(known, ..)| *known == labels) {
            series.push((labels, metrics.http_requests(labels), metrics.http_request_duration(labels.route)));
        }
        if let Some((_, requests, duration)) = series.iter().find(|(known, ..)| *known == labels) {
            requests.inc();
            duration.observe(started.elapsed().as_secs_f64());
        }
    }
}

/// Counts a request when it ends, also one whose caller hung up before its answer.
pub(super) struct RequestTimer<'a> {
    metrics: &'a Metrics,
    series: &'a RequestSeries,
    labels: HttpLabels,
    started: Instant,
}

impl<'a> RequestTimer<'a> {
    pub(super) fn new(
        metrics: &'a Metrics,
        series: &'a RequestSeries,
        (method, route): (&'static str, &'static str),
        started: Instant,
    ) -> Self {
        metrics.http_requests_in_flight.inc();
        Self { metrics, series, labels: HttpLabels { method, route, status: CALLER_GONE }, started }
    }

    /// The answer has this status.
    pub(super) fn answered(&mut self, status: u16) {
        self.labels.status = status;
    }
}

impl Drop for RequestTimer<'_> {
    fn drop(&mut self) {
        self.metrics.http_requests_in_flight.dec();
        self.series.observe(self.metrics, self.labels, self.started);
    }
}
