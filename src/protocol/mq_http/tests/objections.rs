//! What the protocol does not carry.

use std::time::Duration;

use super::super::*;
use super::message;
use crate::model::{
    Capabilities, Feature, Features, Key, MessageGroup, OptionalFeatures, Protocol, ProtocolLimits, Tag, UnixMillis,
};
use crate::protocol::Objection;

fn able(base64: bool) -> Capabilities {
    let carried = [Feature::Properties, Feature::DelayedDelivery, Feature::MessageGroups];
    let encoded = [Feature::BinaryBodies, Feature::EmptyBodies];
    let optional = encoded.into_iter().fold(Features::NONE, Features::with);
    let features = carried.into_iter().fold(if base64 { optional } else { Features::NONE }, Features::with);
    Capabilities {
        protocol: Protocol::MqHttp,
        limits: ProtocolLimits {
            max_message_bytes: 100,
            max_receive_messages: MAX_CONSUME,
            max_wait: Duration::from_secs(MAX_WAIT_SECONDS),
            max_delay: Duration::ZERO,
            visibility_timeouts: None,
        },
        features,
        optional: OptionalFeatures { features: optional, setting: "binary_bodies = \"base64\"" },
    }
}

#[test]
fn bodies() {
    assert_eq!(objection(&message("x"), &able(false)), None);
    let check = |body: Vec<u8>, base64, expected: Option<usize>| {
        let objection = objection(&message(body), &able(base64));
        let expected = expected.map(|actual| Objection::TooLarge { limit: 100, actual });
        assert_eq!(objection, expected);
    };
    check(vec![b'x'; 100], false, None);
    check(vec![b'x'; 101], false, Some(101));
    check(vec![0; 75], true, None);
    check(vec![0; 76], true, Some(104));
    check(Vec::new(), true, None);
    for (body, words) in [("", "mq-http carries no empty body"), ("\u{1}", "mq-http carries text only")] {
        match objection(&message(body), &able(false)) {
            Some(Objection::Unsupported { field: "body", detail, .. }) if detail.starts_with(words) => {}
            other => panic!("{body:?}: {other:?}"),
        }
    }
}

#[track_caller]
fn check(change: impl FnOnce(&mut crate::model::Message), expected: &'static str, words: &str) {
    let mut message = message("x");
    change(&mut message);
    match objection(&message, &able(false)) {
        Some(Objection::Invalid { field, detail, .. }) => {
            assert_eq!(field, expected);
            assert!(detail.contains(words), "{detail}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_and_properties() {
    let property = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    check(|it| it.tag = Some(Tag::parse("a\u{FFFE}").unwrap()), "tag", "that XML forbids");
    check(|it| it.keys = vec![Key::parse("a:b").unwrap()], "keys", "a key must not contain any of");
    check(|it| it.message_group = Some(MessageGroup::parse("a|b").unwrap()), "message_group", "a message group");
    check(|it| it.properties = property("", "v"), "properties", "must not be empty");
    check(|it| it.properties = property("KEYS", "v"), "properties", "that the MQ itself uses");
    check(|it| it.properties = property("a", "b|c"), "properties", "a property must not contain");
    let delayed_in_order = |it: &mut crate::model::Message| {
        it.message_group = Some(MessageGroup::parse("g").unwrap());
        it.deliver_at = Some(UnixMillis(1));
    };
    check(delayed_in_order, "message_group", "cannot be delayed");
}

/// Keys, message group and properties share one text.
#[test]
fn the_text_of_properties_is_limited() {
    let keys = || (0..128).map(|_| Key::parse(&"k".repeat(127)).unwrap()).collect::<Vec<_>>();
    let mut full = message("x");
    full.keys = keys();
    assert_eq!(objection(&full, &able(false)), None);
    let words = "have 16385 bytes together, the limit of mq-http is 16384";
    let one_more = |it: &mut crate::model::Message| {
        it.keys = keys();
        it.message_group = Some(MessageGroup::parse("g").unwrap());
    };
    check(one_more, "properties", words);
}
