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

use std::io::Write as _;
use std::net::TcpStream;
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

/// A stream whose reader takes nothing, once the gateway writes no more to it, and the messages that it has got by then.
#[track_caller]
fn blocked_reader(app: &TestApp) -> (EventStream, f64) {
    let connection = TcpStream::connect(app.data()).expect("a connection");
    // Left to itself its kernel would take megabytes.
    rustix::net::sockopt::set_socket_recv_buffer_size(&connection, 64 << 10).expect("a small buffer");
    let request = format!("GET {TARGET}?max_in_flight=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    (&connection).write_all(request.as_bytes()).expect("a request is taken");
    let received =
        || app.metrics().get("mq_gateway_messages_received_total", &[("group", "CID_a")]).unwrap_or_default();
    until("the reader to be blocked", || {
        let before = received();
        std::thread::sleep(SECOND / 2);
        (before > 0.0 && received() - before < 0.5).then_some(())
    });
    (EventStream::over(connection), received())
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
