//! The response to a consume.

use std::borrow::Cow;

use bytes::Bytes;

use super::body::{BODY_ENCODING_PROPERTY, Mark, WireBody, is_xml_text, text_md5};
use super::read::{Document, Malformed, read_document};
use super::response::ResponseError;
use super::{elements, properties, write};
use crate::model::{Delivery, MessageId, UnixMillis, UpstreamHandle};

/// The body of a consume's 200. A poll that found nothing is a 404 instead: two SDKs fail on an empty `Messages`
/// (protocol notes MQ HTTP 5, item 3).
///
/// What the protocol cannot carry of a message is left out; a body that XML cannot carry goes as base64, marked by the
/// property [`BODY_ENCODING_PROPERTY`].
#[must_use]
pub fn encode_consumed(deliveries: &[Delivery]) -> String {
    let messages: Vec<_> = deliveries.iter().map(Outgoing::of).collect();
    let content_bytes = messages.iter().map(Outgoing::about_bytes).sum();
    let mut xml = write::begin(elements::MESSAGES, content_bytes);
    for message in &messages {
        message.write(&mut xml);
    }
    write::close(&mut xml, elements::MESSAGES);
    xml
}

/// One message on its way out.
struct Outgoing<'a> {
    delivery: &'a Delivery,
    body: WireBody<'a>,
    tag: &'a str,
    properties: String,
}

impl<'a> Outgoing<'a> {
    fn of(delivery: &'a Delivery) -> Self {
        let body = WireBody::of(&delivery.body);
        let mut properties = properties::Writer::default();
        properties.keys(delivery.keys.iter().map(String::as_str));
        properties.others(&delivery.properties);
        properties.message_group(delivery.message_group.as_ref());
        properties.deliver_at(delivery.deliver_at);
        properties.system(&delivery.system_properties);
        properties.body_mark(body.mark);
        let tag = delivery.tag.as_deref().filter(|tag| is_xml_text(tag.as_bytes())).unwrap_or_default();
        Self { delivery, body, tag, properties: properties.into_text() }
    }

    fn about_bytes(&self) -> usize {
        let envelope = 512 + self.delivery.message_id.as_str().len() + self.delivery.handle.as_str().len();
        envelope + write::escaped_len(&self.body.text) + write::escaped_len(self.tag) + self.properties.len()
    }

    fn write(&self, xml: &mut String) {
        let delivery = self.delivery;
        write::open(xml, elements::MESSAGE);
        write::element(xml, elements::MESSAGE_ID, &write::legible(delivery.message_id.as_str()));
        write::element(xml, elements::MESSAGE_BODY_MD5, &text_md5(&self.body.text));
        write::element(xml, elements::RECEIPT_HANDLE, &write::legible(delivery.handle.as_str()));
        write::number(xml, elements::PUBLISH_TIME, delivery.published_at.0);
        // Python takes a message without it for damaged, so the time before which it cannot have been stands in.
        let first_delivered_at = delivery.first_delivered_at.unwrap_or(delivery.published_at);
        write::number(xml, elements::FIRST_CONSUME_TIME, first_delivered_at.0);
        write::number(xml, elements::NEXT_CONSUME_TIME, delivery.visible_again_at.0);
        write::number(xml, elements::CONSUMED_TIMES, delivery.delivery_attempt.into());
        write::optional(xml, elements::MESSAGE_TAG, self.tag);
        write::optional(xml, elements::PROPERTIES, &self.properties);
        write::element(xml, elements::MESSAGE_BODY, &self.body.text);
        write::close(xml, elements::MESSAGE);
    }
}

/// What a consume's 200 held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumed {
    /// The messages.
    pub deliveries: Vec<Delivery>,
    /// Elements that are no message: left to the MQ, so that one of them does not cost its neighbours a delivery.
    pub unreadable: usize,
    /// Messages whose body is not the one of their digest, delivered all the same: some senders' line ends change on
    /// the way (protocol notes MQ HTTP 3).
    pub digest_mismatches: usize,
}

/// Reads the body of a consume's 200.
///
/// # Errors
/// [`ResponseError`] when it is no `Messages`, or holds nothing that can be read.
pub fn decode_consumed(body: &[u8]) -> Result<Consumed, ResponseError> {
    read_document(body, read_consumed)
}

fn read_consumed(document: &mut Document<'_>, root: &str) -> Result<Consumed, ResponseError> {
    if root != elements::MESSAGES {
        return Err(ResponseError::Unreadable);
    }
    let mut consumed = Consumed { deliveries: Vec::new(), unreadable: 0, digest_mismatches: 0 };
    let mut failure = None;
    while let Some(element) = document.child()? {
        if element != elements::MESSAGE {
            document.skip()?;
            continue;
        }
        let incoming = Incoming::read(document)?;
        let is_mismatch = incoming.is_digest_mismatch();
        match incoming.into_delivery() {
            Ok(delivery) => {
                consumed.deliveries.push(delivery);
                consumed.digest_mismatches += usize::from(is_mismatch);
            }
            Err(error) => {
                consumed.unreadable += 1;
                failure = Some(error);
            }
        }
    }
    document.close()?;
    match failure {
        Some(error) if consumed.deliveries.is_empty() => Err(error),
        Some(_) | None => Ok(consumed),
    }
}

