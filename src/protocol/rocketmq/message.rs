//! A message as it is sent.

use super::body::digest;
use super::wire::{self, Encoding, MessageType, Resource, SystemProperties};
use crate::model::{Key, Message, MessageId, UnixMillis};

/// The type that a message's topic must take.
#[must_use]
pub fn message_type(message: &Message) -> MessageType {
    if message.message_group.is_some() {
        MessageType::Fifo
    } else if message.deliver_at.is_some() {
        MessageType::Delay
    } else {
        MessageType::Normal
    }
}

/// A type's word, as operators write it.
#[must_use]
pub const fn type_name(kind: MessageType) -> &'static str {
    match kind {
        MessageType::Unspecified => "UNSPECIFIED",
        MessageType::Normal => "NORMAL",
        MessageType::Fifo => "FIFO",
        MessageType::Delay => "DELAY",
        MessageType::Transaction => "TRANSACTION",
        MessageType::Lite => "LITE",
        MessageType::Priority => "PRIORITY",
    }
}

/// The message in the protocol's terms. The id stays the same when it is sent again, so that consumers can tell duplicates.
#[must_use]
pub fn encode_message(message: &Message, id: &MessageId, namespace: &str, now: UnixMillis) -> wire::Message {
    let system_properties = SystemProperties {
        tag: message.tag.as_ref().map(|tag| tag.as_str().to_owned()),
        keys: message.keys.iter().map(|key| Key::as_str(key).to_owned()).collect(),
        message_id: id.as_str().to_owned(),
        body_digest: Some(digest(&message.body)),
        body_encoding: Encoding::Identity.into(),
        message_type: message_type(message).into(),
        born_timestamp: Some(now.into()),
        delivery_timestamp: message.deliver_at.map(Into::into),
        message_group: message.message_group.as_ref().map(|group| group.as_str().to_owned()),
        ..SystemProperties::default()
    };
    wire::Message {
        topic: Some(Resource { resource_namespace: namespace.to_owned(), name: message.topic.as_str().to_owned() }),
        user_properties: message.properties.iter().cloned().collect(),
        system_properties: Some(system_properties),
        body: message.body.clone(),
    }
}
