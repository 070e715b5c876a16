//! A message on its way to a consumer.

use bytes::Bytes;

use super::{MessageGroup, MessageId, UnixMillis, UpstreamHandle};

/// One delivery of a message to a consumer group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The MQ's id, equal over redeliveries.
    pub message_id: MessageId,
    /// The upstream's token that acknowledges this delivery.
    pub handle: UpstreamHandle,
    /// The bytes as they were published.
    pub body: Bytes,
    /// The tag, where one was set.
    pub tag: Option<String>,
    /// The keys, empty when none was set.
    pub keys: Vec<String>,
    /// Further name-value pairs.
    pub properties: Vec<(String, String)>,
    /// What the MQ has to say of the message that no other field says, by the names of its own protocol: for clients that speak it.
    pub system_properties: Vec<(String, String)>,
    /// The message group, where the upstream tells.
    pub message_group: Option<MessageGroup>,
    /// 1 on the first delivery.
    pub delivery_attempt: u32,
    /// The time that the message was given, where it was and the upstream tells.
    pub deliver_at: Option<UnixMillis>,
    /// When the MQ took the message.
    pub published_at: UnixMillis,
    /// When the group first got it, where the upstream tells.
    pub first_delivered_at: Option<UnixMillis>,
    /// When others get it unless it is acknowledged.
    pub visible_again_at: UnixMillis,
}

#[cfg(test)]
impl Delivery {
    /// A first delivery of a message with nothing but a body; `id` is its id, handle and body.
    pub(crate) fn for_tests(id: &str) -> Self {
        Self {
            message_id: MessageId::parse(id).unwrap(),
            handle: UpstreamHandle::parse(id).unwrap(),
            body: id.to_owned().into(),
            tag: None,
            keys: Vec::new(),
            properties: Vec::new(),
            system_properties: Vec::new(),
            message_group: None,
            delivery_attempt: 1,
            deliver_at: None,
            published_at: UnixMillis(0),
            first_delivered_at: None,
            visible_again_at: UnixMillis(0),
        }
    }
}
