//! Gateway and embedded endpoint together, as a newcomer has them: every operation from caller to caller.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::encoding::from_base64;
use crate::support::messages::{bodies, handle_of};
use crate::support::time::{AT_ONCE, now_millis, parse_rfc3339_millis, until};
use crate::support::{Launch, Settings, TestApp};

#[test]
fn a_message_goes_from_publish_to_ack() {
    let app = TestApp::embedded();
    let before = now_millis();
    let envelope = json!({"body": "中文 body", "tag": "标签", "keys": ["k1", "k2"], "message_group": "g"}).to_string();
    let published = app.post_json("/v1/topics/orders/messages", envelope).expect_json(201);
    assert_eq!((&published["outcome"], &published["attempts"]), (&json!("published"), &json!(1)));

    let messages = app.receive("orders", "billing", "{}");
    assert_eq!(messages.len(), 1, "{messages:?}");
    let message = &messages[0];
    assert_eq!(message["message_id"], published["message_id"]);
    assert_eq!((&message["body"], &message["encoding"]), (&json!("中文 body"), &json!("text")));
    assert_eq!((&message["tag"], &message["keys"]), (&json!("标签"), &json!(["k1", "k2"])));
    assert_eq!(message["delivery_attempt"], 1);
    let born = parse_rfc3339_millis(message["published_at"].as_str().unwrap()).unwrap();
    assert!((before..=now_millis()).contains(&born), "{born}");

    let answer = app.ack("orders", "billing", &[handle_of(message)]).expect_json(200);
    assert_eq!(answer["results"][0]["status"], 204);
    assert!(app.receive("orders", "billing", "{}").is_empty());
    // A stale handle is answered as the upstream does.
    assert_eq!(app.ack("orders", "billing", &[handle_of(message)]).status, 200);
}

#[test]
fn every_group_gets_its_own_copy() {
    let app = TestApp::embedded();
    app.publish("orders", "one");
    for group in ["billing", "audit"] {
        let messages = app.receive("orders", group, "{}");
        assert_eq!(messages.len(), 1, "{group}: {messages:?}");
        assert_eq!(app.ack("orders", group, &[handle_of(&messages[0])]).status, 200);
    }
    assert!(app.receive("other", "billing", "{}").is_empty());
}

#[test]
fn a_message_that_is_not_acknowledged_comes_back() {
    let settings = Settings::new().profile("zero_timeout = true\nvisibility_timeout = \"3s\"");
    let app = Launch::on_embedded("visibility_timeout = \"3s\"\n", &settings).start();
    let id = app.publish("orders", "again");
    let first = app.receive("orders", "billing", "{}").remove(0);
    assert!(app.receive("orders", "billing", "{}").is_empty(), "nobody else gets it yet");
    let second = until("the redelivery", || app.receive("orders", "billing", r#"{"wait_seconds":1}"#).pop());
    assert_eq!((&second["message_id"], &second["delivery_attempt"]), (&json!(id), &json!(2)));
    assert_ne!(handle_of(&first), handle_of(&second), "a new handle per delivery");
    assert_eq!(app.ack("orders", "billing", &[handle_of(&second)]).status, 200);
    let waited = app.receive("orders", "billing", r#"{"wait_seconds":4}"#);
    assert!(waited.is_empty(), "acknowledged for good: {waited:?}");
}

#[test]
fn a_long_poll_wakes_at_once() {
    let app = TestApp::embedded();
    let target = "/v1/topics/orders/groups/billing/messages:receive";
    let mut waiting = app.request("POST", target).json(r#"{"wait_seconds":20}"#).start();
    until("the poll to arrive", || (app.metrics().get("mq_gateway_upstream_polls", &[]) >= Some(1.0)).then_some(()));
    let started = Instant::now();
    app.publish("orders", "now");
    let answer = waiting.receive("POST").expect_json(200);
    assert_eq!(answer["messages"][0]["body"], "now");
    assert!(started.elapsed() < AT_ONCE, "{:?}", started.elapsed());
}

#[test]
fn a_delayed_message_waits_for_its_time() {
    let app = TestApp::embedded();
    let started = Instant::now();
    let delayed = app.post_json("/v1/topics/orders/messages", r#"{"body":"later","delay_seconds":1}"#);
    assert_eq!(delayed.status, 201, "{delayed:?}");
    assert!(app.receive("orders", "billing", "{}").is_empty(), "not yet");
    let message = until("the delayed message", || app.receive("orders", "billing", r#"{"wait_seconds":2}"#).pop());
    assert_eq!(message["body"], "later");
    assert!(started.elapsed() >= Duration::from_millis(900), "{:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn a_batch_keeps_the_order_of_a_message_group() {
    let app = TestApp::embedded();
    let messages: Vec<_> = (0..30).map(|index| json!({"body": index.to_string(), "message_group": "g"})).collect();
    let answer = app.post_json("/v1/topics/orders/messages:batch", json!({"messages": messages}).to_string());
    answer.expect_json(200);
    let received = app.receive("orders", "billing", r#"{"max_messages":32}"#);
    let expected: Vec<String> = (0..30).map(|index| index.to_string()).collect();
    assert_eq!(bodies(&received), expected);
    let handles: Vec<&str> = received.iter().map(handle_of).collect();
    assert_eq!(app.ack("orders", "billing", &handles).status, 200);
}

#[test]
fn every_byte_comes_back() {
    let app = TestApp::embedded();
    let every_byte: Vec<u8> = (0..=255).collect();
    let published = app.request("POST", "/v1/topics/orders/messages").body(&every_byte).send();
    assert_eq!(published.status, 201, "{published:?}");
    let message = app.receive("orders", "billing", "{}").remove(0);
    assert_eq!(message["encoding"], "base64");
    assert_eq!(from_base64(message["body"].as_str().unwrap()), every_byte);
    for text in ["", "\u{0}\u{7f}\u{80}\u{9f}\u{feff}\u{2028}", "\r\n\t \"\\/", "e\u{301} é 😀"] {
        app.publish("texts", text);
        let message = app.receive("texts", "billing", "{}").remove(0);
        assert_eq!((&message["encoding"], &message["body"]), (&json!("text"), &json!(text)));
    }
}

#[test]
fn what_was_published_survives_a_kill() {
    let mut app = TestApp::embedded();
    let id = app.publish("orders", "durable");
    app.kill();
    let again = Launch::embedded().in_directory_of(app.directory()).start();
    let messages = again.receive("orders", "billing", "{}");
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0]["message_id"], id);
}

#[test]
fn the_data_directory_belongs_to_one_process() {
    let app = TestApp::embedded();
    let second = Launch::embedded().in_directory_of(app.directory()).run();
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.output().contains("lock"), "{second:?}");
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |name: &str| std::fs::metadata(app.data_directory().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("."), mode("embedded-credentials.json")), (0o700, 0o600));
}
