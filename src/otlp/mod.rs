//! Exports spans to an OpenTelemetry collector: OTLP over gRPC, on our own connections.
//!
//! OpenTelemetry's own crates are not used. What they would do here is little (eight messages, a queue, a loop), and they would
//! bring a second way to make connections and their own queue, bounded in spans and not in bytes, behind global state.

mod collector;
mod encode;
mod encoded;
mod exporter;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod headers;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::change_report::ChangeReport;
use crate::config::Headers;
use crate::outbound::{EndpointAddress, InvalidHost, TlsError, TlsRoots, http2_client_config};
use crate::spans::Queue;
use crate::tasks::StopSignal;
use crate::telemetry::TraceMetrics;

use collector::Collector;
use exporter::Exporter;
use headers::CallHeaders;

/// How spans are exported.
#[derive(Debug)]
pub struct Settings {
    /// The collector.
    pub address: EndpointAddress,
    /// Whom to trust, for TLS.
    pub roots: TlsRoots,
    /// What is true of the process in every span.
    pub resource: Vec<(String, String)>,
    /// Headers that go with every call, read anew before each.
    pub headers_file: Option<PathBuf>,
    /// What it holds now.
    pub headers: Headers,
    /// How long one call may take.
    pub timeout: Duration,
    /// How long a span waits for others.
    pub schedule_delay: Duration,
    /// How long a batch is tried.
    pub export_timeout: Duration,
}

/// Why spans cannot be exported at all.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The endpoint's host is none.
    #[error("tracing.endpoint: {0}")]
    Host(#[from] InvalidHost),
    /// The file of a private CA.
    #[error("tracing: {0}")]
    Tls(#[from] TlsError),
}

/// Exports what comes into `queue`, until `stop` is given, and then what is left. Must be called where the connection is to live.
///
/// # Errors
/// [`SetupError`].
pub fn export(
    settings: Settings,
    queue: Arc<Queue>,
    metrics: TraceMetrics,
) -> Result<impl FnOnce(StopSignal) -> futures_util::future::BoxFuture<'static, ()>, SetupError> {
    let Settings { address, roots, resource, headers_file, headers, timeout, schedule_delay, export_timeout } =
        settings;
    let tls = http2_client_config(&roots)?;
    let collector = Collector::new(address, &tls, timeout, CallHeaders::new(headers_file, headers))?;
    let exporter = Exporter {
        queue,
        collector,
        resource,
        metrics,
        schedule_delay,
        export_timeout,
        works: ChangeReport::default(),
        flush_by: None,
    };
    Ok(move |stop| Box::pin(exporter.run(stop)) as futures_util::future::BoxFuture<'static, ()>)
}
