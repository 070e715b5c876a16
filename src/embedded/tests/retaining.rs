//! What is kept and what is dropped.

use super::*;
use crate::embedded::{EngineError, FaultKind, STORED_OVERHEAD_BYTES, SweepReport, WhenFull};

fn dropped(messages: u64, unacknowledged: u64) -> SweepReport {
    SweepReport { dropped_by_retention: messages, dropped_unacknowledged: unacknowledged, ..SweepReport::default() }
}

#[tokio::test]
async fn messages_are_dropped_by_age_and_counted() {
    let fixture = start(EngineOptions { retention: seconds(100), ..EngineOptions::default() });
    fixture.publish("orders", "1").await;
    fixture.publish("orders", "2").await;
    let first = fixture.take_up_to("orders", "billing", 1).await;
    fixture.acknowledge("orders", "billing", first[0].handle.as_str()).await;
    fixture.take_up_to("orders", "shipping", 1).await;
    fixture.clock.advance(seconds(50));
    fixture.publish("orders", "3").await;
    fixture.clock.advance(seconds(50));
    assert_eq!(fixture.engine.sweep().await.unwrap(), dropped(0, 0), "exactly as old as allowed");
    fixture.clock.advance(Duration::from_millis(1));
    // Of "1" and "2" billing had acknowledged one; shipping had one in its hands and one to come.
    assert_eq!(fixture.engine.sweep().await.unwrap(), dropped(2, 3));
    for group in ["billing", "shipping", "new"] {
        assert_eq!(fixture.bodies("orders", group).await, ["3"], "{group}");
    }
    let stats = fixture.engine.stats().await.unwrap();
    assert_eq!((stats.totals.dropped_by_retention, stats.totals.dropped_unacknowledged), (2, 3));
    assert_eq!((stats.topics[0].messages, stats.topics[0].bytes), (1, 1 + STORED_OVERHEAD_BYTES));
}

#[tokio::test]
async fn the_oldest_of_all_topics_go_first_when_there_are_too_many_bytes() {
    let each = 1_000 + STORED_OVERHEAD_BYTES;
    let fixture = start(EngineOptions { retention_bytes: 3 * each, ..EngineOptions::default() });
    for (name, letter) in [("orders", "a"), ("returns", "b"), ("orders", "c"), ("returns", "d"), ("orders", "e")] {
        fixture.publish(name, &letter.repeat(1_000)).await;
        fixture.clock.advance(seconds(1));
    }
    assert_eq!(fixture.engine.sweep().await.unwrap(), dropped(2, 0));
    let first = |bodies: Vec<String>| bodies.iter().filter_map(|body| body.chars().next()).collect::<String>();
    assert_eq!(first(fixture.bodies("orders", "billing").await), "ce");
    assert_eq!(first(fixture.bodies("returns", "billing").await), "d");
}

#[tokio::test]
async fn a_big_backlog_is_dropped_in_one_sweep_of_many_jobs() {
    let fixture = start(EngineOptions { retention: seconds(100), ..EngineOptions::default() });
    let publishes = (0..2_000).map(|n| fixture.engine.publish(message("orders", &n.to_string())));
    assert!(futures_util::future::join_all(publishes).await.iter().all(Result::is_ok));
    fixture.clock.advance(seconds(101));
    let before = fixture.engine.stats().await.unwrap().totals.commits.jobs;
    assert_eq!(fixture.engine.sweep().await.unwrap(), dropped(2_000, 0));
    let jobs = fixture.engine.stats().await.unwrap().totals.commits.jobs - before;
    assert!(jobs >= 2_000 / 256, "{jobs} jobs: others run in between");
    assert!(fixture.take("orders", "billing").await.is_empty());
    fixture.publish("orders", "new").await;
    assert_eq!(fixture.bodies("orders", "billing").await, ["new"]);
}

