//! What operators see: every metric series in one struct, and log lines.

mod connections;
pub mod logging;
mod metrics;
pub mod panics;
mod topic_labels;

pub use connections::{CloseReason, ConnectionMetrics};
pub use metrics::{
    EmbeddedSample, EmbeddedTotals, Family, GroupMetrics, HttpLabels, Metrics, TopicMetrics, UpstreamMetrics,
};
pub use topic_labels::{OTHER, UNKNOWN};
