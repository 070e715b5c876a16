//! Nack and extend: `ChangeInvisibleDuration`, and what a server does not tell about the handles that it replaces.

use std::time::Duration;

use mq_gateway::protocol::rocketmq::wire::ChangeInvisibleDurationRequest;
use prost::Message as _;
use serde_json::{Value, json};

use super::{app, app_with};
use crate::support::callers::at_once;
use crate::support::messages::handle_of;
use crate::support::rocketmq::{FakeProxy, Fault};
use crate::support::time::{now_millis, parse_rfc3339_millis};
use crate::support::{Meaning, Response, TestApp, assert_problem_value};

const WAIT: &str = r#"{"wait_seconds": 5}"#;

/// Offers a message and receives its handle.
#[track_caller]
fn received(proxy: &FakeProxy, app: &TestApp) -> String {
    proxy.offer("x");
    let messages = app.receive("orders", "GID_a", WAIT);
    assert_eq!(messages.len(), 1, "{messages:?}");
    handle_of(&messages[0]).to_owned()
}

/// The only result of an answer.
#[track_caller]
fn result(response: &Response, status: u16) -> Value {
    let answer = response.expect_json(status);
    assert_eq!(answer["results"].as_array().map(Vec::len), Some(1), "{answer}");
    answer["results"][0].clone()
}

#[track_caller]
fn assert_stale(response: &Response) -> Value {
    let item = result(response, 207);
    assert_eq!(item["status"], 410, "{item}");
    assert_problem_value(&item["problem"], 410, "receipt-handle-expired", Meaning::Final);
    item
}

#[track_caller]
fn changes(proxy: &FakeProxy) -> Vec<ChangeInvisibleDurationRequest> {
    let calls = proxy.calls("ChangeInvisibleDuration");
    calls.iter().map(|call| ChangeInvisibleDurationRequest::decode(call.message.as_slice()).unwrap()).collect()
}

fn seconds(change: &ChangeInvisibleDurationRequest) -> i64 {
    change.invisible_duration.unwrap().seconds
}

#[test]
fn an_extension_gives_a_new_handle_and_the_old_one_is_stale_without_asking() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    let old = received(&proxy, &app);
    let before = now_millis();
    let answer = app.extend("orders", "GID_a", &[&old], 60);
    let item = result(&answer, 200);
    let new = item["receipt_handle"].as_str().unwrap();
    let again = parse_rfc3339_millis(item["visible_again_at"].as_str().unwrap()).unwrap();
    assert!((before + 60_000..=now_millis() + 60_000).contains(&again), "{item}");
    assert_eq!(item["status"], 204);
    assert!(new != old && new.starts_with("v2."), "{item}");
    assert!(answer.json().get("applied").is_none(), "{answer:?}");
    let [change] = changes(&proxy).try_into().unwrap();
    assert_eq!((seconds(&change), change.message_id.len()), (60, 34));
    for response in [
        app.extend("orders", "GID_a", &[&old], 60),
        app.nack("orders", "GID_a", &[&old], 0),
        app.ack("orders", "GID_a", &[&old]),
    ] {
        assert_eq!(assert_stale(&response)["receipt_handle"], old, "the one of the request");
    }
    assert_eq!((changes(&proxy).len(), proxy.calls("AckMessage").len()), (1, 0), "two changes would make two copies");
    // The new one is as good as any: once more, and then it is done.
    let newer = result(&app.extend("orders", "GID_a", &[new], 60), 200)["receipt_handle"].as_str().unwrap().to_owned();
    assert_eq!(result(&app.ack("orders", "GID_a", &[&newer]), 200), json!({"receipt_handle": newer, "status": 204}));
}

#[test]
fn a_nack_gives_the_message_back() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    let old = received(&proxy, &app);
    let before = now_millis();
    let item = result(&app.nack("orders", "GID_a", &[&old], 0), 200);
    let at = parse_rfc3339_millis(item["visible_again_at"].as_str().unwrap()).unwrap();
    assert!((before..=now_millis()).contains(&at), "{item}");
    let messages = app.receive("orders", "GID_a", WAIT);
    assert_eq!((messages.len(), &messages[0]["delivery_attempt"]), (1, &json!(2)), "{messages:?}");
    let later = handle_of(&messages[0]);
    let item = result(&app.nack("orders", "GID_a", &[later], 5), 200);
    assert_ne!(item["receipt_handle"], *later);
    assert_eq!(changes(&proxy).iter().map(seconds).collect::<Vec<_>>(), [0, 5]);
}

