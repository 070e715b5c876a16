//! Addresses that take no connection, and TLS that cannot be trusted: nothing is sent, and the answer says so.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::support::{Endpoint, Meaning, Settings, TestApp, assert_problem};

const MESSAGES: &str = "/v1/topics/orders/messages";
const STORED: &str = r#"{"msgId":"0A97CB496DE1137A9034915421F297A7","sendStatus":"SEND_OK"}"#;

/// A TLS server with a certificate of its own, which answers every request with a stored message.
struct TlsServer {
    address: SocketAddr,
    certificate: String,
    requests: Arc<AtomicUsize>,
}

impl TlsServer {
    fn start(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .unwrap();
        let (config, requests) = (Arc::new(config), Arc::new(AtomicUsize::new(0)));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::clone(&requests);
        // Ends with the test process; each connection by its timeout.
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (config, seen) = (Arc::clone(&config), Arc::clone(&seen));
                std::thread::spawn(move || serve(socket, config, &seen));
            }
        });
        Self { address, certificate: certificate.pem(), requests }
    }

    fn app(&self, endpoint: &Endpoint, name: &str, trusted: &str) -> TestApp {
        let folder = tempfile::tempdir().unwrap().keep();
        let file = folder.join("ca.pem");
        std::fs::write(&file, trusted).unwrap();
        let lines =
            format!("endpoints = [\"https://{name}:{}\"]\nca_file = \"{}\"", self.address.port(), file.display());
        TestApp::with(endpoint, Settings::new().profile(&lines))
    }
}

fn serve(socket: TcpStream, config: Arc<ServerConfig>, seen: &AtomicUsize) -> Option<()> {
    socket.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let mut stream = StreamOwned::new(ServerConnection::new(config).ok()?, socket);
    let mut request = [0; 4096];
    let mut all = Vec::new();
    while !all.ends_with(b"over TLS") {
        let length = stream.read(&mut request).ok().filter(|length| *length > 0)?;
        all.extend_from_slice(&request[..length]);
    }
    seen.fetch_add(1, Ordering::SeqCst);
    let head = format!("HTTP/1.1 201 Created\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", STORED.len());
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(STORED.as_bytes()).ok()?;
    stream.flush().ok()
}

#[test]
fn a_certificate_that_is_right_is_trusted() {
    let (server, endpoint) = (TlsServer::start("localhost", |_| ()), Endpoint::start());
    let app = server.app(&endpoint, "localhost", &server.certificate);
    app.post_json(MESSAGES, r#"{"body":"over TLS"}"#).expect_json(201);
    assert_eq!(server.requests.load(Ordering::SeqCst), 1);
}

#[test]
fn a_certificate_that_is_wrong_gets_nothing() {
    let endpoint = Endpoint::start();
    let check = |what: &str, server: &TlsServer, name: &str, trusted: &str| {
        let app = server.app(&endpoint, name, trusted);
        let response = app.post_json(MESSAGES, r#"{"body":"over TLS"}"#);
        let problem = assert_problem(&response, 503, "upstream-unreachable", Meaning::NotPublishedTryAgain);
        assert!(problem["detail"].as_str().unwrap().contains("certificate"), "{what}: {problem}");
        assert_eq!(server.requests.load(Ordering::SeqCst), 0, "{what}");
    };
    let server = TlsServer::start("mq.example.com", |_| ());
    check("wrong name", &server, "localhost", &server.certificate);
    let server = TlsServer::start("localhost", |params| {
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    check("expired", &server, "localhost", &server.certificate);
    let server = TlsServer::start("localhost", |params| {
        params.not_before = date_time_ymd(2090, 1, 1);
        params.not_after = date_time_ymd(2091, 1, 1);
    });
    check("not yet valid", &server, "localhost", &server.certificate);
    let (server, other) = (TlsServer::start("localhost", |_| ()), TlsServer::start("localhost", |_| ()));
    check("unknown root", &server, "localhost", &other.certificate);
}

/// An address that takes no connection and refuses none: its queue is full.
#[test]
fn an_address_that_never_answers_costs_its_connect_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(socket) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        queue.push(socket);
        assert!(queue.len() < 10_000, "the queue never fills");
    }
    let endpoint = Endpoint::start();
    let lines = format!("endpoints = [\"http://{address}\"]\nconnect_timeout = \"200ms\"");
    let app = TestApp::with(&endpoint, Settings::new().profile(&lines));
    let started = Instant::now();
    let response = app.post_json(MESSAGES, r#"{"body":"x"}"#);
    assert_problem(&response, 503, "upstream-unreachable", Meaning::NotPublishedTryAgain);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}
