//! Receives that want some tags only.

use super::*;

#[tokio::test]
async fn only_wanted_tags_come_and_the_others_are_kept_for_whoever_wants_them() {
    let fixture = start(EngineOptions::default());
    fixture.publish_tagged(&["a1", "b2", "3", "c4", "a5", "b6"]).await;
    assert_eq!(bodies(&fixture.receive(filtered("a||c", 0)).await), ["a1", "c4", "a5"]);
    assert!(fixture.receive(filtered("a||c", 0)).await.is_empty());
    fixture.publish_tagged(&["b7", "a8"]).await;
    fixture.clock.advance(seconds(5));
    let others = fixture.receive(ConsumeRequest { max_messages: 2, ..filtered("b", 0) }).await;
    assert_eq!(bodies(&others), ["b2", "b6"]);
    assert!(others.iter().all(|got| got.delivery_attempt == 1));
    assert!(others.iter().all(|got| got.first_delivered_at == Some(START + seconds(5))));
    let rest = fixture.take("orders", "billing").await;
    assert_eq!(bodies(&rest), ["3", "b7", "a8"], "what was filtered out and what is new, in publish order");
    assert!(rest.iter().all(|got| got.delivery_attempt == 1));
    assert!(fixture.take("orders", "billing").await.is_empty());
    let all = ["a1", "b2", "3", "c4", "a5", "b6", "b7", "a8"];
    assert_eq!(fixture.bodies("orders", "shipping").await, all, "another group is not concerned");
}

#[tokio::test]
async fn a_full_answer_leaves_the_rest_where_it_is() {
    let fixture = start(EngineOptions::default());
    fixture.publish_tagged(&["b1", "a2", "b3", "a4", "b5"]).await;
    let one = |tags| fixture.receive(ConsumeRequest { max_messages: 1, ..filtered(tags, 0) });
    assert_eq!(bodies(&one("a").await), ["a2"]);
    assert_eq!(bodies(&one("").await), ["b1"]);
    assert_eq!(bodies(&one("").await), ["b3"]);
    assert_eq!(bodies(&one("b").await), ["b5"], "\"a4\" is filtered out");
    assert_eq!(bodies(&one("").await), ["a4"]);
    assert!(one("").await.is_empty());
}

#[tokio::test]
async fn redeliveries_are_filtered_too() {
    let fixture = start(EngineOptions { max_redeliveries: 1, ..EngineOptions::default() });
    fixture.publish_tagged(&["b1", "a2", "3", "a4"]).await;
    assert_eq!(fixture.take("orders", "billing").await.len(), 4);
    fixture.clock.advance(seconds(300));
    let again = fixture.receive(filtered("a", 0)).await;
    assert_eq!(bodies(&again), ["a2", "a4"]);
    assert!(again.iter().all(|got| got.delivery_attempt == 2));
    fixture.clock.advance(seconds(300));
    assert!(fixture.receive(filtered("a", 0)).await.is_empty(), "they had their last delivery");
    let letters = fixture.receive(ConsumeRequest { topic: topic("%DLQ%billing"), ..filtered("a", 0) }).await;
    assert_eq!(bodies(&letters), ["a2", "a4"], "dead letters keep their tags");
    let others = fixture.take("orders", "billing").await;
    assert_eq!(bodies(&others), ["b1", "3"]);
    assert!(others.iter().all(|got| got.delivery_attempt == 2));
}

#[tokio::test]
async fn a_heap_of_unwanted_redeliveries_hides_no_other() {
    let fixture = start(EngineOptions::default());
    let publish = |number: usize, tag: &str| {
        let tag = Tag::parse(tag).ok();
        let publishes = (0..number).map(move |n| Message { tag: tag.clone(), ..message("orders", &n.to_string()) });
        futures_util::future::join_all(publishes.map(|message| fixture.engine.publish(message)))
    };
    assert!(publish(1_500, "b").await.iter().all(Result::is_ok));
    assert!(publish(1, "a").await.iter().all(Result::is_ok));
    let mut out = 0;
    while out < 1_501 {
        out += fixture.take_up_to("orders", "billing", 256).await.len();
    }
    fixture.clock.advance(seconds(300));
    assert_eq!(fixture.receive(filtered("a", 0)).await.len(), 1);
}

