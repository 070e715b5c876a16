//! The response to a publish.

use super::body::body_md5;
use super::read::{Document, Malformed};
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

/// What a publish's 201 says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedResponse {
    /// The MQ has it. The protocol has no weaker durability.
    pub published: Published,
    /// The MQ's own digest of the body, as [`body_md5`] makes it, in either case. Nothing is decided by it: that the body
    /// arrived as it was sent the MQ has checked by `Content-MD5`.
    pub body_md5: Option<String>,
}

/// The body of a publish's 201. `body` is the message's: one that XML cannot carry came as base64, whose digest the
/// sender expects.
#[must_use]
pub fn encode_published(message_id: &MessageId, body: &[u8]) -> String {
    let mut xml = write::begin(elements::MESSAGE, 160);
    write::element(&mut xml, elements::MESSAGE_ID, &write::legible(message_id.as_str()));
    write::element(&mut xml, elements::MESSAGE_BODY_MD5, &body_md5(body));
    write::close(&mut xml, elements::MESSAGE);
    xml
}

/// Reads the body of a publish's 201. Of elements that occur twice, here and in every response, the first counts.
///
/// # Errors
/// [`ResponseError`]: the outcome is unknown then.
pub fn decode_published(body: &[u8]) -> Result<PublishedResponse, ResponseError> {
    let (mut document, root) = Document::open(body)?;
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
    let body_md5 = body_md5.filter(|text| !text.is_empty()).map(|text| text.into_owned());
    Ok(PublishedResponse { published: Published { message_id, durability: Durability::Full }, body_md5 })
}
