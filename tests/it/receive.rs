//! `POST …/messages:receive` and `GET …/messages`, towards the checking endpoint.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::endpoint::respond;
use crate::support::messages::handle_of;
use crate::support::problem::places;
use crate::support::time::{now_millis, parse_rfc3339_millis};
use crate::support::{Endpoint, Meaning, Settings, TestApp, assert_problem};

const TARGET: &str = "/v1/topics/orders/groups/CID_billing/messages:receive";
const GET_TARGET: &str = "/v1/topics/orders/groups/CID_billing/messages";

/// A message as the real service wrote it in 2017.
fn captured() -> Value {
    json!({"body": "HelloMQ", "bornTime": "1490692511643", "key": "k1 k2", "msgHandle": "X1BFTkRJTkdNU0dfIw==",
        "msgId": "0A97CB497DDF7FAB0BC28C2C459BA2F0", "reconsumeTimes": 1, "tag": "http"})
}

#[test]
fn a_message_has_all_its_fields() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    endpoint.offer("orders", captured());
    let before = now_millis();
    let mut answer = app.post_json(TARGET, "{}").expect_json(200);
    let message = &mut answer["messages"][0];
    handle_of(message);
    message["receipt_handle"].take();
    let visible_again = message["visible_again_at"].take();
    let visible_again = parse_rfc3339_millis(visible_again.as_str().unwrap()).unwrap();
    assert!((before + 300_000..=now_millis() + 300_000).contains(&visible_again), "{visible_again} at {before}");
    assert_eq!(
        answer,
        json!({"messages": [{
            "message_id": "0A97CB497DDF7FAB0BC28C2C459BA2F0", "receipt_handle": null, "body": "HelloMQ",
            "encoding": "text", "tag": "http", "keys": ["k1", "k2"], "properties": {}, "message_group": null,
            "delivery_attempt": 2, "published_at": "2017-03-28T09:15:11.643Z", "visible_again_at": null,
        }]})
    );
    assert_eq!(endpoint.only_request().header("consumerid"), Some("CID_billing"));
}

#[test]
fn unset_fields_are_null_or_empty() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let mut empty = captured();
    empty["tag"] = "".into();
    empty["key"] = "".into();
    endpoint.offer("orders", empty);
    // The 2015 sample knew neither field.
    let mut absent = captured();
    absent.as_object_mut().unwrap().retain(|name, _| name != "tag" && name != "key");
    absent["reconsumeTimes"] = 0.into();
    absent["later"] = json!({"unknown": "field"});
    endpoint.offer("orders", absent);
    for message in app.receive("orders", "CID_billing", "{}") {
        assert_eq!((&message["tag"], &message["keys"], &message["properties"]), (&Value::Null, &json!([]), &json!({})));
    }
}

#[test]
fn an_empty_topic_is_an_empty_list() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for body in [Some("{}"), Some(""), None] {
        let request = app.request("POST", TARGET).header("Content-Type: application/json");
        let response = body.into_iter().fold(request, |request, body| request.body(body)).send();
        assert_eq!(response.expect_json(200), json!({"messages": []}), "{body:?}");
    }
    // Nothing at all: no body and no type.
    assert_eq!(app.request("POST", TARGET).send().expect_json(200), json!({"messages": []}));
}

