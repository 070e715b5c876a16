//! Looking without taking.

use super::*;
use crate::embedded::{NewGroupStarts, PeekRequest, Peeked, PeekedState};
use PeekedState::{Delayed, FilteredOut, InFlight, Ready};

fn all(topic_name: &str, group_name: Option<&str>) -> PeekRequest {
    let group = group_name.map(group);
    PeekRequest { topic: topic(topic_name), group, after: 0, max_messages: 32, max_bytes: usize::MAX, message_id: None }
}

fn seen(peeked: &Peeked) -> Vec<(String, PeekedState)> {
    let body = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    peeked.messages.iter().map(|it| (body(&it.delivery.body), it.state)).collect()
}

impl Fixture {
    async fn peek(&self, group: Option<&str>) -> Vec<(String, PeekedState)> {
        seen(&soon(self.engine.peek(all("orders", group))).await.unwrap())
    }
}

fn pairs(expected: &[(&str, PeekedState)]) -> Vec<(String, PeekedState)> {
    expected.iter().map(|(body, state)| ((*body).to_owned(), *state)).collect()
}

#[tokio::test]
async fn each_message_is_seen_as_it_stands_and_nothing_is_taken() {
    let fixture = start(EngineOptions { max_redeliveries: 1, ..EngineOptions::default() });
    assert_eq!(fixture.peek(Some("billing")).await, []);
    fixture.publish_tagged(&["a1", "b2", "a3", "a4"]).await;
    fixture.publish_at("orders", "later", UnixMillis(START.0 + 60_000)).await;
    for _ in 0..3 {
        let expected = pairs(&[("a1", Ready), ("b2", Ready), ("a3", Ready), ("a4", Ready), ("later", Delayed)]);
        assert_eq!(fixture.peek(Some("billing")).await, expected);
    }
    // Takes a1 and a3, and moves past b2.
    let taken = fixture.receive(ConsumeRequest { max_messages: 2, ..filtered("a", 0) }).await;
    assert_eq!(bodies(&taken), ["a1", "a3"]);
    assert_eq!(taken[0].delivery_attempt, 1, "no look has counted");
    fixture.acknowledge("orders", "billing", taken[0].handle.as_str()).await;
    let peeked = soon(fixture.engine.peek(all("orders", Some("billing")))).await.unwrap();
    let expected = pairs(&[("b2", FilteredOut), ("a3", InFlight), ("a4", Ready), ("later", Delayed)]);
    assert_eq!(seen(&peeked), expected);
    let in_flight = &peeked.messages[1].delivery;
    assert_eq!((in_flight.delivery_attempt, in_flight.visible_again_at), (1, taken[1].visible_again_at));
    assert_eq!((&in_flight.message_id, in_flight.published_at), (&taken[1].message_id, taken[1].published_at));
    // All that is retained, whoever has it.
    let expected = pairs(&[("a1", Ready), ("b2", Ready), ("a3", Ready), ("a4", Ready), ("later", Delayed)]);
    assert_eq!(fixture.peek(None).await, expected);
    assert_eq!(fixture.peek(Some("shipping")).await, expected);
    // What comes back is ready again.
    fixture.clock.advance(seconds(301));
    let expected = pairs(&[("b2", FilteredOut), ("a3", Ready), ("a4", Ready)]);
    assert_eq!(fixture.peek(Some("billing")).await[..3], expected);
}

#[tokio::test]
async fn those_that_are_not_due_are_seen_by_their_times_whatever_kind_they_are_of() {
    let fixture = start(EngineOptions::default());
    let later = |body: &'static str, seconds: u64, is_delay: bool| Message {
        deliver_at: Some(UnixMillis(START.0 + seconds * 1000)),
        deliver_at_is_delay: is_delay,
        ..message("orders", body)
    };
    for (body, seconds, is_delay) in [("4", 300, false), ("1", 30, true), ("2", 60, false), ("3", 90, true)] {
        soon(fixture.engine.publish(later(body, seconds, is_delay))).await.unwrap();
    }
    assert_eq!(fixture.peek(None).await, pairs(&[("1", Delayed), ("2", Delayed), ("3", Delayed), ("4", Delayed)]));
    let first = soon(fixture.engine.peek(PeekRequest { max_messages: 3, ..all("orders", None) })).await.unwrap();
    assert_eq!(seen(&first), pairs(&[("1", Delayed), ("2", Delayed), ("3", Delayed)]));
    // The wall clock is set: times by it come sooner, delays do not.
    fixture.clock.set_wall(UnixMillis(START.0 + 55_000));
    let first = soon(fixture.engine.peek(PeekRequest { max_messages: 1, ..all("orders", None) })).await.unwrap();
    assert_eq!(seen(&first), pairs(&[("2", Delayed)]));
}

