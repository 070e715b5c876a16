//! Slow clients are cut in every place where a client can be slow, and the others are not affected.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::ons::OnsRequest;
use crate::support::slow::{Behaviour, Slow, open, run};
use crate::support::time::{AT_ONCE, until};
use crate::support::{Connection, Endpoint, Launch, Settings, TestApp};

const ATTACKERS: usize = 200;
const SECOND: Duration = Duration::from_secs(1);
/// Ends the waiting of a test that fails.
const FAR: Duration = Duration::from_secs(12);
const LIST: &str = "GET /v1/topics HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn limits(text: &str) -> Settings {
    Settings::new().more(&format!("[server.limits]\n{text}"))
}

/// Sends requests all the time, each on a connection of its own and on a kept one, until it is stopped.
struct Healthy {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Duration>,
}

impl Healthy {
    fn towards(address: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut slowest = Duration::ZERO;
            let mut kept = Connection::open(address);
            while !stopped.load(Ordering::SeqCst) {
                let started = Instant::now();
                assert_eq!(Connection::open(address).exchange(LIST.as_bytes(), "GET").status, 200);
                assert_eq!(kept.exchange(LIST.as_bytes(), "GET").status, 200);
                slowest = slowest.max(started.elapsed());
                std::thread::sleep(Duration::from_millis(10));
            }
            slowest
        });
        Self { stop, thread }
    }

    /// None failed, and none took long, for a debug build on a shared machine.
    #[track_caller]
    fn check(self) {
        self.stop.store(true, Ordering::SeqCst);
        let slowest = self.thread.join().expect("all healthy requests are answered");
        assert!(slowest < AT_ONCE, "{slowest:?}");
    }
}

/// Lets many clients behave so beside healthy ones; `limit` is the one that ends them.
#[track_caller]
fn attack(app: &TestApp, address: SocketAddr, behaviour: Behaviour<'_>, limit: Duration) -> Vec<Slow> {
    let healthy = Healthy::towards(app.data());
    let all = run(address, behaviour, ATTACKERS, FAR);
    healthy.check();
    for slow in &all {
        let end = slow.answered.or(slow.cut).unwrap_or_else(|| panic!("never cut: {behaviour:?}"));
        assert!(end <= limit + AT_ONCE, "after {end:?}: {behaviour:?}");
        assert!(end >= limit / 2, "after {end:?}: {behaviour:?}");
        assert!(slow.cut.is_some(), "answered and never closed: {behaviour:?}");
    }
    all
}

#[track_caller]
fn closed(app: &TestApp, listener: &str, reason: &str) -> usize {
    let labels = [("listener", listener), ("reason", reason)];
    let count = app.metrics().get("mq_gateway_connections_closed_total", &labels).unwrap();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
    let count = count as usize;
    count
}

#[test]
fn slow_heads() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, limits("head_timeout = \"1s\""));
    let first = Behaviour { start: "GET /v1", trickle: "x", ..Behaviour::default() };
    let later = Behaviour { request: LIST, start: "GET /v1", trickle: "x", ..Behaviour::default() };
    let stalled = Behaviour { request: LIST, start: "GET /v1/topics HTTP/1.1\r\nHost: l", ..Behaviour::default() };
    let silent = Behaviour::default();
    for (number, behaviour) in [first, later, stalled, silent].into_iter().enumerate() {
        for slow in attack(&app, app.data(), behaviour, SECOND) {
            assert_eq!(slow.statuses(), ["408"], "{behaviour:?}");
        }
        assert_eq!(closed(&app, "data", "head_timeout"), (number + 1) * ATTACKERS, "{behaviour:?}");
    }
}

#[test]
fn slow_heads_pipelined_behind_a_request() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, limits("head_timeout = \"1s\""));
    let publish = "POST /v1/topics/orders/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n";
    for request in [
        format!("{LIST}GET /v1/topics HT"),
        format!("{publish}Content-Length: 5\r\n\r\nhelloGET /v1/topics HT"),
        format!("{publish}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /v1/topics HT"),
        // Two at once, and a part of a third.
        format!("{publish}Content-Length: 5\r\n\r\nhello{publish}Content-Length: 5\r\n\r\nhelloGET"),
    ] {
        let mut connection = app.raw(request.as_bytes());
        let started = Instant::now();
        assert!(connection.receive("POST").status < 300);
        assert!(connection.closed_within(FAR), "{request}");
        let end = started.elapsed();
        assert!(end >= SECOND / 2 && end <= AT_ONCE, "{end:?}: {request}");
    }
    // The rest of such a head completes a normal request.
    let mut connection = app.raw(format!("{LIST}GET /v1/topics HT").as_bytes());
    assert_eq!(connection.receive("GET").status, 200);
    assert_eq!(connection.exchange(b"TP/1.1\r\nHost: localhost\r\n\r\n", "GET").status, 200);
    std::thread::sleep(SECOND * 3 / 2);
    assert_eq!(connection.exchange(LIST.as_bytes(), "GET").status, 200, "an idle connection stays");
}

#[test]
fn slow_bodies() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, limits("body_timeout = \"2s\"\nhead_timeout = \"2s\""));
    let head = "POST /v1/topics/orders/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n";
    let announced = format!("{head}Content-Length: 100000\r\n\r\nhello");
    // Too slow at half the time already.
    let trickled = Behaviour { start: &announced, trickle: "x", ..Behaviour::default() };
    for slow in attack(&app, app.data(), trickled, SECOND) {
        assert_eq!(slow.statuses(), ["408"]);
    }
    assert_eq!(closed(&app, "data", "body_rate"), ATTACKERS);
    // Fast enough, and yet too late.
    let many = "x".repeat(200);
    let endless = Behaviour { start: &announced, trickle: &many, ..Behaviour::default() };
    for slow in attack(&app, app.data(), endless, 2 * SECOND) {
        assert_eq!(slow.statuses(), ["408"]);
    }
    assert_eq!(closed(&app, "data", "body_timeout"), ATTACKERS);
    assert_eq!(endpoint.request_count(), 0);
}

