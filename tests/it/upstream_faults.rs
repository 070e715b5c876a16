//! Whatever the MQ answers, the caller gets the outcome that is known, and the MQ is asked as often as the contract allows.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::endpoint::{Script, Step, applied_then, closed, drip, raw, reset, respond};
use crate::support::messages::handle_of;
use crate::support::trap::Trap;
use crate::support::{Endpoint, Meaning, Response, TestApp, assert_problem, assert_problem_value};

const MESSAGES: &str = "/v1/topics/orders/messages";
const RECEIVE: &str = "/v1/topics/orders/groups/CID_a/messages:receive";
const STORED: &str = r#"{"msgId":"0A97CB496DE1137A9034915421F297A7","sendStatus":"SEND_OK"}"#;

/// One scripted answer and what becomes of it.
struct Row {
    name: &'static str,
    script: Script,
    status: u16,
    code: &'static str,
    /// Whether a publish may have been stored.
    unknown: bool,
    retryable: bool,
    /// Requests that the endpoint sees.
    requests: usize,
}

fn row(name: &'static str, script: Script, status: u16, code: &'static str) -> Row {
    let unknown = matches!(code, "upstream-error" | "upstream-timeout" | "upstream-bad-response");
    let retryable = !matches!(code, "upstream-misconfigured" | "upstream-rejected-message");
    Row { name, script, status, code, unknown, retryable, requests: 1 }
}

fn bad(name: &'static str, script: Script) -> Row {
    row(name, script, 502, "upstream-bad-response")
}

