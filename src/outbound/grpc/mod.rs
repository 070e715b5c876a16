//! Calls over gRPC: one HTTP/2 connection to a server, which all threads share and which is made again when it breaks.
//!
//! The library's types stay here. A call says whether anything of it was sent: its message is handed to the connection only once
//! there is one.

mod call;
mod connector;
mod error;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use prost::Message;
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Status, Streaming};
use tonic_prost::ProstCodec;

use super::{EndpointAddress, InvalidHost};
use call::{Outgoing, Progress};
use connector::Connector;

pub use call::GrpcCall;
pub use error::{GrpcError, GrpcStatus};

/// Room for what the server sends of one answer before we take it, and of all of them together.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;

/// The way to one server. Clones share the connection.
#[derive(Clone)]
pub struct GrpcChannel(Channel);

/// Messages of one answer that is a stream. Dropping it ends the call.
pub struct GrpcStream<A>(Streaming<A>);

impl GrpcChannel {
    /// Connects when it is first used, to one of the addresses that `addresses` gives then. Must be made where the connection is to
    /// live: its tasks run on the current runtime.
    ///
    /// # Errors
    /// [`InvalidHost`]; the configuration refuses those earlier.
    pub fn new(
        endpoint: &EndpointAddress,
        addresses: impl Fn() -> Vec<SocketAddr> + Send + Sync + 'static,
        tls: &Arc<ClientConfig>,
        connect_timeout: Duration,
    ) -> Result<Self, InvalidHost> {
        let authority = endpoint.authority();
        let uri = |scheme: &str| -> Result<Uri, InvalidHost> {
            format!("{scheme}://{authority}").parse().map_err(|_| InvalidHost::new(&endpoint.host))
        };
        // The library itself is not told of TLS, which is the connector's matter.
        let scheme = if endpoint.tls { "https" } else { "http" };
        let builder = Endpoint::from(uri("http")?)
            .origin(uri(scheme)?)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW);
        let connector = Connector::new(endpoint, Arc::new(addresses), tls, connect_timeout);
        Ok(Self(builder.connect_with_connector_lazy(connector)))
    }

    /// One message there, one back.
    ///
    /// # Errors
    /// [`GrpcError`] says whether anything was sent.
    pub async fn unary<Q, A>(&self, call: GrpcCall<'_>, message: Q) -> Result<A, GrpcError>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let outgoing = Outgoing::new(futures_util::stream::iter([message]));
        let progress = outgoing.progress();
        let answer = async {
            let mut grpc = self.client(&call).await?;
            let request = call.request(outgoing)?;
            let codec = ProstCodec::<Q, A>::default();
            let answered = grpc.client_streaming(request, PathAndQuery::from_static(call.path), codec).await;
            answered.map(tonic::Response::into_inner).map_err(|status| failure(&status, &progress))
        };
        timeout_at(call.deadline, answer).await.unwrap_or_else(|_| Err(progress.timed_out()))
    }

    /// One message there, many back. The deadline is that of the first sign of an answer; the server is told it for the whole.
    ///
    /// # Errors
    /// [`GrpcError`].
    pub async fn server_streaming<Q, A>(&self, call: GrpcCall<'_>, message: Q) -> Result<GrpcStream<A>, GrpcError>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        self.streaming(call, futures_util::stream::iter([message])).await
    }

    /// Many messages there, many back. No deadline is told to the server: the call lives as long as both streams.
    ///
    /// # Errors
    /// [`GrpcError`].
    pub async fn streaming<Q, A>(
        &self,
        call: GrpcCall<'_>,
        messages: impl Stream<Item = Q> + Send + Unpin + 'static,
    ) -> Result<GrpcStream<A>, GrpcError>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let outgoing = Outgoing::new(messages);
        let progress = outgoing.progress();
        let answer = async {
            let mut grpc = self.client(&call).await?;
            let request = call.request(outgoing)?;
            let codec = ProstCodec::<Q, A>::default();
            let answered = grpc.streaming(request, PathAndQuery::from_static(call.path), codec).await;
            answered.map(|answer| GrpcStream(answer.into_inner())).map_err(|status| failure(&status, &progress))
        };
        timeout_at(call.deadline, answer).await.unwrap_or_else(|_| Err(progress.timed_out()))
    }

    async fn client(&self, call: &GrpcCall<'_>) -> Result<Grpc<Channel>, GrpcError> {
        if Instant::now() >= call.deadline {
            return Err(GrpcError::TimedOutUnsent);
        }
        let mut grpc = Grpc::new(self.0.clone()).max_decoding_message_size(call.max_answer_bytes);
        grpc.ready().await.map_err(|error| GrpcError::NotConnected(error::reason(&error)))?;
        Ok(grpc)
    }
}

/// What the library's status means to a call that has come so far.
fn failure(status: &Status, progress: &Progress) -> GrpcError {
    // The library keeps the deadline that the server is told, too, and may be first.
    if error::is_late(status) { progress.timed_out() } else { GrpcError::of(status, progress.was_sent()) }
}

impl<A> GrpcStream<A> {
    /// The next message; `None` at the end.
    ///
    /// # Errors
    /// [`GrpcError`].
    pub async fn next(&mut self) -> Result<Option<A>, GrpcError> {
        self.0.message().await.map_err(|status| GrpcError::after_sending(&status))
    }
}

impl fmt::Debug for GrpcChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GrpcChannel")
    }
}

impl<A> fmt::Debug for GrpcStream<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GrpcStream")
    }
}
