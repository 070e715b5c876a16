//! Our receipt handles: `v1.` and base64url of topic, group, message id, upstream handle and a checksum.
//!
//! Each field is a big-endian u16 length and its bytes; the checksum is the first eight bytes of the SHA-1 of all that.
//! It finds damage and mix-ups, not forgery: there is no key, so that any replica takes any handle.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha1::{Digest as _, Sha1};

use super::{GatewayError, GroupRoute};
use crate::model::{MessageId, UpstreamHandle};

/// Longest handle in bytes.
const MAX_BYTES: usize = 1024;
const PREFIX: &str = "v1.";
const CHECKSUM: usize = 8;

/// What a caller acknowledges with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptHandle(String);

/// What is in a handle of the right topic and group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) message_id: MessageId,
    pub(super) handle: UpstreamHandle,
}

impl ReceiptHandle {
    /// The handle of a delivery; `None` when the MQ's own handle is too long for one.
    pub(super) fn seal(route: &GroupRoute, message_id: &MessageId, handle: &UpstreamHandle) -> Option<Self> {
        let fields = [route.topic.topic.as_str(), route.group.as_str(), message_id.as_str(), handle.as_str()];
        let mut bytes = Vec::with_capacity(256);
        for field in fields {
            bytes.extend_from_slice(&u16::try_from(field.len()).ok()?.to_be_bytes());
            bytes.extend_from_slice(field.as_bytes());
        }
        let checksum = Sha1::digest(&bytes);
        bytes.extend_from_slice(checksum.get(..CHECKSUM)?);
        let mut text = String::with_capacity(bytes.len() * 4 / 3 + PREFIX.len() + 3);
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(&bytes, &mut text);
        (text.len() <= MAX_BYTES).then_some(Self(text))
    }

    /// Any text as a handle.
    #[cfg(test)]
    pub(crate) fn for_tests(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text that callers send back.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The message and the upstream's handle inside, if the receipt handle is whole and of this topic and group.
    ///
    /// # Errors
    /// [`GatewayError::InvalidReceiptHandle`] or [`GatewayError::ForeignReceiptHandle`].
    pub(super) fn open(text: &str, route: &GroupRoute) -> Result<Opened, GatewayError> {
        let fields = decode(text).ok_or(GatewayError::InvalidReceiptHandle)?;
        let [topic, group, message_id, handle] = &fields;
        if topic != route.topic.topic.as_str() || group != route.group.as_str() {
            return Err(GatewayError::ForeignReceiptHandle);
        }
        let invalid = |_| GatewayError::InvalidReceiptHandle;
        let message_id = MessageId::parse(message_id).map_err(invalid)?;
        Ok(Opened { message_id, handle: UpstreamHandle::parse(handle).map_err(invalid)? })
    }
}

fn decode(text: &str) -> Option<[String; 4]> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
    let (content, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM)?)?;
    if Sha1::digest(content).get(..CHECKSUM)? != checksum {
        return None;
    }
    let mut rest = content;
    let mut field = || {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (bytes, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        rest = after;
        String::from_utf8(bytes.to_vec()).ok()
    };
    let fields = [field()?, field()?, field()?, field()?];
    rest.is_empty().then_some(fields)
}
