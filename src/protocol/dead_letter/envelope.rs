//! The form without properties: a JSON object around the message, `{"mq_gateway_dead_letter":1,"dead_letter":{…},"message":{…}}`.
//!
//! Tag and keys stand on the outside, too, as far as there is room for them, so that people find the dead letter by them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::DeadLetter;
use crate::model::{
    ConsumerGroup, Delivery, Key, MAX_TAG_CHARS, Message, MessageGroup, MessageId, Tag, Topic, UnixMillis,
};

/// What every envelope begins with.
const BEGINNING: &[u8] = b"{\"mq_gateway_dead_letter\":1,";
const TEXT: &str = "text";
const BASE64: &str = "base64";

#[derive(Serialize, Deserialize)]
struct Envelope {
    mq_gateway_dead_letter: u32,
    dead_letter: Letter,
    message: Original,
}

#[derive(Serialize, Deserialize)]
struct Letter {
    subscription: String,
    topic: String,
    group: String,
    message_id: String,
    webhook_id: String,
    reason: String,
    status: Option<u16>,
    attempts: u32,
    /// Milliseconds since 1970, as the others.
    first_attempt_at: u64,
    last_attempt_at: u64,
    published_at: u64,
    url: String,
    answer: String,
}

#[derive(Serialize, Deserialize)]
struct Original {
    body: String,
    encoding: String,
    tag: Option<String>,
    keys: Vec<String>,
    /// A list, as a name may be there twice.
    properties: Vec<(String, String)>,
    message_group: Option<String>,
}

pub(super) fn wrap(topic: &Topic, original: &Delivery, letter: &DeadLetter) -> Message {
    let (body, encoding) = body_text(&original.body);
    let envelope = Envelope {
        mq_gateway_dead_letter: 1,
        dead_letter: Letter {
            subscription: letter.subscription.clone(),
            topic: letter.topic.as_str().to_owned(),
            group: letter.group.as_str().to_owned(),
            message_id: letter.message_id.as_str().to_owned(),
            webhook_id: letter.webhook_id.clone(),
            reason: letter.reason.clone(),
            status: letter.status,
            attempts: letter.attempts,
            first_attempt_at: letter.first_attempt_at.0,
            last_attempt_at: letter.last_attempt_at.0,
            published_at: letter.published_at.0,
            url: letter.url.clone(),
            answer: letter.answer.clone(),
        },
        message: Original {
            body,
            encoding: encoding.to_owned(),
            tag: original.tag.clone(),
            keys: original.keys.clone(),
            properties: original.properties.clone(),
            message_group: original.message_group.as_ref().map(|group| group.as_str().to_owned()),
        },
    };
    // Strings and numbers only: writing cannot fail.
    let body = Bytes::from(serde_json::to_vec(&envelope).unwrap_or_default());
    let tag = original.tag.as_deref().and_then(|tag| Tag::parse(tag).ok());
    Message { tag, keys: outer_keys(&original.keys), ..Message::new(topic.clone(), body) }
}

/// A body as a JSON string holds it, in the shorter way.
fn body_text(body: &[u8]) -> (String, &'static str) {
    match std::str::from_utf8(body) {
        Ok(text) if escaped_bytes(text) <= body.len().div_ceil(3).saturating_mul(4) => (text.to_owned(), TEXT),
        Ok(_) | Err(_) => (STANDARD.encode(body), BASE64),
    }
}

/// The bytes of a text with its escapes.
fn escaped_bytes(text: &str) -> usize {
    let of = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(of).sum()
}

/// As many keys as fit where all have the room of one.
fn outer_keys(keys: &[String]) -> Vec<Key> {
    let mut room = MAX_TAG_CHARS + 1;
    let mut fits = |key: &Key| {
        let needed = key.as_str().chars().count() + 1;
        let fits = needed <= room;
        room = room.saturating_sub(needed);
        fits
    };
    keys.iter().map_while(|key| Key::parse(key).ok()).take_while(|key| fits(key)).collect()
}

pub(super) fn unwrap(delivery: &Delivery) -> Option<(DeadLetter, Delivery)> {
    if !delivery.body.starts_with(BEGINNING) {
        return None;
    }
    // By way of a value: members that a later version adds are skipped all the same.
    let Envelope { dead_letter: letter, message, .. } =
        serde_json::from_slice::<Value>(&delivery.body).and_then(serde_json::from_value).ok()?;
    let letter = DeadLetter {
        subscription: letter.subscription,
        topic: Topic::parse_longest(&letter.topic).ok()?,
        group: ConsumerGroup::parse_longest(&letter.group).ok()?,
        message_id: MessageId::parse(&letter.message_id).ok()?,
        webhook_id: letter.webhook_id,
        reason: letter.reason,
        status: letter.status,
        attempts: letter.attempts,
        first_attempt_at: UnixMillis(letter.first_attempt_at),
        last_attempt_at: UnixMillis(letter.last_attempt_at),
        published_at: UnixMillis(letter.published_at),
        answer: letter.answer,
        url: letter.url,
    };
    let body = match message.encoding.as_str() {
        TEXT => Bytes::from(message.body),
        BASE64 => STANDARD.decode(message.body).ok()?.into(),
        _ => return None,
    };
    let message_group = message.message_group.and_then(|group| MessageGroup::parse(&group).ok());
    let (tag, keys, properties) = (message.tag, message.keys, message.properties);
    Some((letter, Delivery { body, tag, keys, properties, message_group, ..delivery.clone() }))
}
