//! What a target gets, in each format, and that its message is acknowledged after a 2xx only.

use std::time::Duration;

use serde_json::json;

use super::receiver::{Answer, Receiver};
use super::{backlog, billing, pushing, wait_for_deliveries};
use crate::support::time;

#[test]
fn an_event_is_sent_and_its_message_is_acknowledged_after_the_answer() {
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let target = Receiver::start(move |_, _| {
        gate.recv().expect("the test says so");
        Answer::Status(200)
    });
    let app = pushing(&billing(&target.url(), "headers = [\"X-Team: orders\"]"));
    let envelope = r#"{"body": {"a": [1, 1.50]}, "tag": "created", "keys": ["o-1"]}"#;
    let id = app.post_json("/v1/topics/orders/messages", envelope).expect_json(201)["message_id"].clone();
    let id = id.as_str().unwrap();
    let pushed = &target.wait_for(1)[0];
    // Its answer is not there yet.
    assert!((backlog(&app) - 1.0).abs() < 0.1);
    go.send(()).unwrap();
    wait_for_deliveries(&app, "acknowledged", 1.0);
    time::until("an empty backlog", || (backlog(&app) < 0.5).then_some(()));

    assert_eq!(pushed.target, "/hooks");
    assert_eq!(pushed.header("host"), target.address.to_string());
    assert_eq!(pushed.header("content-type"), "application/cloudevents+json");
    assert_eq!(pushed.header("user-agent"), format!("mq-gateway/{}", env!("CARGO_PKG_VERSION")));
    assert_eq!(pushed.header("webhook-id"), format!("billing-{id}"));
    assert_eq!(pushed.header("mq-delivery-attempt"), "1");
    assert_eq!(pushed.header("x-team"), "orders");
    assert_eq!(pushed.optional("webhook-signature"), None);
    let sent: u64 = pushed.header("webhook-timestamp").parse().unwrap();
    assert!(sent.abs_diff(time::now_millis() / 1000) <= 10, "{sent}");
    let event = pushed.json();
    for (name, value) in [
        ("specversion", json!("1.0")),
        ("id", json!(id)),
        ("source", json!("/mq-gateway/main")),
        ("type", json!("mq.message")),
        ("data", json!({"a": [1, 1.5]})),
        ("mqtag", json!("created")),
        ("mqkeys", json!("o-1")),
        ("mqtopic", json!("orders")),
        ("mqgroup", json!("billing")),
    ] {
        assert_eq!(event[name], value, "{name} in {event}");
    }
    // The caller's own text, as bytes.
    assert!(pushed.text().contains("{\"a\":[1,1.50]}"), "{}", pushed.text());
}

#[test]
fn every_format_has_its_bytes() {
    let target = Receiver::willing();
    for (format, more, body, content_type, expected) in [
        ("raw", "", "{\"a\":1}", "application/json", "{\"a\":1}"),
        ("raw", "", "hällo", "text/plain; charset=utf-8", "hällo"),
        ("cloudevents-binary", "event_type = \"order.created\"", "{\"a\":1}", "application/json", "{\"a\":1}"),
    ] {
        let before = target.count();
        let app = pushing(&billing(&target.url(), &format!("format = \"{format}\"\n{more}")));
        let id = app.publish("orders", body);
        let pushed = target.wait_for(before + 1).pop().unwrap();
        assert_eq!((pushed.header("content-type"), pushed.text().as_str()), (content_type, expected), "{format}");
        if format == "cloudevents-binary" {
            assert_eq!((pushed.header("ce-id"), pushed.header("ce-type")), (id.as_str(), "order.created"));
            assert_eq!((pushed.header("ce-specversion"), pushed.header("ce-source")), ("1.0", "/mq-gateway/main"));
        } else {
            assert!(!pushed.headers.iter().any(|(name, _)| name.starts_with("ce-")), "{pushed:?}");
        }
        wait_for_deliveries(&app, "acknowledged", 1.0);
    }
}

#[test]
fn an_item_is_what_a_receive_returns_and_its_handle_is_good() {
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let target = Receiver::start(move |_, _| {
        gate.recv().expect("the test says so");
        Answer::Status(500)
    });
    let app = pushing(&billing(&target.url(), "format = \"receive-item\"\nretry_schedule = [\"10m\"]"));
    let envelope = json!({"body": "//4=", "encoding": "base64", "tag": "a", "keys": ["k1", "k2"]}).to_string();
    let answer = app.post_json("/v1/topics/orders/messages", envelope).expect_json(201);
    let item = target.wait_for(1)[0].json();
    let mut names: Vec<_> = item.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let mut expected = [
        "message_id",
        "receipt_handle",
        "body",
        "encoding",
        "tag",
        "keys",
        "properties",
        "message_group",
        "delivery_attempt",
        "published_at",
        "visible_again_at",
    ];
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(item["message_id"], answer["message_id"]);
    assert_eq!((&item["body"], &item["encoding"]), (&json!("//4="), &json!("base64")));
    assert_eq!((&item["tag"], &item["keys"]), (&json!("a"), &json!(["k1", "k2"])));
    for name in ["published_at", "visible_again_at"] {
        assert!(time::parse_rfc3339_millis(item[name].as_str().unwrap()).is_some(), "{item}");
    }
    let handle = item["receipt_handle"].as_str().unwrap();
    app.ack("orders", "billing", &[handle]).expect_json(200);
    time::until("an empty backlog", || (backlog(&app) < 0.5).then_some(()));
    go.send(()).unwrap();
}

#[test]
fn as_many_are_under_way_as_the_configuration_says_and_connections_are_kept() {
    let target = Receiver::start(|_, _| Answer::Late(Duration::from_millis(100), Box::new(Answer::Status(204))));
    let app = pushing(&billing(&target.url(), "concurrency = 3"));
    for number in 0..30 {
        app.publish("orders", &number.to_string());
    }
    let pushed = target.wait_for(30);
    wait_for_deliveries(&app, "acknowledged", 30.0);
    assert_eq!((target.most_under_way(), target.connections()), (3, 3));
    let mut bodies: Vec<_> = pushed.iter().map(super::receiver::Pushed::data).collect();
    bodies.sort_unstable_by_key(|body| body.parse::<u32>().unwrap());
    assert_eq!(bodies, (0..30).map(|number| number.to_string()).collect::<Vec<_>>(), "each once");
}

#[test]
fn an_answer_without_an_end_is_the_success_that_its_status_says() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n";
    for head in [head, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n", "HTTP/1.1 200 OK\r\n\r\n"] {
        let target = Receiver::start(move |_, _| Answer::Endless(head.into()));
        let app = pushing(&billing(&target.url(), "timeout = \"20s\""));
        app.publish("orders", "1");
        wait_for_deliveries(&app, "acknowledged", 1.0);
        app.publish("orders", "2");
        wait_for_deliveries(&app, "acknowledged", 2.0);
        assert_eq!((target.count(), target.connections()), (2, 2), "{head:?}: its connection is closed");
    }
}

#[test]
fn a_body_that_is_cut_and_one_that_is_late_change_nothing() {
    for answer in [
        Answer::Raw(b"HTTP/1.1 202 Accepted\r\nContent-Length: 10\r\n\r\nabc".to_vec()),
        Answer::Raw(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()),
    ] {
        let target = Receiver::start(move |_, _| answer.clone());
        let app = pushing(&billing(&target.url(), ""));
        app.publish("orders", "1");
        wait_for_deliveries(&app, "acknowledged", 1.0);
        assert_eq!(target.count(), 1);
    }
}
