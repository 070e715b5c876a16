//! The end of the process: streams end spread over the second half of the drain, and who comes then is told when to come back.

use std::time::{Duration, Instant};

use super::{SECOND, TARGET, blocked_reader, stream, wait_for_open};
use crate::support::time::until;
use crate::support::{Endpoint, EventStream, Settings, TestApp};

#[test]
fn streams_end_spread_over_the_second_half_of_the_drain() {
    let endpoint = Endpoint::start();
    let mut app = TestApp::with(&endpoint, Settings::new().server("drain_delay = \"8s\""));
    let streams: Vec<EventStream> = (0..20).map(|_| stream(&app, 1)).collect();
    wait_for_open(&app, 20.0);
    let began = Instant::now();
    app.terminate();
    until("readiness to fail", || (app.management_get("/readyz").status == 503).then_some(()));
    // Who comes now is told to come back; others are refused.
    let mut late = EventStream::open(app.data(), TARGET);
    assert!(late.ends_within(SECOND));
    assert_eq!((late.retry(), late.body.as_slice()), (Some(10_000), b"retry: 10000\n\n".as_slice()));
    let refused = app.get(TARGET);
    assert_eq!((refused.status, refused.json()["code"].as_str()), (503, Some("draining")));
    assert!(refused.header("retry-after").is_some());
    assert_eq!(app.get("/v1/topics/T/groups/CID_a/messages:stream?x=1").status, 422, "what is wrong is said first");
    // Until then messages still come.
    app.publish("T", "while draining");
    let watched: Vec<_> = streams
        .into_iter()
        .map(|mut stream| {
            std::thread::spawn(move || {
                assert!(stream.ends_within(SECOND * 20), "it ends, and in order");
                let ended = began.elapsed();
                (ended, stream.body.windows(5).any(|part| part == b"data:"))
            })
        })
        .collect();
    let ends: Vec<(Duration, bool)> = watched.into_iter().map(|thread| thread.join().expect("a reader")).collect();
    let times: Vec<Duration> = ends.iter().map(|(time, _)| *time).collect();
    let (first, last) = (times.iter().min().copied().unwrap(), times.iter().max().copied().unwrap());
    assert!(first >= SECOND * 7 / 2, "{times:?}");
    assert!(last <= SECOND * 9 && last - first >= SECOND * 2, "{times:?}");
    assert_eq!(ends.iter().filter(|(_, has_message)| *has_message).count(), 1);
    assert_eq!(app.wait_for_exit(SECOND * 15).code(), Some(0));
}

#[test]
fn without_a_drain_all_end_at_once() {
    let endpoint = Endpoint::start();
    let mut app = TestApp::with(&endpoint, Settings::new());
    let mut streams: Vec<EventStream> = (0..5).map(|_| stream(&app, 1)).collect();
    wait_for_open(&app, 5.0);
    let began = Instant::now();
    app.terminate();
    assert!(streams.iter_mut().all(|stream| stream.ends_within(SECOND * 3)));
    assert_eq!(app.wait_for_exit(SECOND * 10).code(), Some(0));
    assert!(began.elapsed() < SECOND * 4, "{:?}", began.elapsed());
}

/// A reader that takes nothing does not hold up the end.
#[test]
fn a_stuck_reader_does_not_hold_up_the_end() {
    const MESSAGES: u16 = 150;
    let endpoint = Endpoint::start();
    let mut app = TestApp::with(&endpoint, Settings::new().more("[server.limits]\nsocket_buffer = \"64KiB\""));
    let body = "x".repeat(60_000);
    (0..MESSAGES).for_each(|_| drop(app.publish("T", &body)));
    let (_stuck, taken) = blocked_reader(&app);
    assert!(taken < f64::from(MESSAGES), "it takes them all");
    let began = Instant::now();
    app.terminate();
    assert_eq!(app.wait_for_exit(SECOND * 15).code(), Some(0));
    assert!(began.elapsed() < SECOND * 8, "{:?}", began.elapsed());
}
