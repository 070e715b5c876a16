//! Requests, as a client writes and signs them.

use bytes::Bytes;

use super::body::{WireBody, xml_text};
use super::headers::{CONTENT_TYPE, VERSION, encode_date};
use super::{elements, properties, write};
use crate::http_message::{Method, Request};
use crate::model::{Key, Message, Tag, TagFilter, UnixMillis, UpstreamHandle};
use crate::protocol::form;
use crate::protocol::signed_by::SignedBy;
use crate::signature::mq_http::{content_md5, string_to_sign};
use crate::signature::{Pair, StringToSign};

const X_MQ_VERSION: &str = "x-mq-version";

/// Stores one message.
///
/// The caller has refused what the protocol cannot carry (see [`objection`](super::objection)): keys, properties and a
/// message group that break a rule of `Properties` are left out here.
#[derive(Debug, Clone, Copy)]
pub struct Publish<'a> {
    /// The topic as the MQ knows it.
    pub topic: &'a str,
    /// Instance id; `None` for a default instance.
    pub instance: Option<&'a str>,
    /// The message; its own topic is not looked at.
    pub message: &'a Message,
    /// Whether a body that the protocol cannot carry goes as something else, with a mark. Without it such a body goes as
    /// it is, and the MQ refuses the document.
    pub marks_bodies: bool,
}

/// Asks for messages.
#[derive(Debug, Clone, Copy)]
pub struct Consume<'a> {
    /// The topic as the MQ knows it.
    pub topic: &'a str,
    /// The consumer group.
    pub group: &'a str,
    /// Instance id; `None` for a default instance.
    pub instance: Option<&'a str>,
    /// Most messages wanted, 1 to [`MAX_CONSUME`](super::MAX_CONSUME).
    pub num: u32,
    /// Longest wait, at most [`MAX_WAIT_SECONDS`](super::MAX_WAIT_SECONDS); 0 does not wait.
    pub wait_seconds: u64,
    /// Which tags; `None` wants every message.
    pub tags: Option<&'a TagFilter>,
    /// In order: nothing more of a message group until what is out of it is acknowledged.
    pub ordered: bool,
}

/// Acknowledges deliveries.
#[derive(Debug, Clone, Copy)]
pub struct Acknowledge<'a> {
    /// The topic as the MQ knows it.
    pub topic: &'a str,
    /// The consumer group.
    pub group: &'a str,
    /// Instance id; `None` for a default instance.
    pub instance: Option<&'a str>,
    /// 1 to [`MAX_ACK`](super::MAX_ACK) handles.
    pub handles: &'a [UpstreamHandle],
}

/// A request in wire form but for what changes with every attempt: its date and its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The method.
    pub method: Method,
    /// `/topics/…`, percent-encoded: signed exactly as it is sent.
    pub target: String,
    /// A document; `None` for a consume.
    pub body: Option<Bytes>,
    /// The digest of the body. The signature covers the body by it alone.
    pub content_md5: Option<String>,
}

/// A request that is ready to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dated<'a> {
    encoded: &'a Encoded,
    date: String,
}

impl Encoded {
    /// Joins the parts with the document's digest.
    fn new(method: Method, target: String, document: Option<String>) -> Self {
        let body = document.map(Bytes::from);
        let content_md5 = body.as_deref().map(content_md5);
        Self { method, target, body, content_md5 }
    }

    /// The request as of `time`.
    #[must_use]
    pub fn at(&self, time: UnixMillis) -> Dated<'_> {
        Dated { encoded: self, date: encode_date(time) }
    }

    /// Signs the request as of `time`.
    #[must_use]
    pub fn sign(&self, pair: &Pair, time: UnixMillis) -> Request {
        let dated = self.at(time);
        let signature = pair.signing.sign(&dated.string_to_sign());
        dated.encode(&SignedBy::new(pair, signature.as_str()))
    }
}

