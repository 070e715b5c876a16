//! Acknowledgements: many in one call, each with its own result.

use serde_json::{Value, json};

use super::app;
use crate::support::messages::handle_of;
use crate::support::rocketmq::FakeProxy;
use crate::support::{Meaning, TestApp, assert_problem_value};

fn handles(proxy: &FakeProxy, app: &TestApp, count: usize) -> Vec<String> {
    for index in 0..count {
        proxy.offer(&format!("m{index}"));
    }
    let mut handles = Vec::new();
    while handles.len() < count {
        let messages = app.receive("orders", "GID_a", r#"{"wait_seconds": 5}"#);
        assert!(!messages.is_empty(), "{} of {count} messages came", handles.len());
        handles.extend(messages.iter().map(|message| handle_of(message).to_owned()));
    }
    handles
}

fn ack(app: &TestApp, handles: &[String], status: u16) -> Vec<Value> {
    let handles: Vec<&str> = handles.iter().map(String::as_str).collect();
    let answer = app.ack("orders", "GID_a", &handles).expect_json(status);
    answer["results"].as_array().unwrap().clone()
}

#[test]
fn many_are_acknowledged_in_one_call_and_a_stale_one_is_told() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    let handles = handles(&proxy, &app, 5);
    let results = ack(&app, &handles[..1], 200);
    assert_eq!(results, [json!({"receipt_handle": handles[0], "status": 204})]);
    let results = ack(&app, &handles, 207);
    assert_eq!(results.len(), 5);
    assert_eq!(results[0]["status"], 410);
    assert_problem_value(&results[0]["problem"], 410, "receipt-handle-expired", Meaning::Final);
    for (result, handle) in results.iter().zip(&handles).skip(1) {
        assert_eq!(*result, json!({"receipt_handle": handle, "status": 204}));
    }
    assert_eq!(proxy.calls("AckMessage").len(), 2, "one call for each request");
    // All of them are stale now: the server says so once for all.
    for result in ack(&app, &handles, 207) {
        assert_eq!(result["status"], 410, "{result}");
    }
}

#[test]
fn any_process_takes_any_handle() {
    let proxy = FakeProxy::start();
    let (one, other) = (app(&proxy), app(&proxy));
    let handles = handles(&proxy, &one, 2);
    assert_eq!(ack(&other, &handles, 200).len(), 2);
    assert_eq!(proxy.calls("Telemetry").len(), 1, "an acknowledgement needs no client of its own");
}
