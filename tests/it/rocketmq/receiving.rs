//! Receives: shared polls that are never broken off, and what becomes of what they bring.

use std::time::{Duration, Instant};

use mq_gateway::protocol::rocketmq::wire::{ChangeInvisibleDurationRequest, ReceiveMessageRequest};
use prost::Message as _;
use serde_json::json;

use super::app;
use crate::support::messages::{handle_of, one_number_each};
use crate::support::rocketmq::{FakeProxy, Fault};
use crate::support::time::{now_millis, parse_rfc3339_millis, until};
use crate::support::{Meaning, assert_problem};

const RECEIVE: &str = "/v1/topics/orders/groups/GID_a/messages:receive";

fn polled(proxy: &FakeProxy, index: usize) -> ReceiveMessageRequest {
    ReceiveMessageRequest::decode(proxy.calls("ReceiveMessage")[index].message.as_slice()).unwrap()
}

#[test]
fn a_delivery_is_told_in_full() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    let envelope = json!({"body": "x", "tag": "TagA", "keys": ["k"], "properties": {"p": "1"}});
    let published = app.post_json("/v1/topics/orders/messages", envelope.to_string()).expect_json(201);
    let before = now_millis();
    let mut messages = app.receive("orders", "GID_a", r#"{"wait_seconds": 5, "max_messages": 7}"#);
    assert_eq!(messages.len(), 1, "{messages:?}");
    let message = messages[0].as_object_mut().unwrap();
    let handle = message.remove("receipt_handle").unwrap();
    let again = parse_rfc3339_millis(message.remove("visible_again_at").unwrap().as_str().unwrap()).unwrap();
    assert!((before + 299_000..before + 315_000).contains(&again), "the profile's visibility timeout");
    message.remove("published_at").unwrap();
    let expected = json!({"message_id": published["message_id"], "body": "x", "encoding": "text", "tag": "TagA",
        "keys": ["k"], "properties": {"p": "1"}, "message_group": null, "delivery_attempt": 1});
    assert_eq!(json!(message), expected);
    let answer = app.ack("orders", "GID_a", &[handle.as_str().unwrap()]).expect_json(200);
    assert_eq!(answer["results"][0]["status"], 204);
    let request = polled(&proxy, 0);
    assert_eq!((request.batch_size, request.auto_renew), (7, false));
    assert_eq!(request.invisible_duration.unwrap().seconds, 300);
    assert_eq!(request.long_polling_timeout.unwrap().seconds, 5);
}

