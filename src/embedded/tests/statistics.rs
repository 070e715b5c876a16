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
        filtered_out: 0,
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

#[tokio::test]
async fn what_was_filtered_out_is_no_backlog_and_what_is_held_back_is_one() {
    let fixture = start(EngineOptions { retention: seconds(100), ..EngineOptions::default() });
    fixture.publish_tagged(&["b1"]).await;
    fixture.clock.advance(seconds(10));
    fixture.publish_grouped(&["g2", "g3", "g4"]).await;
    let group = async || fixture.engine.stats().await.unwrap().groups.remove(0);
    assert!(fixture.receive(filtered("a", 0)).await.is_empty());
    let stats = group().await;
    assert_eq!((stats.ready, stats.filtered_out, stats.oldest_unacknowledged_age), (0, 4, None));
    fixture.publish_grouped(&["g5", "g6"]).await;
    let got = fixture.receive(in_order(2, 0)).await;
    assert_eq!(bodies(&got), ["b1", "g2"]);
    fixture.acknowledge_all(&got[..1]).await;
    fixture.receive(in_order(2, 0)).await;
    fixture.clock.advance(seconds(10));
    let stats = group().await;
    assert_eq!((stats.ready, stats.in_flight, stats.filtered_out), (2, 1, 2), "\"g5\" and \"g6\" are held back");
    assert_eq!(stats.oldest_unacknowledged_age, Some(seconds(10)));
    fixture.acknowledge_all(&got[1..]).await;
    assert_eq!(bodies(&fixture.receive(in_order(3, 0)).await), ["g3", "g4", "g5"]);
    let stats = group().await;
    assert_eq!((stats.ready, stats.in_flight, stats.filtered_out), (1, 3, 0));
    fixture.clock.advance(seconds(91));
    fixture.engine.sweep().await.unwrap();
    let stats = group().await;
    assert_eq!((stats.ready, stats.in_flight, stats.filtered_out), (0, 0, 0));
    assert_eq!(stats.oldest_unacknowledged_age, None);
}
