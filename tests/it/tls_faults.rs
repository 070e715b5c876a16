//! Addresses that accept no connection, and certificates that cannot be trusted: nothing is sent, and the answer shows it.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, date_time_ymd};
use rustls::version::{TLS12, TLS13};

use crate::support::time::until;
use crate::support::tls::TlsServer;
use crate::support::{Endpoint, Launch, Meaning, Settings, TestApp, assert_problem};

const MESSAGES: &str = "/v1/topics/orders/messages";
const STORED: &str = r#"{"msgId":"0A97CB496DE1137A9034915421F297A7","sendStatus":"SEND_OK"}"#;

/// The answer of a stored message.
fn stored() -> String {
    format!("HTTP/1.1 201 Created\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{STORED}", STORED.len())
}

/// A server that answers every request with a stored message.
fn start_server(name: &str, change: impl FnOnce(&mut CertificateParams)) -> TlsServer {
    TlsServer::start(name, &stored(), change)
}

/// The gateway with the server as its MQ at `name`, and `trusted` as its CA.
fn start_gateway(server: &TlsServer, endpoint: &Endpoint, name: &str, trusted: &str) -> TestApp {
    let lines =
        format!("endpoints = [\"https://{name}:{}\"]\nca_file = \"{{directory}}/ca.pem\"", server.address.port());
    Launch::towards(endpoint, Settings::new().profile(&lines)).file("ca.pem", trusted).start()
}

#[test]
fn a_valid_certificate_is_trusted() {
    let (server, endpoint) = (start_server("localhost", |_| ()), Endpoint::start());
    let app = start_gateway(&server, &endpoint, "localhost", &server.certificate);
    app.post_json(MESSAGES, r#"{"body":"over TLS"}"#).expect_json(201);
    assert_eq!(server.requests(), 1);
}

#[test]
fn an_mq_with_a_wrong_certificate_gets_nothing() {
    let endpoint = Endpoint::start();
    let check = |what: &str, server: &TlsServer, name: &str, trusted: &str| {
        let app = start_gateway(server, &endpoint, name, trusted);
        let response = app.post_json(MESSAGES, r#"{"body":"over TLS"}"#);
        let problem = assert_problem(&response, 503, "upstream-unreachable", Meaning::NotPublishedTryAgain);
        assert!(problem["detail"].as_str().unwrap().contains("certificate"), "{what}: {problem}");
        assert_eq!(server.requests(), 0, "{what}");
    };
    let server = start_server("mq.example.com", |_| ());
    check("wrong name", &server, "localhost", &server.certificate);
    let server = start_server("localhost", |params| {
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    check("expired", &server, "localhost", &server.certificate);
    let server = start_server("localhost", |params| {
        params.not_before = date_time_ymd(2090, 1, 1);
        params.not_after = date_time_ymd(2091, 1, 1);
    });
    check("not yet valid", &server, "localhost", &server.certificate);
    let (server, other) = (start_server("localhost", |_| ()), start_server("localhost", |_| ()));
    check("unknown root", &server, "localhost", &other.certificate);
}

/// A server of TLS 1.3 refuses only when the request may have left; it proves that it took nothing of it all the same.
#[test]
fn an_mq_that_demands_a_client_certificate_gets_nothing() {
    let endpoint = Endpoint::start();
    for version in [&TLS12, &TLS13] {
        let server = TlsServer::demanding_certificates("localhost", &stored(), version);
        let app = start_gateway(&server, &endpoint, "localhost", &server.certificate);
        let response = app.post_json(MESSAGES, r#"{"body":"over TLS"}"#);
        let problem = assert_problem(&response, 503, "upstream-unreachable", Meaning::NotPublishedTryAgain);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("demands a client certificate"), "{version:?}: {problem}");
        assert_eq!(server.requests(), 0, "{version:?}");
        let watched =
            |line: &str| line.contains("could not be reached") && line.contains("demands a client certificate");
        until("the log to name it", || app.output().lines().any(watched).then_some(()));
    }
}

#[test]
fn tls_where_plain_text_is_spoken_is_named() {
    let endpoint = Endpoint::start();
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = plain.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in plain.incoming().flatten() {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let over_http = TestApp::with(&endpoint, Settings::new().profile(&format!("endpoints = [\"https://{address}\"]")));
    let mut apps = vec![over_http];
    if cfg!(feature = "rocketmq") {
        let profile = format!("[profiles.main]\nprotocol = \"rocketmq\"\nendpoints = [\"https://{address}\"]\n");
        apps.push(Launch::configured(&format!("{profile}[[topics]]\nname = \"*\"\nprofile = \"main\"\n")).start());
    }
    for app in apps {
        let problem = assert_problem(
            &app.post_json(MESSAGES, r#"{"body":"x"}"#),
            503,
            "upstream-unreachable",
            Meaning::NotPublishedTryAgain,
        );
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("does not speak TLS on this port: write http://"), "{problem}");
        until("the log to name it", || app.output().contains("does not speak TLS on this port").then_some(()));
    }
}

#[test]
fn plain_text_where_tls_is_spoken_is_named() {
    let (server, endpoint) = (start_server("localhost", |_| ()), Endpoint::start());
    let lines = format!("endpoints = [\"http://{}\"]", server.address);
    let app = TestApp::with(&endpoint, Settings::new().profile(&lines));
    let response = app.post_json(MESSAGES, r#"{"body":"in plain text"}"#);
    let problem = assert_problem(&response, 503, "upstream-unreachable", Meaning::NotPublishedTryAgain);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("speaks TLS on this port: write https://"), "{problem}");
    assert_eq!(server.requests(), 0);
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
