//! Whatever happens to a call, its caller gets the outcome that is known, and the MQ is asked as often as the contract allows; the
//! counterpart of `upstream_faults`, for gRPC.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{app, app_with};
use crate::support::callers::at_once;
use crate::support::messages::handle_of;
use crate::support::rocketmq::{FakeProxy, Fault};
use crate::support::time::until;
use crate::support::{Meaning, TestApp, assert_problem, assert_problem_value};

const MESSAGES: &str = "/v1/topics/orders/messages";
const RECEIVE: &str = "/v1/topics/orders/groups/GID_a/messages:receive";
const WAIT: &str = r#"{"wait_seconds": 5}"#;

/// One fault, and what becomes of the call that meets it.
struct Row {
    fault: Fault,
    status: u16,
    code: &'static str,
}

fn row(fault: Fault, status: u16, code: &'static str) -> Row {
    Row { fault, status, code }
}

impl Row {
    fn is_unknown(&self) -> bool {
        matches!(self.code, "upstream-error" | "upstream-timeout" | "upstream-bad-response")
    }

    fn of_publish(&self) -> Meaning {
        if self.is_unknown() { Meaning::Unknown } else { self.of_others() }
    }

    fn of_others(&self) -> Meaning {
        match self.code {
            "upstream-misconfigured" | "upstream-rejected-message" => Meaning::Final,
            _ => Meaning::TryAgain,
        }
    }
}

/// Faults that mean the same to every call of one message.
fn common() -> Vec<Row> {
    let mut rows = vec![
        row(Fault::Reset, 502, "upstream-bad-response"),
        row(Fault::Refuse, 502, "upstream-bad-response"),
        row(Fault::Disconnect, 502, "upstream-bad-response"),
        row(Fault::CutShort(3), 502, "upstream-error"),
        row(Fault::Empty, 502, "upstream-error"),
        row(Fault::Garbage, 502, "upstream-error"),
        // A message that claims to be compressed, one with a mark that there is not, and one that is longer than any may be.
        row(Fault::Bytes(b"\x01\x00\x00\x00\x01x"), 502, "upstream-error"),
        row(Fault::Bytes(b"\x07\x00\x00\x00\x01x"), 502, "upstream-error"),
        row(Fault::Bytes(b"\x00\xff\xff\xff\xff"), 502, "upstream-error"),
        row(Fault::Bytes(b"<html>busy</html>"), 502, "upstream-error"),
        row(Fault::Http(301), 502, "upstream-error"),
        row(Fault::Http(400), 502, "upstream-error"),
        row(Fault::Http(401), 502, "upstream-auth-rejected"),
        row(Fault::Http(403), 502, "upstream-auth-rejected"),
        row(Fault::Http(404), 502, "upstream-misconfigured"),
        row(Fault::Http(429), 502, "upstream-error"),
        row(Fault::Http(500), 502, "upstream-error"),
        row(Fault::Http(502), 502, "upstream-error"),
        row(Fault::Http(503), 502, "upstream-error"),
        row(Fault::Http(504), 502, "upstream-error"),
        row(Fault::Status(0, ""), 502, "upstream-bad-response"),
        row(Fault::Status(60_000, "?"), 502, "upstream-bad-response"),
        row(Fault::Status(77_777, "?"), 502, "upstream-bad-response"),
        row(Fault::Status(50_400, "late"), 504, "upstream-timeout"),
        row(Fault::Status(50_001, "?"), 502, "upstream-error"),
        row(Fault::Status(40_402, "?"), 502, "upstream-misconfigured"),
        row(Fault::Status(40_100, "?"), 502, "upstream-auth-rejected"),
    ];
    for code in 1..=16 {
        rows.push(match code {
            4 => row(Fault::Grpc(code), 504, "upstream-timeout"),
            7 | 16 => row(Fault::Grpc(code), 502, "upstream-auth-rejected"),
            12 => row(Fault::Grpc(code), 502, "upstream-misconfigured"),
            _ => row(Fault::Grpc(code), 502, "upstream-error"),
        });
    }
    rows
}

/// How often a call that meets the fault every time is made: keys that were refused are tried once more.
fn calls_of(row: &Row) -> usize {
    if row.code == "upstream-auth-rejected" { 2 } else { 1 }
}

/// Plays the rows against calls of one method. A good call follows each: the circuit stays closed, and what is left of the fault
/// would show.
fn play(proxy: &FakeProxy, method: &str, rows: &[Row], mut send_and_check: impl FnMut(&Row), mut good: impl FnMut()) {
    for row in rows {
        let before = proxy.calls(method).len();
        proxy.script(method, (0..calls_of(row)).map(|_| row.fault));
        send_and_check(row);
        assert_eq!(proxy.calls(method).len() - before, calls_of(row), "{:?}: calls of {method}", row.fault);
        good();
    }
}

