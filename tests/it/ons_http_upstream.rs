//! The three requests as they leave the gateway (protocol notes, section 1, items 23 and 24).

use serde_json::json;

use crate::support::encoding::percent_encode;
use crate::support::endpoint::Recorded;
use crate::support::messages::handle_of;
use crate::support::ons::{consume_string_to_sign, delete_string_to_sign, publish_string_to_sign, sign};
use crate::support::{Endpoint, Settings, TestApp};

fn start(endpoint: &Endpoint) -> TestApp {
    let settings = Settings::new().topic("default_tag = \"http\"").topic("default_key = \"http\"");
    TestApp::with(endpoint, settings)
}

/// Compares a request byte by byte, but for the case and the order of its headers.
#[track_caller]
fn check(request: &Recorded, method: &str, target: &str, headers: &[(&str, String)], body: &[u8]) {
    // Headers that an HTTP client may add without changing the meaning.
    const HARMLESS: [&str; 4] = ["connection", "date", "user-agent", "accept"];
    let time = request.parameter("time").unwrap_or_default();
    let head = format!("{method} {} HTTP/1.1\r\n", target.replace("{time}", time));
    assert!(request.raw.starts_with(head.as_bytes()), "{head:?} in {request:?}");
    assert_eq!(time.len(), 13, "{request:?}");
    let mut arrived: Vec<(String, String)> = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
        .filter(|(name, value)| {
            let identity = name == "accept-encoding" && value == "identity";
            let no_body = name == "content-length" && value == "0" && method != "POST";
            !HARMLESS.contains(&name.as_str()) && !identity && !no_body
        })
        .collect();
    arrived.sort();
    let mut expected: Vec<(String, String)> =
        headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
    expected.sort();
    assert_eq!(arrived, expected, "{request:?}");
    assert_eq!(request.body, body);
}

#[test]
fn a_publish_as_it_leaves() {
    let endpoint = Endpoint::start();
    let app = start(&endpoint);
    app.publish("T", "中文");
    let request = endpoint.only_request();
    let credentials = endpoint.credentials();
    let time = request.parameter("time").unwrap();
    let signature = sign(&credentials.secret_key, &publish_string_to_sign("T", "PID_ours", "中文".as_bytes(), time));
    let headers = [
        ("Host", endpoint.address().to_string()),
        ("AccessKey", credentials.access_key.clone()),
        ("Signature", signature),
        ("ProducerID", "PID_ours".into()),
        ("Content-Type", "text/html;charset=UTF-8".into()),
        ("Content-Length", "6".into()),
    ];
    check(&request, "POST", "/message/?topic=T&time={time}&tag=http&key=http", &headers, "中文".as_bytes());
}

fn consumers_headers(endpoint: &Endpoint, signature: String) -> [(&'static str, String); 4] {
    [
        ("Host", endpoint.address().to_string()),
        ("AccessKey", endpoint.credentials().access_key.clone()),
        ("Signature", signature),
        ("ConsumerID", "CID_a".into()),
    ]
}

#[test]
fn a_consume_as_it_leaves() {
    let endpoint = Endpoint::start();
    let app = start(&endpoint);
    app.receive("T", "CID_a", "{}");
    let request = endpoint.only_request();
    let credentials = endpoint.credentials();
    let time = request.parameter("time").unwrap();
    let signature = sign(&credentials.secret_key, &consume_string_to_sign("T", "CID_a", time));
    check(&request, "GET", "/message/?topic=T&time={time}&num=32", &consumers_headers(&endpoint, signature), b"");
}

#[test]
fn a_delete_as_it_leaves() {
    let endpoint = Endpoint::start();
    let app = start(&endpoint);
    let given = "ab+/cd+/ef==";
    endpoint.offer(
        "T",
        json!({"body": "x", "bornTime": "1490692511643", "msgHandle": given, "msgId": "0A", "reconsumeTimes": 0}),
    );
    let messages = app.receive("T", "CID_a", "{}");
    assert_eq!(app.ack("T", "CID_a", &[handle_of(&messages[0])]).status, 200);
    let request = endpoint.last_request();
    let credentials = endpoint.credentials();
    let time = request.parameter("time").unwrap();
    let signature = sign(&credentials.secret_key, &delete_string_to_sign("T", "CID_a", given, time));
    let target = format!("/message/?msgHandle={}&topic=T&time={{time}}", percent_encode(given.as_bytes()));
    check(&request, "DELETE", &target, &consumers_headers(&endpoint, signature), b"");
}

#[test]
fn a_blank_is_percent_twenty() {
    let endpoint = Endpoint::start();
    let app = start(&endpoint);
    let envelope = json!({"body": "x", "tag": "a b+c&d=e/中", "keys": ["k1", "k+2"]}).to_string();
    assert_eq!(app.post_json("/v1/topics/T/messages", envelope).status, 201);
    let target = endpoint.only_request().target;
    assert!(target.contains("&tag=a%20b%2Bc%26d%3De%2F%E4%B8%AD&key=k1%20k%2B2"), "{target}");
}

#[test]
fn a_profile_may_have_another_content_type() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().profile("content_type = \"text/plain;charset=UTF-8\""));
    app.publish("T", "x");
    assert_eq!(endpoint.only_request().headers_named("content-type"), ["text/plain;charset=UTF-8"]);
}

#[test]
fn connections_are_used_again() {
    let endpoint = Endpoint::start();
    let app = start(&endpoint);
    for _ in 0..20 {
        app.publish("T", "x");
    }
    assert!(endpoint.connections() <= 4, "{} connections for 20 requests", endpoint.connections());
}
