//! Callers that hang up: a waiting receive ends with them, a publish under way does not.

use std::time::Duration;

use crate::support::endpoint::{Gate, held};
use crate::support::time::{AT_ONCE, until};
use crate::support::{Endpoint, TestApp};

#[test]
fn a_waiting_receive_ends_with_its_caller() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let target = "/v1/topics/orders/groups/CID_a/messages:receive";
    let waiting = app.request("POST", target).json(r#"{"wait_seconds":30}"#).start();
    endpoint.wait_for_requests(1);
    drop(waiting);
    assert!(endpoint.gives_up_within(0, AT_ONCE), "the poll goes on");
    until("no waiters", || (app.metrics().get("mq_gateway_receive_waiters", &[]).unwrap_or(0.0) == 0.0).then_some(()));
    until("no polls", || (app.metrics().get("mq_gateway_upstream_polls", &[]).unwrap_or(0.0) == 0.0).then_some(()));
    assert_eq!(endpoint.request_count(), 1, "the MQ is not asked again");
    // A message that comes now is for the next one.
    app.publish("orders", "x");
    assert_eq!(app.receive("orders", "CID_a", "{}").len(), 1);
}

#[test]
fn one_of_two_waiters_may_leave() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let target = "/v1/topics/orders/groups/CID_a/messages:receive";
    let leaving = app.request("POST", target).json(r#"{"wait_seconds":30}"#).start();
    endpoint.wait_for_requests(1);
    let mut staying = app.request("POST", target).json(r#"{"wait_seconds":30}"#).start();
    until("two waiters", || (app.metrics().get("mq_gateway_receive_waiters", &[]) >= Some(2.0)).then_some(()));
    drop(leaving);
    until("one waiter", || (app.metrics().get("mq_gateway_receive_waiters", &[]) == Some(1.0)).then_some(()));
    app.publish("orders", "for the one who stays");
    let answer = staying.receive("POST").expect_json(200);
    assert_eq!(answer["messages"][0]["body"], "for the one who stays");
}

#[test]
fn a_publish_under_way_runs_to_its_end() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let gate = Gate::default();
    endpoint.script(held(&gate));
    let leaving = app.request("POST", "/v1/topics/orders/messages").json(r#"{"body":"x"}"#).start();
    endpoint.wait_for_requests(1);
    drop(leaving);
    assert!(!endpoint.gives_up_within(0, Duration::from_millis(500)), "the publish was given up");
    gate.open();
    let published = [("outcome", "published")];
    until("the publish to be counted", || {
        (app.metrics().get("mq_gateway_messages_published_total", &published) == Some(1.0)).then_some(())
    });
    assert_eq!(endpoint.stored("orders"), [b"x"]);
}
