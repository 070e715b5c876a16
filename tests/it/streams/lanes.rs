//! Streams and receives of one group beside each other: neither waits for the other's polls.

use std::time::Instant;

use super::{SECOND, stream, wait_for_open};
use crate::support::time::{AT_ONCE, until};
use crate::support::{Endpoint, Launch, Settings, TestApp};

/// Many idle streams cost few polls, and leave those of receives alone.
#[test]
fn many_streams_share_few_polls_and_none_with_receives() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().server("workers = 2"));
    let mut streams: Vec<_> = (0..60).map(|_| stream(&app, 1)).collect();
    wait_for_open(&app, 60.0);
    let polls = || app.metrics().get("mq_gateway_upstream_polls", &[]).unwrap_or_default();
    until("a poll for each thread", || (polls() > 0.5).then_some(()));
    let (began, mut most) = (Instant::now(), 0.0_f64);
    while began.elapsed() < SECOND {
        most = most.max(polls());
    }
    assert!(most < 2.5, "{most} polls for idle streams");
    let target = "/v1/topics/T/groups/CID_a/messages:receive";
    let receives: Vec<_> =
        (0..20).map(|_| app.request("POST", target).json(r#"{"wait_seconds":20}"#).start()).collect();
    until("the receives' own polls", || (polls() > 8.5).then_some(()));
    assert!(polls() < 10.5, "{}", polls());
    drop(receives);
    for number in 0..60 {
        app.publish("T", &number.to_string());
    }
    let mut bodies: Vec<u32> =
        streams.iter_mut().map(|stream| stream.message()["body"].as_str().unwrap().parse().unwrap()).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, (0..60).collect::<Vec<_>>(), "one each");
}

#[test]
fn a_receive_gets_its_answer_beside_streams() {
    let app = Launch::embedded().environment("MQ_GATEWAY__SERVER__WORKERS", "1").start();
    let streams: Vec<_> = (0..40).map(|_| stream(&app, 1)).collect();
    wait_for_open(&app, 40.0);
    let target = "/v1/topics/T/groups/CID_b/messages:receive";
    let mut receive = app.request("POST", target).json(r#"{"wait_seconds":20}"#).start();
    // Beside the poll of all streams.
    until("its own poll", || (app.metrics().get("mq_gateway_upstream_polls", &[]) > Some(1.5)).then_some(()));
    app.publish("T", "x");
    let began = Instant::now();
    assert_eq!(receive.receive("POST").expect_json(200)["messages"].as_array().unwrap().len(), 1);
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    drop(streams);
}