#[tokio::test]
async fn a_delayed_message_is_kept_until_it_is_due_and_its_age_counts_from_then() {
    let fixture = start(EngineOptions { retention: seconds(100), ..EngineOptions::default() });
    fixture.publish_at("orders", "1", START + seconds(1_000)).await;
    fixture.clock.advance(seconds(999));
    assert_eq!(fixture.engine.sweep().await.unwrap(), dropped(0, 0));
    fixture.clock.advance(seconds(1));
    let report = fixture.engine.sweep().await.unwrap();
    assert_eq!(report, SweepReport { became_visible: 1, ..SweepReport::default() });
    fixture.clock.advance(seconds(100));
    assert_eq!(fixture.engine.sweep().await.unwrap(), dropped(0, 0));
    assert_eq!(fixture.bodies("orders", "billing").await, ["1"]);
    fixture.clock.advance(seconds(1));
    assert_eq!(fixture.engine.sweep().await.unwrap(), dropped(1, 1));
}

#[tokio::test]
async fn delayed_messages_go_last_when_there_are_too_many_bytes() {
    let each = 1 + STORED_OVERHEAD_BYTES;
    let fixture = start(EngineOptions { retention_bytes: 2 * each, ..EngineOptions::default() });
    fixture.take("orders", "billing").await;
    for letter in ["a", "b", "c"] {
        fixture.publish_at("orders", letter, START + seconds(10)).await;
    }
    fixture.publish("orders", "d").await;
    assert_eq!(fixture.engine.sweep().await.unwrap(), dropped(2, 2), "the visible one, then the oldest delayed one");
    fixture.clock.advance(seconds(10));
    assert_eq!(fixture.bodies("orders", "billing").await, ["b", "c"]);
    let stats = fixture.engine.stats().await.unwrap();
    assert_eq!((stats.topics[0].messages, stats.topics[0].bytes), (2, 2 * each));
}

#[tokio::test]
async fn the_sweep_makes_delayed_messages_visible_to_those_who_wait() {
    let fixture = start(EngineOptions::default());
    for n in 0..600 {
        fixture.publish_at(["orders", "returns"][n % 2], &n.to_string(), START + seconds(10)).await;
    }
    fixture.clock.advance(seconds(10));
    assert_eq!(fixture.engine.sweep().await.unwrap().became_visible, 600);
    assert_eq!(fixture.bodies("orders", "billing").await[..2], ["0", "2"]);
}

#[tokio::test]
async fn free_space_of_the_file_is_given_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("embedded.db");
    let clock = Clock::manual(START);
    let options = EngineOptions { retention: seconds(100), ..EngineOptions::default() };
    let engine = open(StoreLocation::Disk(path.clone()), options, &clock);
    let body = "x".repeat(1 << 20);
    for _ in 0..40 {
        engine.publish(message("orders", &body)).await.unwrap();
    }
    clock.advance(seconds(101));
    let mut sweeps = 0;
    while engine.sweep().await.unwrap() != SweepReport::default() || sweeps < 4 {
        sweeps += 1;
    }
    engine.close().await;
    let bytes = std::fs::metadata(&path).unwrap().len();
    assert!(bytes < 20 << 20, "{bytes} bytes are left of 40 MiB");
}

#[tokio::test]
async fn what_was_filtered_out_is_dropped_and_is_no_loss() {
    let fixture = start(EngineOptions { retention: seconds(100), ..EngineOptions::default() });
    fixture.publish_tagged(&["a1", "b2", "b3"]).await;
    fixture.clock.advance(seconds(50));
    fixture.publish_tagged(&["b4"]).await;
    let got = fixture.receive(filtered("a", 0)).await;
    assert_eq!(bodies(&got), ["a1"]);
    fixture.acknowledge_all(&got).await;
    fixture.clock.advance(seconds(51));
    assert_eq!(fixture.engine.sweep().await.unwrap(), dropped(3, 0));
    assert_eq!(fixture.bodies("orders", "billing").await, ["b4"]);
    fixture.clock.advance(seconds(50));
    assert_eq!(fixture.engine.sweep().await.unwrap(), dropped(1, 1));
    assert!(fixture.receive(filtered("b", 0)).await.is_empty());
}

