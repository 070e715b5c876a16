//! A full disk: nothing new is taken, what is there can be drained, and it heals by itself when there is room.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::support::time::within;
use crate::support::{Launch, Meaning, Response, TestApp, assert_problem};

const DISK_MEBIBYTES: usize = 48;
const FILLER_BYTES: usize = 16 << 20;
const BODY_BYTES: usize = 60_000;

/// The data directory as the process sees it, which has mounts of its own.
fn data(app: &TestApp) -> PathBuf {
    PathBuf::from(format!("/proc/{}/root{}", app.process_id(), app.data_directory().display()))
}

fn body(n: usize) -> String {
    format!("{n:04}-{}", "x".repeat(BODY_BYTES))
}

fn publish(app: &TestApp, n: usize) -> Response {
    app.post_json("/v1/topics/orders/messages", serde_json::json!({ "body": body(n) }).to_string())
}

#[test]
fn it_refuses_drains_and_heals() {
    if !Launch::can_have_own_mounts() {
        return;
    }
    let app = Launch::embedded().small_disk(DISK_MEBIBYTES).start();
    let filler = data(&app).join("filler");
    std::fs::write(&filler, vec![1; FILLER_BYTES]).unwrap();
    let reserve = data(&app).join("embedded.db-reserve");
    assert!(reserve.exists());

    let (mut acknowledged, mut refusals) = (BTreeSet::new(), 0);
    for n in 0..(2 * DISK_MEBIBYTES << 20) / BODY_BYTES {
        let response = publish(&app, n);
        if response.status == 201 {
            assert_eq!(refusals, 0, "taken after it was full");
            acknowledged.insert(body(n));
        } else {
            assert_problem(&response, 503, "upstream-throttled", Meaning::NotPublishedTryAgain);
            refusals += 1;
            if refusals == 100 {
                break;
            }
        }
    }
    assert_eq!(refusals, 100, "the disk did not become full");
    assert!(acknowledged.len() > 50, "{} messages", acknowledged.len());
    assert!(!reserve.exists(), "the space is given up");

    // More requests than the log in the reserve has room for without being moved.
    let mut got = BTreeSet::new();
    while got.len() < acknowledged.len() {
        let messages = app.receive("orders", "GID_a", r#"{"max_messages":4}"#);
        assert!(!messages.is_empty(), "{} of {} messages", got.len(), acknowledged.len());
        let handles: Vec<_> = messages.iter().map(|it| it["receipt_handle"].as_str().unwrap()).collect();
        assert_eq!(app.ack("orders", "GID_a", &handles).status, 200);
        got.extend(messages.iter().map(|it| it["body"].as_str().unwrap().to_owned()));
    }
    assert_eq!(got, acknowledged);
    assert_eq!(publish(&app, 0).status, 503, "still full");
    let output = app.output();
    let loud = output.lines().filter(|line| line.contains("mq_gateway::storage")).count();
    assert!(loud <= 3, "{loud} lines of the store:\n{output}");
    assert!(!output.contains("mq_gateway::app::embedded"), "{output}");

    std::fs::remove_file(&filler).unwrap();
    let since = Instant::now();
    let healed = within(Duration::from_secs(10), || (publish(&app, 9_999).status == 201).then_some(()));
    assert!(healed.is_some(), "it did not heal:\n{}", app.output());
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    assert!(reserve.exists(), "the space is kept again");
    assert_eq!(app.receive("orders", "GID_a", "{}").len(), 1, "the new one, and none again");
}