fn received(proxy: &FakeProxy, app: &TestApp) -> String {
    proxy.offer("x");
    let messages = app.receive("orders", "GID_a", WAIT);
    assert_eq!(messages.len(), 1, "{messages:?}");
    handle_of(&messages[0]).to_owned()
}

/// As [`received`], where the connection may have been broken a moment ago: a receive that meets that is told.
fn received_at_last(proxy: &FakeProxy, app: &TestApp) -> String {
    proxy.offer("x");
    until("a receive to go well", || {
        let answer = app.post_json(RECEIVE, WAIT);
        (answer.status == 200).then(|| handle_of(&answer.json()["messages"][0]).to_owned())
    })
}

#[track_caller]
fn assert_item(row: &Row, answer: &Value) {
    let item = &answer["results"][0];
    assert_eq!(
        (item["status"].as_u64(), &item["problem"]["code"]),
        (Some(row.status.into()), &row.code.into()),
        "{:?}: {item}",
        row.fault
    );
    assert_problem_value(&item["problem"], row.status, row.code, row.of_others());
}

#[test]
fn failures_of_a_publish() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    let send_and_check = |row: &Row| {
        let answer = app.request("POST", MESSAGES).header("Prefer: wait=2").json(r#"{"body": "x"}"#).send();
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (row.status, &row.code.into()),
            "{:?}: {answer:?}",
            row.fault
        );
        let meaning = match row.of_publish() {
            Meaning::Final => Meaning::NotPublished,
            Meaning::TryAgain => Meaning::NotPublishedTryAgain,
            meaning => meaning,
        };
        assert_problem(&answer, row.status, row.code, meaning);
    };
    let mut rows = common();
    rows.push(row(Fault::Hang, 504, "upstream-timeout"));
    rows.push(row(Fault::HangInAnswer, 504, "upstream-timeout"));
    // The connection may have been broken a moment ago: a publish that meets that is told.
    let good =
        || until("a publish to go well", || (app.post_json(MESSAGES, r#"{"body": "x"}"#).status == 201).then_some(()));
    play(&proxy, "SendMessage", &rows, send_and_check, good);
}

#[test]
fn failures_of_an_acknowledgement() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    let handle = received(&proxy, &app);
    let send_and_check = |row: &Row| assert_item(row, &app.ack("orders", "GID_a", &[&handle]).expect_json(207));
    // The handle may be used up by a fault that comes after it was done; what counts is that there is an answer.
    let good = || assert!([200, 207].contains(&app.ack("orders", "GID_a", &[&handle]).status));
    play(&proxy, "AckMessage", &common(), send_and_check, good);
}

#[test]
fn failures_of_a_change() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    let handle = std::cell::RefCell::new(received(&proxy, &app));
    let send_and_check =
        |row: &Row| assert_item(row, &app.extend("orders", "GID_a", &[&handle.borrow()], 60).expect_json(207));
    let good = || {
        let new = received_at_last(&proxy, &app);
        assert_eq!(app.extend("orders", "GID_a", &[&new], 60).status, 200);
        *handle.borrow_mut() = received_at_last(&proxy, &app);
    };
    play(&proxy, "ChangeInvisibleDuration", &common(), send_and_check, good);
}

#[test]
fn failures_of_a_poll() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    let send_and_check = |row: &Row| {
        let answer = app.post_json(RECEIVE, WAIT);
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (row.status, &row.code.into()),
            "{:?}: {answer:?}",
            row.fault
        );
        assert_problem(&answer, row.status, row.code, row.of_others());
    };
    let mut rows = common();
    // It is a stream, whose end is the answer's: one without a status is no answer of the protocol, whatever the call's says.
    rows.retain(|row| !matches!(row.fault, Fault::CutShort(_)));
    for row in &mut rows {
        if matches!(row.fault, Fault::Empty) {
            row.code = "upstream-bad-response";
        }
    }
    let good = || drop(received(&proxy, &app));
    play(&proxy, "ReceiveMessage", &rows, send_and_check, good);
}

#[test]
fn what_was_delivered_before_an_answer_broke_off_is_handed_on() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    proxy.offer("x");
    proxy.script("ReceiveMessage", [Fault::DeliverThenReset]);
    assert_eq!(app.receive("orders", "GID_a", WAIT)[0]["body"], "x");
}

#[test]
fn a_connection_that_takes_no_more_calls_is_replaced() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    for method in ["SendMessage", "ReceiveMessage", "AckMessage"] {
        proxy.script(method, [Fault::GoAway]);
    }
    // Each is answered on the connection that goes, and the next finds another.
    for _ in 0..3 {
        app.publish("orders", "x");
        let messages = app.receive("orders", "GID_a", WAIT);
        let handles: Vec<&str> = messages.iter().map(handle_of).collect();
        assert!(!handles.is_empty());
        app.ack("orders", "GID_a", &handles).expect_json(200);
    }
}

