//! A message as it is delivered.

use super::body::{decompressed, differs};
use super::receipt_handle::Handle;
use super::wire::{self, Encoding};
use crate::model::{Delivery, MessageGroup, MessageId, UnixMillis, UpstreamHandle};

/// A delivery, and whether its body is the one that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The delivery.
    pub delivery: Delivery,
    /// The body differs from the digest that came with it.
    pub digest_mismatch: bool,
}

/// A message that cannot be handed on: without an id or a handle, or with a body that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message cannot be read")]
pub struct Unreadable;

/// Reads a delivered message; `now` stands for times that are not there. A compressed body may become `max_bytes` large.
///
/// # Errors
/// [`Unreadable`].
pub fn decode_delivery(message: wire::Message, now: UnixMillis, max_bytes: usize) -> Result<Decoded, Unreadable> {
    let system = message.system_properties.ok_or(Unreadable)?;
    let message_id = MessageId::parse(&system.message_id).map_err(|_| Unreadable)?;
    let handle = system.receipt_handle.as_deref().ok_or(Unreadable)?;
    let handle = Handle::new(message_id.as_str(), handle).map_err(|_| Unreadable)?;
    // The digest is of what was stored: of a compressed body as it came.
    let digest_mismatch = differs(&message.body, system.body_digest.as_ref());
    let body = match system.body_encoding() {
        Encoding::Gzip => decompressed(&message.body, max_bytes).ok_or(Unreadable)?,
        Encoding::Unspecified | Encoding::Identity => message.body,
    };
    let published_at = system.store_timestamp.or(system.born_timestamp).map_or(now, UnixMillis::from);
    let delivery = Delivery {
        visible_again_at: handle.visible_again_at(),
        handle: UpstreamHandle::parse(&handle.encode()).map_err(|_| Unreadable)?,
        message_id,
        body,
        tag: system.tag.filter(|tag| !tag.is_empty()),
        keys: system.keys,
        properties: message.user_properties.into_iter().collect(),
        system_properties: Vec::new(),
        message_group: system.message_group.and_then(|group| MessageGroup::parse(&group).ok()),
        delivery_attempt: system.delivery_attempt.and_then(|attempt| u32::try_from(attempt).ok()).unwrap_or(1).max(1),
        deliver_at: system.delivery_timestamp.map(UnixMillis::from),
        published_at,
        first_delivered_at: None,
    };
    Ok(Decoded { delivery, digest_mismatch })
}
