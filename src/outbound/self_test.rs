//! One TLS call to a server of our own, before service begins.
//!
//! A client without a working TLS connector compiles and fails at the first https call: this finds out.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::time::Instant;

use super::{Call, EndpointAddress, HttpClient, Limits, TlsRoots, client_config};
use crate::http_message::{Method, Request};

/// Why the TLS connector does not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the TLS self-test failed: {0}")]
pub struct SelfTestError(String);

impl SelfTestError {
    fn from(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

const LIMIT: Duration = Duration::from_secs(5);

/// Makes a certificate, serves one request with it on loopback, and sends that request with the real client.
///
/// # Errors
/// [`SelfTestError`] with the step that failed.
pub async fn self_test() -> Result<(), SelfTestError> {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).map_err(SelfTestError::from)?;
    let certificate = certified.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(SelfTestError::from)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .map_err(SelfTestError::from)?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(SelfTestError::from)?;
    let address = listener.local_addr().map_err(SelfTestError::from)?;
    // A thread of its own, since rustls alone is blocking. It ends with the handshake; where that fails the start does.
    let config = Arc::new(config);
    std::thread::Builder::new()
        .name("tls-self-test".to_owned())
        .spawn(move || serve(&listener, &config))
        .map_err(SelfTestError::from)?;
    let tls = client_config(&TlsRoots::One(certificate)).map_err(SelfTestError::from)?;
    let client = HttpClient::new(tls, Limits { connect_timeout: LIMIT, keep_alive: LIMIT, in_flight: 1 });
    let endpoint = EndpointAddress { tls: true, host: "localhost".to_owned(), port: address.port() };
    let origin = endpoint.origin().map_err(SelfTestError::from)?;
    let call = Call {
        request: Request { method: Method::Get, target: "/".to_owned(), headers: Vec::new(), body: None },
        origin: &origin,
        address,
        deadline: Instant::now() + LIMIT,
        max_answer_bytes: 1024,
    };
    let answer = client.call(call).await.map_err(SelfTestError::from)?;
    if answer.status == 204 { Ok(()) } else { Err(SelfTestError(format!("unexpected status {}", answer.status))) }
}

/// Serves connections until one has shaken hands, for ten at most: somebody else's may come first.
fn serve(listener: &TcpListener, config: &Arc<ServerConfig>) {
    for _ in 0..10 {
        if serve_one(listener, Arc::clone(config)).is_ok() {
            return;
        }
    }
}

fn serve_one(listener: &TcpListener, config: Arc<ServerConfig>) -> std::io::Result<()> {
    let (socket, _) = listener.accept()?;
    socket.set_read_timeout(Some(LIMIT))?;
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = StreamOwned::new(connection, socket);
    let mut head = [0; 1024];
    // One small request arrives in one read.
    let _length = stream.read(&mut head)?;
    stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")?;
    stream.conn.send_close_notify();
    stream.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connector_shakes_hands() {
        crate::tasks::block_on(self_test()).unwrap();
    }
}
