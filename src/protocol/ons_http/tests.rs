//! Vectors stage by stage, and decode(encode(x)) = x.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::http_message::{self, Method};
use crate::model::{
    Capabilities, Delivery, Feature, Features, Key, Message, MessageGroup, MessageId, OptionalFeatures, Protocol,
    ProtocolLimits, Topic, UnixMillis, UpstreamHandle,
};
use crate::protocol::{Objection, SignedBy};
use crate::signature::SigningKey;

fn hex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// The request of one published vector.
fn request_of(vector: &Value) -> Request<'_> {
    let text = |name: &str| Cow::Borrowed(vector[name].as_str().unwrap());
    let query = |name: &str| vector["query"].get(name).map(|value| Cow::Borrowed(value.as_str().unwrap()));
    match vector["operation"].as_str().unwrap() {
        "publish" => Request::Publish(Publish {
            body_md5: None,
            topic: text("topic"),
            producer_group: text("group"),
            time: text("time"),
            tag: query("tag"),
            key: query("key"),
            start_deliver_time: query("startdelivertime").map(|time| time.parse().unwrap()),
            sharding_key: None,
            timeout: None,
            content_type: None,
            body: hex(vector["body_hex"].as_str().unwrap()).into(),
        }),
        "consume" => Request::Consume(Consume {
            topic: text("topic"),
            consumer_group: text("group"),
            time: text("time"),
            num: query("num").map(|num| num.parse().unwrap()),
            timeout: query("timeout").map(|timeout| timeout.parse().unwrap()),
            hidden_for: None,
        }),
        _ => Request::Acknowledge(Acknowledge {
            topic: text("topic"),
            consumer_group: text("group"),
            time: text("time"),
            handle: query("msgHandle").unwrap(),
        }),
    }
}

#[test]
fn every_published_vector_stage_by_stage() {
    let file: Value = serde_json::from_str(include_str!("../../../tests/fixtures/ons-http-vectors.json")).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 20);
    for vector in vectors {
        let name = vector["name"].as_str().unwrap();
        let request = request_of(vector);
        let text = request.string_to_sign();
        assert_eq!(text.as_str(), vector["string_to_sign"].as_str().unwrap(), "string to sign of {name}");
        assert_eq!(text.as_str().as_bytes(), hex(vector["string_to_sign_hex"].as_str().unwrap()), "{name}");
        let signature = SigningKey::new(vector["secret_key"].as_str().unwrap()).sign(&text);
        assert_eq!(signature.as_str(), vector["signature"].as_str().unwrap(), "signature of {name}");
        assert!(signature.matches(vector["signature"].as_str().unwrap().as_bytes()));

        let encoded = request.clone().encode(&by(vector["access_key"].as_str().unwrap(), signature.as_str()));
        let group = vector["group_header"].as_str().unwrap();
        assert!(encoded.headers.iter().any(|(header, _)| *header == group), "{name}");
        assert_eq!(decoded(&encoded).unwrap().request, request, "{name}");
        // The vectors' own targets mean the same, however they spell it.
        let target = vector["request_target"].as_str().unwrap();
        let respelled = http_message::Request { target: target.to_owned(), ..encoded };
        assert_eq!(decoded(&respelled).unwrap().request, request, "{name}: {target}");
    }
}

fn by<'a>(access_key: &'a str, signature: &'a str) -> SignedBy<'a> {
    SignedBy { access_key, signature, security_token: None }
}

fn decoded(encoded: &http_message::Request) -> Result<Signed<'_>, Refusal> {
    let query = encoded.target.split_once('?').map_or("", |(_, query)| query);
    let header = |wanted: Header| {
        let found = encoded.headers.iter().find(|(header, _)| *header == wanted.name());
        found.map(|(_, value)| Cow::Borrowed(value.as_str()))
    };
    let body = encoded.body.clone().unwrap_or_default();
    decode(encoded.method, query, header, body, Authentication::Required)
}

