//! Fuzz target: dead letters as they are written, and what comes from a topic of dead letters, whoever wrote it.

use bytes::Bytes;

use super::{DeadLetter, Form, MAX_ANSWER_BYTES, answer_excerpt, unwrap, wrap};
use crate::fuzz_input::Input;
use crate::model::{ConsumerGroup, Delivery, Message, MessageGroup, MessageId, Topic, UnixMillis, UpstreamHandle};
use crate::protocol::mq_http::property_flaw;

/// Lines: subscription, topic, group, message id, reason, status, URL, tag, keys, message group; properties as `name:value` up to an
/// empty line; then the body, which is the target's last answer, too.
pub(crate) fn dead_letters(data: &[u8]) {
    let mut input = Input::new(data);
    let mut text = || input.text().unwrap_or_default();
    let (subscription, topic, group, message_id) = (text(), text(), text(), text());
    let (reason, status, url) = (text(), text(), text());
    let (tag, keys, message_group) = (text(), text(), text());
    let properties: Vec<(String, String)> = input
        .lines()
        .iter()
        .filter_map(|line| std::str::from_utf8(line).ok()?.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let body = input.rest();
    let answer = excerpt(body);
    let url = url.to_owned();
    let delivery = |body: Bytes, tag: Option<String>, keys: Vec<String>, properties: Vec<(String, String)>| Delivery {
        message_id: MessageId::parse("M1").unwrap_or_else(|_| unreachable!("it is a name")),
        handle: UpstreamHandle::parse("h").unwrap_or_else(|_| unreachable!("it is a name")),
        body,
        tag,
        keys,
        properties,
        system_properties: Vec::new(),
        message_group: MessageGroup::parse(message_group).ok(),
        delivery_attempt: 3,
        deliver_at: Some(UnixMillis(1)),
        published_at: UnixMillis(1_700_000_000_000),
        first_delivered_at: None,
        visible_again_at: UnixMillis(1_700_000_300_000),
    };
    let tag = Some(tag.to_owned()).filter(|tag| !tag.is_empty());
    let keys = keys.split(' ').filter(|key| !key.is_empty()).map(str::to_owned).collect();
    let original = delivery(Bytes::copy_from_slice(body), tag, keys, properties);
    from_anybody(&original);
    let (Ok(topic), Ok(group)) = (Topic::parse_longest(topic), ConsumerGroup::parse_longest(group)) else { return };
    let Ok(message_id) = MessageId::parse(message_id) else { return };
    if subscription.is_empty() {
        return;
    }
    let letter = DeadLetter {
        subscription: subscription.to_owned(),
        topic,
        group,
        message_id,
        webhook_id: format!("{subscription}-1"),
        reason: reason.to_owned(),
        status: status.parse().ok(),
        attempts: 12,
        first_attempt_at: UnixMillis(1_700_000_000_001),
        last_attempt_at: UnixMillis(u64::MAX),
        published_at: UnixMillis(0),
        answer,
        url,
    };
    let Ok(dead_topic) = Topic::parse("orders-dead") else { return };
    for form in Form::in_order(true) {
        let Some(message) = wrap(&dead_topic, &original, &letter, form) else {
            assert!(form.has_properties, "the last form holds everything");
            continue;
        };
        if form.has_properties {
            let added = message.properties.iter().skip(original.properties.len());
            for (name, value) in added {
                assert!(property_flaw(name).is_none() && property_flaw(value).is_none(), "{name}: {value}");
            }
        }
        let read = unwrap(&delivered(&original, message));
        let answer = if form.has_answer { letter.answer.clone() } else { String::new() };
        let expected_letter = DeadLetter { answer, ..letter.clone() };
        let expected = Delivery {
            message_id: letter.message_id.clone(),
            published_at: letter.published_at,
            first_delivered_at: Some(letter.first_attempt_at),
            delivery_attempt: letter.attempts,
            deliver_at: None,
            ..original.clone()
        };
        assert_eq!(read, Some((expected_letter, expected)), "{form:?}");
    }
}

/// As the MQ gives it back: with the handle of the original, so that both can be compared.
fn delivered(original: &Delivery, message: Message) -> Delivery {
    Delivery {
        message_id: original.message_id.clone(),
        body: message.body,
        tag: message.tag.map(|tag| tag.as_str().to_owned()),
        keys: message.keys.iter().map(|key| key.as_str().to_owned()).collect(),
        properties: message.properties,
        message_group: message.message_group,
        ..original.clone()
    }
}

/// A message that only claims to be one: what is read of it can be written and read again.
fn from_anybody(delivery: &Delivery) {
    let Some((letter, original)) = unwrap(delivery) else { return };
    let Ok(topic) = Topic::parse("orders-dead") else { return };
    let form = Form { has_properties: false, has_answer: true };
    let again = wrap(&topic, &original, &letter, form).and_then(|message| unwrap(&delivered(&original, message)));
    assert_eq!(again, Some((letter, original)));
}

/// An excerpt is short, and one line that turns nothing around.
fn excerpt(body: &[u8]) -> String {
    let excerpt = answer_excerpt(body);
    assert!(excerpt.len() <= MAX_ANSWER_BYTES && !excerpt.contains(char::is_control), "{excerpt:?}");
    assert!(!excerpt.contains(['\u{2028}', '\u{2029}', '\u{202e}', '\u{feff}', '\u{fffe}', '\u{ffff}']), "{excerpt:?}");
    assert_eq!(answer_excerpt(excerpt.as_bytes()), excerpt);
    excerpt
}