/// One message's elements as far as they are text; the first of duplicates wins.
#[derive(Default)]
struct Incoming<'a> {
    message_id: Value<'a>,
    handle: Value<'a>,
    body: Value<'a>,
    body_md5: Value<'a>,
    tag: Value<'a>,
    properties: Value<'a>,
    publish_time: Value<'a>,
    first_consume_time: Value<'a>,
    next_consume_time: Value<'a>,
    consumed_times: Value<'a>,
}

type Value<'a> = Option<Cow<'a, str>>;

impl<'a> Incoming<'a> {
    fn read(document: &mut Document<'a>) -> Result<Self, Malformed> {
        let mut found = Self::default();
        while let Some(element) = document.child()? {
            let slot = match element {
                elements::MESSAGE_ID => &mut found.message_id,
                elements::RECEIPT_HANDLE => &mut found.handle,
                elements::MESSAGE_BODY => &mut found.body,
                elements::MESSAGE_BODY_MD5 => &mut found.body_md5,
                elements::MESSAGE_TAG => &mut found.tag,
                elements::PROPERTIES => &mut found.properties,
                elements::PUBLISH_TIME => &mut found.publish_time,
                elements::FIRST_CONSUME_TIME => &mut found.first_consume_time,
                elements::NEXT_CONSUME_TIME => &mut found.next_consume_time,
                elements::CONSUMED_TIMES => &mut found.consumed_times,
                _ => {
                    document.skip()?;
                    continue;
                }
            };
            let text = document.text()?;
            *slot = slot.take().or(text);
        }
        Ok(found)
    }

    fn is_digest_mismatch(&self) -> bool {
        let digest = self.body_md5.as_deref().map(str::trim).filter(|digest| !digest.is_empty());
        let body = self.body.as_deref().unwrap_or_default();
        digest.is_some_and(|digest| !digest.eq_ignore_ascii_case(&text_md5(body)))
    }

    fn into_delivery(self) -> Result<Delivery, ResponseError> {
        let required = ResponseError::Field;
        let message_id = self.message_id.and_then(|text| MessageId::parse(&text).ok());
        let handle = self.handle.and_then(|text| UpstreamHandle::parse(&text).ok());
        let text = self.body.ok_or(required(elements::MESSAGE_BODY))?;
        let listed = self.properties.unwrap_or_default();
        let mut properties = properties::read_leniently(&listed);
        let keys = properties.each_key().map(str::to_owned).collect();
        let (message_group, deliver_at) = properties.take_group_and_time();
        let encoding = properties.body_encoding.map(str::to_owned);
        let mut others = properties::owned(properties.others);
        let decoded = encoding.as_deref().and_then(Mark::parse).and_then(|mark| mark.decode(&text));
        let body = match (decoded, encoding) {
            (Some(bytes), _) => Bytes::from(bytes),
            (None, encoding) => {
                // Not ours, or damaged: the consumer sees what is there.
                others.extend(encoding.map(|encoding| (BODY_ENCODING_PROPERTY.to_owned(), encoding)));
                Bytes::from(text.into_owned())
            }
        };
        let attempts = self.consumed_times.as_deref().map_or(Some(1), number);
        let attempts = attempts.ok_or(required(elements::CONSUMED_TIMES))?;
        Ok(Delivery {
            message_id: message_id.ok_or(required(elements::MESSAGE_ID))?,
            handle: handle.ok_or(required(elements::RECEIPT_HANDLE))?,
            body,
            tag: self.tag.filter(|tag| !tag.is_empty()).map(Cow::into_owned),
            keys,
            properties: others,
            system_properties: properties::owned(properties.system),
            message_group,
            deliver_at,
            delivery_attempt: u32::try_from(attempts).unwrap_or(u32::MAX).max(1),
            published_at: time(self.publish_time.as_deref()).ok_or(required(elements::PUBLISH_TIME))?,
            // 0 and nonsense occur in ordered mode, where it has no meaning.
            first_delivered_at: time(self.first_consume_time.as_deref()).filter(|time| time.0 > 0),
            visible_again_at: time(self.next_consume_time.as_deref()).ok_or(required(elements::NEXT_CONSUME_TIME))?,
        })
    }
}

fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

fn time(text: Option<&str>) -> Option<UnixMillis> {
    text.and_then(number).map(UnixMillis)
}
