//! A connection's bytes, in plain text or under TLS.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use futures_util::future::poll_fn;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::unconstrained;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::outbound::http::EndpointAddress;
use crate::outbound::http::call::CallError;
use crate::outbound::http::progress::Progress;
use crate::outbound::http::tcp;
use crate::outbound::tls_fault::connect_fault;

/// A connection's bytes.
pub(super) enum Stream {
    /// As they are.
    Plain(TcpStream),
    /// Under TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Connects, and shakes hands where the endpoint speaks TLS; each takes at most `limit`.
    pub(super) async fn open(
        endpoint: &EndpointAddress,
        address: SocketAddr,
        tls: &Arc<ClientConfig>,
        limit: Duration,
        progress: &Cell<Progress>,
    ) -> Result<Self, CallError> {
        let stream = within(limit, tcp::connect(address)).await?;
        if !endpoint.tls {
            return Ok(Self::Plain(stream));
        }
        progress.set(Progress::ShakingHands);
        let name = ServerName::try_from(endpoint.host.clone())
            .map_err(|_| CallError::NotConnected("the host is not a name that a certificate can have".to_owned()))?;
        let handshake = TlsConnector::from(Arc::clone(tls)).connect(name, stream);
        Ok(Self::Tls(Box::new(within(limit, handshake).await?)))
    }

    /// Whether the other side said or ended anything while nothing was asked of it.
    pub(super) fn has_news(&mut self, context: &mut Context<'_>) -> bool {
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        let look = poll_fn(|context| match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, &mut buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, &mut buffer),
        });
        // Also where the task has done so much already that the runtime would have it pause.
        pin!(unconstrained(look)).poll(context).is_ready()
    }

    /// Reads what there is into the room that `buffer` has; 0 at the end.
    pub(super) async fn read(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read_buf(buffer).await,
            Self::Tls(stream) => stream.read_buf(buffer).await,
        }
    }

    /// Writes a head and a body, in one call to the system where that takes them.
    pub(super) async fn write(&mut self, mut head: &[u8], mut body: &[u8]) -> io::Result<()> {
        while !head.is_empty() || !body.is_empty() {
            let written =
                poll_fn(|context| self.poll_write(context, &[IoSlice::new(head), IoSlice::new(body)])).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            let of_head = written.min(head.len());
            head = head.get(of_head..).unwrap_or_default();
            body = body.get(written - of_head..).unwrap_or_default();
        }
        match self {
            Self::Plain(_) => Ok(()), // TCP keeps nothing back
            Self::Tls(stream) => stream.flush().await,
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(context, parts),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, parts),
        }
    }

    /// Lets the connection end with a reset: a server would take a goodbye for a client that has what it wanted.
    pub(super) fn reset_when_dropped(&self) {
        let stream = match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        };
        drop(stream.set_zero_linger());
    }
}

/// What a step of connecting gives, in time.
async fn within<T>(limit: Duration, step: impl Future<Output = io::Result<T>>) -> Result<T, CallError> {
    match timeout(limit, step).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(CallError::NotConnected(connect_fault(&error))),
        Err(_) => Err(CallError::NotConnected("connecting timed out".to_owned())),
    }
}
