//! `POST …:ack`, `:nack` and `:extend`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::endpoint::{Step, respond};
use crate::support::messages::{damaged, handle_of};
use crate::support::problem::places;
use crate::support::time::{format_rfc3339_millis, now_millis, until};
use crate::support::{Endpoint, Meaning, Settings, TestApp, assert_problem, assert_problem_value};

/// Publishes `count` messages and receives their handles.
fn handles(app: &TestApp, count: usize) -> Vec<String> {
    for index in 0..count {
        app.publish("orders", &format!("m{index}"));
    }
    let mut handles = Vec::new();
    while handles.len() < count {
        let messages = app.receive("orders", "CID_billing", "{}");
        assert!(!messages.is_empty(), "{} of {count} messages came", handles.len());
        handles.extend(messages.iter().map(|message| handle_of(message).to_owned()));
    }
    handles
}

#[test]
fn acknowledged_handles_are_deleted_upstream_as_they_were_given() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let given = "ab+/cd+/ef== &#%中\u{1F600}";
    endpoint.offer(
        "orders",
        json!({"body": "x", "bornTime": "1490692511643", "msgHandle": given,
        "msgId": "0A", "reconsumeTimes": 0}),
    );
    let messages = app.receive("orders", "CID_billing", "{}");
    let handle = handle_of(&messages[0]);
    let answer = app.ack("orders", "CID_billing", &[handle]).expect_json(200);
    assert_eq!(answer, json!({"results": [{"receipt_handle": handle, "status": 204}]}));
    assert_eq!(endpoint.deleted(), [given]);
}

#[test]
fn results_come_in_order_and_duplicates_are_sent_once() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let handles = handles(&app, 3);
    let order = [&handles[2], &handles[0], &handles[2], &handles[1], &handles[2]];
    let answer = app.ack("orders", "CID_billing", &order.map(String::as_str)).expect_json(200);
    let expected: Vec<Value> = order.iter().map(|handle| json!({"receipt_handle": handle, "status": 204})).collect();
    assert_eq!(answer["results"], Value::Array(expected));
    assert_eq!(endpoint.deleted().len(), 3);
}

#[test]
fn each_bad_handle_fails_alone() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let handles = handles(&app, 1);
    let good = handles[0].as_str();
    let (broken, cut) = (damaged(good), &good[..good.len() - 1]);
    let list = [good, "nonsense", "v2.", &broken, cut, "v1.AAAA", "v3.AAAA", "", "v2.!!!!"];
    let answer = app.ack("orders", "CID_billing", &list).expect_json(207);
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), list.len());
    assert_eq!(results[0], json!({"receipt_handle": good, "status": 204}));
    for (result, handle) in results.iter().zip(list).skip(1) {
        assert_eq!((&result["receipt_handle"], &result["status"]), (&json!(handle), &json!(400)));
        assert_problem_value(&result["problem"], 400, "invalid-receipt-handle", Meaning::Final);
    }
    assert_eq!(endpoint.deleted().len(), 1);
}

/// ONS HTTP says yes to any handle, so the gateway tells what it knows.
#[test]
fn an_acknowledgement_after_the_visibility_timeout_is_sent_and_called_late() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().profile("visibility_timeout = \"1s\""));
    app.publish("orders", "slow");
    let message = app.receive("orders", "CID_billing", "{}").remove(0);
    let handle = handle_of(&message);
    let again = message["visible_again_at"].as_str().unwrap();
    until("the end of the visibility timeout", || (*format_rfc3339_millis(now_millis()) > *again).then_some(()));
    app.publish("orders", "quick");
    let quick = app.receive("orders", "CID_billing", "{}").remove(0);
    let in_time = handle_of(&quick);
    let answer = app.ack("orders", "CID_billing", &[handle, in_time, handle]).expect_json(200);
    let late = json!({"receipt_handle": handle, "status": 204, "late": true});
    assert_eq!(answer["results"], json!([late, {"receipt_handle": in_time, "status": 204}, late]));
    assert_eq!(endpoint.deleted().len(), 2, "it is sent all the same");
    let acked = |result| app.metrics().get("mq_gateway_messages_acked_total", &[("result", result)]);
    assert_eq!((acked("late"), acked("ok")), (Some(1.0), Some(1.0)));
}

