//! What operators see: every metric series in one struct, and log lines.

pub mod logging;
mod metrics;
mod topic_labels;

pub use metrics::{GroupMetrics, HttpLabels, Metrics, TopicMetrics, UpstreamMetrics};
pub use topic_labels::{OTHER, UNKNOWN};
