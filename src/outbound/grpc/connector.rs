//! Connects to a server: TCP, and TLS by our own configuration.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustix::net::sockopt::set_tcp_user_timeout;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::codegen::Service;
use tonic::transport::Uri;

use crate::outbound::{EndpointAddress, connect_fault};

/// A connection whose other end does not take what was sent for so long is broken.
const SILENCE_MILLIS: u32 = 10_000;
/// Most addresses that one connect tries.
const MAX_ADDRESSES: usize = 3;

type Addresses = Arc<dyn Fn() -> Vec<SocketAddr> + Send + Sync>;

/// Opens connections to one server.
#[derive(Clone)]
pub(super) struct Connector {
    host: String,
    tls: Option<TlsConnector>,
    addresses: Addresses,
    limit: Duration,
}

impl Connector {
    pub(super) fn new(
        endpoint: &EndpointAddress,
        addresses: Addresses,
        tls: &Arc<ClientConfig>,
        limit: Duration,
    ) -> Self {
        let tls = endpoint.tls.then(|| TlsConnector::from(Arc::clone(tls)));
        Self { host: endpoint.host.clone(), tls, addresses, limit }
    }

    async fn connect(self) -> Result<TokioIo<Stream>, NotConnected> {
        let mut failure = NotConnected("its name is not resolved yet".to_owned());
        for address in (self.addresses)().into_iter().take(MAX_ADDRESSES) {
            match self.open(address).await {
                Ok(stream) => return Ok(TokioIo::new(stream)),
                Err(reason) => failure = NotConnected(format!("{address}: {reason}")),
            }
        }
        Err(failure)
    }

    async fn open(&self, address: SocketAddr) -> Result<Stream, String> {
        let socket = match timeout(self.limit, TcpStream::connect(address)).await {
            Ok(Ok(socket)) => socket,
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err("connecting timed out".to_owned()),
        };
        // A small request must not wait for the answer to the one before it.
        socket.set_nodelay(true).map_err(|error| error.to_string())?;
        // A sender that hears nothing would wait a quarter of an hour, the kernel's own limit; where the option is not to be had,
        // that is what happens.
        if let Err(error) = set_tcp_user_timeout(&socket, SILENCE_MILLIS) {
            tracing::debug!(%error, "a connection has no limit on what is not acknowledged");
        }
        let Some(tls) = &self.tls else { return Ok(Stream::Plain(socket)) };
        let name = ServerName::try_from(self.host.clone()).map_err(|error| error.to_string())?;
        match timeout(self.limit, tls.connect(name, socket)).await {
            Ok(Ok(stream)) => Ok(Stream::Tls(Box::new(stream))),
            Ok(Err(error)) => Err(format!("TLS with {}: {}", self.host, connect_fault(&error))),
            Err(_) => Err(format!("TLS with {}: no handshake in time", self.host)),
        }
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotConnected(String);

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = NotConnected;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, NotConnected>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NotConnected>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("host", &self.host).finish_non_exhaustive()
    }
}

/// A connection with or without TLS.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
