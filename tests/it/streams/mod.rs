//! Streams of messages as server-sent events.

mod bytes;
mod cap;
mod drain;
mod lanes;
mod places;
mod queries;
mod readers;
mod two_gateways;
mod upstream_failures;

use std::time::Duration;

use serde_json::Value;

use crate::support::time::until;
use crate::support::{EventStream, TestApp};

const SECOND: Duration = Duration::from_secs(1);
const TARGET: &str = "/v1/topics/T/groups/CID_a/messages:stream";

/// A stream with so many places.
#[track_caller]
fn stream(app: &TestApp, places: usize) -> EventStream {
    EventStream::open(app.data(), &format!("{TARGET}?max_in_flight={places}"))
}

fn handle(message: &Value) -> &str {
    message["receipt_handle"].as_str().expect("a receipt handle")
}

#[track_caller]
fn ack(app: &TestApp, message: &Value) {
    let answer = app.ack("T", "CID_a", &[handle(message)]).expect_json(200);
    assert_eq!(answer["results"][0]["status"], 204, "{answer}");
}

fn gauge(app: &TestApp, name: &str) -> f64 {
    app.metrics().get(name, &[]).unwrap_or_default()
}

fn ended(app: &TestApp, reason: &str) -> f64 {
    app.metrics().get("mq_gateway_streams_ended_total", &[("reason", reason)]).unwrap_or_default()
}

#[track_caller]
fn wait_for_open(app: &TestApp, count: f64) {
    until("so many open streams", || {
        #[expect(clippy::float_cmp, reason = "whole numbers")]
        let is_so = gauge(app, "mq_gateway_streams") == count;
        is_so.then_some(())
    });
}
