//! Requests on the data listener.

use std::time::Duration;

use super::handles::{Counter, Counters, Gauge, Histogram, Histograms};
use super::registrar::{MetricsError, Registrar};

/// The area's metrics.
#[derive(Debug)]
pub struct HttpServerFamilies {
    requests: Counters<3>,
    duration: Histograms<1>,
    /// Requests being answered now.
    pub in_flight: Gauge,
    shed: Counters<1>,
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

/// The series of requests with the same labels.
#[derive(Debug)]
pub struct RequestMetrics {
    requests: Counter,
    duration: Histogram,
}

impl HttpServerFamilies {
    pub(super) fn register(registrar: &mut Registrar) -> Result<Self, MetricsError> {
        Ok(Self {
            requests: registrar.counters(
                "http_requests_total",
                "Requests answered on the data listener.",
                ["method", "route", "status"],
            )?,
            duration: registrar.histograms(
                "http_request_duration_seconds",
                "Time from a request's head to its answer.",
                ["route"],
            )?,
            in_flight: registrar.gauge("http_requests_in_flight", "Requests being answered now.")?,
            shed: registrar.counters("requests_shed_total", "Requests refused to protect the rest.", ["reason"])?,
        })
    }

    /// The series of one combination of labels: look it up once, keep it.
    #[must_use]
    pub fn request(&self, labels: HttpLabels) -> RequestMetrics {
        let mut status = itoa::Buffer::new();
        RequestMetrics {
            requests: self.requests.with([labels.method, labels.route, status.format(labels.status)]),
            duration: self.duration.with([labels.route]),
        }
    }

    /// Counts a request refused to protect the rest.
    pub fn shed(&self, reason: &'static str) {
        self.shed.with([reason]).inc();
    }
}

impl RequestMetrics {
    /// Counts one request that ended, `elapsed` after its head.
    #[inline]
    pub fn ended(&self, elapsed: Duration) {
        self.requests.inc();
        self.duration.observe(elapsed);
    }
}
