//! Connects to the one address that a call names, and watches for the end of what the server sends.
//!
//! awc hands out a body that breaks off before its last chunk as if it were whole; that the connection ended is seen
//! only here, below it. Under TLS it is seen only when the connection broke off without a proper goodbye.
//!
//! A server that speaks TLS where it was not spoken to in TLS answers with an alert: seen here, before HTTP is looked for.
//!
//! An answer that is given up half read ends its connection with a reset: a server would take a goodbye for a client that
//! has what it wanted.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_tls::connect::{ConnectError, ConnectInfo, Connection};
use actix_web::http::Uri;
use actix_web::http::uri::Scheme;
use actix_web::rt::net::{ActixStream, Ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::tcp;
use crate::outbound::tls_fault::{ALERT, SpeaksTls};

/// Turns true when any connection of this thread's client was read to its end. Whoever polls a body sets it to false
/// first: one thread polls one body at a time.
pub(super) type EndSeen = Rc<Cell<bool>>;

/// True while this thread drops a connection whose answer is given up.
pub(super) type GivingUp = Rc<Cell<bool>>;

/// Opens one connection.
pub(super) async fn connect(
    info: ConnectInfo<Uri>,
    end_seen: EndSeen,
    giving_up: GivingUp,
) -> Result<Connection<Uri, Watched>, ConnectError> {
    let address = info.addrs().next().ok_or(ConnectError::Unresolved)?;
    let stream = tcp::connect(address).await.map_err(ConnectError::Io)?;
    // Under TLS an alert is TLS's own matter.
    let nothing_read = info.request().scheme() == Some(&Scheme::HTTP);
    Ok(Connection::new(info.request().clone(), Watched { stream, nothing_read, end_seen, giving_up }))
}

/// A TCP connection that notes its end.
#[derive(Debug)]
pub(super) struct Watched {
    stream: TcpStream,
    /// Nothing was read yet, and no TLS is spoken.
    nothing_read: bool,
    end_seen: EndSeen,
    giving_up: GivingUp,
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.giving_up.get() {
            drop(self.stream.set_zero_linger());
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let room = buffer.remaining();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if matches!(polled, Poll::Ready(Ok(()))) && room > 0 && buffer.filled().len() == before {
            self.end_seen.set(true);
        }
        let new = buffer.filled().get(before..).unwrap_or_default();
        if !new.is_empty() && std::mem::take(&mut self.nothing_read) && new.starts_with(&ALERT) {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, SpeaksTls)));
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl ActixStream for Watched {
    fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_read_ready(&self.stream, context)
    }

    fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_write_ready(&self.stream, context)
    }
}
