//! Log lines: JSON for machines, text for a terminal, never more than INFO of the libraries.

use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Metadata};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{FilterExt as _, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::layer::{Context, Filter};
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
    let filter = filter(config.level).and(OncePerPause::default());
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
    // actix logs at INFO, twice for each listener, what our own `listening` says.
    let quiet = ours.min(LevelFilter::WARN);
    Targets::new()
        .with_default(ours.min(LevelFilter::INFO))
        .with_target("actix_server", quiet)
        // An ERROR for every head that is no HTTP: a caller's mistake, which is answered, and which anybody can make at will.
        .with_target("actix_http::h1::dispatcher", LevelFilter::OFF)
        .with_target("mq_gateway", ours)
}

/// Where the HTTP server logs, twice a second, that the process can open no more files.
const ACCEPTING: &str = "actix_server::accept";
const PAUSE: Duration = Duration::from_secs(10);

/// Lets one event of [`ACCEPTING`] through, then none for [`PAUSE`].
#[derive(Debug, Default)]
struct OncePerPause(Mutex<Option<Instant>>);

impl<S> Filter<S> for OncePerPause {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn callsite_enabled(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::always()
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        event.metadata().target() != ACCEPTING || self.due(Instant::now())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }
}

impl OncePerPause {
    fn due(&self, now: Instant) -> bool {
        let mut last = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let due = last.is_none_or(|last| now.duration_since(last) >= PAUSE);
        if due {
            *last = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_in_each_pause() {
        let (filter, start) = (OncePerPause::default(), Instant::now());
        assert!(filter.due(start));
        assert!(!filter.due(start + Duration::from_secs(9)));
        assert!(filter.due(start + Duration::from_secs(10)));
        assert!(!filter.due(start + Duration::from_secs(11)));
    }
}
