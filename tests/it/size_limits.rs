//! Each limit holds to the byte, is answered as a problem with limit and actual, and before the rest is read.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::encoding::base64;
use crate::support::problem::assert_names;
use crate::support::{Endpoint, Meaning, Response, Settings, TestApp, assert_problem};

const MESSAGES: &str = "/v1/topics/orders/messages";
const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// Checks a refusal that names its limit.
#[track_caller]
fn check(response: &Response, status: u16, code: &str, meaning: Meaning, limit: usize, actual: Option<usize>) {
    let problem = assert_problem(response, status, code, meaning);
    assert_eq!(problem["limit"], json!(limit), "{problem}");
    if let Some(actual) = actual {
        assert_eq!(problem["actual"], json!(actual), "{problem}");
    }
    assert_names(&problem, &limit.to_string());
}

#[test]
fn a_message_may_have_65536_bytes() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let raw =
        |size: usize| app.request("POST", MESSAGES).header("Content-Type: text/plain").body("x".repeat(size)).send();
    assert_eq!(raw(65_535).status, 201);
    assert_eq!(raw(65_536).status, 201);
    assert_eq!(endpoint.last_request().body.len(), 65_536);
    let too_large = raw(65_537);
    check(&too_large, 413, "message-too-large", Meaning::NotPublished, 65_536, Some(65_537));
    assert_eq!(too_large.json()["vendor_code"], "BODY_TOO_BIG");

    // What counts is the message, not its spelling.
    let json = |body: String| app.post_json(MESSAGES, body);
    assert_eq!(json(format!(r#"{{"body":"{}"}}"#, "\\u0061".repeat(65_536))).status, 201);
    assert_eq!(json(format!(r#"{{"body":"{}"}}"#, "é".repeat(32_768))).status, 201);
    check(
        &json(format!(r#"{{"body":"{}a"}}"#, "é".repeat(32_768))),
        413,
        "message-too-large",
        Meaning::NotPublished,
        65_536,
        Some(65_537),
    );
    let encoded = |size: usize| base64("x".repeat(size));
    assert_eq!(json(format!(r#"{{"encoding":"base64","body":"{}"}}"#, encoded(65_536))).status, 201);
    let too_large = json(format!(r#"{{"encoding":"base64","body":"{}"}}"#, encoded(65_537)));
    check(&too_large, 413, "message-too-large", Meaning::NotPublished, 65_536, Some(65_537));
    assert_eq!(endpoint.request_count(), 5);
}

#[test]
fn an_http_body_may_have_4_mib() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().profile("max_message_bytes = \"8MiB\""));
    let raw =
        |size: usize| app.request("POST", MESSAGES).header("Content-Type: text/plain").body("x".repeat(size)).send();
    assert_eq!(raw(BODY_LIMIT).status, 201);
    assert_eq!(endpoint.last_request().body.len(), BODY_LIMIT);
    check(&raw(BODY_LIMIT + 1), 413, "message-too-large", Meaning::NotPublished, BODY_LIMIT, Some(BODY_LIMIT + 1));
    assert_eq!(endpoint.request_count(), 1);
}

#[test]
fn too_much_is_refused_before_it_is_read() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let head = |length: &str| {
        format!("POST {MESSAGES} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/plain\r\n{length}\r\n\r\n", app.data())
    };
    let mut announced = app.raw(head("Content-Length: 1073741824").as_bytes());
    announced.send(b"a beginning");
    let response = announced.try_receive("POST", Duration::from_secs(5)).expect("an answer before the rest");
    check(&response, 413, "message-too-large", Meaning::NotPublished, BODY_LIMIT, None);

    let mut expecting = app.raw(head("Content-Length: 1073741824\r\nExpect: 100-continue").as_bytes());
    let response = expecting.receive_interim("POST");
    check(&response, 413, "message-too-large", Meaning::NotPublished, BODY_LIMIT, None);

    let mut chunked = app.raw(head("Transfer-Encoding: chunked").as_bytes());
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(65_536));
    for _ in 0..=BODY_LIMIT / 65_536 {
        if chunked.try_send(chunk.as_bytes()).is_err() {
            break;
        }
    }
    let response = chunked.try_receive("POST", Duration::from_secs(10)).expect("an answer before the last chunk");
    assert_eq!(response.status, 413, "{response:?}");
    assert_eq!(endpoint.request_count(), 0);
    app.publish("orders", "afterwards");
}

#[test]
fn a_batch_may_have_100_messages() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let batch = |count: usize| {
        let messages = vec![json!({"body": "x"}); count];
        app.post_json("/v1/topics/orders/messages:batch", json!({"messages": messages}).to_string())
    };
    assert_eq!(batch(100).status, 200);
    check(&batch(101), 422, "validation-failed", Meaning::NotDone, 100, Some(101));
    assert_eq!(endpoint.request_count(), 100);
}

#[test]
fn an_ack_may_have_100_handles() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let handles = vec!["v2.nonsense"; 101];
    assert_eq!(app.ack("orders", "CID_a", &handles[..100]).status, 207);
    check(&app.ack("orders", "CID_a", &handles), 422, "validation-failed", Meaning::Final, 100, Some(101));
}

#[test]
fn a_target_may_have_8_kib() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let target = |length: usize| {
        let start = format!("{MESSAGES}?tag=");
        format!("{start}{}", "t".repeat(length - start.len()))
    };
    let post = |target: &str| app.request("POST", target).header("Content-Type: text/plain").body("x").send();
    // Within the limit it is the tag that is too long.
    assert_problem(&post(&target(8192)), 422, "validation-failed", Meaning::NotPublished);
    check(&post(&target(8193)), 414, "uri-too-long", Meaning::NotDone, 8192, Some(8193));
    assert_eq!(app.get(&format!("/v1/{}", "a".repeat(20_000))).status, 414);
    assert_eq!(endpoint.request_count(), 0);
}

#[test]
fn a_request_may_have_64_headers() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    // Host is the first of them.
    let get = |count: usize| {
        (1..count)
            .fold(app.request("GET", "/v1/topics"), |request, index| request.header(format!("X-{index}: y")))
            .send()
    };
    assert_eq!(get(64).status, 200);
    check(&get(65), 431, "headers-too-large", Meaning::NotDone, 64, Some(65));
    // Far above, the HTTP library refuses before the gateway sees it.
    assert!((400..500).contains(&get(500).status));
}

#[test]
fn a_request_may_have_32_kib_of_headers() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let get = |size: usize| {
        let part = "y".repeat(size / 8);
        (0..8)
            .fold(app.request("GET", "/v1/topics"), |request, index| request.header(format!("X-{index}: {part}")))
            .send()
    };
    assert_eq!(get(32_000).status, 200);
    check(&get(33_600), 431, "headers-too-large", Meaning::NotDone, 32_768, None);
    let single = app.request("GET", "/v1/topics").header(format!("X-Big: {}", "y".repeat(32_768))).send();
    check(&single, 431, "headers-too-large", Meaning::NotDone, 32_768, None);
}

#[test]
fn json_may_be_128_deep() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    // The envelope is the first level.
    let nested = |depth: usize, open: &str, close: &str| {
        let inner = format!("{}1{}", open.repeat(depth - 1), close.repeat(depth - 1));
        app.post_json(MESSAGES, format!(r#"{{"body":{inner}}}"#))
    };
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        assert_eq!(nested(128, open, close).status, 201);
        let problem = assert_problem(&nested(129, open, close), 400, "malformed-json", Meaning::NotPublished);
        assert_names(&problem, "128");
    }
    let bomb = app.post_json(MESSAGES, format!(r#"{{"body":{}"#, "[".repeat(1_000_000)));
    assert_problem(&bomb, 400, "malformed-json", Meaning::NotPublished);
    // A bracket in a string opens nothing.
    assert_eq!(app.post_json(MESSAGES, format!(r#"{{"body":{{"a":"{}"}}}}"#, "[".repeat(200))).status, 201);
    assert_eq!(endpoint.request_count(), 3);
}

#[test]
fn a_batch_may_be_as_large_as_a_body() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let messages: Vec<Value> = (0..60).map(|_| json!({"body": "x".repeat(65_536)})).collect();
    let response = app.post_json("/v1/topics/orders/messages:batch", json!({"messages": messages}).to_string());
    assert_eq!(response.status, 200, "{response:?}");
    let messages: Vec<Value> = (0..70).map(|_| json!({"body": "x".repeat(65_536)})).collect();
    let response = app.post_json("/v1/topics/orders/messages:batch", json!({"messages": messages}).to_string());
    check(&response, 413, "message-too-large", Meaning::NotDone, BODY_LIMIT, None);
    assert_eq!(endpoint.request_count(), 60);
}