#[test]
fn get_takes_the_same_names_and_is_not_stored() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for _ in 0..3 {
        endpoint.offer("orders", captured());
    }
    let response = app.get(&format!("{GET_TARGET}?max_messages=2&wait_seconds=0"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert_eq!(response.expect_json(200)["messages"].as_array().unwrap().len(), 2);
    assert_eq!(endpoint.only_request().parameter("num"), Some("2"));
    assert_eq!(app.get(GET_TARGET).expect_json(200)["messages"].as_array().unwrap().len(), 1);
    let response = app.get(&format!("{GET_TARGET}?max_messages=many"));
    let problem = assert_problem(&response, 422, "validation-failed", Meaning::Final);
    assert!(places(&problem).contains(&"max_messages"), "{problem}");
    assert_problem(&app.get(&format!("{GET_TARGET}?colour=red")), 422, "validation-failed", Meaning::Final);
}

#[test]
fn ranges_and_shapes_are_checked() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for (body, code, pointer) in [
        (r#"{"max_messages":0}"#, "validation-failed", "/max_messages"),
        (r#"{"max_messages":33}"#, "validation-failed", "/max_messages"),
        (r#"{"max_messages":-1}"#, "validation-failed", "/max_messages"),
        (r#"{"max_messages":1.5}"#, "validation-failed", "/max_messages"),
        (r#"{"max_messages":"1"}"#, "validation-failed", "/max_messages"),
        (r#"{"wait_seconds":31}"#, "validation-failed", "/wait_seconds"),
        (r#"{"wait_seconds":-1}"#, "validation-failed", "/wait_seconds"),
        (r#"{"colour":1}"#, "validation-failed", "/colour"),
        (r#"{"tags":["a"]}"#, "capability-not-supported", "/tags"),
        (r#"{"visibility_timeout_seconds":60}"#, "capability-not-supported", "/visibility_timeout_seconds"),
    ] {
        let problem = assert_problem(&app.post_json(TARGET, body), 422, code, Meaning::Final);
        assert!(places(&problem).contains(&pointer), "{body}: {problem}");
    }
    let text = app.request("POST", TARGET).header("Content-Type: text/plain").body("{}").send();
    assert_problem(&text, 415, "unsupported-media-type", Meaning::Final);
    assert_eq!(endpoint.request_count(), 0);
}

#[test]
fn only_configured_groups_are_known() {
    let endpoint = Endpoint::start();
    let topics = "[[topics]]\nname = \"orders\"\nprofile = \"main\"\ngroups = [\"CID_billing\", \"CID_账单\"]\n";
    let app = TestApp::with(&endpoint, Settings::new().topics(topics));
    assert_eq!(app.post_json(TARGET, "{}").status, 200);
    let encoded = "/v1/topics/orders/groups/CID_%E8%B4%A6%E5%8D%95/messages:receive";
    assert_eq!(app.post_json(encoded, "{}").status, 200);
    assert_eq!(endpoint.last_request().header("consumerid"), Some("CID_账单"));
    let unknown = app.post_json("/v1/topics/orders/groups/CID_other/messages:receive", "{}");
    assert_problem(&unknown, 404, "unknown-group", Meaning::Final);
    let unknown = app.post_json("/v1/topics/other/groups/CID_billing/messages:receive", "{}");
    assert_problem(&unknown, 404, "unknown-topic", Meaning::Final);
    let illegal = app.post_json("/v1/topics/orders/groups/a%20b/messages:receive", "{}");
    assert_problem(&illegal, 422, "validation-failed", Meaning::Final);
}

#[test]
fn a_body_that_is_no_text_comes_as_base64() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().profile("binary_bodies = true"));
    let published = app.request("POST", "/v1/topics/orders/messages").body(b"\xff\x00\xfe\x80").send();
    assert_eq!(published.status, 201, "{published:?}");
    assert_eq!(app.publish("orders", "中文"), "0A97CB496DE1137A9034915400000002");
    let messages = app.receive("orders", "CID_billing", "{}");
    assert_eq!((&messages[0]["encoding"], &messages[0]["body"]), (&json!("base64"), &json!("/wD+gA==")));
    assert_eq!((&messages[1]["encoding"], &messages[1]["body"]), (&json!("text"), &json!("中文")));
}

#[test]
fn answers_of_the_upstream_are_read_whatever_their_type() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let body = json!([captured()]).to_string();
    for kind in ["text/html;charset=UTF-8", "application/json", "text/plain", "image/png"] {
        endpoint.script(respond(200, &[&format!("Content-Type: {kind}")], &body));
        assert_eq!(app.receive("orders", "CID_billing", "{}").len(), 1, "{kind}");
    }
    endpoint.script(respond(200, &[], &body));
    assert_eq!(app.receive("orders", "CID_billing", "{}").len(), 1, "no type");
}

#[test]
fn a_waiting_receive_uses_the_upstreams_long_poll() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let mut waiting = app.request("POST", TARGET).json(r#"{"wait_seconds":10}"#).start();
    let requests = endpoint.wait_for_requests(1);
    let timeout: u64 = requests[0].parameter("timeout").expect("a long poll").parse().unwrap();
    assert!((1..=10_000).contains(&timeout), "{timeout}");
    let started = Instant::now();
    app.publish("orders", "late");
    let answer = waiting.receive("POST").expect_json(200);
    assert_eq!(answer["messages"][0]["body"], "late");
    assert!(started.elapsed() < Duration::from_secs(3), "woken after {:?}", started.elapsed());
}

#[test]
fn a_wait_that_ends_is_an_empty_list() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let started = Instant::now();
    assert!(app.receive("orders", "CID_billing", r#"{"wait_seconds":1}"#).is_empty());
    let took = started.elapsed();
    assert!((Duration::from_millis(900)..Duration::from_secs(4)).contains(&took), "{took:?}");
}

#[test]
fn an_upstream_that_answers_early_is_asked_again_after_a_pause() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().profile("empty_poll_pause = \"200ms\""));
    endpoint.offer("orders", captured());
    for _ in 0..2 {
        endpoint.script(respond(200, &[], "[]"));
    }
    let started = Instant::now();
    assert_eq!(app.receive("orders", "CID_billing", r#"{"wait_seconds":10}"#).len(), 1);
    assert!(started.elapsed() >= Duration::from_millis(400), "{:?}", started.elapsed());
    assert_eq!(endpoint.request_count(), 3);
}

#[test]
fn a_receive_that_does_not_wait_asks_once() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    assert!(app.receive("orders", "CID_billing", "{}").is_empty());
    let request = endpoint.only_request();
    assert_eq!((request.parameter("timeout"), request.parameter("num")), (None, Some("32")));
}

#[test]
fn a_profile_may_say_timeout_zero() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().profile("zero_timeout = true"));
    assert!(app.receive("orders", "CID_billing", "{}").is_empty());
    assert_eq!(endpoint.only_request().parameter("timeout"), Some("0"));
}

#[test]
fn many_waiters_all_get_something() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let target = TARGET;
    let mut waiting: Vec<_> =
        (0..8).map(|_| app.request("POST", target).json(r#"{"max_messages":1,"wait_seconds":20}"#).start()).collect();
    endpoint.wait_for_requests(1);
    for index in 0..8 {
        app.publish("orders", &format!("m{index}"));
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
    assert_eq!(bodies, ["m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7"]);
}
