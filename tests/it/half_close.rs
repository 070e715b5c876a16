//! Callers that close their side when they have sent their request (`nc -N`, HTTP/1.0 tools): they get their answer, unless it waits
//! for something that may not happen.

use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use crate::support::embedded::EmbeddedMq;
use crate::support::endpoint::{Gate, held};
use crate::support::mq::MqClient;
use crate::support::ons::{OnsClient, messages};
use crate::support::time::until;
use crate::support::{Connection, Endpoint, Launch, Meaning, Response, TestApp, assert_problem};

const LIMIT: Duration = Duration::from_secs(10);

/// Sends these bytes and closes its side.
fn half_closed(address: SocketAddr, bytes: &[u8]) -> Connection {
    let mut connection = Connection::open(address);
    connection.send(bytes);
    connection.shut_down(Shutdown::Write);
    connection
}

/// The one answer to these bytes, after which the connection ends.
#[track_caller]
fn answer(address: SocketAddr, bytes: &[u8], method: &str) -> Response {
    let mut connection = half_closed(address, bytes);
    let answer = connection.receive(method);
    assert!(connection.closed_within(LIMIT), "the connection stays");
    answer
}

#[test]
fn a_publish_is_answered_when_it_is_stored() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let gate = Gate::default();
    endpoint.script(held(&gate));
    let publish = app.request("POST", "/v1/topics/orders/messages").json(r#"{"body":"x"}"#);
    let mut connection = half_closed(app.data(), &publish.bytes());
    endpoint.wait_for_requests(1);
    assert!(!endpoint.gives_up_within(0, Duration::from_millis(300)));
    gate.open();
    assert_eq!(connection.receive("POST").expect_json(201)["outcome"], "published");
    assert!(connection.closed_within(LIMIT));
}

