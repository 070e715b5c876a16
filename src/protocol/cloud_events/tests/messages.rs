//! Events as messages of the MQ and back, on each protocol.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::super::{DataAs, Event, EventSettings, Form, Place};
use crate::model::{Delivery, Key, Message, MessageGroup, Protocol, Tag, Topic};

const EVERYTHING: &str = r#"{"specversion":"1.0","id":"order 1","source":"https://example.com/a%20b","type":"com.example.created","subject":"17","time":"2018-04-05T17:31:00.123Z","datacontenttype":"application/json","dataschema":"https://example.com/s.json","partitionkey":"user 7","redelivered":true,"number":-3,"empty":"","odd":"100% <a> & 'b' \"c\" | : 世","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","tracestate":"rojo=00f067aa0ba902b7","data":{"a":1.10}}"#;

fn topic() -> Topic {
    Topic::parse("orders").unwrap()
}

fn message(json: &str, protocol: Protocol, form: Form) -> Message {
    Event::read_structured(json).unwrap().message(topic(), protocol, form).unwrap()
}

/// As the MQ gives it back.
fn delivered(message: &Message) -> Delivery {
    Delivery {
        body: message.body.clone(),
        tag: message.tag.as_ref().map(|tag| tag.as_str().to_owned()),
        keys: message.keys.iter().map(|key| key.as_str().to_owned()).collect(),
        properties: message.properties.clone(),
        message_group: message.message_group.clone(),
        delivery_attempt: 2,
        ..Delivery::for_tests("MSG1")
    }
}

fn settings(is_envelope: bool) -> EventSettings<'static> {
    EventSettings {
        source: "/mq-gateway/main",
        event_type: "mq.message",
        data: DataAs::Auto,
        topic: "orders",
        group: "GID_a",
        is_envelope,
        with_attempt: true,
    }
}

fn received(delivery: &Delivery, is_envelope: bool) -> Json {
    let event = Event::of_delivery(delivery, &settings(is_envelope)).unwrap();
    serde_json::from_slice(&event.structured()).unwrap()
}

/// What every delivery of [`EVERYTHING`] is.
fn everything_received(is_typed: bool) -> Json {
    let mut expected: Json = serde_json::from_str(EVERYTHING).unwrap();
    for (name, value) in [
        ("mqtopic", json!("orders")),
        ("mqgroup", json!("GID_a")),
        ("mqtag", json!("com.example.created")),
        ("mqkeys", json!("17")),
        ("mqmessageid", json!("MSG1")),
        ("deliveryattempt", json!(2)),
    ] {
        expected[name] = value;
    }
    if !is_typed {
        expected["redelivered"] = json!("true");
        expected["number"] = json!("-3");
    }
    expected
}

