//! Dead letters there and back.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::model::{ConsumerGroup, MessageGroup, MessageId, UnixMillis, UpstreamHandle};
use crate::protocol::mq_http::property_flaw;

fn letter() -> DeadLetter {
    DeadLetter {
        subscription: "billing".to_owned(),
        topic: Topic::parse("%RETRY%orders").unwrap(),
        group: ConsumerGroup::parse_configured("账单").unwrap(),
        message_id: MessageId::parse("7F0000010000").unwrap(),
        webhook_id: "billing-7F0000010000".to_owned(),
        reason: "exhausted".to_owned(),
        status: Some(503),
        attempts: 12,
        first_attempt_at: UnixMillis(1_700_000_000_001),
        last_attempt_at: UnixMillis(1_700_000_100_002),
        published_at: UnixMillis(1_699_999_999_999),
        answer: "{\"error\": \"no <b>|&' 50% 空\"}".to_owned(),
        url: "https://[::1]:8443/hook/a".to_owned(),
    }
}

fn original() -> Delivery {
    Delivery {
        body: "{\"order\": 7}".into(),
        tag: Some("paid".to_owned()),
        keys: vec!["k1".to_owned(), "k2".to_owned()],
        properties: vec![("colour".to_owned(), "red".to_owned())],
        message_group: Some(MessageGroup::parse("customer 7").unwrap()),
        ..Delivery::for_tests("original")
    }
}

/// What a consumer of the dead letters gets.
fn delivered(message: Message) -> Delivery {
    Delivery {
        message_id: MessageId::parse("id-of-the-dead-letter").unwrap(),
        handle: UpstreamHandle::parse("its-handle").unwrap(),
        body: message.body,
        tag: message.tag.map(|tag| tag.as_str().to_owned()),
        keys: message.keys.iter().map(|key| key.as_str().to_owned()).collect(),
        properties: message.properties,
        system_properties: vec![("__BORNHOST".to_owned(), "x".to_owned())],
        published_at: UnixMillis(1_800_000_000_000),
        deliver_at: Some(UnixMillis(1)),
        delivery_attempt: 3,
        ..Delivery::for_tests("x")
    }
}

const FORMS: [Form; 4] = [
    Form { has_properties: true, has_answer: true },
    Form { has_properties: true, has_answer: false },
    Form { has_properties: false, has_answer: true },
    Form { has_properties: false, has_answer: false },
];

#[track_caller]
fn check_round_trip(original: &Delivery, letter: &DeadLetter, form: Form) -> Message {
    let topic = Topic::parse("orders-dead").unwrap();
    let message = wrap(&topic, original, letter, form).unwrap();
    assert_eq!((message.topic.as_str(), &message.message_group, message.deliver_at), ("orders-dead", &None, None));
    let (read, back) = unwrap(&delivered(message.clone())).unwrap();
    let mut expected = letter.clone();
    if !form.has_answer {
        expected.answer.clear();
    }
    assert_eq!(read, expected);
    assert_eq!(
        (&back.body, &back.tag, &back.keys, &back.properties, &back.message_group),
        (&original.body, &original.tag, &original.keys, &original.properties, &original.message_group)
    );
    assert_eq!((&back.message_id, back.published_at), (&letter.message_id, letter.published_at));
    assert_eq!((back.first_delivered_at, back.delivery_attempt), (Some(letter.first_attempt_at), letter.attempts));
    assert_eq!((back.handle.as_str(), back.deliver_at, back.system_properties.len()), ("its-handle", None, 0));
    message
}

#[test]
fn each_form_gives_the_message_back() {
    for form in FORMS {
        let message = check_round_trip(&original(), &letter(), form);
        assert_eq!(message.tag.as_ref().unwrap().as_str(), "paid");
        assert_eq!(message.body == original().body, form.has_properties);
        assert_eq!(message.properties.is_empty(), !form.has_properties);
        let bare = Delivery { tag: None, keys: Vec::new(), properties: Vec::new(), message_group: None, ..original() };
        let silent = DeadLetter {
            status: None,
            answer: String::new(),
            url: String::new(),
            webhook_id: String::new(),
            ..letter()
        };
        check_round_trip(&bare, &silent, form);
    }
}

#[test]
fn what_a_topics_defaults_add_is_taken_off_again() {
    let bare = Delivery { tag: None, keys: Vec::new(), ..original() };
    for form in FORMS {
        let topic = Topic::parse("orders-dead").unwrap();
        let mut dead = delivered(wrap(&topic, &bare, &letter(), form).unwrap());
        (dead.tag, dead.keys) = (Some("http".to_owned()), vec!["http".to_owned()]);
        let (_, back) = unwrap(&dead).unwrap();
        assert_eq!((back.tag, back.keys), (None, Vec::<String>::new()));
    }
}

