//! What the doctor reports of ports, TLS and an MQ that does not answer.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use rustls::version::{TLS12, TLS13};

use super::{Diagnosis, orders_only};
use crate::support::endpoint::never;
use crate::support::tls::TlsServer;
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

/// A TLS server for `name`: its URL by address, and its certificate.
fn tls_server(name: &str) -> (String, String) {
    let server = TlsServer::start(name, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", |_| ());
    (format!("https://{}", server.address), server.certificate)
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
fn plain_text_towards_a_tls_port_is_recognised() {
    let endpoint = Endpoint::start();
    let (url, _) = tls_server("127.0.0.1");
    let diagnosis = Diagnosis::at(&endpoint, &url.replace("https://", "http://"), &orders_only());
    assert_eq!(diagnosis.json.code, Some(1), "{diagnosis:?}");
    diagnosis.assert_only("credentials", "failed", &["the server speaks TLS on this port: write https://"]);
}

#[test]
fn a_demand_for_a_client_certificate_is_named() {
    let endpoint = Endpoint::start();
    for version in [&TLS12, &TLS13] {
        let server = TlsServer::demanding_certificates("127.0.0.1", "", version);
        let text = orders_only().profile("ca_file = \"ca.pem\"").text(&format!("https://{}", server.address));
        let launch = || {
            let launch = Launch::bare().secrets(endpoint.credentials()).file("gateway.toml", &text);
            launch.file("ca.pem", &server.certificate)
        };
        let diagnosis = Diagnosis::of(launch, &["--config", "gateway.toml"], &[&endpoint.credentials().secret_key]);
        assert_eq!(diagnosis.json.code, Some(1), "{diagnosis:?}");
        diagnosis.assert_only("tls", "failed", &["demands a client certificate", "let a proxy beside it present one"]);
        diagnosis.assert_skipped_after("tls");
    }
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
