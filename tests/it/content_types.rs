//! What a caller says its body is, and what it forgets to say: an envelope never becomes the message by mistake.

use crate::support::{Endpoint, Meaning, Response, TestApp, assert_problem};

const TARGET: &str = "/v1/topics/orders/messages";
const ENVELOPE: &str = r#"{"body":"x"}"#;

fn publish(app: &TestApp, headers: &[&str], body: &str) -> Response {
    headers.iter().fold(app.request("POST", TARGET), |request, line| request.header(line)).body(body).send()
}

#[track_caller]
fn assert_refused(response: &Response, advice: &str) {
    let problem = assert_problem(response, 415, "unsupported-media-type", Meaning::NotPublished);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(advice), "no {advice:?} in {detail}");
}

#[test]
fn what_is_no_message_is_refused_with_advice() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for (types, advice) in [
        (&["application/x-www-form-urlencoded"][..], "curl -d sends a form"),
        (&["multipart/form-data; boundary=x"], "messages:batch"),
        (&["application/cloudevents+avro"], "CloudEvents"),
        (&["application/cloudevents-batch+xml"], "CloudEvents"),
        (&["text/json"], "send Content-Type: application/json"),
        (&["aplication/json"], "send Content-Type: application/json"),
        (&["application/x-ndjson"], "application/octet-stream"),
        (&["application/json, application/json"], "without a comma"),
        (&["application/json", "text/plain"], "send one"),
        (&["application/json", "application/json; charset=utf-8"], "send one"),
        (&["text/plain\u{e9}"], "ASCII"),
    ] {
        let lines: Vec<_> = types.iter().map(|value| format!("Content-Type: {value}")).collect();
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        assert_refused(&publish(&app, &lines, ENVELOPE), advice);
    }
    assert_eq!(endpoint.request_count(), 0);
    // The control: the same line twice is one type.
    let twice = ["Content-Type: application/json", "Content-Type: application/json"];
    assert_eq!(publish(&app, &twice, ENVELOPE).status, 201);
    assert_eq!(endpoint.stored("orders"), [b"x"]);
}

#[test]
fn an_envelope_that_forgot_its_type_is_refused() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let advice = "send Content-Type: application/json, or application/octet-stream";
    let whole = "\n {\"tag\": \"t\", \"keys\": [\"k\"], \"body\": {\"order\": 17}, \"delay_seconds\": 1}";
    for body in [ENVELOPE, whole] {
        // What `fetch` says of a string, other types, and what Python's `data=` says: nothing.
        for headers in [&["Content-Type: text/plain;charset=UTF-8"][..], &["Content-Type: application/xml"], &[]] {
            assert_refused(&publish(&app, headers, body), advice);
        }
    }
    for body in [r#"{"order":17,"state":"paid"}"#, r#"[{"body":"x"}]"#, "[]", "{}"] {
        assert_refused(&publish(&app, &[], body), advice);
    }
    assert_eq!(endpoint.request_count(), 0);
}

#[test]
fn what_is_meant_as_it_is_is_published_as_it_is() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let text = "Content-Type: text/plain";
    let bytes = "Content-Type: application/octet-stream";
    let json = r#"{"order":17,"state":"paid"}"#;
    for (headers, body) in [
        (&[bytes][..], ENVELOPE),
        (&[bytes], json),
        (&[text], json),
        (&[text], "[1]"),
        (&[text], r#"{"body":"x","order":17}"#),
        (&[text], r#"{"body":"x" and no JSON"#),
        (&[], "just text"),
        (&[], r#""a JSON string""#),
        (&[], "{not JSON}"),
        (&["Content-Type: application/xml"], "<body/>"),
    ] {
        assert_eq!(publish(&app, headers, body).status, 201, "{headers:?} {body}");
        assert_eq!(endpoint.last_request().body, body.as_bytes());
    }
}

#[test]
fn codings_are_refused_with_those_that_are_taken() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let typed = |coding: &str| {
        publish(&app, &["Content-Type: application/json", &format!("Content-Encoding: {coding}")], ENVELOPE)
    };
    for coding in ["gzip", "br", "identity, gzip", "x", "aws-chunked"] {
        let response = typed(coding);
        assert_refused(&response, "Content-Encoding");
        assert_eq!(response.header("accept-encoding"), Some("identity"), "{coding}");
    }
    for coding in ["identity", "Identity", "identity, identity", ""] {
        assert_eq!(typed(coding).status, 201, "{coding}");
    }
    // A type that is refused says nothing about codings.
    assert_eq!(publish(&app, &["Content-Type: text/json"], ENVELOPE).header("accept-encoding"), None);
}

#[test]
fn the_other_routes_take_json_only() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let group = "/v1/topics/orders/groups/CID_a/messages";
    for (target, json) in [
        ("/v1/topics/orders/messages:batch".to_owned(), r#"{"messages":[{"body":"x"}]}"#),
        (format!("{group}:receive"), "{}"),
        (format!("{group}:ack"), r#"{"receipt_handles":["x"]}"#),
    ] {
        for kind in ["text/plain", "text/json", "application/json, application/json", "application/octet-stream"] {
            let header = format!("Content-Type: {kind}");
            let response = app.request("POST", &target).header(header).body(json).send();
            assert_problem(&response, 415, "unsupported-media-type", Meaning::NotDone);
        }
        // The controls.
        assert!(app.post_json(&target, json).status < 300, "{target}");
        let identity = app.request("POST", &target).header("Content-Encoding: identity").json(json).send();
        assert!(identity.status < 300, "{target}");
    }
}
