//! Deliveries that are kept longer, given back, or hidden for as long as their receiver chose.

use super::*;
use crate::embedded::{Acknowledgement, VisibilityChanged};

impl Fixture {
    async fn hide(&self, delivery: &Delivery, number: u64) -> VisibilityChanged {
        let (topic, group) = (topic("orders"), group("billing"));
        soon(self.engine.change_visibility(&topic, &group, delivery.handle.as_str(), seconds(number))).await.unwrap()
    }

    async fn take_one(&self) -> Delivery {
        let mut taken = self.take("orders", "billing").await;
        assert_eq!(taken.len(), 1, "{taken:?}");
        taken.remove(0)
    }

    /// Expects that nothing is there `before` seconds from now, and one message a second later.
    async fn comes_after(&self, before: u64) -> Delivery {
        self.clock.advance(seconds(before));
        assert!(self.take("orders", "billing").await.is_empty(), "not within {before} s");
        self.clock.advance(seconds(1));
        self.take_one().await
    }
}

fn five_seconds() -> EngineOptions {
    EngineOptions { visibility_timeout: seconds(5), ..EngineOptions::default() }
}

#[tokio::test]
async fn a_delivery_is_kept_longer_and_from_now() {
    let fixture = start(five_seconds());
    fixture.publish("orders", "1").await;
    let got = fixture.take_one().await;
    fixture.clock.advance(seconds(3));
    let until = fixture.clock.now() + seconds(60);
    assert_eq!(fixture.hide(&got, 60).await, VisibilityChanged::Until(until));
    assert_eq!(fixture.hide(&got, 60).await, VisibilityChanged::Until(until), "a second time does no harm");
    let again = fixture.comes_after(59).await;
    assert_eq!((again.message_id.clone(), again.delivery_attempt), (got.message_id.clone(), 2));
    assert_eq!(again.visible_again_at, fixture.clock.now() + seconds(5), "the next delivery is as long as any");
    assert_eq!(fixture.hide(&got, 60).await, VisibilityChanged::Stale, "it was delivered again");
    assert_eq!(fixture.comes_after(4).await.delivery_attempt, 3);
}

#[tokio::test]
async fn a_delivery_is_kept_for_less() {
    let fixture = start(EngineOptions::default());
    fixture.publish("orders", "1").await;
    let got = fixture.take_one().await;
    fixture.hide(&got, 2).await;
    assert_eq!(fixture.comes_after(1).await.delivery_attempt, 2);
}

#[tokio::test]
async fn what_is_given_back_is_there_at_once_and_counts() {
    let fixture = start(EngineOptions::default());
    fixture.publish("orders", "1").await;
    let got = fixture.take_one().await;
    assert_eq!(fixture.hide(&got, 0).await, VisibilityChanged::Until(fixture.clock.now()));
    let again = fixture.take_one().await;
    assert_eq!((again.message_id.clone(), again.delivery_attempt), (got.message_id.clone(), 2));
    assert_eq!(fixture.hide(&got, 0).await, VisibilityChanged::Stale);
    fixture.acknowledge_all(&[again]).await;
}

#[tokio::test]
async fn what_nobody_got_again_can_still_be_kept_or_acknowledged() {
    let fixture = start(five_seconds());
    fixture.publish("orders", "1").await;
    let got = fixture.take_one().await;
    fixture.clock.advance(seconds(6));
    fixture.hide(&got, 10).await;
    assert!(fixture.take("orders", "billing").await.is_empty());
    fixture.hide(&got, 0).await;
    assert_eq!(fixture.acknowledge("orders", "billing", got.handle.as_str()).await, Acknowledgement::Done);
    assert!(fixture.take("orders", "billing").await.is_empty());
    assert_eq!(fixture.hide(&got, 10).await, VisibilityChanged::Stale, "it is done");
}

#[tokio::test]
async fn the_last_delivery_becomes_a_dead_letter_when_it_is_given_back() {
    let fixture = start(EngineOptions { max_redeliveries: 1, ..five_seconds() });
    fixture.publish("orders", "1").await;
    fixture.hide(&fixture.take_one().await, 0).await;
    let last = fixture.take_one().await;
    fixture.hide(&last, 30).await;
    fixture.clock.advance(seconds(29));
    fixture.engine.sweep().await.unwrap();
    assert!(fixture.take("%DLQ%billing", "operators").await.is_empty(), "it is somebody's for longer");
    fixture.hide(&last, 0).await;
    assert!(fixture.take("orders", "billing").await.is_empty());
    assert_eq!(fixture.bodies("%DLQ%billing", "operators").await, ["1"]);
    assert_eq!(fixture.hide(&last, 10).await, VisibilityChanged::Stale);
}

