//! `webhook-id`: the same on every attempt, another for every subscription and message.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// Longest message id that stands in an id as it is.
const MOST_BYTES: usize = 200;

/// The id of a message for a subscription: both names where the MQ's id is visible ASCII without a dot, else a digest of what tells
/// the message from others.
#[must_use]
pub fn webhook_id(subscription: &str, topic: &str, message_id: &str) -> String {
    let is_plain = (1..=MOST_BYTES).contains(&message_id.len())
        && message_id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.');
    if is_plain {
        return format!("{subscription}-{message_id}");
    }
    // No name of a subscription or a topic has a control character.
    let digest = Sha256::new()
        .chain_update(subscription)
        .chain_update([0])
        .chain_update(topic)
        .chain_update([0])
        .chain_update(message_id)
        .finalize();
    format!("{subscription}-msg_{}", URL_SAFE_NO_PAD.encode(digest))
}
