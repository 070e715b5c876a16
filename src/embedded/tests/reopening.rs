//! What a restart keeps: everything.

use std::path::Path;

use super::*;
use crate::embedded::Acknowledgement::{AlreadyDone, Done};

fn on_disk(directory: &Path) -> StoreLocation {
    StoreLocation::Disk(directory.join("embedded.db"))
}

/// An engine on a copy of the files as a kill leaves them at this moment.
async fn after_a_crash(fixture: &Fixture, from: &Path, to: &Path, clock: &Clock) -> Fixture {
    let (from, copy_to) = (from.to_owned(), to.to_owned());
    let copy = move |_: &rusqlite::Connection| {
        for entry in std::fs::read_dir(&from).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), copy_to.join(entry.file_name())).unwrap();
        }
        Ok(())
    };
    // On the storage thread, which does nothing else meanwhile.
    fixture.engine.shared().storage.run(Access::Reads, copy).await.unwrap();
    Fixture { engine: open(on_disk(to), EngineOptions::default(), clock), clock: clock.clone() }
}

#[tokio::test]
async fn everything_is_there_after_closing_and_after_dropping() {
    for close in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::manual(START);
        let reopen = || Fixture {
            engine: open(on_disk(directory.path()), EngineOptions::default(), &clock),
            clock: clock.clone(),
        };
        let fixture = reopen();
        for body in ["acknowledged", "out", "given back", "never delivered"] {
            fixture.publish("orders", body).await;
        }
        fixture.publish_at("orders", "delayed", START + seconds(10)).await;
        let got = fixture.take_up_to("orders", "billing", 3).await;
        assert_eq!(fixture.acknowledge("orders", "billing", got[0].handle.as_str()).await, Done);
        fixture.engine.give_back(vec![got[2].handle.clone()]);
        if close {
            fixture.engine.close().await;
        }
        drop(fixture);

        let fixture = reopen();
        assert_eq!(fixture.bodies("orders", "billing").await, ["given back", "never delivered"]);
        assert_eq!(fixture.acknowledge("orders", "billing", got[0].handle.as_str()).await, AlreadyDone);
        clock.advance(seconds(10));
        assert_eq!(fixture.bodies("orders", "billing").await, ["delayed"]);
        clock.advance(seconds(290));
        let again = fixture.take_up_to("orders", "billing", 1).await;
        assert_eq!((bodies(&again), again[0].delivery_attempt), (vec!["out".to_owned()], 2));
        let all = ["acknowledged", "out", "given back", "never delivered", "delayed"];
        assert_eq!(fixture.bodies("orders", "shipping").await, all);
    }
}

#[tokio::test]
async fn a_handle_from_before_a_restart_still_acknowledges() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    let engine = open(on_disk(directory.path()), EngineOptions::default(), &clock);
    let fixture = Fixture { engine, clock: clock.clone() };
    fixture.publish("orders", "1").await;
    let delivery = fixture.take("orders", "billing").await.remove(0);
    drop(fixture);
    let fixture = Fixture { engine: open(on_disk(directory.path()), EngineOptions::default(), &clock), clock };
    assert_eq!(fixture.acknowledge("orders", "billing", delivery.handle.as_str()).await, Done);
}

#[tokio::test]
async fn what_was_answered_survives_a_crash() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    let engine = open(on_disk(directory.path()), EngineOptions::default(), &clock);
    let fixture = Fixture { engine, clock: clock.clone() };
    let mut expected = Vec::new();
    for round in 0..5 {
        let publishes = (0..50).map(|n| fixture.engine.publish(message("orders", &format!("{round}-{n}"))));
        assert!(futures_util::future::join_all(publishes).await.iter().all(Result::is_ok));
        expected.extend((0..50).map(|n| format!("{round}-{n}")));
        let got = fixture.take_up_to("orders", "billing", 10).await;
        for delivery in &got {
            assert_eq!(fixture.acknowledge("orders", "billing", delivery.handle.as_str()).await, Done);
        }
        let copy = tempfile::tempdir().unwrap();
        let survivor = after_a_crash(&fixture, directory.path(), copy.path(), &clock).await;
        let all = survivor.take_up_to("orders", "audit", 256).await;
        assert_eq!(bodies(&all), expected);
        let left = survivor.take_up_to("orders", "billing", 256).await;
        assert_eq!(left.len(), expected.len() - 10 * (round + 1), "no acknowledgement was lost");
    }
}

#[tokio::test]
async fn what_was_filtered_out_and_what_is_locked_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    let reopen =
        || Fixture { engine: open(on_disk(directory.path()), EngineOptions::default(), &clock), clock: clock.clone() };
    let fixture = reopen();
    fixture.publish_tagged(&["a1", "b2", "a3"]).await;
    fixture.publish_grouped(&["g4", "g5", "h6"]).await;
    assert_eq!(bodies(&fixture.receive(filtered("a", 0)).await), ["a1", "a3"]);
    assert_eq!(bodies(&fixture.receive(in_order(3, 0)).await), ["g4", "g5", "h6"], "\"b2\" is of the same as \"a1\"");
    fixture.publish_grouped(&["g7", "i8"]).await;
    assert_eq!(bodies(&fixture.receive(in_order(3, 0)).await), ["i8"]);
    clock.advance(seconds(10));
    drop(fixture);

    let fixture = reopen();
    assert!(fixture.receive(in_order(3, 0)).await.is_empty(), "still locked");
    assert_eq!(fixture.bodies("orders", "billing").await, ["b2", "g7"], "nothing was lost");
    clock.advance(seconds(300));
    let again = fixture.receive(in_order(32, 0)).await;
    assert_eq!(bodies(&again), ["a1", "b2", "a3", "g4", "g5", "h6", "g7", "i8"]);
    let since_start = again.iter().map(|got| got.first_delivered_at.unwrap().since(START).as_secs());
    assert_eq!(since_start.collect::<Vec<_>>(), [0, 10, 0, 0, 0, 0, 10, 0]);
}