#[tokio::test]
async fn pages_follow_each_other_and_end() {
    let fixture = start(EngineOptions::default());
    for index in 0..25 {
        fixture.publish("orders", &format!("{index}")).await;
    }
    let taken = fixture.take_up_to("orders", "billing", 7).await;
    fixture.acknowledge("orders", "billing", taken[3].handle.as_str()).await;
    for (max_messages, max_bytes) in [(1, usize::MAX), (4, usize::MAX), (24, usize::MAX), (100, usize::MAX), (100, 3)] {
        let (mut found, mut after) = (Vec::new(), 0);
        loop {
            let request = PeekRequest { after, max_messages, max_bytes, ..all("orders", Some("billing")) };
            let peeked = soon(fixture.engine.peek(request)).await.unwrap();
            assert!(peeked.messages.len() <= max_messages);
            found.extend(seen(&peeked).into_iter().map(|(body, _)| body));
            let Some(next) = peeked.next else { break };
            assert!(next > after);
            after = next;
        }
        let expected: Vec<_> = (0..25).filter(|index| *index != 3).map(|index| index.to_string()).collect();
        assert_eq!(found, expected, "{max_messages} {max_bytes}");
    }
}

#[tokio::test]
async fn one_message_is_found_by_its_id_or_by_who_has_it() {
    let fixture = start(EngineOptions::default());
    let mut ids = Vec::new();
    for index in 0..5 {
        ids.push(fixture.publish("orders", &format!("{index}")).await);
    }
    let later = fixture.publish_at("orders", "later", UnixMillis(START.0 + 60_000)).await;
    for (id, body) in [(&ids[3], "3"), (&later, "later")] {
        let request = PeekRequest { message_id: Some(id.clone()), ..all("orders", None) };
        let peeked = soon(fixture.engine.peek(request)).await.unwrap();
        assert_eq!(seen(&peeked).iter().map(|(body, _)| body.as_str()).collect::<Vec<_>>(), [body]);
    }
    let request = PeekRequest { message_id: Some(MessageId::parse("none").unwrap()), ..all("orders", None) };
    assert_eq!(soon(fixture.engine.peek(request)).await.unwrap(), Peeked { messages: Vec::new(), next: None });

    let taken = fixture.take_up_to("orders", "billing", 2).await;
    fixture.acknowledge("orders", "billing", taken[0].handle.as_str()).await;
    let bad = crate::model::UpstreamHandle::parse("x").unwrap();
    let handles: Vec<_> = taken.iter().map(|it| it.handle.clone()).chain([bad]).collect();
    let found = soon(fixture.engine.look_at(&handles)).await.unwrap();
    let found: Vec<_> = found.iter().map(|it| it.as_ref().map(|it| it.body.clone())).collect();
    assert_eq!(found, [None, Some(Bytes::from_static(b"1")), None]);
}

#[tokio::test]
async fn a_group_can_be_made_that_begins_with_the_oldest() {
    let options = EngineOptions { new_group_starts: NewGroupStarts::Latest, ..EngineOptions::default() };
    let fixture = start(options);
    fixture.publish("orders", "1").await;
    assert_eq!(fixture.peek(Some("billing")).await, [], "it would begin behind it");
    soon(fixture.engine.begin_group(&topic("orders"), &group("billing"))).await.unwrap();
    assert_eq!(fixture.peek(Some("billing")).await, pairs(&[("1", Ready)]));
    assert_eq!(fixture.bodies("orders", "billing").await, ["1"]);
    // One that is there stays where it is.
    soon(fixture.engine.begin_group(&topic("orders"), &group("billing"))).await.unwrap();
    assert_eq!(fixture.bodies("orders", "billing").await, [] as [&str; 0]);
}
