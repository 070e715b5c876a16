//! Takes new connections in and looks after them.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::net::TcpStream;

use super::addresses::AddressLimit;
use super::stream::GuardedStream;
use super::table::ConnectionTable;
use crate::config::ServerConfig;
use crate::tasks::Service;
use crate::telemetry::{CloseReason, ConnectionMetrics};

/// Looks after one thread's connections until it is dropped.
pub(super) struct ConnectionGuard {
    table: Rc<ConnectionTable>,
    addresses: AddressLimit,
    metrics: ConnectionMetrics,
    /// Milliseconds for the kernel's own part of an answer.
    kernel_timeout: u32,
    _task: Service,
}

impl fmt::Debug for ConnectionGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table.fmt(f)
    }
}

impl ConnectionGuard {
    /// `cap` is this thread's share of the connections that may be open at once.
    pub(super) fn start(
        server: &ServerConfig,
        cap: usize,
        addresses: AddressLimit,
        metrics: ConnectionMetrics,
    ) -> Self {
        let table = Rc::new(ConnectionTable::new(server, cap, metrics.clone()));
        let kernel_timeout = u32::try_from(server.limits.write_timeout.as_millis()).unwrap_or(u32::MAX);
        let task = Service::start_local("connections", |stop| stop.interrupts(Rc::clone(&table).close_overdue_ones()));
        Self { table, addresses, metrics, kernel_timeout, _task: task }
    }

    /// Takes a new connection in.
    ///
    /// # Errors
    /// When its address has as many as it may.
    pub(super) fn admit(&self, stream: TcpStream) -> io::Result<(GuardedStream, Option<SocketAddr>)> {
        let peer = stream.peer_addr().ok();
        let Some(permit) = self.addresses.permit(peer.map(|peer| peer.ip())) else {
            self.metrics.closed(CloseReason::AddressCap);
            return Err(io::ErrorKind::ConnectionRefused.into());
        };
        // An answer that fits into the kernel's buffer seems taken to us: there the kernel watches.
        if let Err(error) = set_tcp_user_timeout(&stream, self.kernel_timeout) {
            tracing::debug!(%error, "the kernel does not watch over answers: `keep_alive` ends those connections");
        }
        let connection = self.table.add();
        self.table.evict();
        Ok((GuardedStream::new(stream, connection, Rc::clone(&self.table), permit), peer))
    }
}
