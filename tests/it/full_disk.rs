//! A full disk: nothing new is taken, what is there can be drained, and it heals by itself when there is room.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::support::time::within;
use crate::support::{Launch, Meaning, Response, TestApp, assert_problem};

const DISK_MEBIBYTES: usize = 48;
const FILLER_BYTES: usize = 16 << 20;
const BODY_BYTES: usize = 60_000;
const REFUSALS: usize = 50;

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

/// Publishes until nothing more is taken, and goes on for a while; what was taken.
fn fill(app: &TestApp) -> BTreeSet<String> {
    let (mut taken, mut refusals) = (BTreeSet::new(), 0);
    for n in 0..2 * (DISK_MEBIBYTES << 20) / BODY_BYTES {
        let response = publish(app, n);
        if response.status == 201 {
            assert_eq!(refusals, 0, "taken after it was full");
            taken.insert(body(n));
            continue;
        }
        assert_problem(&response, 503, "upstream-throttled", Meaning::NotPublishedTryAgain);
        refusals += 1;
        if refusals == REFUSALS {
            break;
        }
    }
    assert_eq!(refusals, REFUSALS, "the disk did not become full");
    assert!(taken.len() > 50, "{} messages", taken.len());
    assert!(!data(app).join("embedded.db-reserve").exists(), "the space is given up");
    taken
}

/// Receives all that was taken and acknowledges it, but for `spared`.
fn drain(app: &TestApp, taken: &BTreeSet<String>, spared: Option<&str>) {
    let mut got = BTreeSet::new();
    while got.len() < taken.len() {
        let messages = app.receive("orders", "GID_a", r#"{"max_messages":4}"#);
        assert!(!messages.is_empty(), "{} of {} messages", got.len(), taken.len());
        let to_acknowledge = messages.iter().filter(|it| it["body"].as_str() != spared);
        let handles: Vec<_> = to_acknowledge.map(|it| it["receipt_handle"].as_str().unwrap()).collect();
        assert_eq!(app.ack("orders", "GID_a", &handles).status, 200);
        got.extend(messages.iter().map(|it| it["body"].as_str().unwrap().to_owned()));
    }
    assert_eq!(&got, taken);
}

/// Waits until a publish is taken again.
fn healed(app: &TestApp) -> Duration {
    let since = Instant::now();
    let healed = within(Duration::from_secs(20), || (publish(app, 9_999).status == 201).then(|| since.elapsed()));
    assert!(data(app).join("embedded.db-reserve").exists(), "the space is kept again");
    healed.unwrap_or_else(|| panic!("it did not heal:\n{}", app.output()))
}

#[test]
fn it_refuses_drains_and_heals_when_there_is_room() {
    if !Launch::can_have_own_mounts() {
        return;
    }
    let app = Launch::embedded().small_disk(DISK_MEBIBYTES).start();
    let filler = data(&app).join("filler");
    std::fs::write(&filler, vec![1; FILLER_BYTES]).unwrap();
    assert!(data(&app).join("embedded.db-reserve").exists());

    let taken = fill(&app);
    // The first one keeps what is behind it.
    drain(&app, &taken, Some(&body(0)));
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(publish(&app, 0).status, 503, "still full");
    let verbose = app.management_get("/readyz?verbose");
    assert_eq!(verbose.status, 200, "degraded is not unready");
    assert!(verbose.text().contains("[-]embedded store degraded: the store's disk is full"), "{}", verbose.text());
    let output = app.output();
    let loud = output.lines().filter(|line| line.contains("mq_gateway::storage")).count();
    assert!(loud <= 3, "{loud} lines of the store:\n{output}");
    assert!(!output.contains("mq_gateway::app::embedded"), "{output}");

    std::fs::remove_file(&filler).unwrap();
    let after = healed(&app);
    assert!(after < Duration::from_secs(5), "{after:?}");
    assert_eq!(app.receive("orders", "GID_a", "{}").len(), 1, "the new one, and none again");
}

#[test]
fn what_every_group_has_acknowledged_makes_room() {
    if !Launch::can_have_own_mounts() {
        return;
    }
    let app = Launch::embedded().small_disk(DISK_MEBIBYTES).start();
    let taken = fill(&app);
    drain(&app, &taken, None);
    healed(&app);
    assert_eq!(app.receive("orders", "GID_a", "{}").len(), 1, "the new one, and none again");
}
