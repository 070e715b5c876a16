//! What is delivered to whom, in which order.

use super::*;
use crate::embedded::{EngineError, NewGroupStarts};
use crate::model::Key;

#[tokio::test]
async fn a_message_comes_back_as_it_was_published() {
    let fixture = start(EngineOptions::default());
    let body = Bytes::from((0..=255).collect::<Vec<u8>>());
    let published = Message {
        body_md5: None,
        topic: topic("orders"),
        body: body.clone(),
        tag: Some(Tag::parse("标签 & +").unwrap()),
        keys: vec![Key::parse("order-1").unwrap(), Key::parse("客户7").unwrap()],
        properties: vec![("b".to_owned(), "\"2\"\n".to_owned()), ("a".to_owned(), String::new())],
        message_group: Some(MessageGroup::parse("user 7").unwrap()),
        deliver_at: None,
        deliver_at_is_delay: false,
    };
    let message_id = fixture.engine.publish(published).await.unwrap();
    fixture.clock.advance(seconds(2));
    let deliveries = fixture.take("orders", "billing").await;
    let expected = Delivery {
        message_id,
        handle: deliveries[0].handle.clone(),
        body,
        tag: Some("标签 & +".to_owned()),
        keys: vec!["order-1".to_owned(), "客户7".to_owned()],
        properties: vec![("b".to_owned(), "\"2\"\n".to_owned()), ("a".to_owned(), String::new())],
        system_properties: Vec::new(),
        message_group: Some(MessageGroup::parse("user 7").unwrap()),
        deliver_at: None,
        delivery_attempt: 1,
        published_at: START,
        first_delivered_at: Some(START + seconds(2)),
        visible_again_at: START + seconds(302),
    };
    assert_eq!(deliveries, [expected]);
}