#[test]
fn what_the_mq_does_not_have_becomes_the_nearest_that_it_does() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    let first = received(&proxy, &app);
    let answer = app.extend("orders", "GID_a", &[&first], 3).expect_json(200);
    assert_eq!(answer["applied"], json!({"visibility_timeout_seconds": 10}), "{answer}");
    let second = answer["results"][0]["receipt_handle"].as_str().unwrap();
    let answer = app.nack("orders", "GID_a", &[second], 3).expect_json(200);
    assert!(answer.get("applied").is_none(), "{answer}");
    assert_eq!(changes(&proxy).iter().map(seconds).collect::<Vec<_>>(), [10, 3]);
}

#[test]
fn a_handle_is_changed_by_one_request_at_a_time() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    let old = received(&proxy, &app);
    let alike = app.extend("orders", "GID_a", &[&old, &old], 60).expect_json(200);
    assert_eq!(alike["results"][0], alike["results"][1], "duplicates are answered alike, and sent once");
    assert_eq!(changes(&proxy).len(), 1);
    let old = alike["results"][0]["receipt_handle"].as_str().unwrap();
    let body = json!({"receipt_handles": [old], "visibility_timeout_seconds": 60}).to_string();
    let request = app.request("POST", "/v1/topics/orders/groups/GID_a/messages:extend").json(body);
    let mut statuses: Vec<u16> = at_once(8, &request).iter().map(|response| response.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 207, 207, 207, 207, 207, 207, 207], "one of them has the new handle");
    assert_eq!(changes(&proxy).len(), 2);
}

#[test]
fn a_change_after_the_acknowledgement_does_not_revive_the_message() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    let handle = received(&proxy, &app);
    app.ack("orders", "GID_a", &[&handle]).expect_json(200);
    assert_stale(&app.extend("orders", "GID_a", &[&handle], 60));
    assert_stale(&app.nack("orders", "GID_a", &[&handle], 0));
    assert!(changes(&proxy).is_empty());
}

#[test]
fn any_process_changes_any_handle_and_knows_its_own_changes_only() {
    let proxy = FakeProxy::start();
    let (one, other) = (app(&proxy), app(&proxy));
    let old = received(&proxy, &one);
    let item = result(&other.extend("orders", "GID_a", &[&old], 60), 200);
    assert_stale(&other.ack("orders", "GID_a", &[&old]));
    assert!(proxy.calls("AckMessage").is_empty());
    // The other process asks: what the MQ says, it says.
    one.ack("orders", "GID_a", &[&old]).expect_json(207);
    assert_eq!(proxy.calls("AckMessage").len(), 1);
    one.ack("orders", "GID_a", &[item["receipt_handle"].as_str().unwrap()]).expect_json(200);
}

#[test]
fn where_there_is_no_place_for_another_client_one_of_the_others_does() {
    let proxy = FakeProxy::start();
    proxy.hold_polls(Duration::from_secs(4));
    let (one, other) = (app(&proxy), app_with(&proxy, "max_sessions = 1"));
    let handle = received(&proxy, &one);
    let before = proxy.calls("ReceiveMessage").len();
    let waiting = other.request("POST", "/v1/topics/orders/groups/GID_b/messages:receive").json(WAIT).start();
    proxy.until_calls("ReceiveMessage", before + 1);
    other.extend("orders", "GID_a", &[&handle], 60).expect_json(200);
    drop(waiting);
}

#[test]
fn settings_that_the_server_lost_are_sent_again() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    let handle = received(&proxy, &app);
    // The first one, which would find out by itself.
    proxy.until_calls("Heartbeat", 1);
    proxy.forget_settings();
    let item = result(&app.extend("orders", "GID_a", &[&handle], 60), 200);
    assert_eq!(item["status"], 204);
    assert_eq!((proxy.calls("Telemetry").len(), changes(&proxy).len()), (2, 2));
}

#[test]
fn an_expired_handle_is_told_and_a_broker_that_has_just_come_back_is_waited_for() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    let not_found = Fault::Status(40013, "cannot find broker broker-a");
    let handle = received(&proxy, &app);
    proxy.script("ChangeInvisibleDuration", [Fault::Status(40013, "receipt handle is expired")]);
    let item = assert_stale(&app.extend("orders", "GID_a", &[&handle], 60));
    assert_eq!(item["problem"]["vendor_code"], "INVALID_RECEIPT_HANDLE", "{item}");
    assert_eq!(changes(&proxy).len(), 1, "that is decided");
    proxy.script("ChangeInvisibleDuration", [not_found, not_found]);
    assert_stale(&app.extend("orders", "GID_a", &[&handle], 60));
    assert_eq!(changes(&proxy).len(), 3, "once more, and then its word is taken");
    proxy.script("ChangeInvisibleDuration", [not_found]);
    let item = result(&app.extend("orders", "GID_a", &[&handle], 60), 200);
    proxy.script("AckMessage", [not_found]);
    let handle = item["receipt_handle"].as_str().unwrap();
    app.ack("orders", "GID_a", &[handle]).expect_json(200);
    assert_eq!(proxy.calls("AckMessage").len(), 2);
    proxy.script("AckMessage", [Fault::Status(40013, "receipt handle is expired")]);
    assert_stale(&app.ack("orders", "GID_a", &[handle]));
    assert_eq!(proxy.calls("AckMessage").len(), 3, "that is decided");
}