#[test]
fn the_vendors_three_requests() {
    let publish = Request::Publish(Publish {
        body_md5: None,
        topic: "T".into(),
        producer_group: "PID".into(),
        time: "1503907519123".into(),
        tag: Some("http".into()),
        key: Some("http".into()),
        start_deliver_time: None,
        sharding_key: None,
        timeout: None,
        content_type: None,
        body: Bytes::from("中文"),
    });
    let encoded = publish.encode(&by("ak", "s"));
    assert_eq!(encoded.target, "/message/?topic=T&time=1503907519123&tag=http&key=http");
    let names: Vec<_> = encoded.headers.iter().map(|(header, _)| *header).collect();
    assert_eq!(names, ["Signature", "AccessKey", "ProducerID"]);

    let consume = Request::Consume(Consume {
        topic: "T".into(),
        consumer_group: "CID".into(),
        time: "1503907519123".into(),
        num: Some(32),
        timeout: None,
        hidden_for: None,
    });
    assert_eq!(consume.encode(&by("ak", "s")).target, "/message/?topic=T&time=1503907519123&num=32");

    let acknowledge = Request::Acknowledge(Acknowledge {
        topic: "T".into(),
        consumer_group: "CID".into(),
        time: "1503907519123".into(),
        handle: "X1BF+/==".into(),
    });
    let encoded = acknowledge.encode(&by("ak", "s"));
    assert_eq!(encoded.target, "/message/?msgHandle=X1BF%2B%2F%3D%3D&topic=T&time=1503907519123");

    let change = ChangeVisibility::new("T", "CID", "X1BF+/==", 7_000, UnixMillis(1_503_907_519_123));
    let change = Request::ChangeVisibility(change);
    assert_eq!(change.string_to_sign().as_str(), "T\nCID\nX1BF+/==\n7000\n1503907519123");
    let encoded = change.encode(&by("ak", "s"));
    assert_eq!(encoded.target, "/message/?msgHandle=X1BF%2B%2F%3D%3D&topic=T&time=1503907519123");
    assert_eq!(encoded.headers.last(), Some(&("mq-gateway-visibility", "7000".to_owned())));
    assert_eq!(encoded.method.as_str(), "PUT", "nobody takes it for an acknowledgement");
}

