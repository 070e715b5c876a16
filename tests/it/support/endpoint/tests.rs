//! The endpoint, tested by the tests' own client.

use std::time::Duration;

use super::*;
use crate::support::client::{Connection, NoResponse};
use crate::support::ons::{OnsRequest, messages};

#[test]
fn it_publishes_consumes_and_deletes() {
    let endpoint = Endpoint::start();
    let credentials = endpoint.credentials();
    let published =
        OnsRequest::publish(credentials, "订单", "PID_a", "中文").query("tag", "a b").send(endpoint.address());
    assert_eq!(published.status, 201);
    assert_eq!(published.json()["sendStatus"], "SEND_OK");
    assert_eq!(endpoint.only_request().parameter("tag"), Some("a b"));

    let consumed = messages(&OnsRequest::consume(credentials, "订单", "CID_a").send(endpoint.address()));
    assert_eq!(consumed.len(), 1);
    assert_eq!(consumed[0]["body"], "中文");
    let handle = consumed[0]["msgHandle"].as_str().unwrap();
    assert_eq!(OnsRequest::delete(credentials, "订单", "CID_a", handle).send(endpoint.address()).status, 204);
    assert_eq!(endpoint.deleted(), [handle]);
    assert_eq!(endpoint.stored("订单"), ["中文".as_bytes()]);
    assert!(messages(&OnsRequest::consume(credentials, "订单", "CID_a").send(endpoint.address())).is_empty());
    endpoint.assert_clean();
}

/// What the endpoint finds in a request that was changed.
fn check(change: impl FnOnce(OnsRequest) -> OnsRequest, expected: &str) {
    let endpoint = Endpoint::start();
    let request = change(OnsRequest::publish(endpoint.credentials(), "T", "PID_a", "hello"));
    let _ = Connection::open(endpoint.address()).exchange(&request.bytes(), "POST");
    let failures = endpoint.take_failures();
    assert!(failures.iter().any(|failure| failure.contains(expected)), "{expected} in {failures:#?}");
}

#[test]
fn it_finds_what_is_wrong() {
    check(|request| request.without_header("Signature").header("Signature: AAAA"), "Signature does not sign");
    check(|request| request.header("Signature: AAAA"), "Signature does not sign");
    check(|request| request.without_header("AccessKey"), "AccessKey is not exactly ours");
    check(|request| request.header("ConsumerID: CID_a"), "ConsumerID on a POST");
    check(|request| request.without_header("ProducerID"), "ProducerID is not there");
    check(|request| request.query("colour", "red"), "unexpected parameter \"colour\"");
    check(|request| request.query("topic", "U"), "parameter \"topic\" comes twice");
    check(|request| request.header("Authorization: Bearer x"), "header authorization");
    check(|request| request.without_query("time").query("time", "1503907519123"), "time \"1503907519123\"");
    check(|request| request.path("/message"), "the path");
    check(
        |mut request| {
            request.target = Some(format!("{}&tag=a+b", request.target()));
            request
        },
        "more than unreserved",
    );
    check(
        |mut request| {
            request.body = b"other".to_vec();
            request
        },
        "Signature does not sign",
    );
}

fn scripted(script: Script) -> Result<u16, NoResponse> {
    let endpoint = Endpoint::start();
    endpoint.script(script);
    let mut connection = Connection::open(endpoint.address());
    connection.send(&OnsRequest::publish(endpoint.credentials(), "T", "PID_a", "hello").bytes());
    connection.try_receive("POST", Duration::from_millis(500)).map(|response| response.status)
}

#[test]
fn it_answers_by_script() {
    let check = |script: Script, expected: &str| {
        let shown = match scripted(script) {
            Ok(status) => status.to_string(),
            Err(NoResponse::Broken(_)) => "broken".to_owned(),
            Err(other) => format!("{other:?}"),
        };
        assert_eq!(shown, expected);
    };
    check(respond(500, &["X-A: b"], "oh"), "500");
    check(never(), "TimedOut");
    check(closed(), "Closed");
    check(reset(), "Closed");
    check(raw("HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n{"), "broken");
    check(drip(201, "{}", Duration::from_millis(10)), "201");
    check(drip(201, "{}", Duration::from_secs(10)), "TimedOut");
}

