//! What an acknowledgement does.

use super::*;
use crate::embedded::Acknowledgement::{AlreadyDone, Done, Malformed, Stale};
use crate::embedded::handle::Handle;

#[tokio::test]
async fn what_is_acknowledged_does_not_come_back() {
    let fixture = start(EngineOptions::default());
    fixture.publish("orders", "1").await;
    let delivery = fixture.take("orders", "billing").await.remove(0);
    let handle = delivery.handle.as_str();
    assert!(handle.len() < 200 && handle.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{handle}");
    assert_eq!(fixture.acknowledge("orders", "billing", handle).await, Done);
    assert_eq!(fixture.acknowledge("orders", "billing", handle).await, AlreadyDone, "it was used");
    assert_eq!(fixture.engine.stats().await.unwrap().totals.stale_acknowledgements, 1, "counted like a stale one");
    fixture.clock.advance(seconds(3_600));
    assert!(fixture.take("orders", "billing").await.is_empty());
}

#[tokio::test]
async fn a_handle_is_bound_to_its_topic_and_group() {
    let fixture = start(EngineOptions::default());
    for name in ["orders", "returns"] {
        fixture.publish(name, "1").await;
        for group in ["billing", "shipping"] {
            assert_eq!(fixture.take(name, group).await.len(), 1);
        }
    }
    fixture.publish("orders", "2").await;
    let delivery = fixture.take("orders", "billing").await.remove(0);
    let handle = delivery.handle.as_str();
    assert_eq!(fixture.acknowledge("orders", "shipping", handle).await, Stale);
    assert_eq!(fixture.acknowledge("returns", "billing", handle).await, Stale);
    assert_eq!(fixture.engine.stats().await.unwrap().totals.stale_acknowledgements, 2);
    assert_eq!(fixture.acknowledge("orders", "billing", handle).await, Done);
}

#[tokio::test]
async fn it_counts_after_the_timeout_but_not_after_a_redelivery() {
    let fixture = start(EngineOptions::default());
    fixture.publish("orders", "1").await;
    fixture.publish("orders", "2").await;
    let first = fixture.take("orders", "billing").await;
    fixture.clock.advance(seconds(301));
    assert_eq!(fixture.acknowledge("orders", "billing", first[0].handle.as_str()).await, Done);
    let second = fixture.take("orders", "billing").await;
    assert_eq!(bodies(&second), ["2"]);
    assert_ne!(second[0].handle, first[1].handle, "a new handle for every delivery");
    assert_eq!(fixture.acknowledge("orders", "billing", first[1].handle.as_str()).await, Stale);
    assert_eq!(fixture.acknowledge("orders", "billing", second[0].handle.as_str()).await, Done);
}

#[tokio::test]
async fn what_is_no_handle_is_malformed_and_not_counted() {
    let fixture = start(EngineOptions::default());
    for text in ["", "x", "E1", "X1BFTkRJTkdNU0dfIw==", &"0".repeat(66), &format!("E1{}g", "0".repeat(63))] {
        assert_eq!(fixture.acknowledge("orders", "billing", text).await, Malformed, "{text}");
    }
    assert_eq!(fixture.engine.stats().await.unwrap().totals.stale_acknowledgements, 0);
}

#[tokio::test]
async fn one_guess_at_the_random_part_does_nothing() {
    let fixture = start(EngineOptions::default());
    fixture.publish("orders", "1").await;
    let delivery = fixture.take("orders", "billing").await.remove(0);
    let handle = Handle::decode(delivery.handle.as_str()).unwrap();
    let guess = Handle { nonce: [0; 16], ..handle }.encode();
    assert_eq!(fixture.acknowledge("orders", "billing", &guess).await, Stale);
    assert_eq!(fixture.acknowledge("orders", "billing", delivery.handle.as_str()).await, Done);
}

#[tokio::test]
async fn what_was_done_before_is_told_from_what_somebody_else_has() {
    let fixture = start(EngineOptions { max_redeliveries: 0, retention: seconds(1_000), ..EngineOptions::default() });
    fixture.publish_tagged(&["a1", "b2", "3"]).await;
    let got = fixture.take("orders", "billing").await;
    fixture.engine.give_back(vec![got[1].handle.clone()]);
    fixture.clock.advance(seconds(300));
    fixture.engine.sweep().await.unwrap();
    let handle = |n: usize| got[n].handle.as_str();
    assert_eq!(fixture.acknowledge("orders", "billing", handle(0)).await, AlreadyDone, "it is a dead letter");
    assert_eq!(fixture.acknowledge("orders", "billing", handle(1)).await, Stale, "it was given back");
    let again = fixture.take("orders", "billing").await;
    assert_eq!(bodies(&again), ["b2"]);
    assert_eq!(fixture.acknowledge("orders", "billing", handle(1)).await, Stale, "somebody else has it");
    fixture.acknowledge_all(&again).await;
    assert_eq!(fixture.acknowledge("orders", "billing", handle(1)).await, AlreadyDone);
}

#[tokio::test]
async fn a_handle_of_what_was_never_delivered_is_stale() {
    let fixture = start(EngineOptions::default());
    fixture.publish_tagged(&["b1", "a2", "a3"]).await;
    let got = fixture.receive(ConsumeRequest { max_messages: 1, ..filtered("a", 0) }).await;
    assert_eq!(bodies(&got), ["a2"]);
    let real = Handle::decode(got[0].handle.as_str()).unwrap();
    for position in [0, 1, 3, 4, i64::MAX] {
        let forged = Handle { position, ..real }.encode();
        assert_eq!(fixture.acknowledge("orders", "billing", &forged).await, Stale, "{position}");
    }
}

#[tokio::test]
async fn many_are_acknowledged_together_and_answered_in_order() {
    let fixture = start(EngineOptions::default());
    fixture.publish_tagged(&["1", "2", "3"]).await;
    let got = fixture.take("orders", "billing").await;
    fixture.engine.give_back(vec![got[1].handle.clone()]);
    let handle = |n: usize| got[n].handle.as_str().to_owned();
    let handles = [handle(2), "x".to_owned(), handle(1), handle(0), handle(2)];
    let before = fixture.engine.stats().await.unwrap().totals;
    let (topic, group) = (topic("orders"), group("billing"));
    let answers = fixture.engine.acknowledge_many(&topic, &group, &handles).await.unwrap();
    assert_eq!(answers, [Done, Malformed, Stale, Done, AlreadyDone]);
    let after = fixture.engine.stats().await.unwrap().totals;
    assert_eq!(after.commits.jobs - before.commits.jobs, 2, "one for them all, one for the statistics");
    assert_eq!(after.stale_acknowledgements, 2);
    assert_eq!(fixture.bodies("orders", "billing").await, ["2"]);
    assert_eq!(fixture.engine.acknowledge_many(&topic, &group, &[]).await.unwrap(), []);
    let nonsense = ["x".to_owned(), String::new()];
    assert_eq!(fixture.engine.acknowledge_many(&topic, &group, &nonsense).await.unwrap(), [Malformed, Malformed]);
    fixture.clock.advance(seconds(3_600));
    assert_eq!(fixture.bodies("orders", "billing").await, ["2"]);
}
