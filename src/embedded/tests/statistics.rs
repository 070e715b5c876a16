//! What the engine tells about itself.

use super::*;
use crate::embedded::{GroupStats, STORED_OVERHEAD_BYTES, TopicStats};

#[tokio::test]
async fn an_engine_that_did_nothing_has_nothing_to_tell() {
    let stats = start(EngineOptions::default()).engine.stats().await.unwrap();
    assert!(stats.topics.is_empty() && stats.groups.is_empty());
}

#[tokio::test]
async fn each_state_of_a_message_is_counted() {
    let fixture = start(EngineOptions::default());
    for body in ["acknowledged", "out", "due again", "new"] {
        fixture.publish("orders", body).await;
        fixture.clock.advance(seconds(1));
    }
    fixture.publish_at("orders", "delayed", START + seconds(5_000)).await;
    let first = fixture.take_up_to("orders", "billing", 1).await;
    fixture.acknowledge("orders", "billing", first[0].handle.as_str()).await;
    let out = fixture.take_up_to("orders", "billing", 2).await;
    fixture.engine.give_back(vec![out[1].handle.clone()]);
    fixture.take_up_to("orders", "shipping", 32).await;
    fixture.clock.advance(seconds(6));
    let stats = fixture.engine.stats().await.unwrap();
    let age = |number| Some(seconds(number));
    let expected = |name: &str, ready, in_flight, oldest_unacknowledged_age| GroupStats {
        topic: topic("orders"),
        group: group(name),
        ready,
        in_flight,
        delayed: 1,
        oldest_unacknowledged_age,
    };
    assert_eq!(stats.groups, [expected("billing", 2, 1, age(9)), expected("shipping", 0, 4, age(10))]);
    let bytes = "acknowledgedoutdue againnewdelayed".len();
    let bytes = u64::try_from(bytes).unwrap() + 5 * STORED_OVERHEAD_BYTES;
    assert_eq!(stats.topics, [TopicStats { topic: topic("orders"), messages: 5, bytes }]);

    fixture.clock.advance(seconds(300));
    let stats = fixture.engine.stats().await.unwrap();
    assert_eq!(stats.groups[1], expected("shipping", 4, 0, age(310)));
}

#[tokio::test]
async fn a_group_that_is_done_has_no_oldest_message() {
    let fixture = start(EngineOptions::default());
    fixture.publish("orders", "1").await;
    let delivery = fixture.take("orders", "billing").await.remove(0);
    fixture.acknowledge("orders", "billing", delivery.handle.as_str()).await;
    let stats = fixture.engine.stats().await.unwrap();
    assert_eq!(stats.groups[0].oldest_unacknowledged_age, None);
    assert_eq!((stats.groups[0].ready, stats.groups[0].in_flight), (0, 0));
}