#[tokio::test]
async fn a_wanted_message_behind_many_others_is_found_at_once() {
    let fixture = start(EngineOptions::default());
    let unwanted = (0..3_000).map(|n| {
        let tag = Tag::parse("b").ok();
        fixture.engine.publish(Message { tag, ..message("orders", &n.to_string()) })
    });
    assert!(futures_util::future::join_all(unwanted).await.iter().all(Result::is_ok));
    fixture.publish_tagged(&["a1"]).await;
    let before = fixture.engine.stats().await.unwrap().totals.commits.jobs;
    assert_eq!(bodies(&fixture.receive(filtered("a", 0)).await), ["a1"]);
    let jobs = fixture.engine.stats().await.unwrap().totals.commits.jobs - before;
    assert_eq!(jobs, 4, "three looks, so that others run in between, and the statistics");
    assert_eq!(fixture.engine.stats().await.unwrap().groups[0].filtered_out, 3_000);
    let mut received = Vec::new();
    while received.len() < 3_000 {
        let more = fixture.take_up_to("orders", "billing", 256).await;
        assert!(!more.is_empty(), "only {} came", received.len());
        received.extend(bodies(&more));
    }
    assert_eq!(received, (0..3_000).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_long_poll_looks_behind_many_others_too() {
    let fixture = start(EngineOptions::default());
    let mut waiting = Box::pin(fixture.engine.receive(filtered("a", 30)));
    fixture.settle(&mut waiting).await;
    let unwanted = (0..3_000).map(|n| fixture.engine.publish(message("orders", &n.to_string())));
    assert!(futures_util::future::join_all(unwanted).await.iter().all(Result::is_ok));
    fixture.settle(&mut waiting).await;
    fixture.publish_tagged(&["a1"]).await;
    assert_eq!(bodies(&soon(waiting).await.unwrap()), ["a1"]);
}

#[tokio::test]
async fn each_waits_for_its_own() {
    for order in [["a1", "b2"], ["b2", "a1"]] {
        let fixture = start(EngineOptions::default());
        let mut a = Box::pin(fixture.engine.receive(filtered("a", 30)));
        let mut b = Box::pin(fixture.engine.receive(filtered("b", 30)));
        fixture.settle(&mut a).await;
        fixture.settle(&mut b).await;
        fixture.publish_tagged(&["c0"]).await;
        fixture.settle(&mut a).await;
        fixture.settle(&mut b).await;
        fixture.publish_tagged(&order).await;
        assert_eq!(bodies(&soon(a).await.unwrap()), ["a1"]);
        assert_eq!(bodies(&soon(b).await.unwrap()), ["b2"]);
    }
}

#[tokio::test]
async fn what_another_receive_passes_over_wakes_who_wants_it() {
    let fixture = start(EngineOptions::default());
    let mut all = Box::pin(fixture.engine.receive(request("orders", "billing", 32, 30)));
    fixture.settle(&mut all).await;
    // One commit: both looks of the filtered receive and of the waiting one come after the publish.
    let mut a = Box::pin(fixture.engine.receive(filtered("a", 30)));
    fixture.settle(&mut a).await;
    fixture.publish_tagged(&["b1"]).await;
    assert_eq!(bodies(&soon(all).await.unwrap()), ["b1"]);
    fixture.settle(&mut a).await;
    fixture.publish_at("orders", "delayed", START + seconds(10)).await;
    let mut all = Box::pin(fixture.engine.receive(request("orders", "billing", 32, 30)));
    fixture.settle(&mut all).await;
    fixture.clock.advance(seconds(10));
    // The filtered one may look first, and takes the message into the log without wanting it.
    fixture.settle(&mut a).await;
    assert_eq!(bodies(&soon(all).await.unwrap()), ["delayed"]);
}

#[tokio::test]
async fn two_who_want_different_things_do_not_wake_each_other_for_ever() {
    let fixture = start(EngineOptions::default());
    fixture.publish_tagged(&["c1", "c2"]).await;
    let mut a = Box::pin(fixture.engine.receive(filtered("a", 30)));
    let mut b = Box::pin(fixture.engine.receive(filtered("b", 30)));
    fixture.settle(&mut a).await;
    fixture.settle(&mut b).await;
    fixture.settle(&mut a).await;
    let jobs = async || fixture.engine.stats().await.unwrap().totals.commits.jobs;
    let before = jobs().await;
    for _ in 0..5 {
        fixture.settle(&mut a).await;
        fixture.settle(&mut b).await;
    }
    assert_eq!(jobs().await - before, 31, "statistics only: 5 times 2 times 3, and the last");
}

#[tokio::test]
async fn a_redelivery_that_the_first_to_look_does_not_want_reaches_the_other() {
    for first in ["a", "b"] {
        let fixture = start(EngineOptions { visibility_timeout: seconds(10), ..EngineOptions::default() });
        fixture.publish_tagged(&["b1"]).await;
        assert_eq!(fixture.take("orders", "billing").await.len(), 1);
        let second = if first == "a" { "b" } else { "a" };
        let mut early = Box::pin(fixture.engine.receive(filtered(first, 30)));
        let mut late = Box::pin(fixture.engine.receive(filtered(second, 30)));
        fixture.settle(&mut early).await;
        fixture.settle(&mut late).await;
        fixture.clock.advance(seconds(10));
        // A look without waiting that wants nothing moves the time at which the group looks again.
        assert!(fixture.receive(filtered("c", 0)).await.is_empty());
        let (mut wants_it, mut other) = if first == "b" { (early, late) } else { (late, early) };
        if first == "a" {
            fixture.settle(&mut other).await;
        }
        let got = soon(&mut wants_it).await.unwrap();
        assert_eq!((bodies(&got), got[0].delivery_attempt), (vec!["b1".to_owned()], 2));
        fixture.settle(&mut other).await;
    }
}

#[tokio::test]
async fn an_unwanted_redelivery_makes_nobody_look_without_end() {
    let fixture = start(EngineOptions { visibility_timeout: seconds(10), ..EngineOptions::default() });
    fixture.publish_tagged(&["b1"]).await;
    assert_eq!(fixture.take("orders", "billing").await.len(), 1);
    fixture.clock.advance(seconds(10));
    let mut a = Box::pin(fixture.engine.receive(filtered("a", 30)));
    fixture.settle(&mut a).await;
    let jobs = async || fixture.engine.stats().await.unwrap().totals.commits.jobs;
    let before = jobs().await;
    fixture.settle(&mut a).await;
    assert_eq!(jobs().await - before, 4, "statistics only");
    fixture.clock.advance(seconds(30));
    assert!(soon(a).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_given_back_goes_to_whoever_wants_it() {
    let fixture = start(EngineOptions::default());
    fixture.publish_tagged(&["b1", "b2"]).await;
    let got = fixture.take("orders", "billing").await;
    let mut a = Box::pin(fixture.engine.receive(filtered("a", 30)));
    let mut b = Box::pin(fixture.engine.receive(filtered("b", 30)));
    fixture.settle(&mut a).await;
    fixture.settle(&mut b).await;
    fixture.engine.give_back(got.into_iter().map(|delivery| delivery.handle).collect());
    let again = soon(b).await.unwrap();
    assert_eq!((bodies(&again), again[0].delivery_attempt), (vec!["b1".to_owned(), "b2".to_owned()], 1));
    fixture.settle(&mut a).await;
}
