//! SIGTERM: requests under way are completed, waiting receives are answered, and the process ends with exit code 0.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::endpoint::{Gate, held};
use crate::support::time::until;
use crate::support::{Connection, Endpoint, Settings, TestApp};

const LIMIT: Duration = Duration::from_secs(15);

#[test]
fn an_idle_gateway_ends_at_once() {
    let mut app = TestApp::embedded();
    let idle = Connection::open(app.data());
    let started = Instant::now();
    app.terminate();
    assert_eq!(app.wait_for_exit(LIMIT).code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    drop(idle);
}

#[test]
fn a_publish_under_way_is_answered() {
    let endpoint = Endpoint::start();
    let mut app = TestApp::towards(&endpoint);
    let gate = Gate::default();
    endpoint.script(held(&gate));
    let mut waiting = app.request("POST", "/v1/topics/orders/messages").json(r#"{"body":"x"}"#).start();
    endpoint.wait_for_requests(1);
    app.terminate();
    assert!(!endpoint.gives_up_within(0, Duration::from_millis(300)), "given up at once");
    gate.open();
    assert_eq!(waiting.receive("POST").status, 201);
    assert_eq!(app.wait_for_exit(LIMIT).code(), Some(0));
}

#[test]
fn waiting_receives_are_answered_empty_at_once() {
    let endpoint = Endpoint::start();
    let mut app = TestApp::towards(&endpoint);
    let target = "/v1/topics/orders/groups/CID_a/messages:receive";
    let mut waiting: Vec<Connection> =
        (0..3).map(|_| app.request("POST", target).json(r#"{"wait_seconds":30}"#).start()).collect();
    until("three waiters", || (app.metrics().get("mq_gateway_receive_waiters", &[]) == Some(3.0)).then_some(()));
    let started = Instant::now();
    app.terminate();
    for connection in &mut waiting {
        assert_eq!(connection.receive("POST").expect_json(200), json!({"messages": []}));
    }
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(app.wait_for_exit(LIMIT).code(), Some(0));
}

#[test]
fn while_draining_it_serves_and_announces_the_end() {
    let endpoint = Endpoint::start();
    let mut app = TestApp::with(&endpoint, Settings::new().server("drain_delay = \"2s\""));
    assert_eq!(app.management_get("/readyz").status, 200);
    let started = Instant::now();
    app.terminate();
    until("readiness to fail", || (app.management_get("/readyz").status == 503).then_some(()));
    assert_eq!(app.management_get("/livez").status, 200);
    let response = app.post_json("/v1/topics/orders/messages", r#"{"body":"x"}"#);
    assert_eq!(response.status, 201, "{response:?}");
    assert_eq!(response.header("connection").map(str::to_ascii_lowercase).as_deref(), Some("close"));
    assert_eq!(app.wait_for_exit(LIMIT).code(), Some(0));
    assert!(started.elapsed() >= Duration::from_millis(1900), "{:?}", started.elapsed());
}

#[test]
fn a_hanging_publish_is_cut_at_the_shutdown_timeout() {
    let endpoint = Endpoint::start();
    let settings = Settings::new().server("shutdown_timeout = \"1s\"").topic("deadline = \"30s\"");
    let mut app = TestApp::with(&endpoint, settings);
    let gate = Gate::default();
    endpoint.script(held(&gate));
    let mut waiting = app.request("POST", "/v1/topics/orders/messages").json(r#"{"body":"x"}"#).start();
    endpoint.wait_for_requests(1);
    let started = Instant::now();
    app.terminate();
    let answer = waiting.try_receive("POST", LIMIT);
    assert!(answer.is_err(), "nobody knows whether it is published: {answer:?}");
    let told = started.elapsed();
    assert!(told >= Duration::from_millis(900), "cut after {told:?}");
    assert_eq!(app.wait_for_exit(LIMIT).code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
}