#[test]
fn failures_of_a_route_leave_nothing_sent() {
    for (fault, status, code) in [
        (Fault::Reset, 503, "upstream-unreachable"),
        (Fault::Grpc(14), 503, "upstream-unreachable"),
        (Fault::Garbage, 503, "upstream-unreachable"),
        (Fault::Empty, 503, "upstream-unreachable"),
        (Fault::Status(50_001, "?"), 503, "upstream-unreachable"),
        (Fault::Status(42_900, "?"), 503, "upstream-throttled"),
        (Fault::Hang, 503, "upstream-unreachable"),
        (Fault::Grpc(12), 502, "upstream-misconfigured"),
    ] {
        let proxy = FakeProxy::start();
        let app = app(&proxy);
        proxy.script("QueryRoute", [fault; 3]);
        let answer = app.request("POST", MESSAGES).header("Prefer: wait=2").json(r#"{"body": "x"}"#).send();
        assert_eq!((answer.status, &answer.json()["code"]), (status, &code.into()), "{fault:?}: {answer:?}");
        let is_final = code == "upstream-misconfigured";
        let meaning = if is_final { Meaning::NotPublished } else { Meaning::NotPublishedTryAgain };
        assert_problem(&answer, status, code, meaning);
        assert_eq!(proxy.calls("SendMessage").len(), 0, "{fault:?}");
    }
}

#[test]
fn a_known_route_does_while_no_newer_one_can_be_had() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    app.publish("orders", "first");
    // A poll that fails makes the route doubtful, so that it is asked for again.
    proxy.script("ReceiveMessage", [Fault::Grpc(14)]);
    assert_problem(&app.post_json(RECEIVE, WAIT), 502, "upstream-error", Meaning::TryAgain);
    proxy.script("QueryRoute", [Fault::Hang; 40]);
    let asked = proxy.calls("QueryRoute").len();
    let began = Instant::now();
    let answers = at_once(20, &app.request("POST", MESSAGES).json(r#"{"body": "x"}"#));
    let took = began.elapsed();
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [201; 20]);
    assert!(took < Duration::from_secs(5), "{took:?}");
    app.publish("orders", "last");
    assert_eq!(proxy.calls("QueryRoute").len(), asked + 1, "one asks for all of them");
}

#[test]
fn a_client_whose_beginning_fails_begins_anew() {
    for fault in [
        Fault::Reset,
        Fault::Refuse,
        Fault::Disconnect,
        Fault::Garbage,
        Fault::Empty,
        Fault::Bytes(b"<html>"),
        Fault::Http(503),
        Fault::Grpc(14),
        Fault::Status(50_001, "?"),
    ] {
        let proxy = FakeProxy::start();
        let app = app(&proxy);
        proxy.script("Telemetry", [fault]);
        proxy.offer("x");
        let began = Instant::now();
        let answer = app.post_json(RECEIVE, WAIT);
        assert!([502, 503].contains(&answer.status), "{fault:?} is told: {answer:?}");
        let received = until("the client to begin anew", || {
            // The next attempt comes after a short pause, in which the last one's failure is told.
            Some(app.post_json(RECEIVE, WAIT)).filter(|answer| answer.status == 200)
        });
        assert_eq!(received.json()["messages"][0]["body"], "x", "{fault:?}");
        assert!(began.elapsed() < Duration::from_secs(5), "{fault:?}: {:?}", began.elapsed());
    }
}

#[test]
fn a_poll_that_hangs_keeps_nobody_longer_than_they_wait() {
    let proxy = FakeProxy::start();
    let app = app_with(&proxy, "visibility_timeout = \"10s\"");
    proxy.script("ReceiveMessage", [Fault::Hang]);
    let began = Instant::now();
    assert!(app.receive("orders", "GID_a", r#"{"wait_seconds": 1}"#).is_empty());
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    // It is given up at its own deadline, which those who wait then are told, and then there is another.
    let answer = app.post_json(RECEIVE, r#"{"wait_seconds": 20}"#);
    assert_problem(&answer, 504, "upstream-timeout", Meaning::TryAgain);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    received(&proxy, &app);
}

#[test]
fn settings_that_were_lost_are_sent_again_before_anybody_needs_them() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    received(&proxy, &app);
    proxy.forget_settings();
    // The next heartbeat tells, ten seconds after the last.
    proxy.until_calls("Telemetry", 2);
    let polls = proxy.calls("ReceiveMessage").len();
    received(&proxy, &app);
    assert_eq!(proxy.calls("ReceiveMessage").len(), polls + 1, "none was in vain");
}
