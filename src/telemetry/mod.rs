//! What operators see: metrics, and log lines.

pub mod logging;
mod metrics;
pub mod panics;

#[cfg(feature = "rocketmq")]
pub use metrics::CircuitStates;
pub use metrics::{
    TraceFamilies, TraceMetrics,
    CloseReason, ConnectionFamilies, ConnectionMetrics, Counter, CredentialReloads, DropInFamilies, EmbeddedFamilies,
    EmbeddedSample, EmbeddedTotals, Family, Gauge, GaugeGuard, GroupMetrics, Histogram, HttpLabels, HttpServerFamilies,
    LateMessageMetrics, MessageFamilies, Metrics, MetricsError, ProcessFamilies, RequestMetrics, SecondsGauge,
    TopicMetrics, UpstreamFamilies, UpstreamMetrics,
};
