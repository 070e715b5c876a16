//! What is on the wire: the head, the first block, an event for each message, a sign of life, both versions of HTTP.

use serde_json::json;

use super::{SECOND, TARGET, ack, gauge, stream, wait_for_open};
use crate::support::{Endpoint, EventStream, Settings, TestApp};

#[test]
fn the_head_keeps_proxies_and_caches_away() {
    let app = TestApp::embedded();
    let mut stream = stream(&app, 1);
    let head = stream.head.to_ascii_lowercase();
    for line in [
        "content-type: text/event-stream",
        "cache-control: no-cache, no-transform",
        "x-accel-buffering: no",
        "content-encoding: identity",
        "transfer-encoding: chunked",
        "connection: close",
    ] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{line}: {head}");
    }
    assert!(!head.contains("content-length"), "{head}");
    let retry = stream.retry().expect("it says when to come back");
    assert!((2000..=5000).contains(&retry), "{retry}");
    assert_eq!(stream.body, format!("retry: {retry}\n\n").into_bytes(), "at once, and nothing else");
}

#[test]
fn an_event_is_the_message_of_a_receive() {
    let app = TestApp::embedded();
    let mut stream = stream(&app, 10);
    let id = app.publish("T", "line\nend \"quoted\" \u{2028}中");
    let event = stream.next_within(SECOND * 10).expect("an event");
    assert_eq!((event.kind.as_str(), event.last_event_id.as_str()), ("message", id.as_str()));
    let text = String::from_utf8(stream.body.clone()).expect("text");
    let block = text.split_once("\n\n").expect("the first block").1;
    assert_eq!(block, format!("id: {id}\ndata: {}\n\n", event.data));
    let streamed: serde_json::Value = serde_json::from_str(&event.data).expect("data is JSON");
    let other = app.receive("T", "CID_other", "{}");
    let names = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&streamed), names(&other[0]));
    for name in ["message_id", "body", "encoding", "tag", "keys", "properties", "published_at", "delivery_attempt"] {
        assert_eq!(streamed[name], other[0][name], "{name}");
    }
    ack(&app, &streamed);
    assert_eq!(app.metrics().get("mq_gateway_stream_events_total", &[("event", "message")]), Some(1.0));
}

#[test]
fn an_id_that_is_not_ascii_is_left_out() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for id in ["plain", "nach-ü"] {
        let message = json!({"body": "x", "bornTime": "1", "msgId": id, "msgHandle": id, "reconsumeTimes": 0});
        endpoint.offer("T", message);
    }
    let mut stream = stream(&app, 10);
    let [first, second] = [stream.message(), stream.message()];
    assert_eq!([&first["message_id"], &second["message_id"]], ["plain", "nach-ü"]);
    let text = String::from_utf8(stream.body.clone()).expect("text");
    assert_eq!(text.matches("\nid: ").count(), 1, "{text}");
    assert!(text.contains("\nid: plain\n"), "{text}");
}

/// As nginx asks by default.
#[test]
fn an_old_client_reads_to_the_end_of_the_connection() {
    let app = TestApp::embedded();
    let request = format!("GET {TARGET} HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n");
    let mut stream = EventStream::send(app.data(), &request);
    let head = stream.head.to_ascii_lowercase();
    assert!(head.starts_with("http/1.0 200 ok\r\n"), "{head}");
    assert!(!head.contains("transfer-encoding") && !head.contains("content-length"), "{head}");
    let large = "x".repeat(60_000);
    for body in ["one", &large] {
        app.publish("T", body);
        let message = stream.message();
        assert_eq!(message["body"], body);
        ack(&app, &message);
    }
    let mut app = app;
    app.terminate();
    assert!(stream.ends_within(SECOND * 5));
}

/// Longer than a request may live, and than a connection may be idle; beside the requests in flight.
#[test]
fn a_silent_stream_lives_and_gives_signs_of_life() {
    let endpoint = Endpoint::start();
    let settings = Settings::new().server("keep_alive = \"1s\"").more(
        "[server.limits]\nrequest_timeout = \"3s\"\nhead_timeout = \"1s\"\nbody_timeout = \"1s\"\nwrite_timeout = \"1s\"",
    );
    let app = TestApp::with(&endpoint, settings);
    let mut stream = stream(&app, 1);
    wait_for_open(&app, 1.0);
    assert!(gauge(&app, "mq_gateway_http_requests_in_flight") < 0.5, "a stream is not in flight");
    stream.retry();
    stream.assert_silent(SECOND * 4);
    let comments = stream.comments_within(SECOND * 16);
    assert_eq!(comments, 1);
    assert!(stream.body.ends_with(b"\n\n:\n\n"), "{:?}", String::from_utf8_lossy(&stream.body));
    app.publish("T", "late");
    assert_eq!(stream.message()["body"], "late");
}

#[test]
fn large_messages_come_whole() {
    let app = TestApp::embedded();
    let mut stream = stream(&app, 40);
    let bodies: Vec<String> = (0..20).map(|number| format!("{number} {}", "\u{1}x".repeat(number * 1500))).collect();
    bodies.iter().for_each(|body| drop(app.publish("T", body)));
    let mut received: Vec<String> =
        bodies.iter().map(|_| stream.message()["body"].as_str().expect("a body").to_owned()).collect();
    received.sort_by_key(String::len);
    assert_eq!(received, bodies);
}