#[test]
fn attributes_are_properties_where_there_are_some() {
    let message = message(EVERYTHING, Protocol::RocketMq, Form::Properties);
    assert_eq!(&message.body[..], br#"{"a":1.10}"#);
    assert_eq!(message.tag, Tag::parse("com.example.created").ok());
    assert_eq!(message.keys, [Key::parse("17").unwrap()], "an id with a blank is no key");
    assert_eq!(message.message_group, MessageGroup::parse("user 7").ok());
    let expected = [
        ("ce_specversion", "1.0"),
        ("ce_id", "order 1"),
        ("ce_source", "https://example.com/a%2520b"),
        ("ce_type", "com.example.created"),
        ("ce_subject", "17"),
        ("ce_time", "2018-04-05T17:31:00.123Z"),
        ("ce_datacontenttype", "application/json"),
        ("ce_dataschema", "https://example.com/s.json"),
        ("ce_partitionkey", "user 7"),
        ("ce_redelivered", "true"),
        ("ce_number", "-3"),
        ("ce_empty", ""),
        ("ce_odd", "100%25 <a> & 'b' \"c\" | : 世"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "rojo=00f067aa0ba902b7"),
    ];
    let found: Vec<(&str, &str)> = message.properties.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(found, expected);
    assert_eq!(received(&delivered(&message), false), everything_received(false));
}

#[test]
fn properties_of_mq_http_hold_what_they_can() {
    let message = message(EVERYTHING, Protocol::MqHttp, Form::Properties);
    for (name, value) in &message.properties {
        assert_eq!(crate::protocol::mq_http::property_flaw(value), None, "{name}");
    }
    assert!(message.properties.contains(&("ce_time".into(), "2018-04-05T17%3A31%3A00.123Z".into())));
    assert_eq!(received(&delivered(&message), false), everything_received(false));
}

#[test]
fn an_envelope_is_the_whole_event() {
    for (protocol, has_properties) in [(Protocol::OnsHttp, false), (Protocol::RocketMq, true), (Protocol::MqHttp, true)]
    {
        let message = message(EVERYTHING, protocol, Form::Envelope { has_properties });
        let body: Json = serde_json::from_slice(&message.body).unwrap();
        assert_eq!(body, serde_json::from_str::<Json>(EVERYTHING).unwrap());
        assert_eq!(message.tag, Tag::parse("com.example.created").ok());
        assert_eq!(message.properties.is_empty(), !has_properties);
        let mut delivery = delivered(&message);
        assert_eq!(received(&delivery, true), everything_received(true));
        // Where the message says itself what it is, the topic need not.
        let unsaid = received(&delivery, false);
        assert_eq!(unsaid["id"], if has_properties { "order 1" } else { "MSG1" });
        // What was published otherwise to a topic of envelopes is no event.
        delivery.body = r#"{"id":"1","specversion":"1.0"}"#.into();
        assert_eq!(received(&delivery, true)["type"], "mq.message");
    }
}

#[test]
fn what_a_delivery_added_is_not_published_again() {
    let message = message(EVERYTHING, Protocol::RocketMq, Form::Properties);
    let delivery = delivered(&message);
    let mut event = Event::of_delivery(&delivery, &settings(false)).unwrap();
    event.set_receipt("v2.handle", crate::model::UnixMillis(1));
    let json = String::from_utf8(event.structured()).unwrap();
    assert!(json.contains(r#""mqreceipthandle":"v2.handle""#) && json.contains("mqvisibleagainat"), "{json}");
    for (protocol, form) in [
        (Protocol::RocketMq, Form::Properties),
        (Protocol::OnsHttp, Form::Envelope { has_properties: false }),
        (Protocol::MqHttp, Form::Envelope { has_properties: true }),
    ] {
        let again = self::message(&json, protocol, form);
        assert_eq!((&again.tag, &again.keys), (&message.tag, &message.keys));
        let text = format!("{:?}{}", again.properties, String::from_utf8_lossy(&again.body));
        assert!(!text.contains("mq"), "{text}");
    }
}

#[test]
fn properties_of_others_are_extensions_or_together() {
    let mut delivery = Delivery::for_tests("MSG1");
    delivery.body = "hello".into();
    delivery.properties = [("tenant", "acme"), ("orderId", "17\n"), ("id", "x"), ("mqtopic", "y"), ("ce_id", "z")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    let json = received(&delivery, false);
    assert_eq!((&json["id"], &json["tenant"], &json["mqtopic"]), (&json!("MSG1"), &json!("acme"), &json!("orders")));
    assert_eq!(json["mqproperties"], r#"{"orderId":"17\n","id":"x","mqtopic":"y","ce_id":"z"}"#);
    let event = json.to_string();
    let again = message(&event, Protocol::RocketMq, Form::Properties);
    for (name, value) in [("orderId", "17\n"), ("id", "x"), ("mqtopic", "y"), ("ce_tenant", "acme"), ("ce_id", "MSG1")]
    {
        assert!(again.properties.contains(&(name.into(), value.into())), "{name}: {:?}", again.properties);
    }
}

#[test]
fn what_is_named_has_to_be_legal_and_what_is_derived_is_left_out() {
    let event = |more: &str| format!(r#"{{"specversion":"1.0","id":"1","source":"/s","type":"a|b"{more}}}"#);
    let derived = message(&event(""), Protocol::RocketMq, Form::Properties);
    assert_eq!((derived.tag, derived.keys.len()), (None, 1));
    let named = message(&event(r#","mqtag":"t","mqkeys":"k 1","subject":"s""#), Protocol::RocketMq, Form::Properties);
    let keys: Vec<&str> = named.keys.iter().map(Key::as_str).collect();
    assert_eq!((named.tag, keys), (Tag::parse("t").ok(), vec!["k", "1", "s"]));
    for (more, expected) in [
        (r#","mqtag":"a|b""#, "mqtag"),
        (r#","mqkeys":"a b\u00a0c""#, "mqkeys"),
        (r#","partitionkey":"用户""#, "partitionkey"),
    ] {
        let json = event(more);
        let flaws = Event::read_structured(&json).unwrap().message(topic(), Protocol::RocketMq, Form::Properties);
        assert_eq!(flaws.unwrap_err()[0].place, Place::Attribute(expected.to_owned()), "{more}");
    }
}

#[test]
fn flaws_are_named_each() {
    let check = |json: &str, expected: &[&str]| {
        let flaws = Event::read_structured(json).unwrap_err();
        let found: Vec<String> = flaws
            .iter()
            .map(|flaw| match &flaw.place {
                Place::Whole | Place::ContentType => String::new(),
                Place::Attribute(name) => name.clone(),
                Place::Data => "data".to_owned(),
                Place::DataBase64 => "data_base64".to_owned(),
            })
            .collect();
        assert_eq!(found, expected, "{json}: {flaws:?}");
    };
    check("{}", &["specversion", "id", "source", "type"]);
    check("[]", &[""]);
    check("nonsense", &[""]);
    let many = (0..300).map(|number| format!("\"a{number}\":1,")).collect::<String>();
    check(&format!("{{{many}\"id\":\"1\"}}"), &[""]);
    check(
        r#"{"specversion":"1.0","id":1.5,"source":"a b","type":"","Up":1,"data":1,"data_base64":"QQ=="}"#,
        &["id", "data_base64", "source", "type", "Up"],
    );
    check(r#"{"specversion":"1.0","id":"\ud800","source":"/","type":"t"}"#, &["id"]);
    check(r#"{"specversion":"1.0","id":"1","source":"/","type":"t","time":"now","subject":""}"#, &["time", "subject"]);
    check(r#"{"specversion":"1.0","id":"1","source":"/","type":"t","data_base64":"QQ"}"#, &["data_base64"]);
    check(r#"{"specversion":"1.0","id":"1","source":"/","type":"t","data_base64":5}"#, &["data_base64"]);
    check(
        r#"{"specversion":"1.0","id":"1","source":"/","type":"t","datacontenttype":"text/plain","data":{}}"#,
        &["data"],
    );
}

#[test]
fn a_type_that_says_other_characters_needs_the_envelope() {
    let event = |content_type: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"1","source":"/s","type":"t","datacontenttype":"{content_type}","data":"é"}}"#
        )
    };
    for (content_type, expected) in
        [("text/plain", false), ("text/plain; charset=utf-8", false), ("text/plain;charset=gbk", true)]
    {
        let json = event(content_type);
        assert_eq!(Event::read_structured(&json).unwrap().needs_envelope(), expected, "{content_type}");
    }
}

proptest! {
    #[test]
    fn any_text_survives_every_form(text in "[ -~世é%&:|<>\"']{1,40}", data in "[ -~世é\\n\"\\\\]{0,40}") {
        let event = json!({"specversion":"1.0","id":text,"source":"/s","type":"t","x":text,"datacontenttype":"text/plain","data":data}).to_string();
        for protocol in [Protocol::RocketMq, Protocol::MqHttp] {
            for form in [Form::Properties, Form::Envelope { has_properties: true }] {
                let json = received(&delivered(&message(&event, protocol, form)), false);
                prop_assert_eq!((&json["id"], &json["x"]), (&json!(text), &json!(text)));
                if !data.is_empty() {
                    prop_assert_eq!(&json["data"], &json!(data));
                }
            }
        }
        let parsed = Event::read_structured(&event).unwrap();
        let binary = parsed.binary();
        let headers = binary.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let read = Event::read_binary(headers, binary.content_type.as_deref(), binary.body).unwrap();
        prop_assert_eq!(read.id(), &text);
        prop_assert_eq!(read.text("x"), Some(text.as_str()));
    }
}

#[test]
fn named_properties_beyond_what_an_mq_carries_are_an_attribute() {
    let properties = |count: usize| {
        let named: std::collections::BTreeMap<String, &str> = (0..count).map(|it| (format!("p{it:05}"), "")).collect();
        let named = serde_json::to_string(&named).unwrap();
        let event = json!({"specversion": "1.0", "id": "a", "source": "s", "type": "t", "mqproperties": named});
        let message = message(&event.to_string(), Protocol::RocketMq, Form::Properties);
        message.properties.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    let (few, many) = (properties(100), properties(20_000));
    assert!(few.contains(&"p00099".to_owned()) && !few.contains(&"ce_mqproperties".to_owned()), "{few:?}");
    assert!(!many.contains(&"p00099".to_owned()) && many.contains(&"ce_mqproperties".to_owned()), "{many:?}");
}