#[test]
fn it_sees_a_peer_that_goes_away() {
    let endpoint = Endpoint::start();
    endpoint.script(never());
    let mut connection = Connection::open(endpoint.address());
    connection.send(&OnsRequest::consume(endpoint.credentials(), "T", "CID_a").bytes());
    endpoint.wait_for_requests(1);
    assert!(!endpoint.gives_up_within(0, Duration::from_millis(50)));
    drop(connection);
    assert!(endpoint.gives_up_within(0, Duration::from_secs(5)));
}

#[test]
fn a_consume_waits_for_a_message() {
    let endpoint = Endpoint::start();
    let mut connection = Connection::open(endpoint.address());
    connection.send(&OnsRequest::consume(endpoint.credentials(), "T", "CID_a").query("timeout", "10000").bytes());
    endpoint.wait_for_requests(1);
    OnsRequest::publish(endpoint.credentials(), "T", "PID_a", "late").send(endpoint.address());
    assert_eq!(messages(&connection.receive("GET"))[0]["body"], "late");
}

#[test]
fn a_gate_holds_an_answer_back() {
    let endpoint = Endpoint::start();
    let gate = Gate::default();
    endpoint.script(held(&gate));
    let mut connection = Connection::open(endpoint.address());
    connection.send(&OnsRequest::publish(endpoint.credentials(), "T", "PID_a", "x").bytes());
    endpoint.wait_for_requests(1);
    assert!(matches!(connection.try_receive("POST", Duration::from_millis(50)), Err(NoResponse::TimedOut)));
    gate.open();
    assert_eq!(connection.receive("POST").status, 201);
}

fn published(endpoint: &Endpoint, credentials: &Credentials) -> u16 {
    OnsRequest::publish(credentials, "T", "PID_a", "x").send(endpoint.address()).status
}

#[test]
fn it_goes_away_and_comes_back() {
    let endpoint = Endpoint::start_at(Ipv4Addr::new(127, 77, 0, 1));
    let mut idle = Connection::open(endpoint.address());
    endpoint.script(never());
    let mut waiting = Connection::open(endpoint.address());
    waiting.send(&OnsRequest::publish(endpoint.credentials(), "T", "PID_a", "x").bytes());
    endpoint.wait_for_any(1);
    endpoint.go_away();
    assert!(idle.closed_within(Duration::from_secs(5)) && waiting.closed_within(Duration::from_secs(5)));
    assert!(Connection::try_open(endpoint.address()).is_err());
    endpoint.come_back();
    assert_eq!(published(&endpoint, endpoint.credentials()), 201);
}

#[test]
fn while_it_is_frozen_nothing_happens_and_then_all_of_it() {
    let endpoint = Endpoint::start();
    endpoint.freeze();
    let mut connection = Connection::open(endpoint.address());
    connection.send(&OnsRequest::publish(endpoint.credentials(), "T", "PID_a", "x").bytes());
    assert!(matches!(connection.try_receive("POST", Duration::from_millis(200)), Err(NoResponse::TimedOut)));
    assert_eq!(endpoint.request_count(), 0);
    drop(connection);
    endpoint.thaw();
    time::until("what was sent", || (endpoint.stored("T").len() == 1).then_some(()));
}

#[test]
fn credentials_come_and_go() {
    let endpoint = Endpoint::start();
    let (old, new) = (endpoint.credentials().clone(), Credentials::of("new"));
    endpoint.accept_also(&new);
    assert_eq!([&old, &new].map(|it| published(&endpoint, it)), [201, 201]);
    endpoint.retire(&old);
    assert_eq!([&old, &new].map(|it| published(&endpoint, it)), [403, 201]);
    endpoint.assert_clean();
    assert_eq!(published(&endpoint, &Credentials::of("unknown")), 403);
    assert_eq!(endpoint.take_failures().len(), 1);
}

#[test]
fn its_clock_can_be_set() {
    let endpoint = Endpoint::start();
    endpoint.stop_recording();
    endpoint.set_clock(3_600_000);
    let ours = OnsRequest::publish(endpoint.credentials(), "T", "PID_a", "x").send(endpoint.address());
    assert_eq!(ours.status, 403);
    assert!(ours.header("date").is_some_and(|date| date.ends_with(" GMT")), "{ours:?}");
    let its = time::now_millis() + 3_600_000;
    let request = OnsRequest::publish_at(endpoint.credentials(), "T", "PID_a", "x", its);
    assert_eq!(request.send(endpoint.address()).status, 201);
    assert!(endpoint.requests().is_empty());
}