#[test]
fn whatever_does_not_wait_is_answered() {
    let app = Launch::embedded().start();
    let of = |method: &str, target: &str, json: &str| {
        let request = app.request(method, target);
        let request = if json.is_empty() { request } else { request.json(json) };
        answer(app.data(), &request.bytes(), method)
    };
    let batch = of("POST", "/v1/topics/T/messages:batch", r#"{"messages":[{"body":"a"},{"body":"b"}]}"#);
    assert_eq!(batch.expect_json(200)["results"][1]["status"], 201);
    let large = format!(r#"{{"body":"{}"}}"#, "x".repeat(60_000));
    of("POST", "/v1/topics/T/messages", &large).expect_json(201);
    let received = of("POST", "/v1/topics/T/groups/G/messages:receive", "{}").expect_json(200);
    let received = received["messages"].as_array().unwrap();
    assert_eq!(received.len(), 3);
    // They stay with who has half-closed and read them.
    assert!(app.receive("T", "G", r#"{"wait_seconds":3}"#).is_empty());
    let handles: Vec<_> = received.iter().map(|message| message["receipt_handle"].clone()).collect();
    let ack = serde_json::json!({"receipt_handles": handles}).to_string();
    of("POST", "/v1/topics/T/groups/G/messages:ack", &ack).expect_json(200);
    of("GET", "/v1/topics", "").expect_json(200);
    assert_eq!(of("GET", "/docs/", "").status, 200);
    let refused = of("POST", "/v1/topics/T/messages", r#"{"body":"x","x":1}"#);
    assert_eq!(refused.status, 422, "{refused:?}");
}

#[test]
fn vendors_clients_are_answered() {
    let app = Launch::embedded().start();
    for address in [app.data(), app.embedded_address()] {
        let ons = OnsClient::from((address, app.embedded_credentials()));
        assert_eq!(answer(address, &ons.publish("T", "x").bytes(), "POST").status, 201);
        let poll = ons.consume("T").query("timeout", "0");
        let polled = messages(&answer(address, &poll.bytes(), "GET"));
        let handle = polled[0]["msgHandle"].as_str().unwrap();
        assert_eq!(answer(address, &ons.delete("T", handle).bytes(), "DELETE").status, 204);
    }
    let mq = EmbeddedMq::<MqClient>::start();
    assert_eq!(answer(mq.address, &mq.publish("T", "x", "", "").bytes(), "POST").status, 201);
}

#[test]
fn pipelined_requests_are_all_answered() {
    let app = Launch::embedded().start();
    let publish = app.request("POST", "/v1/topics/T/messages").json(r#"{"body":"x"}"#).bytes();
    // More than the HTTP library reads ahead.
    let mut connection = half_closed(app.data(), &publish.repeat(40));
    for _ in 0..40 {
        connection.receive("POST").expect_json(201);
    }
    assert!(connection.closed_within(LIMIT));
}

#[test]
fn a_waiting_receive_ends_also_behind_a_publish() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let publish = app.request("POST", "/v1/topics/orders/messages").json(r#"{"body":"x"}"#);
    let waiting = app.request("POST", "/v1/topics/other/groups/CID_a/messages:receive").json(r#"{"wait_seconds":30}"#);
    let mut connection = half_closed(app.data(), &[publish.bytes(), waiting.bytes()].concat());
    connection.receive("POST").expect_json(201);
    assert!(connection.closed_within(LIMIT), "the receive waits for nobody");
    until("no waiters", || (app.metrics().get("mq_gateway_receive_waiters", &[]).unwrap_or(0.0) == 0.0).then_some(()));
    until("no polls", || (app.metrics().get("mq_gateway_upstream_polls", &[]).unwrap_or(0.0) == 0.0).then_some(()));
}

#[test]
fn a_body_that_ends_too_soon_is_told() {
    let app = Launch::embedded().start();
    let head = format!(
        "POST /v1/topics/T/messages HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n",
        app.data()
    );
    let refused = answer(app.data(), format!("{head}{{\"body\":").as_bytes(), "POST");
    assert_problem(&refused, 400, "malformed-json", Meaning::NotPublished);
    assert!(app.receive("T", "G", "{}").is_empty());
}

/// Who is gone takes nothing, also where its receive did not wait: a closed connection looks like one that is closed at one side.
#[test]
fn a_receive_ends_a_second_after_its_caller_closed() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let gate = Gate::default();
    endpoint.script(held(&gate));
    let receive = app.request("POST", "/v1/topics/orders/groups/CID_a/messages:receive").json("{}");
    drop(half_closed(app.data(), &receive.bytes()));
    endpoint.wait_for_requests(1);
    assert!(endpoint.gives_up_within(0, LIMIT), "the poll goes on for nobody");
    gate.open();
    until("no polls", || (app.metrics().get("mq_gateway_upstream_polls", &[]).unwrap_or(0.0) == 0.0).then_some(()));
}

#[test]
fn who_half_closes_and_reads_slowly_keeps_its_messages() {
    let app = Launch::embedded().start();
    for _ in 0..30 {
        app.publish("T", &"x".repeat(60_000));
    }
    let receive = app.request("POST", "/v1/topics/T/groups/G/messages:receive").json("{}");
    let mut connection = half_closed(app.data(), &receive.bytes());
    connection.wait_for_the_first_byte();
    // Longer than the end of a connection is waited for: nobody else gets them meanwhile.
    assert!(app.receive("T", "G", r#"{"wait_seconds":4}"#).is_empty());
    let received = connection.receive("POST").expect_json(200);
    assert_eq!(received["messages"].as_array().unwrap().len(), 30);
    drop(connection);
    assert!(app.receive("T", "G", r#"{"wait_seconds":3}"#).is_empty());
}

#[test]
fn an_answer_that_was_read_is_taken_whatever_waits_behind_it() {
    let app = Launch::embedded().start();
    app.publish("T", "x");
    let receive = app.request("POST", "/v1/topics/T/groups/G/messages:receive").json("{}");
    let waiting = app.request("POST", "/v1/topics/empty/groups/G/messages:receive").json(r#"{"wait_seconds":30}"#);
    let mut connection = half_closed(app.data(), &[receive.bytes(), waiting.bytes()].concat());
    assert_eq!(connection.receive("POST").expect_json(200)["messages"][0]["body"], "x");
    assert!(connection.closed_within(LIMIT));
    drop(connection);
    assert!(app.receive("T", "G", r#"{"wait_seconds":3}"#).is_empty());
}

/// Nobody has read any of the answers, so that all come back.
#[test]
fn pipelined_receives_of_one_who_is_gone_give_all_back() {
    let app = Launch::embedded().start();
    let ids: Vec<_> = (0..3).map(|index| app.publish("T", &index.to_string())).collect();
    let receive = app.request("POST", "/v1/topics/T/groups/G/messages:receive").json(r#"{"max_messages":1}"#);
    let mut connection = app.raw(&receive.bytes().repeat(3));
    connection.wait_for_the_first_byte();
    drop(connection);
    let mut again = Vec::new();
    until("all to come back", || {
        let received = app.receive("T", "G", r#"{"wait_seconds":1}"#);
        again.extend(received.iter().map(|message| message["message_id"].as_str().unwrap().to_owned()));
        (again.len() == 3).then_some(())
    });
    again.sort();
    let mut ids = ids;
    ids.sort();
    assert_eq!(again, ids);
}

/// What comes behind an answer that says `close` is not done: its sender would not look for another answer.
#[test]
fn nothing_is_done_behind_an_answer_that_says_close() {
    let app = Launch::embedded().start();
    let refused = app.request("POST", "/v1/nothing").json(r#"{"body":"x"}"#).bytes();
    let publish = app.request("POST", "/v1/topics/T/messages").json(r#"{"body":"behind"}"#).bytes();
    let mut connection = app.raw(&[refused, publish].concat());
    let first = connection.receive("POST");
    assert_eq!((first.status, first.header("connection")), (404, Some("close")));
    assert!(connection.closed_within(LIMIT));
    app.publish("T", "later");
    let bodies: Vec<_> = app.receive("T", "G", "{}").iter().map(|message| message["body"].clone()).collect();
    assert_eq!(bodies, ["later"]);
}