#[tokio::test]
async fn a_message_with_nothing_comes_back_with_nothing() {
    let fixture = start(EngineOptions::default());
    fixture.publish("orders", "").await;
    let delivery = fixture.take("orders", "billing").await.remove(0);
    assert_eq!((delivery.body.len(), delivery.tag, delivery.message_group), (0, None, None));
    assert_eq!((delivery.keys, delivery.properties), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn messages_come_in_publish_order_and_no_more_than_wanted() {
    let fixture = start(EngineOptions::default());
    for n in 0..5 {
        fixture.publish("orders", &n.to_string()).await;
    }
    assert_eq!(bodies(&fixture.take_up_to("orders", "billing", 2).await), ["0", "1"]);
    assert_eq!(bodies(&fixture.take_up_to("orders", "billing", 0).await), ["2"], "at least one");
    assert_eq!(fixture.bodies("orders", "billing").await, ["3", "4"]);
    assert!(fixture.take("orders", "billing").await.is_empty());
}

#[tokio::test]
async fn message_groups_keep_their_order_without_waiting_for_acknowledgements() {
    let fixture = start(EngineOptions::default());
    for n in 0..50 {
        let message_group = MessageGroup::parse(["a", "b"][n % 2]).ok();
        // A time is ignored beside a message group: it would break the order.
        let deliver_at = Some(START + seconds(60));
        let message = Message { message_group, deliver_at, ..message("orders", &n.to_string()) };
        fixture.engine.publish(message).await.unwrap();
    }
    let mut received = Vec::new();
    while received.len() < 50 {
        received.extend(bodies(&fixture.take_up_to("orders", "billing", 7).await));
    }
    assert_eq!(received, (0..50).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn each_group_has_its_own_progress_and_a_new_one_begins_at_the_oldest() {
    let fixture = start(EngineOptions::default());
    fixture.publish("orders", "1").await;
    let first = fixture.take("orders", "billing").await;
    fixture.acknowledge("orders", "billing", first[0].handle.as_str()).await;
    fixture.publish("orders", "2").await;
    assert_eq!(fixture.bodies("orders", "billing").await, ["2"]);
    assert_eq!(fixture.bodies("orders", "shipping").await, ["1", "2"], "acknowledged by others, retained for these");
    assert!(fixture.bodies("returns", "billing").await.is_empty(), "topics are apart");
}

#[tokio::test]
async fn a_new_group_may_begin_with_what_comes() {
    let options = EngineOptions { new_group_starts: NewGroupStarts::Latest, ..EngineOptions::default() };
    let fixture = start(options);
    fixture.publish("orders", "before").await;
    fixture.publish_at("orders", "due later", START + seconds(5)).await;
    assert!(fixture.take("orders", "billing").await.is_empty());
    fixture.publish("orders", "after").await;
    assert_eq!(fixture.bodies("orders", "billing").await, ["after"]);
    fixture.clock.advance(seconds(5));
    assert_eq!(fixture.bodies("orders", "billing").await, ["due later"]);
}

#[tokio::test]
async fn a_group_exists_from_its_first_acknowledgement_too() {
    let fixture = start(EngineOptions { new_group_starts: NewGroupStarts::Latest, ..EngineOptions::default() });
    fixture.publish("orders", "before").await;
    let handle = format!("E1{}", "0".repeat(64));
    fixture.acknowledge("orders", "billing", &handle).await;
    fixture.publish("orders", "after").await;
    assert_eq!(fixture.bodies("orders", "billing").await, ["after"]);
}

#[tokio::test]
async fn delayed_messages_come_when_they_are_due_in_the_order_of_their_times() {
    let fixture = start(EngineOptions::default());
    fixture.publish_at("orders", "late", START + seconds(20)).await;
    fixture.publish_at("orders", "early", START + seconds(10)).await;
    fixture.publish_at("orders", "past", UnixMillis(1)).await;
    assert_eq!(fixture.bodies("orders", "billing").await, ["past"]);
    fixture.clock.advance(Duration::from_millis(9_999));
    assert!(fixture.take("orders", "billing").await.is_empty());
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!(fixture.bodies("orders", "billing").await, ["early"]);
    fixture.publish("orders", "ordinary").await;
    fixture.clock.advance(seconds(10));
    assert_eq!(fixture.bodies("orders", "billing").await, ["ordinary", "late"], "it entered the log later");
    assert_eq!(fixture.bodies("orders", "shipping").await, ["past", "early", "ordinary", "late"]);
}

#[tokio::test]
async fn more_messages_due_at_once_than_one_look_takes_in_all_come() {
    let fixture = start(EngineOptions::default());
    for n in 0..300 {
        fixture.publish_at("orders", &n.to_string(), START + seconds(10)).await;
    }
    fixture.clock.advance(seconds(10));
    let mut received = Vec::new();
    while received.len() < 300 {
        let more = fixture.take_up_to("orders", "billing", 200).await;
        assert!(!more.is_empty(), "only {} came", received.len());
        received.extend(bodies(&more));
    }
    assert_eq!(received, (0..300).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn two_receives_at_once_never_get_the_same_delivery() {
    let fixture = start(EngineOptions::default());
    let publishes = (0..200).map(|n| fixture.engine.publish(message("orders", &n.to_string())));
    let ids = futures_util::future::join_all(publishes).await;
    let ids: std::collections::BTreeSet<_> = ids.into_iter().map(|id| id.unwrap().as_str().to_owned()).collect();
    assert_eq!(ids.len(), 200, "no two ids are equal");
    let receives = (0..40).map(|_| fixture.engine.receive(request("orders", "billing", 10, 0)));
    let all = futures_util::future::join_all(receives).await;
    let received: Vec<_> = all.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(received.len(), 200);
    let received: std::collections::BTreeSet<_> = received.iter().map(|d| d.message_id.as_str().to_owned()).collect();
    assert_eq!(received, ids);
}

#[tokio::test]
async fn topics_may_be_limited() {
    let fixture = start(EngineOptions { topics: vec![topic("orders")], ..EngineOptions::default() });
    fixture.publish("orders", "1").await;
    assert_eq!(fixture.bodies("orders", "billing").await, ["1"]);
    assert!(fixture.take("%DLQ%billing", "support").await.is_empty());
    let refused = [
        fixture.engine.publish(message("others", "1")).await.map(drop),
        fixture.engine.receive(request("others", "billing", 1, 0)).await.map(drop),
        fixture.engine.acknowledge(&topic("others"), &group("billing"), "x").await.map(drop),
    ];
    for error in refused {
        let error = error.unwrap_err();
        assert!(matches!(&error, EngineError::UnknownTopic { topic } if topic.as_str() == "others"), "{error}");
    }
}

#[tokio::test]
async fn a_closed_engine_says_so() {
    let fixture = start(EngineOptions::default());
    fixture.engine.close().await;
    fixture.engine.close().await;
    let error = fixture.engine.publish(message("orders", "1")).await.unwrap_err();
    assert!(matches!(error, EngineError::Closed), "{error}");
    let error = fixture.engine.receive(request("orders", "billing", 1, 0)).await.unwrap_err();
    assert!(matches!(error, EngineError::Closed), "{error}");
}

#[tokio::test]
async fn an_answer_ends_once_its_bodies_are_long_enough() {
    let fixture = start(EngineOptions::default());
    for body in ["aaaa", "bbbb", "cccc", "dddd", "eeee"] {
        let message_group = MessageGroup::parse("g").ok();
        fixture.engine.publish(Message { message_group, ..message("orders", body) }).await.unwrap();
    }
    let up_to = |max_bytes, ordered| ConsumeRequest { max_bytes, ordered, ..filtered("", 0) };
    let first = fixture.receive(up_to(5, false)).await;
    assert_eq!(bodies(&first), ["aaaa", "bbbb"], "reached by the second");
    assert_eq!(bodies(&fixture.receive(up_to(0, false)).await), ["cccc"], "one comes in any case");
    assert!(fixture.receive(up_to(100, true)).await.is_empty());
    fixture.clock.advance(seconds(300));
    assert_eq!(bodies(&fixture.receive(up_to(8, true)).await), ["aaaa", "bbbb"]);
    assert_eq!(bodies(&fixture.receive(up_to(1, false)).await), ["cccc"]);
    assert_eq!(bodies(&fixture.receive(up_to(4, false)).await), ["dddd"]);
    assert_eq!(fixture.bodies("orders", "billing").await, ["eeee"]);
}