#[test]
fn slow_bodies_of_requests_that_are_answered_already() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, limits("head_timeout = \"1s\""));
    for line in ["POST /nowhere", "GET /v1/topics", "DELETE /v1/topics"] {
        let request = format!("{line} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
        let behaviour = Behaviour { start: &request, trickle: "1\r\nx\r\n", ..Behaviour::default() };
        let healthy = Healthy::towards(app.data());
        for slow in run(app.data(), Behaviour { start: &(request.clone() + "1\r\nx\r\n"), ..behaviour }, ATTACKERS, FAR)
        {
            let end = slow.cut.unwrap_or_else(|| panic!("never cut: {line}"));
            assert!(end <= SECOND + AT_ONCE, "{end:?}: {line}");
            assert_eq!(slow.statuses().len(), 1, "one answer to one request: {line}");
        }
        healthy.check();
    }
}

/// Lets clients send `requests` and read no answer. Only the gateway's count shows that all were cut: where the kernel
/// gives up on bytes that are not acknowledged, the gateway learns of it and the client does not.
#[track_caller]
fn assert_unread_answers_are_cut(requests: &str, clients: usize) {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, limits("write_timeout = \"1s\""));
    let behaviour = Behaviour { start: requests, reads: false, ..Behaviour::default() };
    let healthy = Healthy::towards(app.data());
    let started = Instant::now();
    let waiting = open(app.data(), behaviour, clients);
    until("all to be cut", || (closed(&app, "data", "write_timeout") == clients).then_some(()));
    let end = started.elapsed();
    assert!(end >= SECOND / 2 && end <= SECOND + AT_ONCE, "{end:?}");
    healthy.check();
    drop(waiting);
}

const OPENAPI: &str = "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// More than the kernel takes for a client that reads nothing; few clients, as each costs it megabytes.
#[test]
fn unread_answers() {
    assert_unread_answers_are_cut(&OPENAPI.repeat(60), 40);
}

/// An answer that the kernel takes whole.
#[test]
fn small_unread_answers() {
    assert_unread_answers_are_cut(OPENAPI, ATTACKERS);
}

#[test]
fn the_embedded_endpoint_is_guarded_as_well() {
    let app = Launch::embedded_with("[server.limits]\nhead_timeout = \"1s\"\nbody_timeout = \"2s\"").start();
    let request = "GET /message/?topic=a HTTP/1.1\r\nHost: localhost\r\n";
    let first = Behaviour { start: request, trickle: "x", ..Behaviour::default() };
    attack(&app, app.embedded_address(), first, SECOND);
    assert_eq!(closed(&app, "embedded", "head_timeout"), ATTACKERS);
    // Who is not known is refused before the body; these are.
    let publish = OnsRequest::publish(&app.embedded_credentials(), "a", "PID_a", "x".repeat(9999));
    let bytes = String::from_utf8(publish.bytes()).expect("text");
    let head = bytes.split_inclusive("\r\n\r\n").next().expect("a head");
    let behaviour = Behaviour { start: head, trickle: "x", ..Behaviour::default() };
    for slow in attack(&app, app.embedded_address(), behaviour, SECOND) {
        assert_eq!(slow.statuses(), ["408"]);
    }
    assert_eq!(closed(&app, "embedded", "body_rate"), ATTACKERS);
}

#[test]
fn at_the_cap_stalled_connections_make_room_for_new_ones() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, limits("head_timeout = \"4s\"\nconnections = 100"));
    let stalled: Vec<Connection> = (0..300).map(|_| app.raw(b"GET /v1/topics HTTP/1.1\r\nHos")).collect();
    let started = Instant::now();
    for _ in 0..50 {
        assert_eq!(app.get("/v1/topics").status, 200);
    }
    assert!(started.elapsed() < 3 * SECOND, "{:?}: as if all had been waited for", started.elapsed());
    assert!(closed(&app, "data", "cap") >= 200);
    drop(stalled);
}

#[test]
fn the_gateways_own_endpoint_takes_any_number_of_its_connections() {
    let limits = "[server.limits]\nconnections_per_address = 1";
    let app = Launch::on_embedded("", &Settings::new().more(limits)).start();
    let messages: Vec<Value> = (0..50).map(|index| json!({ "body": index.to_string() })).collect();
    let body = json!({ "messages": messages }).to_string();
    let answer = app.post_json("/v1/topics/orders/messages:batch", &body).expect_json(200);
    assert_eq!(answer["results"].as_array().unwrap().len(), 50, "{answer}");
    assert_eq!(closed(&app, "embedded", "address_cap"), 0);
}

#[test]
fn connections_per_address_are_limited() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, limits("connections_per_address = 5"));
    let mut kept: Vec<Connection> = (0..5).map(|_| app.raw(LIST.as_bytes())).collect();
    for connection in &mut kept {
        assert_eq!(connection.receive("GET").status, 200);
    }
    assert!(Connection::open(app.data()).closed_within(FAR));
    assert_eq!(closed(&app, "data", "address_cap"), 1);
    kept.pop();
    until("a free connection", || {
        let mut connection = app.raw(LIST.as_bytes());
        connection.try_receive("GET", SECOND).ok().filter(|answer| answer.status == 200)
    });
}
