//! The response to a publish.

use std::borrow::Cow;

use super::read::{Document, Malformed, read_document};
use super::{elements, write};
use crate::model::{Durability, MessageId, Published};

/// A response that cannot be used. The text says why and quotes nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResponseError {
    /// Not the document that the protocol has here.
    #[error("the answer's body is not what the protocol has here")]
    Unreadable,
    /// An element that must be there is missing, empty or cannot be read.
    #[error("the answer's element {0} is missing, empty or cannot be read")]
    Field(&'static str),
}

impl From<Malformed> for ResponseError {
    fn from(_: Malformed) -> Self {
        Self::Unreadable
    }
}

/// The body of a publish's 201. `body_md5` is as [`body_md5`](super::body_md5) makes it: the digest of what was sent, since that
/// is what the sender expects.
#[must_use]
pub fn encode_published(message_id: &MessageId, body_md5: &str) -> String {
    let mut xml = write::begin(elements::MESSAGE, 160);
    write::element(&mut xml, elements::MESSAGE_ID, &write::legible(message_id.as_str()));
    write::element(&mut xml, elements::MESSAGE_BODY_MD5, body_md5);
    write::close(&mut xml, elements::MESSAGE);
    xml
}

/// Reads the body of a publish's 201. Of elements that occur twice, here and in every response, the first counts.
///
/// # Errors
/// [`ResponseError`]: the outcome is unknown then.
pub fn decode_published(body: &[u8]) -> Result<Published, ResponseError> {
    read_document(body, read_published)
}

fn read_published(document: &mut Document<'_>, root: &str) -> Result<Published, ResponseError> {
    if root != elements::MESSAGE {
        return Err(ResponseError::Unreadable);
    }
    let (mut message_id, mut body_md5) = (None, None);
    while let Some(element) = document.child()? {
        let slot = match element {
            elements::MESSAGE_ID => &mut message_id,
            elements::MESSAGE_BODY_MD5 => &mut body_md5,
            _ => {
                document.skip()?;
                continue;
            }
        };
        let text = document.text()?;
        *slot = slot.take().or(text);
    }
    document.close()?;
    let message_id = message_id.and_then(|text| MessageId::parse(&text).ok());
    let message_id = message_id.ok_or(ResponseError::Field(elements::MESSAGE_ID))?;
    // Nothing is decided by it: that the body arrived as it was sent the MQ has checked by `Content-MD5`.
    let is_md5 = |text: &Cow<'_, str>| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let body_md5 = body_md5.filter(is_md5).map(|text| text.to_ascii_uppercase());
    // The protocol has no weaker durability.
    Ok(Published { message_id, durability: Durability::Full, body_md5 })
}
