//! What wakes a receive that waits.

use futures_util::FutureExt;

use super::*;

#[tokio::test]
async fn a_publish_wakes_one_receive_of_each_group() {
    let fixture = start(EngineOptions::default());
    let mut billing = Box::pin(fixture.engine.receive(request("orders", "billing", 32, 30)));
    let mut also_billing = Box::pin(fixture.engine.receive(request("orders", "billing", 32, 30)));
    let mut shipping = Box::pin(fixture.engine.receive(request("orders", "shipping", 32, 30)));
    fixture.settle(&mut billing).await;
    fixture.settle(&mut also_billing).await;
    fixture.settle(&mut shipping).await;
    fixture.publish("orders", "1").await;
    assert_eq!(bodies(&soon(billing).await.unwrap()), ["1"]);
    assert_eq!(bodies(&soon(shipping).await.unwrap()), ["1"]);
    fixture.settle(&mut also_billing).await;
    fixture.publish("orders", "2").await;
    assert_eq!(bodies(&soon(also_billing).await.unwrap()), ["2"]);
}

#[tokio::test]
async fn nothing_in_time_is_an_empty_answer() {
    let fixture = start(EngineOptions::default());
    let mut waiting = Box::pin(fixture.engine.receive(request("orders", "billing", 32, 30)));
    fixture.settle(&mut waiting).await;
    fixture.clock.advance(Duration::from_millis(29_999));
    fixture.settle(&mut waiting).await;
    fixture.clock.advance(Duration::from_millis(1));
    assert!(soon(waiting).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_delayed_message_wakes_when_it_is_due_whoever_came_first() {
    for publish_first in [true, false] {
        let fixture = start(EngineOptions::default());
        if publish_first {
            fixture.publish_at("orders", "1", START + seconds(10)).await;
        }
        let mut waiting = Box::pin(fixture.engine.receive(request("orders", "billing", 32, 30)));
        fixture.settle(&mut waiting).await;
        if !publish_first {
            fixture.publish_at("orders", "1", START + seconds(10)).await;
            fixture.publish_at("orders", "2", START + seconds(20)).await;
        }
        fixture.clock.advance(Duration::from_millis(9_999));
        fixture.settle(&mut waiting).await;
        fixture.clock.advance(Duration::from_millis(1));
        assert_eq!(bodies(&soon(waiting).await.unwrap()), ["1"], "published first: {publish_first}");
    }
}

#[tokio::test]
async fn a_redelivery_wakes_when_it_is_due() {
    let fixture = start(EngineOptions { visibility_timeout: seconds(10), ..EngineOptions::default() });
    fixture.publish("orders", "1").await;
    let mut waiting = Box::pin(fixture.engine.receive(request("orders", "billing", 32, 30)));
    // Taken by another receive of the group, before the waiting one has looked for the first time.
    assert_eq!(fixture.bodies("orders", "billing").await, ["1"]);
    fixture.settle(&mut waiting).await;
    fixture.clock.advance(seconds(10));
    assert_eq!(soon(waiting).await.unwrap()[0].delivery_attempt, 2);
}

#[tokio::test]
async fn a_redelivery_wakes_although_another_took_the_message_after_the_look() {
    let fixture = start(EngineOptions { visibility_timeout: seconds(10), ..EngineOptions::default() });
    let mut waiting = Box::pin(fixture.engine.receive(request("orders", "billing", 32, 30)));
    fixture.settle(&mut waiting).await;
    fixture.publish("orders", "1").await;
    assert_eq!(fixture.bodies("orders", "billing").await, ["1"]);
    fixture.settle(&mut waiting).await;
    fixture.clock.advance(seconds(10));
    assert_eq!(soon(waiting).await.unwrap()[0].delivery_attempt, 2);
}

#[tokio::test]
async fn giving_back_wakes() {
    let fixture = start(EngineOptions::default());
    fixture.publish("orders", "1").await;
    let delivery = fixture.take("orders", "billing").await.remove(0);
    let mut waiting = Box::pin(fixture.engine.receive(request("orders", "billing", 32, 30)));
    fixture.settle(&mut waiting).await;
    fixture.engine.give_back(vec![delivery.handle]);
    assert_eq!(bodies(&soon(waiting).await.unwrap()), ["1"]);
}

#[tokio::test]
async fn messages_that_come_while_all_are_looking_wake_all() {
    let fixture = start(EngineOptions::default());
    let receives = (0..3).map(|_| fixture.engine.receive(request("orders", "billing", 1, 30)));
    let mut waiting = Box::pin(futures_util::future::join_all(receives));
    let held = fixture.hold();
    // All looks are queued, then all publishes: the three wake-ups come while nobody waits.
    assert!(waiting.as_mut().now_or_never().is_none());
    let mut publishes = Box::pin(futures_util::future::join_all(
        ["1", "2", "3"].map(|body| fixture.engine.publish(message("orders", body))),
    ));
    assert!(publishes.as_mut().now_or_never().is_none());
    drop(held);
    assert!(soon(publishes).await.iter().all(Result::is_ok));
    let mut received: Vec<_> = soon(waiting).await.into_iter().flat_map(|got| bodies(&got.unwrap())).collect();
    received.sort();
    assert_eq!(received, ["1", "2", "3"]);
}

#[tokio::test]
async fn many_messages_that_become_due_at_once_serve_many_receives() {
    let fixture = start(EngineOptions::default());
    for n in 0..10 {
        fixture.publish_at("orders", &n.to_string(), START + seconds(10)).await;
    }
    let receives = (0..9).map(|_| fixture.engine.receive(request("orders", "billing", 1, 30)));
    let mut waiting = Box::pin(futures_util::future::join_all(receives));
    fixture.settle(&mut waiting).await;
    fixture.clock.advance(seconds(10));
    // Another receive takes all ten into the log and moves the time at which the group looks again.
    assert_eq!(bodies(&fixture.take_up_to("orders", "billing", 1).await), ["0"]);
    let mut received: Vec<_> = soon(waiting).await.into_iter().flat_map(|got| bodies(&got.unwrap())).collect();
    received.sort();
    assert_eq!(received, (1..10).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn closing_ends_receives_that_wait() {
    let fixture = start(EngineOptions::default());
    let mut waiting = Box::pin(fixture.engine.receive(request("orders", "billing", 32, 30)));
    fixture.settle(&mut waiting).await;
    let (received, ()) = tokio::join!(soon(waiting), fixture.engine.close());
    assert!(received.unwrap().is_empty());
}