#[tokio::test]
async fn dropping_what_locked_a_message_group_wakes_who_waits_for_the_rest() {
    let options =
        EngineOptions { retention: seconds(100), visibility_timeout: seconds(1_000), ..EngineOptions::default() };
    let fixture = start(options);
    fixture.publish_grouped(&["g1"]).await;
    assert_eq!(bodies(&fixture.receive(in_order(32, 0)).await), ["g1"]);
    fixture.clock.advance(seconds(50));
    fixture.publish_grouped(&["g2"]).await;
    let mut waiting = Box::pin(fixture.engine.receive(in_order(32, 1_000)));
    fixture.settle(&mut waiting).await;
    fixture.clock.advance(seconds(51));
    assert_eq!(fixture.engine.sweep().await.unwrap(), dropped(1, 1));
    assert_eq!(bodies(&soon(waiting).await.unwrap()), ["g2"]);
}

#[tokio::test]
async fn dropping_what_locked_nothing_wakes_nobody() {
    let fixture = start(EngineOptions { retention: seconds(100), ..EngineOptions::default() });
    fixture.take("orders", "shipping").await;
    fixture.publish_grouped(&["g1"]).await;
    let got = fixture.receive(in_order(32, 0)).await;
    fixture.acknowledge_all(&got).await;
    let mut waiting = Box::pin(fixture.engine.receive(in_order(32, 1_000)));
    fixture.settle(&mut waiting).await;
    fixture.clock.advance(seconds(101));
    fixture.settle(&mut waiting).await;
    let jobs = async || fixture.engine.stats().await.unwrap().totals.commits.jobs;
    assert_eq!(fixture.engine.sweep().await.unwrap(), dropped(1, 1), "\"shipping\" had not come to it");
    let before = jobs().await;
    fixture.settle(&mut waiting).await;
    assert_eq!(jobs().await - before, 4, "statistics only");
}

#[tokio::test]
async fn a_store_that_refuses_drops_nothing_but_what_all_groups_acknowledged() {
    let each = 1_000 + STORED_OVERHEAD_BYTES;
    let options = EngineOptions { retention_bytes: 4 * each, when_full: WhenFull::Refuse, ..EngineOptions::default() };
    let fixture = start(options);
    let publish = async |letter: &str| fixture.engine.publish(message("orders", &letter.repeat(1_000))).await;
    for letter in ["a", "b", "c", "d"] {
        publish(letter).await.unwrap();
    }
    assert!(matches!(publish("e").await, Err(EngineError::Full)));
    let faults = fixture.engine.health();
    assert_eq!((faults.len(), faults[0].kind), (1, FaultKind::Full));
    assert!(faults[0].reason.contains("embedded.retention_bytes"), "{faults:?}");
    assert_eq!(fixture.engine.sweep().await.unwrap(), dropped(0, 0), "nobody reads it yet");

    // One group has three and acknowledged two of them, the other has acknowledged all.
    let got = fixture.take_up_to("orders", "billing", 3).await;
    fixture.acknowledge_all(&got[..2]).await;
    for delivery in fixture.take("orders", "shipping").await {
        fixture.acknowledge("orders", "shipping", delivery.handle.as_str()).await;
    }
    assert!(matches!(publish("e").await, Err(EngineError::Full)));
    assert_eq!(fixture.engine.sweep().await.unwrap(), dropped(2, 0));
    publish("e").await.unwrap();
    assert_eq!(fixture.engine.health(), [], "it ended with the first that was taken");
    publish("f").await.unwrap();
    assert!(matches!(publish("g").await, Err(EngineError::Full)), "exactly as many as allowed");
    let first = |bodies: Vec<String>| bodies.iter().filter_map(|body| body.chars().next()).collect::<String>();
    assert_eq!(first(fixture.bodies("orders", "billing").await), "def");
    fixture.clock.advance(seconds(300));
    assert_eq!(first(fixture.bodies("orders", "billing").await), "cdef");
}
