//! What the doctor says of ports, TLS and an MQ that does not answer.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{Diagnosis, orders_only};
use crate::support::endpoint::never;
use crate::support::trap::dead_url;
use crate::support::{Endpoint, Launch};

#[test]
fn a_dead_port_is_reported_and_the_rest_is_skipped() {
    let endpoint = Endpoint::start();
    let diagnosis = Diagnosis::at(&endpoint, &dead_url(), &orders_only());
    assert_eq!(diagnosis.json.code, Some(1), "{diagnosis:?}");
    diagnosis.assert_only("credentials_files", "ok", &[]);
    diagnosis.assert_only("connect", "failed", &["refused", "see whether the MQ runs there"]);
    diagnosis.assert_skipped_after("connect");
    assert_eq!(endpoint.connections(), 0);
}

#[test]
fn one_live_endpoint_of_two_is_a_warning() {
    let endpoint = Endpoint::start();
    let settings = orders_only().profile(&format!("endpoints = [\"{}\", \"{}\"]", dead_url(), endpoint.url()));
    let diagnosis = Diagnosis::about(&endpoint, &settings);
    assert_eq!(diagnosis.json.code, Some(0), "{diagnosis:?}");
    diagnosis.assert_only("connect", "warning", &["refused", "answers at"]);
    diagnosis.assert_only("credentials", "ok", &[]);
}

#[test]
fn tls_towards_a_plain_port_is_recognised() {
    let endpoint = Endpoint::start();
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", plain.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in plain.incoming().flatten() {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let diagnosis = Diagnosis::at(&endpoint, &url, &orders_only());
    assert_eq!(diagnosis.json.code, Some(1), "{diagnosis:?}");
    diagnosis.assert_only("connect", "ok", &[]);
    diagnosis.assert_only("tls", "failed", &["is the endpoint http:// on this port?"]);
    diagnosis.assert_skipped_after("tls");
}

/// A TLS server for `name` that answers every request with 204; its URL by address, and its certificate.
fn tls_server(name: &str) -> (String, String) {
    let certified = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || {
                let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
                // A refused handshake or a connection without a request ends in an error here, as it should.
                if stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {
                    let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                }
            });
        }
    });
    (url, certified.cert.pem())
}

#[test]
fn certificates_are_verified_and_refusals_explained() {
    let endpoint = Endpoint::start();
    let diagnosis_of = |url: &str, certificate: Option<&str>| {
        let ca = orders_only().profile("ca_file = \"ca.pem\"");
        let text = if certificate.is_some() { ca } else { orders_only() }.text(url);
        let launch = || {
            let launch = Launch::bare().secrets(endpoint.credentials()).file("gateway.toml", &text);
            launch.file("ca.pem", certificate.unwrap_or_default())
        };
        Diagnosis::of(launch, &["--config", "gateway.toml"], &[&endpoint.credentials().secret_key])
    };
    let (url, certificate) = tls_server("127.0.0.1");
    let diagnosis = diagnosis_of(&url, Some(&certificate));
    diagnosis.assert_only("tls", "ok", &["TLS 1.3 with https://127.0.0.1:", "certificate verified"]);
    diagnosis.assert_only("credentials", "ok", &[]);
    diagnosis_of(&url, None).assert_only("tls", "failed", &["UnknownIssuer", "set `ca_file`"]);

    let (url, certificate) = tls_server("elsewhere.example");
    let diagnosis = diagnosis_of(&url, Some(&certificate));
    assert_eq!(diagnosis.json.code, Some(1), "{diagnosis:?}");
    diagnosis.assert_only(
        "tls",
        "failed",
        &["not valid for name", "elsewhere.example", "a name that the MQ's certificate holds"],
    );
    diagnosis.assert_skipped_after("tls");
}

#[test]
fn a_silent_mq_does_not_delay_the_doctor() {
    let endpoint = Endpoint::start();
    endpoint.rule(|_| Some(never()));
    let launch =
        Launch::bare().secrets(endpoint.credentials()).file("gateway.toml", &orders_only().text(&endpoint.url()));
    let started = Instant::now();
    let finished = launch.arguments(&["doctor", "--config", "gateway.toml"]).run();
    assert!(started.elapsed() < Duration::from_secs(14), "{:?}", started.elapsed());
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stdout.contains("the MQ gave no usable answer"), "{finished:?}");
}
