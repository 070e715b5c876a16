//! What an acknowledgement does.

use super::*;
use crate::embedded::Acknowledgement::{Done, Malformed, Stale};
use crate::embedded::handle::Handle;

#[tokio::test]
async fn what_is_acknowledged_does_not_come_back() {
    let fixture = start(EngineOptions::default());
    fixture.publish("orders", "1").await;
    let delivery = fixture.take("orders", "billing").await.remove(0);
    let handle = delivery.handle.as_str();
    assert!(handle.len() < 200 && handle.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{handle}");
    assert_eq!(fixture.acknowledge("orders", "billing", handle).await, Done);
    assert_eq!(fixture.acknowledge("orders", "billing", handle).await, Stale, "it was used");
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