#[tokio::test]
async fn one_who_waits_learns_of_it() {
    for delay in [0, 7] {
        let fixture = start(EngineOptions::default());
        fixture.publish("orders", "1").await;
        let got = fixture.take_one().await;
        let mut waiting = Box::pin(fixture.engine.receive(request("orders", "billing", 32, 30)));
        fixture.settle(&mut waiting).await;
        fixture.hide(&got, delay).await;
        if delay > 0 {
            fixture.clock.advance(seconds(delay - 1));
            fixture.settle(&mut waiting).await;
            fixture.clock.advance(seconds(1));
        }
        assert_eq!(bodies(&soon(waiting).await.unwrap()), ["1"], "after {delay} s");
    }
}

#[tokio::test]
async fn other_handles_change_nothing() {
    let fixture = start(EngineOptions::default());
    fixture.publish("orders", "1").await;
    fixture.publish("other", "2").await;
    let got = fixture.take_one().await;
    let other = fixture.take("other", "billing").await.remove(0);
    assert_eq!(fixture.hide(&other, 0).await, VisibilityChanged::Stale, "of another topic");
    let malformed = fixture.engine.change_visibility(&topic("orders"), &group("billing"), "x", seconds(0)).await;
    assert_eq!(malformed.unwrap(), VisibilityChanged::Malformed);
    let (orders, group_b) = (topic("orders"), group("b"));
    let of_group = fixture.engine.change_visibility(&orders, &group_b, got.handle.as_str(), seconds(0));
    assert_eq!(of_group.await.unwrap(), VisibilityChanged::Stale, "of another group");
    assert!(fixture.take("orders", "billing").await.is_empty());
    assert!(fixture.take("other", "billing").await.is_empty());
}

#[tokio::test]
async fn a_receive_chooses_how_long_what_comes_is_hidden() {
    let fixture = start(five_seconds());
    fixture.publish("orders", "1").await;
    let chosen = |number| ConsumeRequest { visibility_timeout: Some(seconds(number)), ..filtered("", 0) };
    let got = fixture.receive(chosen(60)).await;
    assert_eq!(got[0].visible_again_at, fixture.clock.now() + seconds(60));
    fixture.clock.advance(seconds(59));
    assert!(fixture.take("orders", "billing").await.is_empty());
    fixture.clock.advance(seconds(1));
    let again = fixture.receive(chosen(2)).await;
    assert_eq!((bodies(&again), again[0].delivery_attempt), (vec!["1".to_owned()], 2));
    assert_eq!(fixture.comes_after(1).await.delivery_attempt, 3);
}

#[tokio::test]
async fn setting_the_clock_changes_no_visibility_timeout() {
    for hours in [100_i64, -100] {
        let fixture = start(five_seconds());
        fixture.publish("orders", "1").await;
        let got = fixture.take_one().await;
        fixture.hide(&got, 60).await;
        let time = fixture.clock.now().0.checked_add_signed(hours * 3_600_000).unwrap();
        fixture.clock.set_wall(UnixMillis(time));
        assert_eq!(fixture.comes_after(59).await.delivery_attempt, 2, "{hours} h");
    }
}

#[tokio::test]
async fn what_somebody_chose_holds_over_a_restart_and_no_longer() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("embedded.db");
    let clock = Clock::manual(START);
    let reopen =
        || Fixture { engine: open(StoreLocation::Disk(path.clone()), five_seconds(), &clock), clock: clock.clone() };
    let fixture = reopen();
    fixture.publish("orders", "1").await;
    let got = fixture.take_one().await;
    fixture.hide(&got, 600).await;
    fixture.engine.close().await;
    clock.advance(seconds(100));
    let fixture = reopen();
    clock.advance(seconds(400));
    assert!(fixture.take("orders", "billing").await.is_empty(), "it lasts on");
    fixture.engine.close().await;
    // Set back by a day: it lasts once more, and no day.
    clock.set_wall(UnixMillis(clock.now().0 - 86_400_000));
    let fixture = reopen();
    assert_eq!(fixture.comes_after(599).await.delivery_attempt, 2);
}
