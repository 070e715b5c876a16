//! The groups' clients: shared, made again when the server loses them, and ended in order.

use std::time::{Duration, Instant};

use super::{app, app_with};
use crate::support::loopback::own_address;
use crate::support::rocketmq::{FakeProxy, Fault};
use crate::support::time::until;

const WAIT: &str = r#"{"wait_seconds": 10}"#;

#[test]
fn a_group_has_one_client_and_each_group_its_own() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    for group in ["GID_a", "GID_b", "GID_a"] {
        proxy.offer("x");
        assert_eq!(app.receive("orders", group, WAIT).len(), 1);
    }
    let mut clients: Vec<String> =
        proxy.calls("Telemetry").iter().map(|call| call.headers["x-mq-client-id"].clone()).collect();
    clients.dedup();
    assert_eq!(clients.len(), 2, "{clients:?}");
    let polls: Vec<String> =
        proxy.calls("ReceiveMessage").iter().map(|call| call.headers["x-mq-client-id"].clone()).collect();
    assert!(polls.iter().all(|client| clients.contains(client)), "{polls:?} {clients:?}");
}

#[test]
fn settings_that_the_server_lost_are_sent_again() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    proxy.offer("x");
    assert_eq!(app.receive("orders", "GID_a", WAIT).len(), 1);
    proxy.forget_settings();
    proxy.offer("y");
    assert_eq!(app.receive("orders", "GID_a", WAIT).len(), 1);
    assert_eq!(proxy.calls("Telemetry").len(), 2);
}

#[test]
fn a_restarted_server_is_received_from_within_seconds() {
    let mut proxy = FakeProxy::start_at(&own_address().to_string());
    let app = app(&proxy);
    proxy.offer("x");
    assert_eq!(app.receive("orders", "GID_a", WAIT).len(), 1);
    proxy.restart(Duration::from_secs(1));
    proxy.offer("y");
    let began = Instant::now();
    loop {
        let answer = app.post_json("/v1/topics/orders/groups/GID_a/messages:receive", r#"{"wait_seconds": 2}"#);
        if answer.status == 200 && answer.json()["messages"].as_array().is_some_and(|it| !it.is_empty()) {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{answer:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn settings_that_are_refused_or_not_answered_are_told() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    for (fault, status, code) in [
        (Fault::Status(40100, "x"), 502, "upstream-auth-rejected"),
        (Fault::Grpc(12), 502, "upstream-misconfigured"),
        (Fault::Hang, 504, "upstream-timeout"),
    ] {
        // It is tried again and again; what is waited for here is the first.
        proxy.script("Telemetry", [fault, fault, fault]);
        let group = format!("GID_{status}_{code}");
        let answer = app.post_json(&format!("/v1/topics/orders/groups/{group}/messages:receive"), WAIT);
        assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{answer:?}");
        until("the faults to be used up", || {
            proxy.offer("x");
            let target = format!("/v1/topics/orders/groups/{group}/messages:receive");
            (app.post_json(&target, r#"{"wait_seconds": 1}"#).status == 200).then_some(())
        });
    }
}

#[test]
fn no_more_groups_at_once_than_the_profile_allows() {
    let proxy = FakeProxy::start();
    proxy.hold_polls(Duration::from_secs(4));
    let app = app_with(&proxy, "max_sessions = 1");
    let waiting = app.request("POST", "/v1/topics/orders/groups/GID_a/messages:receive").json(WAIT).start();
    proxy.until_calls("ReceiveMessage", 1);
    let answer = app.post_json("/v1/topics/orders/groups/GID_b/messages:receive", WAIT);
    assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("overloaded")), "{answer:?}");
    assert!(answer.json()["detail"].as_str().unwrap().contains("max_sessions"), "{answer:?}");
    drop(waiting);
}

#[test]
fn the_end_says_goodbye_and_gives_back_what_nobody_took() {
    let proxy = FakeProxy::start();
    proxy.hold_polls(Duration::from_secs(2));
    let mut app = app(&proxy);
    assert!(app.receive("orders", "GID_a", "{}").is_empty());
    // The poll is under way still.
    app.terminate();
    assert!(app.wait_for_exit(Duration::from_secs(8)).success());
    assert_eq!(proxy.calls("NotifyClientTermination").len(), 1);
    assert_eq!(proxy.broken_off("ReceiveMessage"), 0);
    assert!(!app.output().contains("did not end in time"), "{}", app.output());
}

#[test]
fn the_end_waits_a_moment_only_for_what_cannot_be_given_back() {
    let proxy = FakeProxy::start();
    proxy.hold_polls(Duration::from_secs(4));
    let mut app = app(&proxy);
    assert!(app.receive("orders", "GID_a", r#"{"max_messages": 8}"#).is_empty());
    // The poll goes on, and what it brings is for nobody.
    proxy.script("ChangeInvisibleDuration", [Fault::Hang; 16]);
    proxy.offer_together(&["1", "2", "3", "4", "5", "6", "7", "8"]);
    until("all of them to be delivered", || (proxy.in_flight() == 8).then_some(()));
    app.terminate();
    assert!(app.wait_for_exit(Duration::from_secs(8)).success());
    assert_eq!(proxy.calls("NotifyClientTermination").len(), 1);
    assert!(!app.output().contains("did not end in time"), "{}", app.output());
}
