//! Messages that nobody published as events.

use bytes::Bytes;
use serde_json::{Value as Json, json};

use super::super::{DataAs, DataFlaw, Event, EventSettings, default_source};
use crate::model::{Delivery, MessageGroup, MessageId, UnixMillis};

fn settings(data: DataAs) -> EventSettings<'static> {
    EventSettings {
        source: "/mq-gateway/main",
        event_type: "mq.message",
        data,
        topic: "%RETRY%orders",
        group: "GID_a",
        is_envelope: true,
        with_attempt: false,
    }
}

#[test]
fn a_message_is_wrapped() {
    let delivery = Delivery {
        message_id: MessageId::parse("7F00").unwrap(),
        body: r#"{"a" : 1.10}"#.into(),
        tag: Some("TagA".to_owned()),
        keys: vec!["k1".to_owned(), "k2".to_owned()],
        message_group: MessageGroup::parse("user 7").ok(),
        published_at: UnixMillis(1_503_907_519_123),
        properties: vec![("traceparent".into(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into())],
        delivery_attempt: 3,
        ..Delivery::for_tests("ID")
    };
    let event = Event::of_delivery(&delivery, &settings(DataAs::Auto)).unwrap();
    let structured = String::from_utf8(event.structured()).unwrap();
    assert!(structured.contains(r#""data":{"a" : 1.10}}"#), "the body as it is: {structured}");
    let expected = json!({
        "specversion": "1.0",
        "id": "7F00",
        "source": "/mq-gateway/main",
        "type": "mq.message",
        "time": "2017-08-28T08:05:19.123Z",
        "datacontenttype": "application/json",
        "mqtopic": "%RETRY%orders",
        "mqgroup": "GID_a",
        "mqtag": "TagA",
        "mqkeys": "k1 k2",
        "partitionkey": "user 7",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "data": {"a": 1.10},
    });
    assert_eq!(serde_json::from_str::<Json>(&structured).unwrap(), expected);
    let again = Delivery { delivery_attempt: 4, ..delivery.clone() };
    assert_eq!(Event::of_delivery(&again, &settings(DataAs::Auto)).unwrap().structured(), structured.into_bytes());
    let counted = EventSettings { with_attempt: true, ..settings(DataAs::Auto) };
    let event = Event::of_delivery(&delivery, &counted).unwrap();
    assert!(String::from_utf8(event.structured()).unwrap().contains("\"deliveryattempt\":3"));
}

#[test]
fn a_body_is_the_data_that_it_can_be() {
    let data = |body: &'static [u8], wanted| {
        let delivery = Delivery { body: Bytes::from_static(body), ..Delivery::for_tests("ID") };
        let event = Event::of_delivery(&delivery, &settings(wanted))?;
        let json: Json = serde_json::from_slice(&event.structured()).unwrap();
        Ok((json["datacontenttype"].clone(), json["data"].clone(), json["data_base64"].clone()))
    };
    let none = Json::Null;
    assert_eq!(data(b"[1]", DataAs::Auto), Ok((json!("application/json"), json!([1]), none.clone())));
    assert_eq!(data(b"hello", DataAs::Auto), Ok((json!("text/plain"), json!("hello"), none.clone())));
    assert_eq!(data(b"\xff", DataAs::Auto), Ok((json!("application/octet-stream"), none.clone(), json!("/w=="))));
    assert_eq!(data(b"[1]", DataAs::Text), Ok((json!("text/plain"), json!("[1]"), none.clone())));
    assert_eq!(data(b"[1]", DataAs::Binary), Ok((json!("application/octet-stream"), none, json!("WzFd"))));
    assert_eq!(data(b"hello", DataAs::Json), Err(DataFlaw::NotJson));
    assert_eq!(data(b"\xff", DataAs::Text), Err(DataFlaw::NotText));
}

#[test]
fn what_no_string_may_hold_is_replaced() {
    let delivery = Delivery {
        message_id: MessageId::parse("a\u{1}b").unwrap(),
        tag: Some("\u{7f}".to_owned()),
        keys: vec!["\u{fdd0}".to_owned()],
        ..Delivery::for_tests("ID")
    };
    let event = Event::of_delivery(&delivery, &settings(DataAs::Auto)).unwrap();
    let read: Json = serde_json::from_slice(&event.structured()).unwrap();
    assert_eq!(
        (&read["id"], &read["mqtag"], &read["mqkeys"]),
        (&json!("a\u{fffd}b"), &json!("\u{fffd}"), &json!("\u{fffd}"))
    );
    let text = String::from_utf8(event.structured()).unwrap();
    Event::read_structured(&text).unwrap();
    assert_eq!(default_source("a b"), "/mq-gateway/a%20b");
}
