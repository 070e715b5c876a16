//! Opens a TCP connection to an MQ.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpSocket, TcpStream};

/// What the kernel may keep of an answer, in bytes. Large ones wait there for room in the memory budget; left to itself, the
/// kernel would take megabytes for each, which count to the container's memory.
const RECEIVE_BUFFER: u32 = 128 << 10;

/// Connects, without a limit in time.
pub(super) async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    let stream = socket.connect(address).await?;
    // A small request must not wait for the answer to the one before it.
    stream.set_nodelay(true)?;
    Ok(stream)
}
