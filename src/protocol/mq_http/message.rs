//! The documents that clients send, decoded by the server.

use std::borrow::Cow;

use bytes::Bytes;

use super::body::{BODY_ENCODING_PROPERTY, Mark};
use super::limits::MAX_ACK;
use super::read::{Document, Malformed, read_document};
use super::refusal::{HALF_MESSAGES, Refusal};
use super::{elements, properties};
use crate::model::{Message, Tag, Topic};

impl From<Malformed> for Refusal {
    fn from(_: Malformed) -> Self {
        Self::MalformedXml
    }
}

/// Reads the `Message` of a publish. Its children may come in any order, each once: of two bodies none is the one to
/// publish, and they are what a body with `]]></MessageBody><MessageBody><![CDATA[` makes of the Node SDK's document.
///
/// # Errors
/// [`Refusal::MalformedXml`], or [`Refusal::InvalidArgument`] that names the element and the rule.
pub fn decode_message(topic: Topic, body: &Bytes) -> Result<Message, Refusal> {
    read_document(body, |document, root| {
        check_root(root, elements::MESSAGE)?;
        read_message(document, topic.clone())
    })
}

fn read_message(document: &mut Document<'_>, topic: Topic) -> Result<Message, Refusal> {
    let (mut text, mut tag, mut listed) = (None, None, None);
    while let Some(element) = document.child()? {
        let slot = match element {
            elements::MESSAGE_BODY => &mut text,
            elements::MESSAGE_TAG => &mut tag,
            elements::PROPERTIES => &mut listed,
            _ => {
                document.skip()?;
                continue;
            }
        };
        let value = document.text()?.ok_or_else(|| Refusal::schema(format_args!("{element}: it must be text")))?;
        if slot.replace(value).is_some() {
            return Err(Refusal::schema(format_args!("{element}: it must occur once")));
        }
    }
    document.close()?;

    let text = text.filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| Refusal::schema("MessageBody: it is required and must not be empty"))?;
    let listed = listed.unwrap_or_default();
    let properties = properties::read_strictly(&listed)?;
    if properties.is_half {
        return Err(Refusal::InvalidArgument(HALF_MESSAGES.into()));
    }
    let mut message = Message::new(topic, decode_body(text, properties.body_encoding)?);
    // PHP sends an empty tag for none.
    let tag = tag.as_deref().filter(|tag| !tag.is_empty()).map(Tag::parse).transpose();
    message.tag = tag.map_err(|error| Refusal::schema(format_args!("MessageTag: it {error}")))?;
    message.keys = properties.parse_keys()?;
    message.message_group = properties.parse_message_group()?;
    message.deliver_at = properties.parse_deliver_at()?;
    message.properties = properties::owned(properties.others);
    Ok(message)
}

/// The bytes that consumers get, in memory of their own: the document around them can go.
fn decode_body(text: Cow<'_, str>, encoding: Option<&str>) -> Result<Bytes, Refusal> {
    let Some(mark) = encoding else { return Ok(Bytes::from(text.into_owned())) };
    let decoded = Mark::parse(mark).and_then(|mark| mark.decode(&text));
    let flaw = || {
        let rule =
            format_args!("MessageBody: it is not what the property {BODY_ENCODING_PROPERTY} (base64, empty) says");
        Refusal::schema(rule)
    };
    decoded.map(Bytes::from).ok_or_else(flaw)
}

/// Reads the `ReceiptHandles` of an acknowledgement, in their order, repetitions and all.
///
/// # Errors
/// [`Refusal::MalformedXml`]; [`Refusal::MissingReceiptHandle`] for none or an empty one;
/// [`Refusal::InvalidArgument`] for more than [`MAX_ACK`].
pub fn decode_receipt_handles(body: &[u8]) -> Result<Vec<String>, Refusal> {
    read_document(body, |document, root| {
        check_root(root, elements::RECEIPT_HANDLES)?;
        read_receipt_handles(document)
    })
}

fn read_receipt_handles(document: &mut Document<'_>) -> Result<Vec<String>, Refusal> {
    let mut handles = Vec::new();
    while let Some(element) = document.child()? {
        if element != elements::RECEIPT_HANDLE {
            document.skip()?;
            continue;
        }
        let handle = document.text()?.ok_or_else(|| Refusal::schema("ReceiptHandle: it must be text"))?;
        if handle.is_empty() {
            return Err(Refusal::MissingReceiptHandle);
        }
        handles.push(handle.into_owned());
    }
    document.close()?;
    match handles.len() {
        0 => Err(Refusal::MissingReceiptHandle),
        1..=MAX_ACK => Ok(handles),
        _ => {
            let text = format!("The value of ReceiptHandle should between 1 and {MAX_ACK} handles.");
            Err(Refusal::InvalidArgument(text.into()))
        }
    }
}

fn check_root(root: &str, wanted: &str) -> Result<(), Refusal> {
    if root == wanted {
        return Ok(());
    }
    Err(Refusal::schema(format_args!("the root element, which must be {wanted}")))
}
