//! Fuzz targets: what a server of RocketMQ 5 sends, and receipt handles.

use std::fmt::Debug;

use bytes::Bytes;

use super::body::{decompressed, differs, digest};
use super::wire::{
    AckMessageResponse, ChangeInvisibleDurationResponse, HeartbeatResponse, Message, NotifyClientTerminationResponse,
    QueryRouteResponse, ReceiveMessageResponse, Received, SendMessageRequest, SendMessageResponse, Settings,
    TelemetryCommand,
};
use super::{Decoded, Handle, decode_delivery, encode_message, group_settings};
use crate::model::{Key, MessageId, Tag, Topic, UnixMillis};

/// The largest that a compressed body may become.
const MOST_BYTES: usize = 64 << 10;
const NOW: UnixMillis = UnixMillis(1_795_938_240_123);

/// A message of whatever kind: each kind reads it as its own.
pub(crate) fn messages(data: &[u8]) {
    if let Some(ReceiveMessageResponse { content: Some(Received::Message(message)) }) = read(data) {
        delivered(*message);
    }
    if let Some(SendMessageRequest { messages }) = read(data) {
        messages.into_iter().for_each(delivered);
    }
    if let Some(message) = read::<Message>(data) {
        delivered(message);
    }
    if let Some(settings) = read::<Settings>(data) {
        let group = group_settings(&settings);
        assert!(group.max_attempts.is_none_or(|attempts| attempts > 0));
    }
    read::<QueryRouteResponse>(data);
    read::<SendMessageResponse>(data);
    read::<AckMessageResponse>(data);
    read::<ChangeInvisibleDurationResponse>(data);
    read::<HeartbeatResponse>(data);
    read::<NotifyClientTerminationResponse>(data);
    read::<TelemetryCommand>(data);
}

/// What is read is written, and read again, as the same.
fn read<M: prost::Message + Default + PartialEq + Debug>(data: &[u8]) -> Option<M> {
    let message = M::decode(data).ok()?;
    let written = message.encode_to_vec();
    assert_eq!(written.len(), message.encoded_len());
    assert_eq!(M::decode(written.as_slice()).as_ref(), Ok(&message));
    Some(message)
}

/// A delivery holds what the message says, and of a compressed body never more than it may.
fn delivered(message: Message) {
    let body = message.body.clone();
    let id = message.system_properties.as_ref().map(|system| system.message_id.clone());
    let Ok(Decoded { delivery, .. }) = decode_delivery(message, NOW, MOST_BYTES) else { return };
    assert!(delivery.body == body || delivery.body.len() <= MOST_BYTES);
    assert_eq!(Some(delivery.message_id.as_str()), id.as_deref());
    assert!(delivery.delivery_attempt > 0 && delivery.tag.as_ref().is_none_or(|tag| !tag.is_empty()));
    let handle = Handle::decode(delivery.handle.as_str());
    assert_eq!(handle.as_ref().map(|it| it.message_id.as_str()).ok(), id.as_deref(), "a handle that goes nowhere");
    assert_eq!(handle.map(|it| it.visible_again_at()).ok(), Some(delivery.visible_again_at));
    assert!(!differs(&body, Some(&digest(&body))));
    sent_on(&delivery);
}

/// The message of a delivery, sent again as dead letters are, is delivered as it was.
fn sent_on(delivery: &crate::model::Delivery) {
    let (Ok(topic), Ok(id)) = (Topic::parse("T"), MessageId::parse("0102")) else { return };
    let tag = delivery.tag.as_deref().map(Tag::parse).transpose();
    let keys = delivery.keys.iter().map(|key| Key::parse(key)).collect::<Result<Vec<_>, _>>();
    let (Ok(tag), Ok(keys)) = (tag, keys) else { return };
    let message = crate::model::Message {
        tag,
        keys,
        properties: delivery.properties.clone(),
        message_group: delivery.message_group.clone(),
        deliver_at: delivery.deliver_at,
        ..crate::model::Message::new(topic, delivery.body.clone())
    };
    let mut sent = encode_message(&message, &id, "N", NOW);
    if let Some(system) = &mut sent.system_properties {
        system.receipt_handle = Some("0 0 0 0 0 b 0 0".to_owned());
    }
    let again = decode_delivery(sent, NOW, MOST_BYTES).map(|again| {
        let Decoded { delivery: it, digest_mismatch } = again;
        (it.body, it.tag, it.keys, it.properties, it.message_group, digest_mismatch)
    });
    let it = delivery.clone();
    assert_eq!(again, Ok((it.body, it.tag, it.keys, it.properties, it.message_group, false)));
}

/// A body that somebody compressed, or says to have.
pub(crate) fn compressed(data: &[u8]) {
    if let Some(body) = decompressed(data, MOST_BYTES) {
        assert!(body.len() <= MOST_BYTES);
        assert_eq!(decompressed(data, body.len()), Some(body.clone()), "it may be as large as it is");
        if let Some(less) = body.len().checked_sub(1) {
            assert_eq!(decompressed(data, less), None, "a part of a body is none");
        }
    }
    let zlib = miniz_oxide::deflate::compress_to_vec_zlib(data, 1);
    assert_eq!(decompressed(&zlib, data.len()), Some(Bytes::copy_from_slice(data)));
    // A gzip member: its header without anything optional, and the content without a checksum, which is not looked at.
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let gzip = [&head[..], &miniz_oxide::deflate::compress_to_vec(data, 1)].concat();
    assert_eq!(decompressed(&gzip, data.len()), Some(Bytes::copy_from_slice(data)));
}

/// A text that somebody sends as a handle, and one that a server does.
pub(crate) fn handle(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(handle) = Handle::decode(text) {
        assert_eq!(handle.encode(), text, "there is one text for each handle");
        assert!(handle.visible_again_at() >= handle.delivered_at());
    }
    if let Ok(handle) = Handle::new("0102", text) {
        assert!(!handle.broker().is_empty());
        assert_eq!(Handle::decode(&handle.encode()), Ok(handle));
    }
}