#[test]
fn a_handle_of_another_topic_or_group_is_foreign() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let handles = handles(&app, 1);
    for (topic, group) in [("other", "CID_billing"), ("orders", "CID_other")] {
        let answer = app.ack(topic, group, &[&handles[0]]).expect_json(207);
        assert_eq!(answer["results"][0]["status"], 422);
        assert_problem_value(&answer["results"][0]["problem"], 422, "foreign-receipt-handle", Meaning::Final);
    }
    assert!(endpoint.deleted().is_empty());
}

#[test]
fn a_handle_is_valid_at_another_replica() {
    let endpoint = Endpoint::start();
    let handle = handles(&TestApp::towards(&endpoint), 1).remove(0);
    let replica = TestApp::towards(&endpoint);
    assert_eq!(replica.ack("orders", "CID_billing", &[&handle]).status, 200);
    assert_eq!(endpoint.deleted().len(), 1);
}

#[test]
fn a_failed_delete_fails_its_item() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let handles = handles(&app, 2);
    endpoint
        .rule(|request| (request.method == "DELETE").then(|| respond(400, &[], r#"{"code":"BAD_HANDLE","info":"x"}"#)));
    let answer = app.ack("orders", "CID_billing", &[&handles[0], &handles[1]]).expect_json(207);
    for result in answer["results"].as_array().unwrap() {
        assert_eq!(result["status"], result["problem"]["status"]);
        assert_eq!(result["problem"]["vendor_code"], "BAD_HANDLE", "{result}");
        assert!(result["problem"].get("outcome").is_none(), "{result}");
    }
}

#[test]
fn at_most_thirty_two_deletes_run_at_once() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let handles = handles(&app, 100);
    let most_before = endpoint.most_in_flight();
    endpoint.rule(|request| {
        (request.method == "DELETE").then(|| vec![Step::Pause(Duration::from_millis(20)), Step::Answer])
    });
    let handles: Vec<&str> = handles.iter().map(String::as_str).collect();
    app.ack("orders", "CID_billing", &handles).expect_json(200);
    let most = endpoint.most_in_flight();
    assert!(most > most_before && most <= 32, "{most} at once");
    assert_eq!(endpoint.deleted().len(), 100);
}

#[test]
fn wrong_shapes_are_refused() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let target = "/v1/topics/orders/groups/CID_billing/messages:ack";
    for body in [
        r"{}",
        r#"{"receipt_handles":[]}"#,
        r#"{"receipt_handles":"v2.A"}"#,
        r#"{"receipt_handles":[7]}"#,
        r#"{"receipt_handles":["v2.A"],"colour":1}"#,
        "[]",
    ] {
        assert_problem(&app.post_json(target, body), 422, "validation-failed", Meaning::Final);
    }
    let problem = assert_problem(
        &app.post_json(target, r#"{"receipt_handles":["a",7]}"#),
        422,
        "validation-failed",
        Meaning::Final,
    );
    assert!(places(&problem).contains(&"/receipt_handles/1"), "{problem}");
    let text =
        app.request("POST", target).header("Content-Type: text/plain").body(r#"{"receipt_handles":["a"]}"#).send();
    assert_problem(&text, 415, "unsupported-media-type", Meaning::Final);
}

#[test]
fn ons_http_supports_neither_nack_nor_extend() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for (verb, body) in [
        ("nack", r#"{"receipt_handles":["v2.A"]}"#),
        ("nack", r#"{"receipt_handles":["v2.A"],"delay_seconds":5}"#),
        ("extend", r#"{"receipt_handles":["v2.A"],"visibility_timeout_seconds":60}"#),
    ] {
        let response = app.post_json(&format!("/v1/topics/orders/groups/CID_billing/messages:{verb}"), body);
        assert_problem(&response, 501, "capability-not-supported", Meaning::Final);
    }
    assert_eq!(endpoint.request_count(), 0);
}
