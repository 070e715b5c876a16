//! The protocol's requests: what they say, what is signed of them, and how a client writes them.

use std::borrow::Cow;

use bytes::Bytes;

use super::header::Header;
use crate::http_message::{self, Method};
use crate::model::{Key, Message, MessageGroup, Tag, UnixMillis};
use crate::protocol::form;
use crate::protocol::signed_by::SignedBy;
use crate::signature::{Pair, StringToSign, body_md5_hex, ons_http};

/// One of the protocol's requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request<'a> {
    /// `POST`.
    Publish(Publish<'a>),
    /// `GET`.
    Consume(Consume<'a>),
    /// `DELETE`.
    Acknowledge(Acknowledge<'a>),
    /// `PUT`: not the vendor's, but ours, for the embedded endpoint.
    ChangeVisibility(ChangeVisibility<'a>),
}

/// Stores one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish<'a> {
    /// The topic.
    pub topic: Cow<'a, str>,
    /// Header `ProducerID`.
    pub producer_group: Cow<'a, str>,
    /// Milliseconds since 1970 as digits, exactly as signed.
    pub time: Cow<'a, str>,
    /// At most 128 characters.
    pub tag: Option<Cow<'a, str>>,
    /// At most 128 characters; several keys are joined by a blank.
    pub key: Option<Cow<'a, str>>,
    /// `startdelivertime`: milliseconds since 1970, a past time is now.
    pub start_deliver_time: Option<u64>,
    /// `shardingKey` of an ordered message (`isOrder: true` and a non-empty key), else `None`.
    pub sharding_key: Option<Cow<'a, str>>,
    /// How long the service may take, in milliseconds; `None` leaves it to the endpoint.
    pub timeout: Option<u64>,
    /// How the bytes are to be read; not signed.
    pub content_type: Option<Cow<'a, str>>,
    /// The bytes.
    pub body: Bytes,
    /// Their MD5 in lower-case hex, where it is known.
    pub body_md5: Option<[u8; 32]>,
}

/// Asks for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consume<'a> {
    /// The topic.
    pub topic: Cow<'a, str>,
    /// Header `ConsumerID`.
    pub consumer_group: Cow<'a, str>,
    /// Milliseconds since 1970 as digits, exactly as signed.
    pub time: Cow<'a, str>,
    /// Most messages wanted.
    pub num: Option<u32>,
    /// Longest wait in milliseconds; `None` leaves it to the endpoint.
    pub timeout: Option<u64>,
    /// How long what comes is hidden, in milliseconds: for the embedded endpoint only. Not signed.
    pub hidden_for: Option<u64>,
}

/// Acknowledges one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledge<'a> {
    /// The topic.
    pub topic: Cow<'a, str>,
    /// Header `ConsumerID`.
    pub consumer_group: Cow<'a, str>,
    /// Milliseconds since 1970 as digits, exactly as signed.
    pub time: Cow<'a, str>,
    /// `msgHandle`.
    pub handle: Cow<'a, str>,
}

/// Hides one delivery for so long from now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeVisibility<'a> {
    /// The delivery, and when the request is signed.
    pub delivery: Acknowledge<'a>,
    /// Milliseconds as digits, exactly as signed; none at all gives the delivery back.
    pub millis: Cow<'a, str>,
}

impl<'a> Publish<'a> {
    /// Publishes `message`, which the protocol can carry (see [`objection`](super::objection)), signed at `time`.
    #[must_use]
    pub fn new(message: &'a Message, producer_group: &'a str, content_type: &'a str, time: UnixMillis) -> Self {
        Self {
            topic: message.topic.as_str().into(),
            producer_group: producer_group.into(),
            time: digits(time),
            tag: message.tag.as_ref().map(Tag::as_str).map(Cow::Borrowed),
            key: joined(&message.keys),
            start_deliver_time: message.deliver_at.map(|time| time.0),
            sharding_key: message.message_group.as_ref().map(MessageGroup::as_str).map(Cow::Borrowed),
            timeout: None,
            content_type: Some(content_type.into()),
            body: message.body.clone(),
            body_md5: message.body_md5,
        }
    }
}

impl<'a> Consume<'a> {
    /// Asks for as many messages as the endpoint likes, signed at `time`.
    #[must_use]
    pub fn new(topic: &'a str, consumer_group: &'a str, time: UnixMillis) -> Self {
        Self {
            topic: topic.into(),
            consumer_group: consumer_group.into(),
            time: digits(time),
            num: None,
            timeout: None,
            hidden_for: None,
        }
    }
}

impl<'a> Acknowledge<'a> {
    /// Acknowledges `handle`, signed at `time`.
    #[must_use]
    pub fn new(topic: &'a str, consumer_group: &'a str, handle: &'a str, time: UnixMillis) -> Self {
        Self { topic: topic.into(), consumer_group: consumer_group.into(), time: digits(time), handle: handle.into() }
    }
}

impl<'a> ChangeVisibility<'a> {
    /// Hides the delivery of `handle` for `millis` from now, signed at `time`.
    #[must_use]
    pub fn new(topic: &'a str, consumer_group: &'a str, handle: &'a str, millis: u64, time: UnixMillis) -> Self {
        let delivery = Acknowledge::new(topic, consumer_group, handle, time);
        Self { delivery, millis: digits(UnixMillis(millis)) }
    }
}

