//! Stores that an earlier release made.

use rusqlite::{Connection, params};

use super::*;
use crate::embedded::Acknowledgement::{AlreadyDone, Done};
use crate::embedded::handle::Handle;
use crate::embedded::schema::FIRST;

/// A store of the first format: four messages, of which a group has acknowledged the first, holds the second, gave the
/// third back, and has not come to the fourth.
fn first_format(path: &std::path::Path) {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch(FIRST).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    let start = i64::try_from(START.0).unwrap();
    let insert = "INSERT INTO topics (name, next_position, messages, delayed, bytes) VALUES ('orders', 5, 4, 0, 520)";
    connection.execute(insert, []).unwrap();
    for (n, tag) in [(1, "a"), (2, "a"), (3, "b"), (4, "b")] {
        connection
            .execute(
                "INSERT INTO messages (message_id, topic_id, position, visible_since, published_at, bytes, tag,
                    message_group, body)
                VALUES (?1, 1, ?2, ?3, ?3, 130, ?4, 'g', ?5)",
                params![format!("ID{n}"), n, start, tag, format!("{tag}{n}").into_bytes()],
            )
            .unwrap();
    }
    let insert = "INSERT INTO subscriptions (topic_id, consumer_group, next_position) VALUES (1, 'billing', 4)";
    connection.execute(insert, []).unwrap();
    let insert = "INSERT INTO deliveries (subscription_id, position, sequence, attempt, state, visible_at, nonce)
        VALUES (1, ?1, ?1, ?2, ?3, ?4, ?5)";
    connection.execute(insert, params![2, 1, 1, start + 10_000, [7_u8; 16]]).unwrap();
    connection.execute(insert, params![3, 0, 0, start, None::<Vec<u8>>]).unwrap();
}

#[tokio::test]
async fn a_store_of_the_first_format_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("embedded.db");
    first_format(&path);
    let clock = Clock::manual(START);
    let engine = open(StoreLocation::Disk(path.clone()), EngineOptions::default(), &clock);
    let fixture = Fixture { engine, clock: clock.clone() };
    let of = |tags: &str| ConsumeRequest { ordered: true, ..filtered(tags, 0) };

    let stats = fixture.engine.stats().await.unwrap().groups.remove(0);
    assert_eq!((stats.ready, stats.in_flight, stats.filtered_out), (2, 1, 0));
    assert!(fixture.receive(in_order(32, 0)).await.is_empty(), "\"a2\" is out, and of the same message group");
    let returned = fixture.receive(of("b")).await;
    assert_eq!(bodies(&returned), ["b3"], "\"b4\" comes after it");
    assert_eq!((returned[0].delivery_attempt, returned[0].first_delivered_at), (1, Some(START)));
    clock.advance(seconds(10));
    let again = fixture.receive(of("a")).await;
    assert_eq!((bodies(&again), again[0].delivery_attempt), (vec!["a2".to_owned()], 2));
    assert_eq!(again[0].first_delivered_at, None, "nobody wrote it down");
    let handle = |position| Handle { subscription_id: 1, position, nonce: [7; 16] }.encode();
    assert_eq!(fixture.acknowledge("orders", "billing", &handle(1)).await, AlreadyDone);
    fixture.acknowledge_all(&again).await;
    fixture.acknowledge_all(&returned).await;
    assert_eq!(bodies(&fixture.receive(in_order(32, 0)).await), ["b4"]);
    assert_eq!(fixture.bodies("orders", "shipping").await, ["a1", "a2", "b3", "b4"]);
}

#[tokio::test]
async fn a_handle_from_before_still_acknowledges() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("embedded.db");
    first_format(&path);
    let clock = Clock::manual(START);
    let fixture = Fixture { engine: open(StoreLocation::Disk(path), EngineOptions::default(), &clock), clock };
    let handle = Handle { subscription_id: 1, position: 2, nonce: [7; 16] }.encode();
    assert_eq!(fixture.acknowledge("orders", "billing", &handle).await, Done);
}
