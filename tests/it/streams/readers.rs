//! Readers who hang up, and readers who are slow.

use std::net::Shutdown;
use std::time::Instant;

use super::{SECOND, ack, blocked_reader, ended, stream, wait_for_open};
use crate::support::time::until;
use crate::support::{Endpoint, EventStream, Launch, Settings, TestApp};

/// What was written stays its reader's, though nobody may have read it.
#[test]
fn who_hangs_up_keeps_what_was_written() {
    let app = TestApp::embedded();
    let mut stream = stream(&app, 2);
    app.publish("T", "written");
    stream.message();
    drop(stream.into_stream());
    wait_for_open(&app, 0.0);
    until("the end to be counted", || (ended(&app, "hung_up") > 0.5).then_some(()));
    assert!(app.receive("T", "CID_a", "{\"wait_seconds\":2}").is_empty(), "it is hidden for five minutes");
    app.publish("T", "next");
    assert_eq!(app.receive("T", "CID_a", "{\"wait_seconds\":2}")[0]["body"], "next");
}

#[test]
fn half_a_close_is_a_hang_up() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let mut stream = stream(&app, 1);
    stream.retry();
    endpoint.wait_for_requests(1);
    let closed = Instant::now();
    let stream = stream.into_stream();
    stream.shutdown(Shutdown::Write).expect("it is open");
    wait_for_open(&app, 0.0);
    assert!(endpoint.gives_up_within(0, SECOND * 5), "the poll ends with the last stream");
    assert!(closed.elapsed() < SECOND * 2, "{:?}", closed.elapsed());
}

/// A reader that reads nothing is given no more than its connection takes, and loses nothing: what was not written others get.
#[test]
fn a_slow_reader_is_throttled_and_what_it_does_not_take_goes_back() {
    const MESSAGES: usize = 260;
    let settings = Settings::new()
        .profile("protocol = \"mq-http\"")
        .more("[server.limits]\nsocket_buffer = \"64KiB\"\nwrite_timeout = \"3s\"\nmin_body_rate = \"0\"");
    let app = Launch::on_embedded("visibility_timeout = \"300s\"\n", &settings).start();
    let body = "x".repeat(60_000);
    for number in 0..MESSAGES {
        app.publish("T", &format!("{number} {body}"));
    }
    let (slow, taken) = blocked_reader(&app);
    assert!(taken < 110.0, "{taken} messages for one who reads nothing");
    let held = app.metrics().get("mq_gateway_memory_bytes", &[("size", "small")]).unwrap_or_default();
    assert!(held < 20e6, "{held}");
    // Others of the group go on meanwhile.
    let mut other = stream(&app, 50);
    let mut bodies: Vec<String> = Vec::new();
    let mut take = |stream: &mut EventStream| {
        while let Some(event) = stream.next_within(SECOND * 2) {
            let message: serde_json::Value = serde_json::from_str(&event.data).expect("JSON");
            bodies.push(message["body"].as_str().expect("a body").split_once(' ').expect("a number").0.to_owned());
            ack(&app, &message);
        }
        bodies.len()
    };
    let others = take(&mut other);
    assert!(others >= MESSAGES - 110, "{others}");
    until("the slow one to be cut", || (ended(&app, "slow_reader") > 0.5).then_some(()));
    take(&mut other);
    // The others were written to the slow one: all of them is what its kernel and ours had of them.
    drop(slow);
    let missing = MESSAGES - bodies.len();
    bodies.sort_unstable();
    bodies.dedup();
    assert_eq!(bodies.len() + missing, MESSAGES, "no message came twice");
    assert!(missing < 40, "{missing} messages were written to one who reads nothing");
    assert!(app.metrics().get("mq_gateway_upstream_late_messages_total", &[("fate", "given_back")]) > Some(0.0));
}

/// Slow, but reading all the time: never cut, and it gets everything.
#[test]
fn who_reads_slowly_gets_everything() {
    let settings = Settings::new()
        .more("[server.limits]\nsocket_buffer = \"64KiB\"\nwrite_timeout = \"1s\"\nmin_body_rate = \"1KiB\"");
    let app = Launch::on_embedded("", &settings).start();
    let body = "x".repeat(50_000);
    for number in 0..60 {
        app.publish("T", &format!("{number} {body}"));
    }
    let mut slow = stream(&app, 1000);
    let mut numbers: Vec<u32> = Vec::new();
    for _ in 0..60 {
        let message = slow.message();
        numbers.push(message["body"].as_str().expect("a body").split_once(' ').expect("a number").0.parse().unwrap());
        std::thread::sleep(SECOND / 15);
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..60).collect::<Vec<_>>());
}
