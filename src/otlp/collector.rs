//! The way to the collector: its addresses, its connection, and the headers that go with every call.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use super::encoded::Encoded;
use super::headers::CallHeaders;
use super::wire::ExportTraceServiceResponse;
use crate::outbound::{EndpointAddress, GrpcCall, GrpcChannel, GrpcError, InvalidHost, Resolver};

const PATH: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A name is looked up again after so long, or when a call failed.
const FRESH: Duration = Duration::from_secs(60);
/// More than any collector has to say.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// Where spans go.
#[derive(Debug)]
pub(super) struct Collector {
    address: EndpointAddress,
    channel: GrpcChannel,
    /// A std lock: held for a few words, never over an await.
    resolved: Arc<Mutex<Vec<SocketAddr>>>,
    resolved_at: Option<Instant>,
    /// A look-up that DNS does not answer holds a thread, whoever still waits for it: one at a time.
    resolver: Resolver,
    timeout: Duration,
    headers: CallHeaders,
}

impl Collector {
    /// Connects to nothing yet. The connection's tasks run where this is called.
    pub(super) fn new(
        address: EndpointAddress,
        tls: &Arc<ClientConfig>,
        timeout: Duration,
        headers: CallHeaders,
    ) -> Result<Self, InvalidHost> {
        let resolved = Arc::new(Mutex::new(Vec::new()));
        let known = Arc::clone(&resolved);
        let addresses = move || known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let channel = GrpcChannel::new(&address, addresses, tls, CONNECT_TIMEOUT)?;
        Ok(Self { address, channel, resolved, resolved_at: None, resolver: Resolver::default(), timeout, headers })
    }

    /// Sends spans, once, and returns how many the collector did not take, and why.
    pub(super) async fn export(
        &mut self,
        request: &Encoded,
        deadline: Instant,
    ) -> Result<Option<(u64, String)>, GrpcError> {
        let deadline = deadline.min(Instant::now() + self.timeout);
        let prepared = async {
            self.headers.refresh().await;
            self.resolve().await
        };
        timeout_at(deadline, prepared).await.unwrap_or(Err(GrpcError::TimedOutUnsent))?;
        let call = GrpcCall {
            path: PATH,
            metadata: &[],
            headers: self.headers.get(),
            deadline,
            tell_deadline: true,
            max_answer_bytes: MAX_ANSWER_BYTES,
        };
        let answer: Result<ExportTraceServiceResponse, _> = self.channel.unary(call, request.clone()).await;
        let answer = answer.inspect_err(|_| self.resolved_at = None)?;
        let rejected = answer.partial_success.filter(|it| it.rejected_spans > 0);
        Ok(rejected.map(|it| (it.rejected_spans.unsigned_abs(), shortened(&it.error_message))))
    }

    async fn resolve(&mut self) -> Result<(), GrpcError> {
        if self.resolved_at.is_some_and(|at| at.elapsed() < FRESH) {
            return Ok(());
        }
        let EndpointAddress { host, port, .. } = &self.address;
        let not_resolved = |reason| GrpcError::NotConnected(format!("could not resolve {host}: {reason}"));
        let addresses = self.resolver.addresses(host, *port).await.map_err(not_resolved)?;
        *self.resolved.lock().unwrap_or_else(PoisonError::into_inner) = addresses;
        self.resolved_at = Some(Instant::now());
        Ok(())
    }
}

/// At most 200 characters, without control characters.
pub(super) fn shortened(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(200).collect()
}
