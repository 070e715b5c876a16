//! What the protocol does not carry, in words.

use super::super::objection;
use super::{able, message};
use crate::model::{Message, MessageGroup, Tag, UnixMillis};
use crate::protocol::Objection;

const LATEST: UnixMillis = UnixMillis(1000);

#[track_caller]
fn check(message: &Message, expected: Option<(&str, &str)>) {
    let found = objection(message, &able(10), LATEST);
    let found = found.as_ref().map(|objection| match objection {
        Objection::TooLarge { .. } => ("body", "too large"),
        Objection::Unsupported { field, detail, .. } | Objection::Invalid { field, detail, .. } => {
            (*field, detail.as_str())
        }
    });
    match (found, expected) {
        (None, None) => {}
        (Some((field, detail)), Some((wanted, part))) => {
            assert_eq!(field, wanted, "{detail}");
            assert!(detail.contains(part), "{detail}");
        }
        (found, expected) => panic!("{found:?} instead of {expected:?}"),
    }
}

fn with_properties(properties: impl IntoIterator<Item = (String, String)>) -> Message {
    Message { properties: properties.into_iter().collect(), ..message("x") }
}

fn with_property(name: &str, value: &str) -> Message {
    with_properties([(name.to_owned(), value.to_owned())])
}

#[test]
fn bodies() {
    check(&message("0123456789"), None);
    check(&message(&b"\xff\x00"[..]), None);
    check(&message("0123456789a"), Some(("body", "too large")));
    check(&message(""), Some(("body", "no empty body")));
}

#[test]
fn tags_and_groups() {
    check(&Message { tag: Tag::parse("  ").ok(), ..message("x") }, Some(("tag", "blank")));
    let group =
        |length: usize| Message { message_group: MessageGroup::parse(&"g".repeat(length)).ok(), ..message("x") };
    check(&group(63), None);
    check(&group(64), Some(("message_group", "has 64 bytes, the limit of rocketmq is 63")));
}

#[test]
fn times() {
    let at = |time| Message { deliver_at: Some(UnixMillis(time)), ..message("x") };
    check(&at(1000), None);
    check(&at(1001), Some(("deliver_at", "max_delay (24 h)")));
    let both = Message { message_group: MessageGroup::parse("g").ok(), ..at(1) };
    check(&both, Some(("message_group", "cannot be delayed")));
}

#[test]
fn properties() {
    let many = |count: usize| with_properties((0..count).map(|index| (format!("p{index}"), String::new())));
    check(&many(128), None);
    check(&many(129), Some(("properties", "are 129, the limit of rocketmq is 128")));
    check(&with_property("p", &"x".repeat((16 << 10) - 1)), None);
    check(&with_property("p", &"x".repeat(16 << 10)), Some(("properties", "have 16385 bytes")));
    check(&with_property("", "x"), Some(("properties", "must not be empty")));
    for name in ["KEYS", "TAGS", "__SHARDINGKEY", "UNIQ_KEY", "TIMER_DELAY_SEC"] {
        check(&with_property(name, "x"), Some(("properties", "the MQ itself uses")));
    }
    check(&with_property("a\u{1}", "x"), Some(("properties", "control")));
    check(&with_property("a", "x\u{2}"), Some(("properties", "control")));
    check(&with_property("keys", "x: y|z"), None);
}