impl Request<'_> {
    /// The text that the signature covers.
    #[must_use]
    pub fn string_to_sign(&self) -> StringToSign {
        match self {
            Self::Publish(it) => {
                let body_md5 = it.body_md5.unwrap_or_else(|| body_md5_hex(&it.body));
                ons_http::publish(&it.topic, &it.producer_group, &body_md5, &it.time)
            }
            Self::Consume(it) => ons_http::consume(&it.topic, &it.consumer_group, &it.time),
            Self::Acknowledge(it) => ons_http::acknowledge(&it.topic, &it.consumer_group, &it.handle, &it.time),
            Self::ChangeVisibility(ChangeVisibility { delivery: it, millis }) => {
                ons_http::change_visibility(&it.topic, &it.consumer_group, &it.handle, millis, &it.time)
            }
        }
    }

    /// The digits of `time`.
    #[must_use]
    pub fn time(&self) -> &str {
        match self {
            Self::Publish(it) => &it.time,
            Self::Consume(it) => &it.time,
            Self::Acknowledge(it) => &it.time,
            Self::ChangeVisibility(it) => &it.delivery.time,
        }
    }

    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        match self {
            Self::Publish(it) => &it.topic,
            Self::Consume(it) => &it.topic,
            Self::Acknowledge(it) => &it.topic,
            Self::ChangeVisibility(it) => &it.delivery.topic,
        }
    }

    /// Signs the request and puts it into wire form.
    #[must_use]
    pub fn sign(self, pair: &Pair) -> http_message::Request {
        let signature = pair.signing.sign(&self.string_to_sign());
        self.encode(&SignedBy::new(pair, signature.as_str()))
    }

    /// Puts the request into wire form. The protocol has no security token.
    #[must_use]
    pub fn encode(self, by: &SignedBy<'_>) -> http_message::Request {
        // The vendor's sample: signature, access key, then the group.
        let mut headers = Vec::with_capacity(6);
        let mut header = |header: Header, value: &str| headers.push((header.name(), value.to_owned()));
        header(Header::Signature, by.signature);
        header(Header::AccessKey, by.access_key);
        let mut target = String::with_capacity(160);
        target.push_str("/message/?");
        let (method, body) = match self {
            Self::Publish(it) => {
                header(Header::ProducerId, &it.producer_group);
                if let Some(sharding_key) = &it.sharding_key {
                    header(Header::IsOrder, "true");
                    header(Header::ShardingKey, sharding_key);
                }
                if let Some(content_type) = &it.content_type {
                    header(Header::ContentType, content_type);
                }
                form::push_pair(&mut target, "topic", &it.topic);
                form::push_pair(&mut target, "time", &it.time);
                push_optional(&mut target, "tag", it.tag.as_deref());
                push_optional(&mut target, "key", it.key.as_deref());
                push_number(&mut target, "startdelivertime", it.start_deliver_time);
                push_number(&mut target, "timeout", it.timeout);
                (Method::Post, Some(it.body))
            }
            Self::Consume(it) => {
                header(Header::ConsumerId, &it.consumer_group);
                form::push_pair(&mut target, "topic", &it.topic);
                form::push_pair(&mut target, "time", &it.time);
                if let Some(millis) = it.hidden_for {
                    header(Header::Visibility, itoa::Buffer::new().format(millis));
                }
                push_number(&mut target, "num", it.num.map(u64::from));
                push_number(&mut target, "timeout", it.timeout);
                (Method::Get, None)
            }
            Self::Acknowledge(it) => {
                push_delivery(&mut target, &mut header, &it);
                (Method::Delete, None)
            }
            Self::ChangeVisibility(ChangeVisibility { delivery, millis }) => {
                push_delivery(&mut target, &mut header, &delivery);
                header(Header::Visibility, &millis);
                (Method::Put, None)
            }
        };
        http_message::Request { method, target, headers, body }
    }
}

fn push_delivery(target: &mut String, header: &mut impl FnMut(Header, &str), it: &Acknowledge<'_>) {
    header(Header::ConsumerId, &it.consumer_group);
    form::push_pair(target, "msgHandle", &it.handle);
    form::push_pair(target, "topic", &it.topic);
    form::push_pair(target, "time", &it.time);
}

fn push_optional(target: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        form::push_pair(target, name, value);
    }
}

fn push_number(target: &mut String, name: &str, value: Option<u64>) {
    if let Some(value) = value {
        form::push_pair(target, name, itoa::Buffer::new().format(value));
    }
}

fn digits(time: UnixMillis) -> Cow<'static, str> {
    Cow::Owned(itoa::Buffer::new().format(time.0).to_owned())
}

/// RocketMQ joins keys with a blank (protocol notes ONS 3.2).
fn joined(keys: &[Key]) -> Option<Cow<'_, str>> {
    match keys {
        [] => None,
        [one] => Some(Cow::Borrowed(one.as_str())),
        many => Some(Cow::Owned(many.iter().map(Key::as_str).collect::<Vec<_>>().join(" "))),
    }
}
