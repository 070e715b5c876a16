//! Traces: what a collector gets, and what becomes of requests where there is none.

mod exporter;
mod failures;
mod parentage;
mod propagation;
mod pushes;
mod sampling;
mod secrecy;
mod start;

use crate::support::collector::Collector;
use crate::support::{Endpoint, Launch, Settings};

pub const MESSAGES: &str = "/v1/topics/orders/messages";
pub const RECEIVE: &str = "/v1/topics/orders/groups/CID_a/messages:receive";
pub const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Towards the checking endpoint, with spans that go to `collector` soon.
pub fn traced(endpoint: &Endpoint, settings: Settings, collector: &Collector) -> Launch {
    exporting(Launch::towards(endpoint, settings), &collector.url())
}

/// On the embedded endpoint, which speaks a protocol with properties; `lines` are more of the profile.
pub fn traced_on_embedded(lines: &str, collector: &Collector) -> Launch {
    let settings = Settings::new().profile("protocol = \"mq-http\"").profile(lines);
    exporting(Launch::on_embedded("", &settings), &collector.url())
}

pub fn exporting(launch: Launch, url: &str) -> Launch {
    launch.environment("OTEL_EXPORTER_OTLP_ENDPOINT", url).environment("OTEL_BSP_SCHEDULE_DELAY", "20")
}
