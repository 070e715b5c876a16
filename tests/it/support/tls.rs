//! A TLS server with a certificate of its own.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustls::server::WebPkiClientVerifier;
use rustls::{ALL_VERSIONS, RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Gives every request the same answer.
pub struct TlsServer {
    pub address: SocketAddr,
    /// As PEM.
    pub certificate: String,
    requests: Arc<AtomicUsize>,
}

impl TlsServer {
    /// With a certificate for `name`, as `change` makes it.
    pub fn start(name: &str, answer: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        Self::start_with(name, answer, change, ALL_VERSIONS, false)
    }

    /// Demands a client certificate, in this version of TLS.
    pub fn demanding_certificates(name: &str, answer: &str, version: &'static SupportedProtocolVersion) -> Self {
        Self::start_with(name, answer, |_| (), &[version], true)
    }

    fn start_with(
        name: &str,
        answer: &str,
        change: impl FnOnce(&mut CertificateParams),
        versions: &[&'static SupportedProtocolVersion],
        demanding: bool,
    ) -> Self {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut clients = RootCertStore::empty();
        clients.add(certificate.der().clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(clients), Arc::clone(&provider));
        let verifier = if demanding { verifier.build().unwrap() } else { WebPkiClientVerifier::no_client_auth() };
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate.der().clone()], private)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let (config, seen, answer) = (Arc::new(config), Arc::clone(&requests), answer.to_owned());
        // Ends with the test process; each connection by its timeout.
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (config, seen, answer) = (Arc::clone(&config), Arc::clone(&seen), answer.clone());
                std::thread::spawn(move || serve(socket, config, &seen, answer.as_bytes()));
            }
        });
        Self { address, certificate: certificate.pem(), requests }
    }

    /// How many requests came.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// `None` where the handshake is refused or no request comes.
fn serve(socket: TcpStream, config: Arc<ServerConfig>, seen: &AtomicUsize, answer: &[u8]) -> Option<()> {
    socket.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let mut stream = StreamOwned::new(ServerConnection::new(config).ok()?, socket);
    let mut buffer = [0; 4096];
    let mut request = Vec::new();
    while !is_whole(&request) {
        let length = stream.read(&mut buffer).ok().filter(|length| *length > 0)?;
        request.extend_from_slice(&buffer[..length]);
    }
    seen.fetch_add(1, Ordering::SeqCst);
    stream.write_all(answer).ok()?;
    stream.conn.send_close_notify();
    stream.flush().ok()
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    body.len() >= length.map_or(0, |length| length.trim().parse().expect("a length"))
}
