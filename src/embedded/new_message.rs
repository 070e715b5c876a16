//! A message as it goes into the store.

use bytes::Bytes;

use crate::model::{Message, MessageId, UnixMillis};

/// Bytes that each message is counted with besides its contents, so that empty ones cannot fill the disk.
pub const STORED_OVERHEAD_BYTES: u64 = 128;

/// A message as it goes into the store: keys joined by blanks, which no key contains, and properties as JSON.
#[derive(Debug)]
pub(super) struct NewMessage {
    pub(super) message_id: MessageId,
    pub(super) published_at: UnixMillis,
    /// The time that its publisher gave it, whether or not it waits for that.
    pub(super) deliver_at: Option<UnixMillis>,
    pub(super) body: Bytes,
    pub(super) tag: Option<String>,
    pub(super) keys: Option<String>,
    pub(super) properties: Option<String>,
    pub(super) message_group: Option<String>,
}

impl NewMessage {
    /// Takes what `message` says, all but its topic.
    pub(super) fn new(message_id: MessageId, published_at: UnixMillis, message: Message) -> Self {
        let keys: Vec<&str> = message.keys.iter().map(crate::model::Key::as_str).collect();
        Self {
            message_id,
            published_at,
            deliver_at: message.deliver_at,
            body: message.body,
            tag: message.tag.map(|tag| tag.as_str().to_owned()),
            keys: (!keys.is_empty()).then(|| keys.join(" ")),
            properties: properties_to_json(&message.properties),
            message_group: message.message_group.map(|group| group.as_str().to_owned()),
        }
    }

    /// What retention counts.
    pub(super) fn bytes(&self) -> u64 {
        let texts = [&self.tag, &self.keys, &self.properties, &self.message_group];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        let contents = u64::try_from(self.body.len().saturating_add(texts)).unwrap_or(u64::MAX);
        contents.saturating_add(STORED_OVERHEAD_BYTES)
    }
}

/// Name-value pairs as a JSON array of pairs, which keeps their order and repeated names.
pub(super) fn properties_to_json(properties: &[(String, String)]) -> Option<String> {
    if properties.is_empty() {
        return None;
    }
    // Pairs of strings always have a JSON form.
    serde_json::to_string(properties).ok()
}