#[test]
fn a_receive_chooses_its_visibility_timeout_within_what_the_mq_has() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    proxy.offer("x");
    let answer = app
        .post_json(RECEIVE, r#"{"wait_seconds": 5, "max_messages": 1, "visibility_timeout_seconds": 40}"#)
        .expect_json(200);
    assert_eq!(answer["messages"].as_array().unwrap().len(), 1, "{answer}");
    assert_eq!(answer.get("applied"), None);
    assert_eq!(polled(&proxy, 0).invisible_duration.unwrap().seconds, 40);
    proxy.offer("y");
    let answer = app
        .post_json(RECEIVE, r#"{"wait_seconds": 5, "max_messages": 1, "visibility_timeout_seconds": 2}"#)
        .expect_json(200);
    assert_eq!(answer["applied"], json!({"visibility_timeout_seconds": 10}));
    for wrong in [0, 43_201] {
        let options = json!({"visibility_timeout_seconds": wrong}).to_string();
        assert_problem(&app.post_json(RECEIVE, options), 422, "validation-failed", Meaning::Final);
    }
}

#[test]
fn a_waiting_receive_is_woken_at_once() {
    let proxy = FakeProxy::start();
    proxy.hold_polls(Duration::from_secs(5));
    let app = app(&proxy);
    let request = app.request("POST", RECEIVE).json(r#"{"wait_seconds": 20}"#);
    let mut connection = request.start();
    proxy.until_calls("ReceiveMessage", 1);
    let began = Instant::now();
    app.publish("orders", "woken");
    let answer = connection.receive("POST").expect_json(200);
    assert_eq!(answer["messages"][0]["body"], "woken");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[test]
fn a_receive_that_does_not_wait_answers_early_and_breaks_nothing_off() {
    let proxy = FakeProxy::start();
    proxy.hold_polls(Duration::from_secs(4));
    let app = app(&proxy);
    let began = Instant::now();
    assert!(app.receive("orders", "GID_a", "{}").is_empty());
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    // The poll goes on, and what it brings is for the next.
    proxy.offer("late");
    let messages = app.receive("orders", "GID_a", "{}");
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!((proxy.calls("ReceiveMessage").len(), proxy.broken_off("ReceiveMessage")), (1, 0));
}

#[test]
fn what_arrives_for_nobody_is_given_back() {
    let proxy = FakeProxy::start();
    proxy.hold_polls(Duration::from_secs(4));
    let app = app(&proxy);
    assert!(app.receive("orders", "GID_a", "{}").is_empty());
    proxy.offer("late");
    let call = &proxy.until_calls("ChangeInvisibleDuration", 1)[0];
    let request = ChangeInvisibleDurationRequest::decode(call.message.as_slice()).unwrap();
    assert_eq!(request.invisible_duration.unwrap().seconds, 0);
    let messages = app.receive("orders", "GID_a", r#"{"wait_seconds": 5}"#);
    assert_eq!((messages.len(), &messages[0]["delivery_attempt"]), (1, &json!(2)));
}

#[test]
fn a_caller_who_hangs_up_loses_nothing() {
    let proxy = FakeProxy::start();
    proxy.hold_polls(Duration::from_secs(4));
    let app = app(&proxy);
    let waiting = app.request("POST", RECEIVE).json(r#"{"wait_seconds": 20}"#).start();
    proxy.until_calls("ReceiveMessage", 1);
    drop(waiting);
    proxy.offer("x");
    let messages = app.receive("orders", "GID_a", r#"{"wait_seconds": 10}"#);
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(proxy.broken_off("ReceiveMessage"), 0);
}

#[test]
fn many_who_wait_share_one_poll_and_are_served_in_turn() {
    let proxy = FakeProxy::start();
    proxy.hold_polls(Duration::from_secs(4));
    let app = app(&proxy);
    let request = app.request("POST", RECEIVE).json(r#"{"wait_seconds": 15, "max_messages": 1}"#);
    let mut waiting: Vec<_> = (0..6).map(|_| request.start()).collect();
    proxy.until_calls("ReceiveMessage", 1);
    for index in 0..6 {
        proxy.offer(&format!("m{index}"));
    }
    let mut bodies: Vec<String> = waiting
        .iter_mut()
        .map(|connection| {
            let answer = connection.receive("POST").expect_json(200);
            assert_eq!(answer["messages"].as_array().unwrap().len(), 1, "{answer}");
            answer["messages"][0]["body"].as_str().unwrap().to_owned()
        })
        .collect();
    bodies.sort();
    assert_eq!(bodies, ["m0", "m1", "m2", "m3", "m4", "m5"], "each once");
    let polls = proxy.calls("ReceiveMessage").len();
    assert!(polls <= 7, "{polls} polls for six");
}

#[test]
fn failures_of_a_receive() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    for (fault, status, code, meaning) in [
        (Fault::Status(50001, "subscription group [x] does not exist"), 502, "upstream-misconfigured", Meaning::Final),
        (Fault::Status(40403, "no group"), 502, "upstream-misconfigured", Meaning::Final),
        (Fault::Status(50001, "NullPointerException"), 502, "upstream-error", Meaning::TryAgain),
        (Fault::Grpc(14), 502, "upstream-error", Meaning::TryAgain),
        (Fault::Reset, 502, "upstream-bad-response", Meaning::TryAgain),
    ] {
        proxy.script("ReceiveMessage", [fault]);
        let answer = app.post_json(RECEIVE, r#"{"wait_seconds": 5}"#);
        let problem = answer.json();
        assert_eq!((answer.status, problem["code"].as_str()), (status, Some(code)), "{fault:?}: {problem}");
        assert_eq!(problem["retryable"], meaning == Meaning::TryAgain, "{problem}");
    }
    proxy.offer("x");
    assert_eq!(app.receive("orders", "GID_a", r#"{"wait_seconds": 5}"#).len(), 1, "a control");
    let answer = app.post_json("/v1/topics/nowhere/groups/GID_a/messages:receive", "{}");
    assert_eq!((answer.status, answer.json()["code"].as_str()), (502, Some("upstream-misconfigured")));
}

#[test]
fn order_is_promised_only_where_the_mq_keeps_it() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    let answer = app.post_json("/v1/topics/in-order/groups/GID_a/messages:receive", r#"{"wait_seconds": 1}"#);
    let problem = answer.json();
    assert_eq!((answer.status, problem["code"].as_str()), (502, Some("upstream-misconfigured")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("updateSubGroup -g GID_a -o true"), "{problem}");
    drop(app);
    proxy.ordered_groups();
    let app = super::app(&proxy);
    proxy.offer("x");
    assert_eq!(app.receive("in-order", "GID_a", r#"{"wait_seconds": 5}"#).len(), 1);
}

#[test]
fn messages_in_order_that_come_together_go_to_one_caller() {
    let proxy = FakeProxy::start();
    proxy.ordered_groups();
    proxy.hold_polls(Duration::from_millis(500));
    let app = app(&proxy);
    let request = app.request("POST", "/v1/topics/in-order/groups/GID_a/messages:receive");
    let request = request.json(r#"{"wait_seconds": 20, "max_messages": 1}"#);
    let waiting = |number: f64| {
        until("those who wait", || {
            (app.metrics().get("mq_gateway_receive_waiters", &[]) == Some(number)).then_some(())
        });
    };
    let mut first = request.start();
    proxy.until_calls("ReceiveMessage", 1);
    let mut second = request.start();
    waiting(2.0);
    // One that began when both were in line.
    let polls = proxy.calls("ReceiveMessage").len();
    proxy.until_calls("ReceiveMessage", polls + 2);
    proxy.offer_together(&["m1", "m2"]);
    let got = first.receive("POST").expect_json(200)["messages"].take();
    assert_eq!((got.as_array().unwrap().len(), &got[0]["body"]), (1, &json!("m1")), "{got}");
    // Nobody works on the next before the first is acknowledged.
    let polls = proxy.calls("ReceiveMessage").len();
    proxy.until_calls("ReceiveMessage", polls + 1);
    waiting(1.0);
    app.ack("in-order", "GID_a", &[handle_of(&got[0])]).expect_json(200);
    let got = second.receive("POST").expect_json(200)["messages"].take();
    assert_eq!((got.as_array().unwrap().len(), &got[0]["body"]), (1, &json!("m2")), "{got}");
}

#[test]
fn all_who_wait_stand_in_one_line_and_take_no_connection() {
    let proxy = FakeProxy::start();
    proxy.hold_polls(Duration::from_secs(2));
    let app = super::app_with(&proxy, "connections = 2");
    // The topic's route is known from here on.
    app.publish("orders", "first");
    assert_eq!(app.receive("orders", "GID_a", r#"{"wait_seconds": 5}"#).len(), 1);
    let request = app.request("POST", RECEIVE).json(r#"{"wait_seconds": 30, "max_messages": 1}"#);
    let mut waiting: Vec<_> = (0..30).map(|_| request.start()).collect();
    until("all of them wait", || (app.metrics().get("mq_gateway_receive_waiters", &[]) == Some(30.0)).then_some(()));
    let polls = proxy.calls("ReceiveMessage").len();
    proxy.until_calls("ReceiveMessage", polls + 1);
    assert_eq!(polled(&proxy, polls).batch_size, 30, "a poll for all of them");
    for index in 0..30 {
        app.publish("orders", &index.to_string());
    }
    assert_eq!(one_number_each(&mut waiting), (0..30).collect::<Vec<_>>());
}
