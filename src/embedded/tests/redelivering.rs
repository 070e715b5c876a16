//! What comes back, when, and with which count.

use super::*;
use crate::embedded::Acknowledgement::Stale;

#[tokio::test]
async fn what_is_released_is_counted_once() {
    let fixture = start(EngineOptions::default());
    for body in ["1", "2", "3"] {
        fixture.publish("orders", body).await;
    }
    let got = fixture.take_up_to("orders", "billing", 3).await;
    fixture.acknowledge("orders", "billing", got[0].handle.as_str()).await;
    let nonsense = crate::model::UpstreamHandle::parse("x").unwrap();
    let handles: Vec<_> = got.iter().map(|it| it.handle.clone()).chain([nonsense]).collect();
    assert_eq!(soon(fixture.engine.release(&handles)).await.unwrap(), 2);
    assert_eq!(soon(fixture.engine.release(&handles)).await.unwrap(), 0, "they are out no more");
    let again = fixture.take_up_to("orders", "billing", 3).await;
    assert_eq!(again.iter().map(|it| it.delivery_attempt).collect::<Vec<_>>(), [1, 1], "it does not count");
}

#[tokio::test]
async fn a_delivery_comes_back_after_its_visibility_timeout() {
    let fixture = start(EngineOptions { visibility_timeout: seconds(30), ..EngineOptions::default() });
    let id = fixture.publish("orders", "1").await;
    for attempt in 1..=3 {
        let deliveries = fixture.take("orders", "billing").await;
        assert_eq!(deliveries.len(), 1);
        assert_eq!((&deliveries[0].message_id, deliveries[0].delivery_attempt), (&id, attempt));
        assert_eq!(deliveries[0].visible_again_at, fixture.clock.now() + seconds(30));
        fixture.clock.advance(Duration::from_millis(29_999));
        assert!(fixture.take("orders", "billing").await.is_empty(), "nobody else gets it before");
        fixture.clock.advance(Duration::from_millis(1));
    }
}

#[tokio::test]
async fn what_comes_back_goes_out_before_what_is_new_and_in_publish_order() {
    let fixture = start(EngineOptions { visibility_timeout: seconds(30), ..EngineOptions::default() });
    for body in ["1", "2", "3"] {
        fixture.publish("orders", body).await;
    }
    assert_eq!(bodies(&fixture.take_up_to("orders", "billing", 1).await), ["1"]);
    fixture.clock.advance(seconds(10));
    let second = fixture.take_up_to("orders", "billing", 1).await;
    // "2" is due before "1": given back at once.
    fixture.engine.give_back(vec![second[0].handle.clone()]);
    fixture.clock.advance(seconds(20));
    let all = fixture.take("orders", "billing").await;
    assert_eq!(bodies(&all), ["1", "2", "3"]);
    assert_eq!(all.iter().map(|delivery| delivery.delivery_attempt).collect::<Vec<_>>(), [2, 1, 1]);
}

#[tokio::test]
async fn what_is_given_back_is_there_at_once_and_its_attempt_does_not_count() {
    let fixture = start(EngineOptions { max_redeliveries: 1, ..EngineOptions::default() });
    fixture.publish("orders", "1").await;
    for _ in 0..5 {
        let delivery = fixture.take("orders", "billing").await.remove(0);
        assert_eq!(delivery.delivery_attempt, 1);
        fixture.engine.give_back(vec![delivery.handle.clone()]);
        assert_eq!(fixture.acknowledge("orders", "billing", delivery.handle.as_str()).await, Stale);
    }
    fixture.take("orders", "billing").await;
    fixture.clock.advance(seconds(300));
    let last = fixture.take("orders", "billing").await.remove(0);
    assert_eq!(last.delivery_attempt, 2);
    // The last delivery may be given back as well, and is then no dead letter.
    fixture.engine.give_back(vec![last.handle]);
    fixture.clock.advance(seconds(300));
    fixture.engine.sweep().await.unwrap();
    assert_eq!(fixture.take("orders", "billing").await[0].delivery_attempt, 2);
}

#[tokio::test]
async fn giving_back_what_is_stale_or_nonsense_does_nothing() {
    let fixture = start(EngineOptions::default());
    fixture.publish("orders", "1").await;
    let first = fixture.take("orders", "billing").await.remove(0);
    fixture.clock.advance(seconds(300));
    let second = fixture.take("orders", "billing").await.remove(0);
    let nonsense = crate::model::UpstreamHandle::parse("nonsense").unwrap();
    fixture.engine.give_back(vec![first.handle, nonsense]);
    assert!(fixture.take("orders", "billing").await.is_empty(), "the second delivery is still out");
    fixture.engine.give_back(vec![second.handle.clone(), second.handle]);
    assert_eq!(fixture.take("orders", "billing").await[0].delivery_attempt, 2);
}

#[tokio::test]
async fn the_time_of_the_first_delivery_stays() {
    let fixture = start(EngineOptions { visibility_timeout: seconds(30), ..EngineOptions::default() });
    fixture.publish("orders", "1").await;
    for _ in 0..2 {
        fixture.clock.advance(seconds(1));
        let got = fixture.take("orders", "billing").await.remove(0);
        assert_eq!(got.first_delivered_at, Some(fixture.clock.now()), "nobody had it before");
        fixture.engine.give_back(vec![got.handle]);
    }
    let first = Some(START + seconds(2));
    assert_eq!(fixture.take("orders", "billing").await[0].first_delivered_at, first);
    fixture.clock.advance(seconds(30));
    let second = fixture.take("orders", "billing").await.remove(0);
    assert_eq!((second.delivery_attempt, second.first_delivered_at), (2, first));
    fixture.engine.give_back(vec![second.handle]);
    let second = fixture.take("orders", "billing").await.remove(0);
    assert_eq!((second.delivery_attempt, second.first_delivered_at), (2, first));
    fixture.clock.advance(seconds(30));
    assert_eq!(fixture.take("orders", "shipping").await[0].first_delivered_at, Some(fixture.clock.now()));
}