#[test]
fn an_acknowledgement_after_a_change_that_was_not_answered_is_not_known_to_count() {
    let proxy = FakeProxy::start();
    proxy.take_replaced_handles();
    let app = app(&proxy);
    let unknown = |response: &Response| {
        let item = result(response, 207);
        assert_problem_value(&item["problem"], 504, "upstream-timeout", Meaning::TryAgain);
        assert!(item["problem"]["detail"].as_str().unwrap().contains("the message may come again"), "{item}");
    };
    // It was done, and the server says yes to the old handle.
    let handle = received(&proxy, &app);
    proxy.script("ChangeInvisibleDuration", [Fault::DoneThenGrpc(14)]);
    result(&app.nack("orders", "GID_a", &[&handle], 0), 207);
    unknown(&app.ack("orders", "GID_a", &[&handle]));
    let again = app.receive("orders", "GID_a", WAIT);
    assert_eq!((again.len(), &again[0]["delivery_attempt"]), (1, &json!(2)), "it came again");
    app.ack("orders", "GID_a", &[handle_of(&again[0])]).expect_json(200);
    // Another change gives a good handle; whether there is a second copy, nobody knows.
    let handle = received(&proxy, &app);
    proxy.script("ChangeInvisibleDuration", [Fault::Grpc(14)]);
    result(&app.extend("orders", "GID_a", &[&handle], 60), 207);
    let new =
        result(&app.extend("orders", "GID_a", &[&handle], 60), 200)["receipt_handle"].as_str().unwrap().to_owned();
    unknown(&app.ack("orders", "GID_a", &[&new]));
    // One that was certainly not done leaves no doubt.
    let handle = received(&proxy, &app);
    proxy.script("ChangeInvisibleDuration", [Fault::Status(40402, "x")]);
    result(&app.extend("orders", "GID_a", &[&handle], 60), 207);
    app.ack("orders", "GID_a", &[&handle]).expect_json(200);
    let counted = [("topic", "orders"), ("group", "GID_a"), ("result", "ok")];
    assert_eq!(app.metrics().get("mq_gateway_messages_acked_total", &counted), Some(2.0));
}

#[test]
fn failures_of_a_change() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    let handle = received(&proxy, &app);
    for (fault, status, code, meaning) in [
        (Fault::Status(50001, "x"), 502, "upstream-error", Meaning::TryAgain),
        (Fault::Status(40402, "x"), 502, "upstream-misconfigured", Meaning::Final),
        (Fault::Status(40011, "x"), 422, "upstream-rejected-message", Meaning::Final),
        (Fault::Grpc(14), 502, "upstream-error", Meaning::TryAgain),
        (Fault::Reset, 502, "upstream-bad-response", Meaning::TryAgain),
        (Fault::Status(20000, "OK"), 502, "upstream-bad-response", Meaning::TryAgain),
    ] {
        proxy.script("ChangeInvisibleDuration", [fault]);
        let before = changes(&proxy).len();
        let item = result(&app.extend("orders", "GID_a", &[&handle], 60), 207);
        assert_eq!((&item["status"], &item["receipt_handle"]), (&json!(status), &json!(handle)), "{fault:?}: {item}");
        assert_problem_value(&item["problem"], status, code, meaning);
        assert_eq!(changes(&proxy).len(), before + 1, "{fault:?}: an unknown outcome is not repeated");
    }
    // The last one was done, and told no new handle: the old one is good for nothing.
    assert_stale(&app.extend("orders", "GID_a", &[&handle], 60));
    let handle = received(&proxy, &app);
    proxy.script("ChangeInvisibleDuration", [Fault::Grpc(14)]);
    result(&app.extend("orders", "GID_a", &[&handle], 60), 207);
    assert_eq!(result(&app.extend("orders", "GID_a", &[&handle], 60), 200)["status"], 204, "a caller may try again");
}