impl Dated<'_> {
    /// The text that the signature covers.
    #[must_use]
    pub fn string_to_sign(&self) -> StringToSign {
        let Encoded { method, target, content_md5, .. } = self.encoded;
        let content_md5 = content_md5.as_deref().unwrap_or_default();
        string_to_sign(method.as_str(), content_md5, CONTENT_TYPE, &self.date, &[(X_MQ_VERSION, VERSION)], target)
    }

    /// Puts the request into wire form, the headers in the order in which they are signed.
    #[must_use]
    pub fn encode(self, by: &SignedBy<'_>) -> Request {
        let Encoded { method, target, body, content_md5 } = self.encoded;
        let mut headers = Vec::with_capacity(6);
        headers.extend(content_md5.clone().map(|digest| ("Content-MD5", digest)));
        headers.push(("Content-Type", CONTENT_TYPE.to_owned()));
        headers.push(("Date", self.date));
        headers.push((X_MQ_VERSION, VERSION.to_owned()));
        headers.push(("Authorization", format!("MQ {}:{}", by.access_key, by.signature)));
        // Not part of what is signed (protocol notes MQ HTTP 2).
        headers.extend(by.security_token.map(|token| ("security-token", token.to_owned())));
        Request { method: *method, target: target.clone(), headers, body: body.clone() }
    }
}

impl Publish<'_> {
    /// How many bytes [`encode`](Self::encode) takes for what it makes of the body, at most.
    #[must_use]
    pub fn copied_bytes(&self) -> usize {
        let body = &self.message.body;
        match xml_text(body) {
            Some(text) => write::escaped_len(text),
            // Base64, and the same in the document.
            None if self.marks_bodies => body.len().saturating_mul(3),
            // Three bytes for one that is no text, in a string that doubled as it grew, and the same in the document.
            None => body.len().saturating_mul(8),
        }
    }

    /// Puts the request into wire form.
    #[must_use]
    pub fn encode(&self) -> Encoded {
        let message = self.message;
        let body = WireBody::of(&message.body);
        let body = if body.mark.is_some() && !self.marks_bodies { WireBody::verbatim(&message.body) } else { body };
        let mut properties = properties::Writer::default();
        properties.keys(message.keys.iter().map(Key::as_str));
        properties.others(&message.properties);
        properties.message_group(message.message_group.as_ref());
        properties.deliver_at(message.deliver_at);
        properties.body_mark(body.mark);
        let properties = properties.into_text();
        let tag = message.tag.as_ref().map_or("", Tag::as_str);

        let content_bytes = write::escaped_len(&body.text) + write::escaped_len(tag) + properties.len() + 128;
        let mut xml = write::begin(elements::MESSAGE, content_bytes);
        write::element(&mut xml, elements::MESSAGE_BODY, &body.text);
        write::optional(&mut xml, elements::MESSAGE_TAG, tag);
        write::optional(&mut xml, elements::PROPERTIES, &properties);
        write::close(&mut xml, elements::MESSAGE);

        let mut target = target(self.topic);
        if let Some(instance) = self.instance {
            target.push('?');
            form::push_pair(&mut target, "ns", instance);
        }
        Encoded::new(Method::Post, target, Some(xml))
    }
}

impl Consume<'_> {
    /// Puts the request into wire form, the parameters in Node's order.
    #[must_use]
    pub fn encode(&self) -> Encoded {
        let mut target = target_of_group(self.topic, self.group, self.instance);
        if let Some(tags) = self.tags {
            form::push_pair(&mut target, "tag", &tags.expression());
        }
        form::push_pair(&mut target, "numOfMessages", itoa::Buffer::new().format(self.num));
        if self.wait_seconds > 0 {
            form::push_pair(&mut target, "waitseconds", itoa::Buffer::new().format(self.wait_seconds));
        }
        if self.ordered {
            form::push_pair(&mut target, "trans", "order");
        }
        Encoded::new(Method::Get, target, None)
    }
}

impl Acknowledge<'_> {
    /// Puts the request into wire form.
    #[must_use]
    pub fn encode(&self) -> Encoded {
        let handles = || self.handles.iter().map(UpstreamHandle::as_str);
        let content_bytes = handles().map(|handle| write::escaped_len(handle) + 32).sum::<usize>();
        let mut xml = write::begin(elements::RECEIPT_HANDLES, content_bytes);
        for handle in handles() {
            write::element(&mut xml, elements::RECEIPT_HANDLE, handle);
        }
        write::close(&mut xml, elements::RECEIPT_HANDLES);
        let target = target_of_group(self.topic, self.group, self.instance);
        Encoded::new(Method::Delete, target, Some(xml))
    }
}

fn target(topic: &str) -> String {
    let mut target = String::with_capacity(160);
    target.push_str("/topics/");
    form::push_escaped(&mut target, topic);
    target.push_str("/messages");
    target
}

fn target_of_group(topic: &str, group: &str, instance: Option<&str>) -> String {
    let mut target = target(topic);
    target.push('?');
    form::push_pair(&mut target, "consumer", group);
    if let Some(instance) = instance {
        form::push_pair(&mut target, "ns", instance);
    }
    target
}
