//! `POST /v1/topics/{topic}/messages:batch`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::endpoint::{Step, respond};
use crate::support::problem::{assert_names, places};
use crate::support::{Endpoint, Meaning, TestApp, assert_problem, assert_problem_value};

const TARGET: &str = "/v1/topics/orders/messages:batch";

fn batch(messages: &[Value]) -> String {
    json!({ "messages": messages }).to_string()
}

#[test]
fn results_come_in_the_order_of_the_request() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    // The first is the slowest.
    endpoint.rule(|request| {
        let slow = request.body == b"m0";
        slow.then(|| vec![Step::Pause(Duration::from_millis(50)), Step::Answer])
    });
    let messages: Vec<Value> = (0..5).map(|index| json!({"body": format!("m{index}"), "tag": "t"})).collect();
    let answer = app.post_json(TARGET, batch(&messages)).expect_json(200);
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), 5);
    for (index, result) in results.iter().enumerate() {
        let mut result = result.clone();
        let id = result["message_id"].take();
        assert!(id.as_str().is_some_and(|id| id.len() == 32), "{id}");
        let expected = json!({"index": index, "status": 201, "message_id": null, "topic": "orders",
            "outcome": "published", "attempts": 1});
        assert_eq!(result, expected);
    }
    let mut stored = endpoint.stored("orders");
    stored.sort();
    assert_eq!(stored, [b"m0", b"m1", b"m2", b"m3", b"m4"]);
}

#[test]
fn a_wrong_shape_anywhere_refuses_the_whole() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let good = || json!({"body": "x"});
    for (bad, pointer) in [
        (json!({"body": "x", "tag": 7}), "/messages/3/tag"),
        (json!({"body": "x", "colour": 1}), "/messages/3/colour"),
        (json!({"body": 1, "encoding": "text"}), "/messages/3/body"),
        (json!({"body": "x", "keys": ["a b"]}), "/messages/3/keys/0"),
    ] {
        let response = app.post_json(TARGET, batch(&[good(), good(), good(), bad, good()]));
        let problem = assert_problem(&response, 422, "validation-failed", Meaning::NotDone);
        assert!(places(&problem).contains(&pointer), "{pointer} in {problem}");
    }
    for body in [r"{}", r#"{"messages":[]}"#, r#"{"messages":{}}"#, r#"{"messages":[{"body":"x"}],"more":1}"#, "[]"] {
        assert_problem(&app.post_json(TARGET, body), 422, "validation-failed", Meaning::NotDone);
    }
    let text = app.request("POST", TARGET).header("Content-Type: text/plain").body(batch(&[good()])).send();
    assert_problem(&text, 415, "unsupported-media-type", Meaning::NotDone);
    assert_eq!(endpoint.request_count(), 0, "nothing was sent");
}

#[test]
fn a_message_that_cannot_be_sent_fails_alone() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let messages = [
        json!({"body": "a"}),
        json!({"body": "x".repeat(65_537)}),
        json!({"body": "c", "properties": {"p": "q"}}),
        json!({"body": "d"}),
    ];
    let answer = app.post_json(TARGET, batch(&messages)).expect_json(207);
    let results = answer["results"].as_array().unwrap();
    let statuses: Vec<&Value> = results.iter().map(|result| &result["status"]).collect();
    assert_eq!(statuses, [201, 413, 422, 201]);
    assert_problem_value(&results[1]["problem"], 413, "message-too-large", Meaning::NotPublished);
    assert_eq!((&results[1]["problem"]["limit"], &results[1]["problem"]["actual"]), (&json!(65_536), &json!(65_537)));
    assert_problem_value(&results[2]["problem"], 422, "capability-not-supported", Meaning::NotPublished);
    assert_names(&results[2]["problem"], "properties");
    assert_eq!(endpoint.request_count(), 2);
}

#[test]
fn a_batch_that_failed_whole_is_still_a_207() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for _ in 0..2 {
        endpoint.script(respond(500, &[], "oh"));
    }
    let answer = app.post_json(TARGET, batch(&[json!({"body": "a"}), json!({"body": "b"})])).expect_json(207);
    for (index, result) in answer["results"].as_array().unwrap().iter().enumerate() {
        assert_eq!((&result["index"], &result["status"]), (&json!(index), &json!(502)));
        assert_problem_value(&result["problem"], 502, "upstream-error", Meaning::Unknown);
    }
    assert_eq!(endpoint.request_count(), 2);
}

#[test]
fn after_a_failure_later_messages_of_the_group_are_not_sent() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    endpoint.rule(|request| (request.body == b"a2").then(|| respond(500, &[], "")));
    let messages: Vec<Value> = [("a1", "A"), ("a2", "A"), ("b1", "B"), ("a3", "A"), ("b2", "B"), ("a4", "A")]
        .iter()
        .map(|(body, group)| json!({"body": body, "message_group": group}))
        .chain([json!({"body": "none"})])
        .collect();
    let answer = app.post_json(TARGET, batch(&messages)).expect_json(207);
    let results = answer["results"].as_array().unwrap();
    let statuses: Vec<&Value> = results.iter().map(|result| &result["status"]).collect();
    assert_eq!(statuses, [201, 502, 201, 503, 201, 503, 201]);
    for index in [3, 5] {
        let problem = &results[index]["problem"];
        assert_problem_value(problem, 503, "earlier-message-failed", Meaning::NotPublishedTryAgain);
    }
    let bodies: Vec<Vec<u8>> = endpoint.requests().into_iter().map(|request| request.body).collect();
    let position = |body: &str| bodies.iter().position(|sent| sent == body.as_bytes());
    assert!(position("a1") < position("a2") && position("b1") < position("b2"), "order inside a group: {bodies:?}");
    assert_eq!((position("a3"), position("a4")), (None, None));
    let metrics = app.metrics();
    let published = "mq_gateway_messages_published_total";
    let count = |outcome: &str| metrics.get(published, &[("topic", "orders"), ("outcome", outcome)]);
    assert_eq!(["published", "not_published", "unknown"].map(count), [Some(4.0), Some(2.0), Some(1.0)]);
}

#[test]
fn at_most_sixteen_calls_run_at_once() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    endpoint.rule(|_| Some(vec![Step::Pause(Duration::from_millis(20)), Step::Answer]));
    let messages: Vec<Value> = (0..100).map(|index| json!({"body": format!("m{index}")})).collect();
    app.post_json(TARGET, batch(&messages)).expect_json(200);
    let most = endpoint.most_in_flight();
    assert!((2..=16).contains(&most), "{most} at once");
    assert_eq!(endpoint.request_count(), 100);
}
