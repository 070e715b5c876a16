//! Whether an address can be reached: connects and, for https, shakes hands; nothing is sent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{EndpointAddress, connect_fault, late_refusal};

/// Tries one address of an endpoint; `limit` holds for the connect, and again for the handshake.
///
/// # Errors
/// Why it cannot be reached, for people.
pub async fn probe(
    endpoint: &EndpointAddress,
    address: SocketAddr,
    tls: &Arc<ClientConfig>,
    limit: Duration,
) -> Result<(), String> {
    let socket = match timeout(limit, TcpStream::connect(address)).await {
        Ok(Ok(socket)) => socket,
        Ok(Err(error)) => return Err(format!("{address}: {error}")),
        Err(_) => return Err(format!("{address}: connecting timed out")),
    };
    if !endpoint.tls {
        return Ok(());
    }
    let host = &endpoint.host;
    let name = ServerName::try_from(host.clone()).map_err(|error| error.to_string())?;
    let fault = |error| format!("TLS with {host}: {}", connect_fault(&error));
    match timeout(limit, TlsConnector::from(Arc::clone(tls)).connect(name, socket)).await {
        Ok(Ok(mut stream)) => late_refusal(&mut stream).await.map_err(fault),
        Ok(Err(error)) => Err(fault(error)),
        Err(_) => Err(format!("TLS with {host}: no handshake in time")),
    }
}
