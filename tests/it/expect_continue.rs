//! `Expect: 100-continue`: who would be refused by its head alone need not send the body (RFC 9110 10.1.1).

use crate::support::{Launch, Meaning, TestApp, assert_problem};

const CONFIGURATION: &str = r#"
[profiles.local]
protocol = "ons-http"
endpoints = ["embedded"]
credentials = "embedded"
producer_group = "PID_a"

[[topics]]
name = "T"
profile = "local"
groups = ["G"]
"#;

/// A head that expects, with these lines.
fn head(app: &TestApp, target: &str, lines: &str) -> Vec<u8> {
    format!("POST {target} HTTP/1.1\r\nHost: {}\r\nExpect: 100-continue\r\n{lines}\r\n\r\n", app.data()).into_bytes()
}

#[test]
fn a_head_that_is_refused_gets_its_final_status_at_once() {
    let app = Launch::embedded_with(CONFIGURATION).start();
    let json = "Content-Type: application/json\r\nContent-Length: 12";
    let check = |target: &str, lines: &str, status: u16, code: &str, meaning: Meaning| {
        let mut connection = app.raw(&head(&app, target, lines));
        // The very first thing that comes.
        let answer = connection.receive_interim("POST");
        assert_problem(&answer, status, code, meaning);
        assert_eq!(answer.header("connection"), Some("close"), "{target}: its body may still come, or never");
    };
    check("/v1/nothing", json, 404, "not-found", Meaning::NotDone);
    check("/v1/topics/unknown/messages", json, 404, "unknown-topic", Meaning::NotPublished);
    check("/v1/topics/T/groups/unknown/messages:ack", json, 404, "unknown-group", Meaning::Final);
    check("/v1/topics", json, 405, "method-not-allowed", Meaning::Final);
    check(
        "/v1/topics/T/messages",
        &format!("{json}\r\nAccept: text/html"),
        406,
        "not-acceptable",
        Meaning::NotPublished,
    );
    let huge = "Content-Type: application/json\r\nContent-Length: 1073741824";
    check("/v1/topics/T/messages", huge, 413, "message-too-large", Meaning::NotPublished);
    check("/v1/topics/T/messages:batch", huge, 413, "message-too-large", Meaning::NotDone);
    let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 12";
    check("/v1/topics/T/messages", form, 415, "unsupported-media-type", Meaning::NotPublished);
    let text = "Content-Type: text/plain\r\nContent-Length: 12";
    for target in ["messages:batch", "groups/G/messages:receive", "groups/G/messages:ack", "groups/G/messages:nack"] {
        check(&format!("/v1/topics/T/{target}"), text, 415, "unsupported-media-type", Meaning::NotDone);
        check(&format!("/v1/topics/T/{target}?x=1"), json, 422, "validation-failed", Meaning::NotDone);
    }
    let packed = format!("{json}\r\nContent-Encoding: gzip");
    check("/v1/topics/T/messages", &packed, 415, "unsupported-media-type", Meaning::NotPublished);
}

#[test]
fn a_body_that_is_wanted_is_asked_for() {
    let app = Launch::embedded().start();
    let json = "Content-Type: application/json\r\nContent-Length: 12";
    let mut connection = app.raw(&head(&app, "/v1/topics/T/messages", json));
    for _ in 0..2 {
        assert_eq!(connection.receive_interim("POST").status, 100);
        connection.send(br#"{"body":"x"}"#);
        connection.receive("POST").expect_json(201);
        connection.send(&head(&app, "/v1/topics/T/messages", json));
    }
    assert_eq!(connection.receive_interim("POST").status, 100);
    connection.send(br#"{"bodi":"x"}"#);
    assert_problem(&connection.receive("POST"), 422, "validation-failed", Meaning::NotPublished);
}

/// An answer without a look at the body leaves open whether that comes: what follows could be either.
#[test]
fn a_connection_on_which_a_body_may_still_come_ends() {
    let app = Launch::embedded().start();
    let bytes = format!(
        "GET /v1/topics HTTP/1.1\r\nHost: {}\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
        app.data()
    );
    let mut connection = app.raw(bytes.as_bytes());
    let answer = connection.receive_interim("GET");
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert!(connection.closed_within(std::time::Duration::from_secs(10)));
}
