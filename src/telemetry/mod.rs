//! What operators see: metrics, and log lines.

mod failures;
pub mod logging;
mod metrics;
pub mod panics;

pub use failures::{Failure, FailureLog};
#[cfg(feature = "rocketmq")]
pub use metrics::CircuitStates;
pub use metrics::{
    CircuitMetrics, CloseReason, ConnectionFamilies, ConnectionMetrics, Counter, CredentialMetrics, DeadLetterFamilies,
    DropInFamilies, EmbeddedFamilies, EmbeddedSample, EmbeddedTotals, Family, Gauge, GaugeGuard, GroupMetrics,
    Histogram, HttpLabels, HttpServerFamilies, LateMessageMetrics, MessageFamilies, Metrics, MetricsError,
    OperationFamilies, ProcessFamilies, RequestMetrics, SecondsGauge, SubscriptionFamilies, SubscriptionMetrics,
    TopicMetrics, TraceFamilies, TraceMetrics, UNKNOWN_TOPIC, UpstreamFamilies, UpstreamMetrics,
};
