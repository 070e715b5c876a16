//! The form with properties: the body is the message's own.
//!
//! Values are percent-encoded where a protocol would not carry them as they are (`mq-http` has no `: | & " ' < >` in them), `%`
//! itself always.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::DeadLetter;
use crate::model::{ConsumerGroup, Delivery, Key, Message, MessageGroup, MessageId, Tag, Topic, UnixMillis};

/// The mark, and what the names of all the others begin with.
const PREFIX: &str = "mq-gateway-dead-letter";
const VERSION: &str = "1";

/// Of printable ASCII what `mq-http` refuses, and what would be taken for an escape. Other characters than ASCII are always encoded.
const ENCODED: &AsciiSet =
    &CONTROLS.add(b'%').add(b':').add(b'|').add(b'&').add(b'"').add(b'\'').add(b'<').add(b'>').add(b' ');

pub(super) fn wrap(topic: &Topic, original: &Delivery, letter: &DeadLetter) -> Option<Message> {
    if original.properties.iter().any(|(name, _)| name.starts_with(PREFIX)) {
        return None;
    }
    let mut properties = original.properties.clone();
    let mut tell = |name: &str, value: &str| {
        if !value.is_empty() {
            properties.push((name_of(name), utf8_percent_encode(value, ENCODED).to_string()));
        }
    };
    tell("", VERSION);
    tell("-subscription", &letter.subscription);
    tell("-topic", letter.topic.as_str());
    tell("-group", letter.group.as_str());
    tell("-message-id", letter.message_id.as_str());
    tell("-webhook-id", &letter.webhook_id);
    tell("-reason", &letter.reason);
    tell("-status", &letter.status.map(|it| it.to_string()).unwrap_or_default());
    tell("-attempts", &letter.attempts.to_string());
    tell("-first-attempt-at", &letter.first_attempt_at.0.to_string());
    tell("-last-attempt-at", &letter.last_attempt_at.0.to_string());
    tell("-published-at", &letter.published_at.0.to_string());
    tell("-url", &letter.url);
    tell("-answer", &letter.answer);
    tell("-message-group", original.message_group.as_ref().map_or("", MessageGroup::as_str));
    // What a topic's defaults would add is told not to have been there.
    tell("-without-tag", if original.tag.is_none() { "true" } else { "" });
    tell("-without-keys", if original.keys.is_empty() { "true" } else { "" });
    let tag = original.tag.as_deref().map(Tag::parse).transpose().ok()?;
    let keys = original.keys.iter().map(|key| Key::parse(key)).collect::<Result<_, _>>().ok()?;
    Some(Message { tag, keys, properties, ..Message::new(topic.clone(), original.body.clone()) })
}

pub(super) fn unwrap(delivery: &Delivery) -> Option<(DeadLetter, Delivery)> {
    let found = |name: &str| {
        let wanted = name_of(name);
        let (_, value) = delivery.properties.iter().find(|(name, _)| *name == wanted)?;
        percent_decode_str(value).decode_utf8().ok().map(std::borrow::Cow::into_owned)
    };
    let number = |name: &str| found(name)?.parse().ok();
    if found("")? != VERSION {
        return None;
    }
    let letter = DeadLetter {
        subscription: found("-subscription")?,
        topic: Topic::parse_longest(&found("-topic")?).ok()?,
        group: ConsumerGroup::parse_longest(&found("-group")?).ok()?,
        message_id: MessageId::parse(&found("-message-id")?).ok()?,
        webhook_id: found("-webhook-id").unwrap_or_default(),
        reason: found("-reason").unwrap_or_default(),
        status: found("-status").and_then(|status| status.parse().ok()),
        attempts: u32::try_from(number("-attempts")?).ok()?,
        first_attempt_at: UnixMillis(number("-first-attempt-at")?),
        last_attempt_at: UnixMillis(number("-last-attempt-at")?),
        published_at: UnixMillis(number("-published-at")?),
        answer: found("-answer").unwrap_or_default(),
        url: found("-url").unwrap_or_default(),
    };
    let mut original = delivery.clone();
    original.properties.retain(|(name, _)| !name.starts_with(PREFIX));
    original.message_group = found("-message-group").and_then(|group| MessageGroup::parse(&group).ok());
    if found("-without-tag").is_some() {
        original.tag = None;
    }
    if found("-without-keys").is_some() {
        original.keys = Vec::new();
    }
    Some((letter, original))
}

fn name_of(name: &str) -> String {
    format!("{PREFIX}{name}")
}
