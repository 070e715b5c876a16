//! There are so many streams and no more.

use super::{SECOND, TARGET, stream, wait_for_open};
use crate::support::time::until;
use crate::support::{Endpoint, EventStream, Launch, Settings, TestApp};

#[test]
fn one_too_many_is_told_to_come_back() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().more("[server.limits]\nstreams = 3"));
    assert_eq!(app.metrics().get("mq_gateway_streams_limit", &[]), Some(3.0));
    let mut streams: Vec<EventStream> = (0..3).map(|_| stream(&app, 1)).collect();
    let mut late = EventStream::open(app.data(), TARGET);
    assert!(late.ends_within(SECOND));
    assert_eq!((late.retry(), late.body.as_slice()), (Some(10_000), b"retry: 10000\n\n".as_slice()));
    let refused = app.get(TARGET);
    assert_eq!((refused.status, refused.json()["code"].as_str()), (503, Some("overloaded")));
    assert!(refused.header("retry-after").is_some());
    let shed = app.metrics().get("mq_gateway_requests_shed_total", &[("reason", "overloaded")]);
    assert_eq!(shed, Some(2.0));
    // Others are served meanwhile, and a place that is left can be taken.
    assert_eq!(app.get("/v1/topics").status, 200);
    drop(streams.pop());
    wait_for_open(&app, 2.0);
    drop(stream(&app, 1));
}

#[test]
fn by_default_half_of_the_connections_may_be_streams() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().more("[server.limits]\nconnections = 40"));
    assert_eq!(app.metrics().get("mq_gateway_streams_limit", &[]), Some(20.0));
}

/// Places cost memory while they are taken: streams that wait take nothing of what others need.
#[test]
fn idle_streams_leave_the_memory_to_others() {
    let endpoint = Endpoint::start();
    let limits = "[server.limits]\nmemory = \"8MiB\"\nstreams = 120";
    let app = TestApp::with(&endpoint, Settings::new().profile("max_message_bytes = \"4MiB\"").more(limits));
    let mut streams: Vec<EventStream> = (0..110).map(|_| stream(&app, 1000)).collect();
    wait_for_open(&app, 110.0);
    let large = app.request("POST", "/v1/topics/large/messages").header("Content-Type: application/octet-stream");
    assert_eq!(large.body(vec![b'x'; 1 << 20]).send().status, 201);
    assert_eq!(app.receive("large", "CID_a", r#"{"wait_seconds":5}"#).len(), 1);
    app.publish("T", "for one of them");
    until("its message", || streams.iter_mut().find_map(|stream| stream.next_within(SECOND / 50)));
}

/// They stay open where room is needed.
#[test]
fn streams_are_not_closed_for_new_connections() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().server("workers = 1").more("[server.limits]\nconnections = 30"));
    let mut streams: Vec<EventStream> = (0..15).map(|_| stream(&app, 1)).collect();
    let idle: Vec<_> = (0..60).map(|_| app.raw(b"GET /v1/topics HTTP/1.1\r\nHost: localhost\r\n\r\n")).collect();
    assert_eq!(app.get("/v1/topics").status, 200);
    let labels = [("listener", "data"), ("reason", "cap")];
    until("others to be closed", || {
        (app.metrics().get("mq_gateway_connections_closed_total", &labels) >= Some(30.0)).then_some(())
    });
    wait_for_open(&app, 15.0);
    for stream in &mut streams {
        stream.assert_silent(SECOND / 20);
    }
    drop(idle);
}

#[test]
fn more_than_half_of_the_connections_is_refused() {
    let file = |streams: usize| {
        format!("[server.limits]\nconnections = 100\nstreams = {streams}\n[embedded]\nenabled = true\n")
    };
    let check = |streams| {
        let launch = Launch::bare().file("gateway.toml", &file(streams));
        launch.arguments(&["check", "--config", "{directory}/gateway.toml"]).run()
    };
    let finished = check(51);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    for words in ["gateway.toml:3:", "server.limits.streams", "at most 50, half of `connections`"] {
        assert!(finished.output().contains(words), "{words}: {}", finished.output());
    }
    assert_eq!(check(50).code, Some(0));
}