#[test]
fn a_missing_parameter_is_named_in_the_vendors_words() {
    let complete = |header: Header| Some(Cow::Borrowed(header.name()));
    let check = |method, query, missing: Option<Header>, expected: &str| {
        let header = |name: Header| if Some(name) == missing { None } else { complete(name) };
        let refusal = decode(method, query, header, Bytes::new(), Authentication::Required).unwrap_err();
        assert_eq!(refusal.status(), 400);
        assert_eq!(refusal.body(), format!(r#"{{"code":"SC_BAD_REQUEST","info":"{expected}"}}"#));
    };
    let full = "topic=T&time=1";
    let empty = |name: &str| format!("parameter:{name} is invalid,can not be null or empty");
    check(Method::Post, full, Some(Header::Signature), &empty("Signature"));
    check(Method::Post, full, Some(Header::AccessKey), &empty("AccessKey"));
    check(Method::Post, full, Some(Header::ProducerId), &empty("ProducerId"));
    check(Method::Get, full, Some(Header::ConsumerId), &empty("ConsumerId"));
    check(Method::Delete, full, None, &empty("MsgHandle"));
    check(Method::Get, "time=1", None, &empty("Topic"));
    check(Method::Get, "topic=T", None, &empty("Time"));
    check(Method::Get, "topic=&time=1", None, &empty("Topic"));
}

#[test]
fn a_flaw_leaves_the_signature_to_be_checked() {
    let check = |method, more: &str, expected: Option<&str>| {
        let header = |name: Header| Some(Cow::Borrowed(name.name()));
        let query = format!("topic=T&{more}");
        let signed = decode(method, &query, header, Bytes::new(), Authentication::Required).unwrap();
        assert_eq!(signed.flaw.as_ref().map(ToString::to_string).as_deref(), expected, "{more}");
        assert_eq!(signed.into_request().is_ok(), expected.is_none(), "{more}");
    };
    let time = "parameter:Time is invalid,must be milliseconds since 1970 as digits";
    check(Method::Get, "time=1", None);
    check(Method::Get, "time=x", Some(time));
    check(Method::Post, "time=x&tag=%FF", Some(time));
    check(Method::Post, "time=1&tag=%FF", Some("parameter:Tag is invalid,must be UTF-8"));
    check(Method::Post, "time=1&key=%FF", Some("parameter:Key is invalid,must be UTF-8"));
    let start = "parameter:StartDeliverTime is invalid,must be milliseconds since 1970 as digits";
    check(Method::Post, "time=1&startdelivertime=soon", Some(start));
    check(Method::Post, "time=1&tag=a&key=b&startDeliverTime=7", None);
}

#[test]
#[expect(clippy::wildcard_enum_match_arm, reason = "the other headers are of no interest here")]
fn lenient_where_clients_differ() {
    let header = |name: Header| match name {
        Header::IsOrder => Some(Cow::Borrowed("TRUE")),
        Header::ShardingKey => Some(Cow::Borrowed("")),
        _ => Some(Cow::Borrowed(name.name())),
    };
    let query = "topic=T&topic=U&time=1&tag=a+b&key=%E6%A0%87&startDeliverTime=5&num=7&unknown=1";
    let signed = decode(Method::Post, query, header, Bytes::new(), Authentication::Required).unwrap();
    let Request::Publish(publish) = signed.request else { panic!("not a publish") };
    assert_eq!(
        (publish.topic.as_ref(), publish.tag.as_deref(), publish.key.as_deref()),
        ("T", Some("a b"), Some("标"))
    );
    assert_eq!((publish.start_deliver_time, publish.sharding_key), (Some(5), None));
    let signed =
        decode(Method::Get, "topic=T&time=1&num=many&timeout=", header, Bytes::new(), Authentication::Required)
            .unwrap();
    let Request::Consume(consume) = signed.request else { panic!("not a consume") };
    assert_eq!((consume.num, consume.timeout), (None, None));
}

#[test]
fn answers_of_the_service() {
    let body = br#"{"msgId":"0A97CB496DE1137A9034915421F297A7","sendStatus":"SEND_OK"}"#;
    let published = decode_published(body).unwrap();
    assert_eq!(published.durability, crate::model::Durability::Full);
    assert_eq!(encode_published(&published.message_id).as_bytes(), body);
    let degraded = br#"{"msgId":"A","sendStatus":"FLUSH_SLAVE_TIMEOUT"}"#;
    assert_eq!(decode_published(degraded).unwrap().durability, crate::model::Durability::Degraded);
    assert_eq!(decode_published(br#"{"msgId":"A","sendStatus":"NO"}"#), Err(ResponseError::UnknownSendStatus));
    assert_eq!(decode_published(br#"{"msgId":"","sendStatus":"SEND_OK"}"#), Err(ResponseError::Field("msgId")));
    assert_eq!(decode_published(b""), Err(ResponseError::Unreadable));

    // A capture of 2017, and the same without key and tag as in the sample of 2015.
    let captured = br#"[{"body":"HelloMQ","bornTime":"1490692511643","key":"http","msgHandle":"X1BF","msgId":"0A97","reconsumeTimes":1,"tag":"http"}]"#;
    let deliveries = decode_consumed(captured, UnixMillis(9)).unwrap().deliveries;
    assert_eq!(deliveries[0].delivery_attempt, 2);
    assert_eq!(deliveries[0].published_at, UnixMillis(1_490_692_511_643));
    assert_eq!(encode_consumed(&deliveries).as_bytes(), captured);
    let sparse = br#"[{"body":"a","bornTime":1,"msgHandle":"h","msgId":"i"}]"#;
    assert_eq!(decode_consumed(sparse, UnixMillis(9)).unwrap().deliveries[0].tag, None);
    assert_eq!(decode_consumed(b"[]", UnixMillis(9)).unwrap(), Consumed { deliveries: Vec::new(), unreadable: 0 });
    let mixed = br#"[{"body":null},{"body":"a","bornTime":1,"msgHandle":"h","msgId":"i"},7]"#;
    let consumed = decode_consumed(mixed, UnixMillis(9)).unwrap();
    assert_eq!((consumed.deliveries.len(), consumed.unreadable), (1, 2));
    for bad in [&b""[..], b"{}", b"[{}]", br#"[{"body":"a","bornTime":"1","msgHandle":"","msgId":"i"}]"#] {
        assert!(decode_consumed(bad, UnixMillis(9)).is_err());
    }
    assert_eq!(decode_error(br#"{"code":"BODY_TOO_BIG","info":"x"}"#).unwrap().code, ErrorCode::BodyTooBig);
    assert_eq!(decode_error(b""), None);
}

#[test]
fn what_the_protocol_does_not_carry() {
    let able_to = |features: &[Feature]| Capabilities {
        protocol: Protocol::OnsHttp,
        limits: ProtocolLimits {
            max_message_bytes: 10,
            max_receive_messages: MAX_CONSUME,
            max_wait: Duration::from_secs(30),
            max_delay: Duration::ZERO,
            visibility_timeouts: None,
        },
        features: features.iter().copied().fold(Features::NONE, Features::with),
        optional: OptionalFeatures {
            features: Features::NONE.with(Feature::BinaryBodies),
            setting: "binary_bodies = true",
        },
    };
    let able = able_to(&[Feature::DelayedDelivery, Feature::MessageGroups, Feature::EmptyBodies]);
    let message = |body: &'static [u8]| Message::new(Topic::parse("T").unwrap(), body.into());
    let keys = |count, length| vec![Key::parse(&"\u{952e}".repeat(length)).unwrap(); count];
    assert_eq!(objection(&message(b""), &able), None);
    assert_eq!(objection(&Message { keys: keys(1, 128), ..message(b"x") }, &able), None);
    assert_eq!(objection(&Message { keys: keys(3, 42), ..message(b"x") }, &able), None);
    assert_eq!(objection(&message(b"0123456789x"), &able), Some(Objection::TooLarge { limit: 10, actual: 11 }));
    let field = |message: &Message, able: &Capabilities| match objection(message, able) {
        Some(Objection::Unsupported { field, detail, .. } | Objection::Invalid { field, detail, .. }) => {
            (field, detail)
        }
        other => panic!("{other:?}"),
    };
    let (name, detail) = field(&Message { keys: keys(2, 64), ..message(b"x") }, &able);
    assert!(
        name == "keys" && detail.contains("have 129 characters when joined by blanks, the limit is 128"),
        "{detail}"
    );
    let (name, detail) = field(&message(b"\xff"), &able);
    assert!(name == "body" && detail.starts_with("ons-http carries no bytes that are not UTF-8"), "{detail}");
    assert_eq!(objection(&message(b"\xff"), &able_to(&[Feature::BinaryBodies])), None);
    let properties = vec![("a".to_owned(), "b".to_owned())];
    assert_eq!(field(&Message { properties, ..message(b"x") }, &able).0, "properties");
    let delayed = Message { deliver_at: Some(UnixMillis(1)), ..message(b"x") };
    assert_eq!(field(&delayed, &able_to(&[Feature::MessageGroups])).0, "deliver_at");
    let ordered = Message { message_group: Some(MessageGroup::parse("g").unwrap()), ..message(b"x") };
    assert_eq!(field(&ordered, &able_to(&[Feature::DelayedDelivery])).0, "message_group");
}

fn text() -> impl Strategy<Value = Cow<'static, str>> {
    prop::collection::vec(any::<char>(), 1..20).prop_map(|chars| Cow::Owned(chars.into_iter().collect()))
}

fn requests() -> impl Strategy<Value = Request<'static>> {
    let time = any::<u64>().prop_map(|time| Cow::Owned(time.to_string()));
    let publish = (
        (text(), text(), time.clone()),
        (prop::option::of(text()), prop::option::of(text()), any::<Option<u64>>(), prop::option::of(text())),
        (any::<Option<u64>>(), prop::option::of("[ -~]{1,20}"), any::<Vec<u8>>()),
    )
        .prop_map(
            |(
                (topic, producer_group, time),
                (tag, key, start_deliver_time, sharding_key),
                (timeout, content_type, body),
            )| {
                let body = Bytes::from(body);
                Request::Publish(Publish {
                    body_md5: None,
                    topic,
                    producer_group,
                    time,
                    tag,
                    key,
                    start_deliver_time,
                    sharding_key,
                    timeout,
                    content_type: content_type.map(Cow::Owned),
                    body,
                })
            },
        );
    let numbers = (any::<Option<u32>>(), any::<Option<u64>>(), any::<Option<u64>>());
    let consume = (text(), text(), time.clone(), numbers).prop_map(
        |(topic, consumer_group, time, (num, timeout, hidden_for))| {
            Request::Consume(Consume { topic, consumer_group, time, num, timeout, hidden_for })
        },
    );
    let of_delivery = (text(), text(), time, text(), prop::option::of("[0-9]{1,8}")).prop_map(
        |(topic, consumer_group, time, handle, millis)| {
            let delivery = Acknowledge { topic, consumer_group, time, handle };
            match millis {
                Some(millis) => Request::ChangeVisibility(ChangeVisibility { delivery, millis: millis.into() }),
                None => Request::Acknowledge(delivery),
            }
        },
    );
    prop_oneof![publish, consume, of_delivery]
}

fn deliveries() -> impl Strategy<Value = Delivery> {
    (
        ("[A-F0-9]{32}", "[A-Za-z0-9=+/]{1,40}", any::<Vec<u8>>()),
        (prop::option::of("[^|\\p{Cc}]{1,20}"), prop::collection::vec("[^\\s\\p{Cc}]{1,10}", 0..3)),
        (prop::option::of("[a-z0-9]{1,9}"), 1..u32::MAX, any::<u64>(), any::<u64>()),
    )
        .prop_map(|((id, handle, body), (tag, keys), (group, attempt, published, visible))| Delivery {
            message_id: MessageId::parse(&id).unwrap(),
            handle: UpstreamHandle::parse(&handle).unwrap(),
            body: body.into(),
            tag,
            keys,
            properties: Vec::new(),
            system_properties: Vec::new(),
            message_group: group.map(|group| MessageGroup::parse(&group).unwrap()),
            deliver_at: None,
            delivery_attempt: attempt,
            published_at: UnixMillis(published),
            first_delivered_at: None,
            visible_again_at: UnixMillis(visible),
        })
}

proptest! {
    #[test]
    fn a_request_survives_the_wire(request in requests(), access_key in "[ -~]{1,30}") {
        let signature = SigningKey::new("any").sign(&request.string_to_sign());
        let encoded = request.clone().encode(&by(&access_key, signature.as_str()));
        prop_assert!(encoded.target.is_ascii());
        let back = decoded(&encoded).unwrap();
        prop_assert_eq!(back.request, request);
        prop_assert_eq!(back.access_key.as_ref(), access_key.as_str());
        prop_assert!(signature.matches(back.signature.as_bytes()));
    }

    #[test]
    fn deliveries_survive_the_wire(batch in prop::collection::vec(deliveries(), 0..4)) {
        let mut expected = batch.clone();
        for delivery in &mut expected {
            delivery.visible_again_at = UnixMillis(7);
        }
        let consumed = decode_consumed(encode_consumed(&batch).as_bytes(), UnixMillis(7)).unwrap();
        prop_assert_eq!(consumed, Consumed { deliveries: expected, unreadable: 0 });
    }

    #[test]
    fn no_answer_makes_the_decoders_panic(body in any::<Vec<u8>>()) {
        drop((decode_published(&body), decode_consumed(&body, UnixMillis(0)), decode_error(&body)));
    }
}
