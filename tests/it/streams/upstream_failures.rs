//! An MQ that fails: the stream says so once, stays open, and goes on when the MQ is back.

use super::{SECOND, stream};
use crate::support::endpoint::respond;
use crate::support::{Endpoint, TestApp};

#[test]
fn failures_are_told_once_and_survived() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    endpoint.rule(|request| (request.method == "GET").then(|| respond(500, &[], "broken")));
    let mut stream = stream(&app, 1);
    let event = stream.next_within(SECOND * 10).expect("it is told");
    assert_eq!(event.kind, "problem");
    let problem: serde_json::Value = serde_json::from_str(&event.data).expect("JSON");
    assert_eq!((&problem["code"], &problem["status"]), (&"upstream-error".into(), &502.into()), "{problem}");
    stream.assert_silent(SECOND * 3);
    let failed = app.metrics().get("mq_gateway_operations_failed_total", &[("operation", "receive"), ("topic", "T")]);
    assert!(failed >= Some(2.0), "each failure is counted: {failed:?}");
    let before = endpoint.request_count();
    endpoint.rule(|_| None);
    app.publish("T", "back again");
    assert_eq!(stream.message()["body"], "back again");
    assert!(endpoint.request_count() - before < 20, "it asks with pauses");
}
