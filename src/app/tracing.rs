//! Traces: the tracer and its exporter, where the configuration asks for them.

use super::dependencies::Dependencies;
use super::error::StartError;
use crate::config::{Config, Endpoint};
use crate::spans::Tracer;
use crate::tasks::Services;

/// Starts to export, and returns what begins traces; nothing at all without a destination.
#[cfg(feature = "traces")]
pub(super) fn start(
    config: &Config,
    dependencies: &Dependencies,
    services: &mut Services,
) -> Result<Option<Tracer>, StartError> {
    use std::sync::Arc;

    use crate::config::load_headers;
    use crate::otlp::{self, Settings};
    use crate::outbound::{EndpointAddress, TlsRoots};
    use crate::spans::{Queue, QueueLimits};
    use crate::tasks::{Phase, Service};

    let tracing = &config.tracing;
    let Some(Endpoint::Url { tls, host, port }) = tracing.destination() else { return Ok(None) };
    let metrics = dependencies.metrics.traces.exporter();
    let limits = QueueLimits {
        spans: tracing.max_queue_size,
        bytes: tracing.max_queue_bytes,
        batch: tracing.max_export_batch_size.min(tracing.max_queue_size),
    };
    let dropped = metrics.dropped_queue_full.clone();
    let queue = Arc::new(Queue::new(limits, move || dropped.inc()));
    let tracer = Tracer::new(tracing.sampling(), dependencies.clock.clone(), &dependencies.random, Arc::clone(&queue))
        .map_err(|error| StartError::Inconsistent(format!("tracing: {error}")))?;
    let headers = tracing.headers_file.as_deref().map(load_headers).transpose();
    let settings = Settings {
        address: EndpointAddress { tls: *tls, host: host.clone(), port: *port },
        roots: tracing.ca_file.clone().map_or(TlsRoots::Public, TlsRoots::File),
        resource: resource(tracing.resource()),
        headers: headers.map_err(StartError::TraceHeaders)?.unwrap_or_default(),
        headers_file: tracing.headers_file.clone(),
        timeout: tracing.timeout,
        schedule_delay: tracing.schedule_delay,
        export_timeout: tracing.export_timeout,
    };
    let export = otlp::export(settings, queue, metrics)?;
    // After the listener, whose last requests have spans, too.
    services.add(Phase::Backend, Service::start("trace exporter", export));
    Ok(Some(tracer))
}

/// Nothing: this build has no exporter, and the configuration's checks refuse a destination.
#[cfg(not(feature = "traces"))]
pub(super) fn start(
    config: &Config,
    _dependencies: &Dependencies,
    _services: &mut Services,
) -> Result<Option<Tracer>, StartError> {
    match config.tracing.destination() {
        Some(Endpoint::Url { .. } | Endpoint::Embedded) => {
            Err(StartError::Inconsistent("traces are not part of this build".to_owned()))
        }
        None => Ok(None),
    }
}

/// What is true of the process besides what the configuration says.
#[cfg(feature = "traces")]
fn resource(mut configured: Vec<(String, String)>) -> Vec<(String, String)> {
    let own = [
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("telemetry.sdk.name", env!("CARGO_PKG_NAME")),
        ("telemetry.sdk.language", "rust"),
        ("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
    ];
    for (key, value) in own {
        if !configured.iter().any(|(known, _)| known == key) {
            configured.push((key.to_owned(), value.to_owned()));
        }
    }
    configured
}