/// Answers that mean the same to every operation; `good` is the whole good answer of the operation.
fn common(good_status: u16, good_body: &str, trap: &Trap) -> Vec<Row> {
    let location = format!("Location: {}/message/?topic=T", trap.url());
    let location = [location.as_str()];
    let length = good_body.len();
    let head = |headers: &str| format!("HTTP/1.1 {good_status} OK\r\n{headers}\r\n\r\n");
    let chunked = head("Transfer-Encoding: chunked");
    let lines = |count: usize| head(&header_lines(count, length));
    let mut rows = vec![
        bad("FIN without an answer", closed()),
        bad("RST without an answer", reset()),
        bad("RST after it was done", applied_then(reset())),
        bad("a garbage status line", raw("nonsense\r\n\r\n")),
        bad("binary garbage", raw(b"\x16\x03\x01\x02\x00\x01\xff\xfe\r\n\r\n")),
        bad("half a status line", raw("HTTP/1.1 20")),
        bad("half a head", raw(format!("HTTP/1.1 {good_status} OK\r\nContent-Le"))),
        bad("a head without its body", raw(head("Content-Length: 100"))),
        bad("a body cut short by FIN", raw(format!("{}{{}}", head("Content-Length: 100")))),
        bad(
            "a good body cut short by FIN",
            raw(format!("{}{good_body}", head(&format!("Content-Length: {}", length + 20)))),
        ),
        bad(
            "a body cut short by RST",
            vec![
                Step::Send(format!("{}{{", head("Content-Length: 100")).into_bytes()),
                Step::Pause(Duration::from_millis(20)),
                Step::Reset,
            ],
        ),
        bad(
            "two lengths",
            raw(format!("{}{good_body}", head(&format!("Content-Length: {length}\r\nContent-Length: 3")))),
        ),
        bad("a length that is no number", raw(format!("{}{good_body}", head("Content-Length: many")))),
        bad("a negative length", raw(format!("{}{good_body}", head("Content-Length: -1")))),
        bad("a broken chunk size", raw(format!("{chunked}zz\r\n{good_body}\r\n0\r\n\r\n"))),
        bad("chunks cut short", raw(format!("{chunked}{length:x}\r\n{good_body}\r\n"))),
        bad("a chunk cut short", raw(format!("{chunked}{:x}\r\n{good_body}", length + 5))),
        bad("an interim answer only", raw("HTTP/1.1 100 Continue\r\n\r\n")),
        bad("a 103 only", raw("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")),
        bad(
            "a switch of protocols",
            raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"),
        ),
        bad("302 elsewhere", respond(302, &location, "")),
        bad("301 elsewhere", respond(301, &location, "moved")),
        bad("303 elsewhere", respond(303, &location, "")),
        bad("307 elsewhere", respond(307, &location, "")),
        bad("308 elsewhere", respond(308, &location, "")),
        bad("304", respond(304, &[], "")),
        bad("203 with the good body", respond(203, &[], good_body)),
        bad(
            "a body that claims to be gzip",
            respond(good_status, &["Content-Encoding: gzip"], b"\x1f\x8b\x08\x00garbage"),
        ),
        bad("97 header lines", raw(format!("{}{good_body}", lines(97)))),
        bad("a head of 300 kB", raw(head(&format!("X-Big: {}\r\nContent-Length: 0", "y".repeat(300_000))))),
        row("500", respond(500, &[], "oh"), 502, "upstream-error"),
        row(
            "500 in the vendor's words",
            respond(500, &[], r#"{"code":"SERVER_ERROR","info":"x"}"#),
            502,
            "upstream-error",
        ),
        row("501", respond(501, &[], ""), 502, "upstream-error"),
        row("502", respond(502, &[], "<html>"), 502, "upstream-error"),
        row("503 of a proxy", respond(503, &[], "<html>busy</html>"), 502, "upstream-error"),
        row("504", respond(504, &[], ""), 502, "upstream-error"),
        row("408", respond(408, &[], ""), 504, "upstream-timeout"),
        row("503 with Retry-After", respond(503, &["Retry-After: 60"], ""), 503, "upstream-throttled"),
        row(
            "503 in the vendor's words",
            respond(503, &["Retry-After: 60"], r#"{"code":"FLOW_CONTROL","info":"x"}"#),
            503,
            "upstream-throttled",
        ),
        row("429", respond(429, &["Retry-After: 60"], ""), 503, "upstream-throttled"),
    ];
    // Whether it is whole, nothing shows.
    if good_status != 204 {
        let raw = raw(format!("{}{good_body}", head("Connection: close")));
        rows.push(bad("a body that only the connection's end ends", raw));
    }
    rows
}

/// So many header lines, the body's length among them.
fn header_lines(count: usize, length: usize) -> String {
    let others: String = (1..count).map(|index| format!("X-{index}: y\r\n")).collect();
    format!("{others}Content-Length: {length}")
}

/// What an answer may look like and be believed.
#[test]
fn answers_that_are_taken() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let head = |headers: &str| format!("HTTP/1.1 201 Created\r\n{headers}\r\n\r\n");
    let chunks = format!("{:x};name=value\r\n{STORED}\r\n0\r\nX-Trailer: y\r\n\r\n", STORED.len());
    for (what, answer) in [
        ("96 header lines", format!("{}{STORED}", head(&header_lines(96, STORED.len())))),
        ("chunks", format!("{}{chunks}", head("Transfer-Encoding: chunked"))),
    ] {
        endpoint.script(raw(answer));
        assert_eq!(app.post_json(MESSAGES, r#"{"body":"x"}"#).status, 201, "{what}");
    }
    // Of a refusal the status is enough; what the connection's end alone ends is not read.
    for (what, rest) in [("words", "\r\n{\"code\":\"BODY_TOO_BIG\"}"), ("nothing", "\r\n")] {
        endpoint.script(raw(format!("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n{rest}")));
        let response = app.post_json(MESSAGES, r#"{"body":"x"}"#);
        let problem = assert_problem(&response, 422, "upstream-rejected-message", Meaning::NotPublished);
        assert_eq!(problem.get("vendor_code"), None, "{what}: {problem}");
    }
}

/// Broken bodies with a good head.
fn bodies(good_status: u16, bodies: &[&'static str]) -> Vec<Row> {
    bodies.iter().map(|body| bad(body, respond(good_status, &[], body))).collect()
}

/// Plays rows against one application. A good request follows each, so that the breaker stays closed and a poisoned
/// connection would show.
fn play(
    rows: Vec<Row>,
    endpoint: &Endpoint,
    mut send: impl FnMut() -> Response,
    check: impl Fn(&Row, &Response),
    good: impl Fn(),
) {
    for row in rows {
        let before = endpoint.request_count();
        for _ in 0..row.requests {
            endpoint.script(row.script.clone());
        }
        let response = send();
        let seen = endpoint.request_count() - before;
        check(&row, &response);
        assert_eq!(seen, row.requests, "{}: requests at the endpoint", row.name);
        good();
    }
}

/// Checks a problem; a failure names the row.
#[track_caller]
fn check_row(row: &Row, response: &Response, meaning: Meaning) {
    assert_eq!(response.status, row.status, "{}: {response:?}", row.name);
    let problem = assert_problem(response, row.status, row.code, meaning);
    if row.code == "upstream-throttled" {
        assert_eq!(response.header("retry-after"), Some("60"), "{}: {response:?}", row.name);
        assert_eq!(problem["retry_after_seconds"], 60, "{}", row.name);
    }
}

fn publish_meaning(row: &Row) -> Meaning {
    match (row.unknown, row.retryable) {
        (true, _) => Meaning::Unknown,
        (false, true) => Meaning::NotPublishedTryAgain,
        (false, false) => Meaning::NotPublished,
    }
}

fn other_meaning(row: &Row) -> Meaning {
    if row.retryable { Meaning::TryAgain } else { Meaning::Final }
}

fn forbidden() -> Row {
    let mut row = row("403", respond(403, &[], ""), 502, "upstream-auth-rejected");
    row.requests = 2;
    row
}

/// What a publish may meet.
fn publish_rows(trap: &Trap) -> Vec<Row> {
    let mut rows = common(201, STORED, trap);
    rows.extend(bodies(
        201,
        &[
            "",
            "nonsense",
            "{",
            "[]",
            "null",
            "{}",
            r#"{"sendStatus":"SEND_OK"}"#,
            r#"{"msgId":"","sendStatus":"SEND_OK"}"#,
            r#"{"msgId":7,"sendStatus":"SEND_OK"}"#,
            r#"{"msgId":"0A","sendStatus":"SOMETHING_NEW"}"#,
            r#"{"code":"TOPIC_NOT_EXIST","info":"x"}"#,
        ],
    ));
    rows.extend([
        bad("200 with the good body", respond(200, &[], STORED)),
        bad("202 with the good body", respond(202, &[], STORED)),
        bad("204", respond(204, &[], "")),
        forbidden(),
        row(
            "400 in the vendor's words",
            respond(400, &[], r#"{"code":"BODY_TOO_BIG","info":"x"}"#),
            422,
            "upstream-rejected-message",
        ),
    ]);
    assert!(rows.len() >= 40);
    rows
}

#[test]
fn failures_of_a_publish() {
    let (endpoint, trap) = (Endpoint::start(), Trap::start());
    let app = TestApp::towards(&endpoint);
    let send = || app.post_json(MESSAGES, r#"{"body":"x"}"#);
    let good = || {
        app.publish("orders", "between");
    };
    let check = |row: &Row, response: &Response| check_row(row, response, publish_meaning(row));
    play(publish_rows(&trap), &endpoint, send, check, good);
    trap.assert_untouched();
}

#[test]
fn failures_of_a_batch_are_reported_for_each_message() {
    let (endpoint, trap) = (Endpoint::start(), Trap::start());
    let app = TestApp::towards(&endpoint);
    // The second of the group is not sent after the first was not stored.
    let batch = r#"{"messages":[{"body":"x","message_group":"g"},{"body":"y","message_group":"g"}]}"#;
    let send = || app.post_json("/v1/topics/orders/messages:batch", batch);
    let check = |row: &Row, response: &Response| {
        let answer = response.expect_json(207);
        let first = &answer["results"][0];
        assert_eq!(first["status"], row.status, "{}: {first}", row.name);
        assert_problem_value(&first["problem"], row.status, row.code, publish_meaning(row));
        let second = &answer["results"][1]["problem"];
        assert_problem_value(second, 503, "earlier-message-failed", Meaning::NotPublishedTryAgain);
    };
    let good = || {
        app.publish("orders", "between");
    };
    play(publish_rows(&trap), &endpoint, send, check, good);
    trap.assert_untouched();
}

#[test]
fn failures_of_a_receive() {
    let (endpoint, trap) = (Endpoint::start(), Trap::start());
    let app = TestApp::towards(&endpoint);
    let mut rows = common(200, "[]", &trap);
    rows.extend(bodies(
        200,
        &[
            "",
            "nonsense",
            "[",
            "{}",
            "null",
            "[7]",
            "[{}]",
            r#"[{"body":"x"}]"#,
            r#"[{"body":"x","bornTime":"1490692511643","msgHandle":"","msgId":"0A","reconsumeTimes":0}]"#,
            r#"[{"body":7,"bornTime":"1490692511643","msgHandle":"h","msgId":"0A","reconsumeTimes":0}]"#,
        ],
    ));
    rows.extend([bad("201", respond(201, &[], "[]")), bad("204", respond(204, &[], "")), forbidden()]);
    let good = || assert!(app.receive("orders", "CID_a", "{}").is_empty());
    let send = || app.post_json(RECEIVE, "{}");
    play(rows, &endpoint, send, |row, response| check_row(row, response, other_meaning(row)), good);
    trap.assert_untouched();
}

#[test]
fn failures_of_an_ack() {
    let (endpoint, trap) = (Endpoint::start(), Trap::start());
    let app = TestApp::towards(&endpoint);
    app.publish("orders", "x");
    let messages = app.receive("orders", "CID_a", "{}");
    let handle = handle_of(&messages[0]);
    // A 204 has no body that could be cut short.
    let bodiless = ["cut short", "without its body", "length", "chunk", "claims to be gzip", "203", "300 kB"];
    let mut rows = common(204, "", &trap);
    rows.retain(|row| !bodiless.iter().any(|part| row.name.contains(part)));
    rows.extend([bad("200", respond(200, &[], "")), bad("201", respond(201, &[], STORED)), forbidden()]);
    let good = || assert_eq!(app.ack("orders", "CID_a", &[handle]).status, 200);
    let check = |row: &Row, response: &Response| {
        let answer = response.expect_json(207);
        let item = &answer["results"][0];
        assert_eq!(item["receipt_handle"], handle, "{}", row.name);
        assert_eq!(item["status"], row.status, "{}: {item}", row.name);
        assert_problem_value(&item["problem"], row.status, row.code, other_meaning(row));
    };
    play(rows, &endpoint, || app.ack("orders", "CID_a", &[handle]), check, good);
    trap.assert_untouched();
}

#[test]
fn a_403_with_a_date_reports_the_clock_skew() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for _ in 0..2 {
        endpoint.script(respond(403, &["Date: Mon, 01 Jan 2001 00:00:00 GMT"], ""));
    }
    let response = app.post_json(MESSAGES, r#"{"body":"x"}"#);
    let problem = assert_problem(&response, 502, "upstream-auth-rejected", Meaning::NotPublishedTryAgain);
    assert!(problem["detail"].as_str().unwrap().contains("clock"), "{problem}");
    assert!(app.metrics().get("mq_gateway_upstream_clock_skew_seconds", &[]).unwrap().abs() > 1e8);
}

#[test]
fn an_answer_too_large_is_cut_off() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    // The cap is 32 × the message limit × 6 + 1 MiB.
    let huge = 32 * 65_536 * 6 + 2 * 1024 * 1024;
    endpoint.script(respond(200, &[], format!("[{}]", " ".repeat(huge))));
    assert_problem(&app.post_json(RECEIVE, "{}"), 502, "upstream-bad-response", Meaning::TryAgain);
    // The largest legal answer passes.
    let message = |index: usize| {
        json!({"body": "\u{1}".repeat(65_536), "bornTime": "1490692511643", "key": "", "msgHandle": format!("h{index}"),
            "msgId": format!("{index}"), "reconsumeTimes": 0, "tag": ""})
    };
    let largest: Vec<Value> = (0..32).map(message).collect();
    endpoint.script(respond(200, &[], Value::Array(largest).to_string()));
    assert_eq!(app.receive("orders", "CID_a", "{}").len(), 32);
}

#[test]
fn the_vendors_code_is_passed_on() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    endpoint.script(respond(
        400,
        &[],
        r#"{"code":"BODY_TOO_BIG","info":"Message body size exceeds the upper limit of 64KB"}"#,
    ));
    let response = app.post_json(MESSAGES, r#"{"body":"x"}"#);
    let problem = assert_problem(&response, 422, "upstream-rejected-message", Meaning::NotPublished);
    assert_eq!(problem["vendor_code"], "BODY_TOO_BIG");
}

#[test]
fn good_answers_in_other_framings_are_good() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let chunked = format!(
        "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{STORED}\r\n0\r\n\r\n",
        STORED.len()
    );
    let slow = vec![Step::Pause(Duration::from_millis(300)), Step::Answer];
    let close =
        format!("HTTP/1.1 201 Created\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{STORED}", STORED.len());
    for (name, script) in [
        ("chunked", vec![Step::Send(chunked.into_bytes())]),
        ("a slow head", slow),
        ("a body in drips", drip(201, STORED, Duration::from_millis(2))),
        ("a closing answer", raw(close)),
        ("more fields", respond(201, &[], r#"{"extra":[1],"msgId":"0A","sendStatus":"SEND_OK"}"#)),
        ("json", respond(201, &["Content-Type: application/json"], STORED)),
    ] {
        endpoint.script(script);
        let response = app.post_json(MESSAGES, r#"{"body":"x"}"#);
        assert_eq!(response.status, 201, "{name}: {response:?}");
    }
}