#[test]
fn the_documented_bytes() {
    let topic = Topic::parse("orders-dead").unwrap();
    let form = Form { has_properties: false, has_answer: true };
    let message = wrap(&topic, &original(), &letter(), form).unwrap();
    let expected = serde_json::json!({
        "mq_gateway_dead_letter": 1,
        "dead_letter": {
            "subscription": "billing", "topic": "%RETRY%orders", "group": "账单", "message_id": "7F0000010000",
            "webhook_id": "billing-7F0000010000", "reason": "exhausted", "status": 503, "attempts": 12,
            "first_attempt_at": 1_700_000_000_001_u64, "last_attempt_at": 1_700_000_100_002_u64,
            "published_at": 1_699_999_999_999_u64, "url": "https://[::1]:8443/hook/a",
            "answer": "{\"error\": \"no <b>|&' 50% 空\"}"
        },
        "message": {
            "body": "{\"order\": 7}", "encoding": "text", "tag": "paid", "keys": ["k1", "k2"],
            "properties": [["colour", "red"]], "message_group": "customer 7"
        }
    });
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&message.body).unwrap(), expected);

    let message = wrap(&topic, &original(), &letter(), Form { has_properties: true, has_answer: true }).unwrap();
    let value = |name: &str| message.properties.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str());
    assert_eq!(value("mq-gateway-dead-letter"), Some("1"));
    assert_eq!(value("mq-gateway-dead-letter-subscription"), Some("billing"));
    assert_eq!(value("mq-gateway-dead-letter-status"), Some("503"));
    assert_eq!(value("mq-gateway-dead-letter-topic"), Some("%25RETRY%25orders"));
    assert_eq!(value("mq-gateway-dead-letter-url"), Some("https%3A//[%3A%3A1]%3A8443/hook/a"));
    assert_eq!(value("mq-gateway-dead-letter-message-group"), Some("customer%207"));
    for (name, value) in &message.properties {
        assert_eq!((property_flaw(name), property_flaw(value)), (None, None), "{name}: {value}");
    }
}

#[test]
fn other_messages_are_no_dead_letters() {
    let with = |properties: &[(&str, &str)], body: &str| Delivery {
        properties: properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: Bytes::from(body.to_owned()),
        ..original()
    };
    let mark = "mq-gateway-dead-letter";
    for delivery in [
        with(&[], "x"),
        with(&[(mark, "1")], "x"),
        with(&[(mark, "2"), ("mq-gateway-dead-letter-subscription", "s")], "x"),
        with(&[], "{\"mq_gateway_dead_letter\":1,"),
        with(&[], "{\"mq_gateway_dead_letter\":1,\"dead_letter\":{},\"message\":{}}"),
        with(&[], "{\"mq_gateway_dead_letter\":2,\"dead_letter\":{}}"),
    ] {
        assert_eq!(unwrap(&delivery), None, "{delivery:?}");
    }
}

#[test]
fn members_of_a_later_version_are_skipped() {
    let topic = Topic::parse("orders-dead").unwrap();
    let message = wrap(&topic, &original(), &letter(), Form { has_properties: false, has_answer: true }).unwrap();
    let text = String::from_utf8(message.body.to_vec()).unwrap();
    let body = text.replace("\"reason\"", "\"colour\":{\"a\":[1]},\"reason\"");
    assert_ne!(text, body);
    let (read, _) = unwrap(&delivered(Message { body: body.into(), ..message })).unwrap();
    assert_eq!(read, letter());
}

/// A subscription on a topic of dead letters may give up in its turn.
#[test]
fn a_dead_letter_of_a_dead_letter_has_both() {
    let topic = Topic::parse("orders-dead").unwrap();
    for inner in FORMS.into_iter().filter(|form| form.has_answer) {
        let first = delivered(wrap(&topic, &original(), &letter(), inner).unwrap());
        let second = DeadLetter { subscription: "second".to_owned(), ..letter() };
        let both: Vec<_> = FORMS.into_iter().filter_map(|form| wrap(&topic, &first, &second, form)).collect();
        assert_eq!(both.len(), if inner.has_properties { 2 } else { 4 });
        for message in both {
            let (outer, inside) = unwrap(&delivered(message)).unwrap();
            assert_eq!(outer.subscription, "second");
            assert_eq!(unwrap(&inside).unwrap().0.subscription, "billing");
        }
    }
}

#[test]
fn properties_come_first_and_only_where_there_are_some() {
    let order = |has_properties| Form::in_order(has_properties).collect::<Vec<_>>();
    assert_eq!(order(true), FORMS);
    assert_eq!(order(false), FORMS.get(2..).unwrap());
}

#[test]
fn an_answer_is_cut_and_cleaned() {
    let check = |body: &[u8], expected: &str| assert_eq!(answer_excerpt(body), expected, "{body:?}");
    check(b"", "");
    check(b"plain", "plain");
    check(b" two\r\nlines\t\x1b[31mred\x7f\x00 ", "two  lines [31mred");
    check("\u{202e}turned\u{feff}\u{85}".as_bytes(), "turned");
    check(b"\xff\xfe", "\u{fffd}\u{fffd}");
    check(&b"x".repeat(5000), &"x".repeat(1024));
    // A character that the cut goes through is replaced, and never more than the limit.
    let cut = answer_excerpt(&"空".repeat(1000).into_bytes());
    assert!(cut.len() <= MAX_ANSWER_BYTES && cut.starts_with("空空"), "{}", cut.len());
    assert!(answer_excerpt(&b"\xff".repeat(1024)).len() <= MAX_ANSWER_BYTES);
}

proptest! {
    /// Any bytes, tags, keys and properties survive every form, and the envelope is never much longer than base64.
    #[test]
    fn anything_comes_back(
        body in prop::collection::vec(any::<u8>(), 0..300),
        text in "\\PC{0,60}",
        tag in prop::option::of("[^|\\p{Cc}]{1,20}"),
        keys in prop::collection::vec("[a-z0-9-]{1,60}", 0..5),
        properties in prop::collection::vec(("[a-z]{1,5}", "\\PC{0,20}"), 0..4),
    ) {
        for body in [Bytes::from(body), Bytes::from(text)] {
            let original = Delivery { body: body.clone(), tag: tag.clone(), properties: properties.clone(), ..original() };
            for form in FORMS {
                // Outer keys have less room than inner ones, and only the properties' form needs them.
                let keys = if form.has_properties { Vec::new() } else { keys.clone() };
                let message = check_round_trip(&Delivery { keys, ..original.clone() }, &letter(), form);
                if !form.has_properties {
                    prop_assert!(message.body.len() <= body.len().div_ceil(3) * 4 + 2500, "{}", message.body.len());
                }
            }
        }
    }
}
