//! Log lines: JSON for machines, text for a terminal, never more than INFO of the libraries.

use std::io::IsTerminal as _;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{LogConfig, LogFormat, LogLevel};

/// Starts logging to stdout for the whole process. A second call changes nothing: two gateways of one process share
/// the first one's log.
pub fn start(config: &LogConfig) {
    let json = match config.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stdout().is_terminal(),
    };
    let filter = filter(config.level);
    let registry = tracing_subscriber::registry();
    let started = if json {
        let layer = tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false);
        registry.with(layer.with_span_list(false).with_filter(filter)).try_init()
    } else {
        registry.with(tracing_subscriber::fmt::layer().with_target(false).with_filter(filter)).try_init()
    };
    // Refused only when a logger is there already: the first one stays.
    drop(started);
}

/// Ours at `level`, the libraries' never below INFO: their debug lines hold whole requests, keys included.
fn filter(level: LogLevel) -> Targets {
    let ours = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    // actix says at INFO, twice for each listener, what our own `listening` says.
    let quiet = ours.min(LevelFilter::WARN);
    Targets::new()
        .with_default(ours.min(LevelFilter::INFO))
        .with_target("actix_server", quiet)
        .with_target("mq_gateway", ours)
}
