//! Every metric, a file per area, which registers what it has. Label values come from configuration or an enum, never
//! straight from a request. `docs/metrics.md` has a line for each, which a test holds to what is registered here.
//!
//! Prometheus' own types end in `handles` and `registrar`.

mod bounded_labels;
mod connections;
mod credentials;
mod dead_letters;
mod drop_in;
mod embedded;
mod handles;
mod http_server;
mod messages;
mod operations;
mod process;
mod registrar;
mod subscriptions;
mod traces;
mod upstream;

use std::sync::Arc;

pub use connections::{CloseReason, ConnectionFamilies, ConnectionMetrics};
pub use credentials::CredentialMetrics;
pub use dead_letters::DeadLetterFamilies;
pub use drop_in::DropInFamilies;
pub use embedded::{EmbeddedFamilies, EmbeddedSample, EmbeddedTotals};
pub use handles::{Counter, Gauge, GaugeGuard, Histogram, SecondsGauge};
pub use http_server::{HttpLabels, HttpServerFamilies, RequestMetrics};
pub use messages::{GroupMetrics, MessageFamilies, TopicMetrics, UNKNOWN_TOPIC};
pub use operations::OperationFamilies;
pub use process::ProcessFamilies;
pub use registrar::{Family, MetricsError};
pub use subscriptions::{SubscriptionFamilies, SubscriptionMetrics};
pub use traces::{TraceFamilies, TraceMetrics};
#[cfg(feature = "rocketmq")]
pub use upstream::CircuitStates;
pub use upstream::{CircuitMetrics, LateMessageMetrics, UpstreamFamilies, UpstreamMetrics};

/// All metrics of one gateway. Nothing is global: two gateways of one process do not see each other.
#[derive(Debug)]
pub struct Metrics {
    /// Requests on the data listener.
    pub http_server: HttpServerFamilies,
    /// Connections of callers.
    pub connections: ConnectionFamilies,
    /// Messages by topic and group.
    pub messages: MessageFamilies,
    /// Exchanges with the MQ.
    pub upstream: UpstreamFamilies,
    /// What callers asked for and did not get.
    pub operations: OperationFamilies,
    /// The keys, and files that changed.
    pub credentials: CredentialMetrics,
    /// Requests of the vendors' clients.
    pub drop_in: DropInFamilies,
    /// Dead letters that operators dealt with.
    pub dead_letters: DeadLetterFamilies,
    /// The embedded endpoint.
    pub embedded: EmbeddedFamilies,
    /// Subscriptions.
    pub subscriptions: SubscriptionFamilies,
    /// Spans of traces.
    pub traces: TraceFamilies,
    /// The process itself.
    pub process: ProcessFamilies,
    page: registrar::Page,
}

impl Metrics {
    /// The media type of [`render`](Self::render).
    pub const CONTENT_TYPE: &'static str = registrar::Page::CONTENT_TYPE;

    /// Makes and registers every metric.
    ///
    /// # Errors
    /// Only when a name is wrong or used twice, which a test would show.
    pub fn new() -> Result<Arc<Self>, MetricsError> {
        let mut registrar = registrar::Registrar::default();
        Ok(Arc::new(Self {
            http_server: HttpServerFamilies::register(&mut registrar)?,
            connections: ConnectionFamilies::register(&mut registrar)?,
            messages: MessageFamilies::register(&mut registrar)?,
            upstream: UpstreamFamilies::register(&mut registrar)?,
            operations: OperationFamilies::register(&mut registrar)?,
            credentials: CredentialMetrics::register(&mut registrar)?,
            drop_in: DropInFamilies::register(&mut registrar)?,
            dead_letters: DeadLetterFamilies::register(&mut registrar)?,
            embedded: EmbeddedFamilies::register(&mut registrar)?,
            subscriptions: SubscriptionFamilies::register(&mut registrar)?,
            traces: TraceFamilies::register(&mut registrar)?,
            process: ProcessFamilies::register(&mut registrar)?,
            page: registrar.finish(),
        }))
    }

    /// Every metric by name, also those that have no series yet.
    #[must_use]
    pub fn families(&self) -> &[Family] {
        &self.page.families
    }

    /// The whole page in Prometheus' text format.
    ///
    /// # Errors
    /// When a series is inconsistent, which a test would show.
    pub fn render(&self) -> Result<Vec<u8>, MetricsError> {
        self.page.render()
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
