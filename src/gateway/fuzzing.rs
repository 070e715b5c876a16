//! Fuzz target: our receipt handles, as they are sealed and as callers send them back.

use super::GatewayError;
use super::receipt_handle::{MAX_BYTES, ReceiptHandle};
use crate::fuzz_input::{Input, assert_hides};
use crate::model::{ConsumerGroup, MessageId, Topic, UnixMillis, UpstreamHandle};

/// Lines: a handle as a caller sends it, topic, group, message id, when the delivery is visible again; then the MQ's own handle.
pub(crate) fn receipt_handle(data: &[u8]) {
    let mut input = Input::new(data);
    let (sent, topic, group) = (input.text(), input.text().unwrap_or("T"), input.text().unwrap_or("G"));
    let (message_id, time) = (input.text(), input.text().and_then(|time| time.parse().ok()).unwrap_or(u64::MAX));
    let (Ok(topic), Ok(group)) = (Topic::parse_longest(topic), ConsumerGroup::parse_longest(group)) else { return };
    let of = (&topic, &group);
    opened(sent.unwrap_or_default(), of);
    let message_id = message_id.and_then(|text| MessageId::parse(text).ok());
    let handle = std::str::from_utf8(input.rest()).ok().and_then(|text| UpstreamHandle::parse(text).ok());
    let (Some(message_id), Some(handle)) = (message_id, handle) else { return };
    let Some(sealed) = ReceiptHandle::seal_for(of, &message_id, &handle, UnixMillis(time)) else { return };
    let text = sealed.as_str();
    assert!(text.len() <= MAX_BYTES && text.bytes().all(|it| it.is_ascii_alphanumeric() || b"._-".contains(&it)));
    let opened = ReceiptHandle::open_for(text, of).map(|it| (it.message_id, it.handle, it.visible_again_at));
    assert_eq!(opened, Ok((message_id, handle, Some(UnixMillis(time)))));
    assert_damage_is_found(text, of);
    if let Ok(other) = Topic::parse_longest("another")
        && other != topic
    {
        assert_eq!(ReceiptHandle::open_for(text, (&other, &group)), Err(GatewayError::ForeignReceiptHandle));
    }
}

/// A handle from anybody: what is inside goes into a handle that holds the same.
fn opened(text: &str, of: (&Topic, &ConsumerGroup)) {
    match ReceiptHandle::open_for(text, of) {
        Ok(opened) => {
            let time = opened.visible_again_at.unwrap_or(UnixMillis(0));
            if let Some(again) = ReceiptHandle::seal_for(of, &opened.message_id, &opened.handle, time) {
                let again = ReceiptHandle::open_for(again.as_str(), of);
                let expected = super::receipt_handle::Opened { visible_again_at: Some(time), ..opened };
                assert_eq!(again, Ok(expected));
            }
        }
        Err(error) => {
            let invalid = [GatewayError::InvalidReceiptHandle, GatewayError::ForeignReceiptHandle];
            assert!(invalid.contains(&error), "{error:?}");
            assert_hides(&format!("{error} {error:?}"));
        }
    }
}

/// One character of a handle changed, wherever it is, makes it none.
fn assert_damage_is_found(text: &str, of: (&Topic, &ConsumerGroup)) {
    for (at, was) in text.char_indices() {
        for other in ['A', 'z', '.'].into_iter().filter(|other| *other != was) {
            let mut damaged = text.to_owned();
            damaged.replace_range(at..at + was.len_utf8(), &other.to_string());
            assert_eq!(ReceiptHandle::open_for(&damaged, of), Err(GatewayError::InvalidReceiptHandle), "{damaged}");
        }
    }
    let mut cut = text.to_owned();
    while cut.pop().is_some() {
        assert_eq!(ReceiptHandle::open_for(&cut, of), Err(GatewayError::InvalidReceiptHandle), "{cut}");
    }
}
