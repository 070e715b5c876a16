//! Sockets that listen.

use std::net::{SocketAddr, TcpListener};

use tokio::net::TcpSocket;

/// Connections that wait for us to take them.
const BACKLOG: u32 = 4096;

/// Where to listen.
#[derive(Debug, Clone, Copy)]
pub struct ListenAddress {
    /// The address; port 0 takes a free one.
    pub address: SocketAddr,
    /// The configuration key that sets it.
    pub key: &'static str,
}

/// The address is taken or not ours.
#[derive(Debug, thiserror::Error)]
#[error("could not listen on {address} ({key}): {source}")]
pub struct ListenError {
    address: SocketAddr,
    key: &'static str,
    source: std::io::Error,
}

impl ListenAddress {
    /// Binds it, and tells the address that it became.
    ///
    /// `buffer` is what the kernel may keep of each connection's answers, and half as much of what comes, in bytes; 0 leaves it to
    /// the kernel.
    pub(super) fn bind(self, buffer: usize) -> Result<(TcpListener, SocketAddr), ListenError> {
        let listen = || {
            let socket = if self.address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            socket.set_reuseaddr(true)?;
            // For the connections that come in: a piece of an answer must not wait until the caller acknowledges the one before,
            // which it may put off for 40 ms.
            socket.set_nodelay(true)?;
            if let Some(buffer) = u32::try_from(buffer).ok().filter(|buffer| *buffer > 0) {
                // The connections that come in have them too.
                socket.set_recv_buffer_size((buffer / 2).max(1))?;
                socket.set_send_buffer_size(buffer)?;
            }
            socket.bind(self.address)?;
            let listener = socket.listen(BACKLOG)?.into_std()?;
            let bound = listener.local_addr()?;
            Ok((listener, bound))
        };
        listen().map_err(|source| self.error(source))
    }

    pub(super) fn error(self, source: std::io::Error) -> ListenError {
        ListenError { address: self.address, key: self.key, source }
    }
}
