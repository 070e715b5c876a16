//! What is delivered too often.

use super::*;

/// Lets the group get its message until it is a dead letter; returns the number of deliveries.
async fn exhaust(fixture: &Fixture, topic: &str, group: &str) -> u32 {
    for deliveries in 0..100 {
        let got = fixture.take(topic, group).await;
        if got.is_empty() {
            return deliveries;
        }
        assert_eq!(got[0].delivery_attempt, deliveries + 1);
        fixture.clock.advance(seconds(300));
    }
    panic!("it never ended");
}

#[tokio::test]
async fn after_sixteen_redeliveries_a_message_is_a_dead_letter() {
    let fixture = start(EngineOptions::default());
    let id = fixture.publish("orders", "1").await;
    assert_eq!(exhaust(&fixture, "orders", "billing").await, 17);
    let letter = fixture.take("%DLQ%billing", "support").await.remove(0);
    assert_eq!((&*letter.body, letter.delivery_attempt), (&b"1"[..], 1));
    assert_eq!(letter.published_at, START);
    assert_ne!(letter.message_id, id);
    let origin = [("DLQ_ORIGIN_TOPIC", "orders"), ("DLQ_ORIGIN_MESSAGE_ID", id.as_str())];
    assert_eq!(letter.properties, origin.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(fixture.bodies("orders", "shipping").await, ["1"], "others still get the original");
    let stats = fixture.engine.stats().await.unwrap();
    assert_eq!(stats.totals.dead_lettered, 1);
}

#[tokio::test]
async fn the_sweep_finds_dead_letters_that_nobody_asks_for() {
    let fixture = start(EngineOptions { max_redeliveries: 0, ..EngineOptions::default() });
    for n in 0..300 {
        fixture.publish("orders", &n.to_string()).await;
    }
    for _ in 0..10 {
        fixture.take("orders", "billing").await;
    }
    fixture.clock.advance(Duration::from_millis(299_999));
    assert_eq!(fixture.engine.sweep().await.unwrap().dead_lettered, 0);
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!(fixture.engine.sweep().await.unwrap().dead_lettered, 300);
    assert_eq!(fixture.engine.sweep().await.unwrap().dead_lettered, 0);
    assert!(fixture.take("orders", "billing").await.is_empty());
    assert_eq!(fixture.take("%DLQ%billing", "support").await.len(), 32);
}

#[tokio::test]
async fn the_last_delivery_can_be_acknowledged_until_it_is_moved() {
    let fixture = start(EngineOptions { max_redeliveries: 0, ..EngineOptions::default() });
    fixture.publish("orders", "1").await;
    let delivery = fixture.take("orders", "billing").await.remove(0);
    fixture.clock.advance(seconds(400));
    let done = fixture.acknowledge("orders", "billing", delivery.handle.as_str()).await;
    assert_eq!(done, crate::embedded::Acknowledgement::Done);
    assert_eq!(fixture.engine.sweep().await.unwrap().dead_lettered, 0);
}

#[tokio::test]
async fn a_dead_letter_stays_where_it_is_however_often_it_is_delivered() {
    let fixture = start(EngineOptions { max_redeliveries: 1, ..EngineOptions::default() });
    fixture.publish("orders", "1").await;
    assert_eq!(exhaust(&fixture, "orders", "billing").await, 2);
    for attempt in 1..=10 {
        assert_eq!(fixture.take("%DLQ%billing", "support").await[0].delivery_attempt, attempt);
        fixture.clock.advance(seconds(300));
        assert_eq!(fixture.engine.sweep().await.unwrap().dead_lettered, 0);
    }
}

#[tokio::test]
async fn dead_letters_of_long_groups_are_found() {
    let fixture = start(EngineOptions { max_redeliveries: 0, ..EngineOptions::default() });
    let long = "g".repeat(64);
    fixture.publish("orders", "1").await;
    assert_eq!(exhaust(&fixture, "orders", &long).await, 1);
    let name = crate::embedded::dead_letter_topic_name(&group(&long));
    assert_eq!(fixture.bodies(&name, "support").await, ["1"]);
}

#[tokio::test]
async fn a_dead_letter_wakes_who_waits_for_it() {
    let fixture = start(EngineOptions { max_redeliveries: 0, ..EngineOptions::default() });
    fixture.publish("orders", "1").await;
    fixture.take("orders", "billing").await;
    let mut waiting = Box::pin(fixture.engine.receive(request("%DLQ%billing", "support", 1, 1_000)));
    fixture.settle(&mut waiting).await;
    fixture.clock.advance(seconds(300));
    fixture.engine.sweep().await.unwrap();
    assert_eq!(bodies(&soon(waiting).await.unwrap()), ["1"]);
}
