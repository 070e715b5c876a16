//! Requests: encoded by the upstream, decoded by the endpoint.

use std::borrow::Cow;
use std::str::FromStr;

use bytes::Bytes;

use super::Refusal;
use crate::http_message::Method;
use crate::protocol::form;
use crate::signature::{Signature, StringToSign, ons_http};

/// One of the protocol's requests, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request<'a> {
    /// `POST`.
    Publish(Publish<'a>),
    /// `GET`.
    Consume(Consume<'a>),
    /// `DELETE`.
    Acknowledge(Acknowledge<'a>),
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
    /// The bytes.
    pub body: Bytes,
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

/// The protocol's headers, spelled as its specification does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// The access key id.
    AccessKey,
    /// The signature.
    Signature,
    /// The producer group.
    ProducerId,
    /// The consumer group.
    ConsumerId,
    /// `true` for an ordered message.
    IsOrder,
    /// What keeps messages in order.
    ShardingKey,
}

impl Header {
    /// The name; header names are compared without case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessKey => "AccessKey",
            Self::Signature => "Signature",
            Self::ProducerId => "ProducerID",
            Self::ConsumerId => "ConsumerID",
            Self::IsOrder => "isOrder",
            Self::ShardingKey => "shardingKey",
        }
    }
}

/// A request ready for the wire: origin-form target and the protocol's own headers, which are signed: no `Debug`.
#[derive(Clone, PartialEq, Eq)]
#[expect(missing_debug_implementations, reason = "a signature in a log can be replayed")]
pub struct Encoded<'a> {
    /// The method.
    pub method: Method,
    /// `/message/?…`.
    pub target: String,
    /// In the order of the vendor's sample; content type and length are the client's business.
    pub headers: Vec<(Header, Cow<'a, str>)>,
    /// Empty but for publishes.
    pub body: Bytes,
}

/// A decoded request and who says to have sent it.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed<'a> {
    /// What is asked.
    pub request: Request<'a>,
    /// The claimed access key.
    pub access_key: Cow<'a, str>,
    /// The claimed signature.
    pub signature: Cow<'a, str>,
}

impl std::fmt::Debug for Signed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signed").field("request", &self.request).finish_non_exhaustive()
    }
}

impl<'a> Request<'a> {
    /// The text that the signature covers.
    #[must_use]
    pub fn string_to_sign(&self) -> StringToSign {
        match self {
            Self::Publish(it) => ons_http::publish(&it.topic, &it.producer_group, &it.body, &it.time),
            Self::Consume(it) => ons_http::consume(&it.topic, &it.consumer_group, &it.time),
            Self::Acknowledge(it) => ons_http::acknowledge(&it.topic, &it.consumer_group, &it.handle, &it.time),
        }
    }

    /// The digits of `time`.
    #[must_use]
    pub fn time(&self) -> &str {
        match self {
            Self::Publish(it) => &it.time,
            Self::Consume(it) => &it.time,
            Self::Acknowledge(it) => &it.time,
        }
    }

    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        match self {
            Self::Publish(it) => &it.topic,
            Self::Consume(it) => &it.topic,
            Self::Acknowledge(it) => &it.topic,
        }
    }

    /// Puts the request and its signature into wire form.
    #[must_use]
    pub fn encode(self, access_key: &'a str, signature: &Signature) -> Encoded<'a> {
        // The vendor's sample: signature, access key, then the group.
        let mut headers = Vec::with_capacity(5);
        headers.push((Header::Signature, Cow::Owned(signature.as_str().to_owned())));
        headers.push((Header::AccessKey, Cow::Borrowed(access_key)));
        let mut target = String::with_capacity(160);
        target.push_str("/message/?");
        match self {
            Self::Publish(it) => {
                headers.push((Header::ProducerId, it.producer_group));
                if let Some(sharding_key) = it.sharding_key {
                    headers.push((Header::IsOrder, Cow::Borrowed("true")));
                    headers.push((Header::ShardingKey, sharding_key));
                }
                form::push_pair(&mut target, "topic", &it.topic);
                form::push_pair(&mut target, "time", &it.time);
                if let Some(tag) = it.tag {
                    form::push_pair(&mut target, "tag", &tag);
                }
                if let Some(key) = it.key {
                    form::push_pair(&mut target, "key", &key);
                }
                if let Some(time) = it.start_deliver_time {
                    form::push_pair(&mut target, "startdelivertime", itoa::Buffer::new().format(time));
                }
                if let Some(timeout) = it.timeout {
                    form::push_pair(&mut target, "timeout", itoa::Buffer::new().format(timeout));
                }
                Encoded { method: Method::Post, target, headers, body: it.body }
            }
            Self::Consume(it) => {
                headers.push((Header::ConsumerId, it.consumer_group));
                form::push_pair(&mut target, "topic", &it.topic);
                form::push_pair(&mut target, "time", &it.time);
                if let Some(num) = it.num {
                    form::push_pair(&mut target, "num", itoa::Buffer::new().format(num));
                }
                if let Some(timeout) = it.timeout {
                    form::push_pair(&mut target, "timeout", itoa::Buffer::new().format(timeout));
                }
                Encoded { method: Method::Get, target, headers, body: Bytes::new() }
            }
            Self::Acknowledge(it) => {
                headers.push((Header::ConsumerId, it.consumer_group));
                form::push_pair(&mut target, "msgHandle", &it.handle);
                form::push_pair(&mut target, "topic", &it.topic);
                form::push_pair(&mut target, "time", &it.time);
                Encoded { method: Method::Delete, target, headers, body: Bytes::new() }
            }
        }
    }
}

/// What a request must say about who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// Access key and signature.
    Signed,
    /// Neither: where nobody checks them, a client may as well leave its keys out.
    Anyone,
}

/// Reads a request: presence before everything else (protocol notes ONS 7, items 3 to 7).
///
/// `header` gives a header's value as text, `None` when absent; an empty value counts as missing.
///
/// # Errors
/// [`Refusal::Missing`] or [`Refusal::Invalid`], naming the parameter in the vendor's words.
pub fn decode<'a>(
    method: Method,
    query: &'a str,
    header: impl Fn(Header) -> Option<Cow<'a, str>>,
    body: Bytes,
    demand: Demand,
) -> Result<Signed<'a>, Refusal> {
    let query = Query::read(query);
    let identity = |header_name: Header, label: &'static str| {
        header(header_name).filter(|value| !value.is_empty()).ok_or(Refusal::Missing(label))
    };
    let (signature, access_key) = match demand {
        Demand::Signed => (identity(Header::Signature, "Signature")?, identity(Header::AccessKey, "AccessKey")?),
        Demand::Anyone => (Cow::Borrowed(""), Cow::Borrowed("")),
    };
    let topic = required(query.topic, "Topic")?;
    let time = required(query.time, "Time")?;
    if time.parse::<u64>().is_err() {
        return Err(Refusal::Invalid("Time", "must be milliseconds since 1970 as digits"));
    }
    let request = match method {
        Method::Post => {
            let producer_group = identity(Header::ProducerId, "ProducerId")?;
            let ordered =
                header(Header::IsOrder).is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1");
            let sharding_key = header(Header::ShardingKey).filter(|value| ordered && !value.is_empty());
            Request::Publish(Publish {
                topic,
                producer_group,
                time,
                tag: optional(query.tag, "Tag")?,
                key: optional(query.key, "Key")?,
                start_deliver_time: optional(query.start_deliver_time, "StartDeliverTime")?
                    .map(|digits| digits.parse())
                    .transpose()
                    .map_err(|_| Refusal::Invalid("StartDeliverTime", "must be milliseconds as digits"))?,
                sharding_key,
                timeout: lenient(query.timeout),
                body,
            })
        }
        Method::Get => Request::Consume(Consume {
            topic,
            consumer_group: identity(Header::ConsumerId, "ConsumerId")?,
            time,
            num: lenient(query.num),
            timeout: lenient(query.timeout),
        }),
        Method::Delete => Request::Acknowledge(Acknowledge {
            topic,
            consumer_group: identity(Header::ConsumerId, "ConsumerId")?,
            time,
            handle: required(query.handle, "MsgHandle")?,
        }),
    };
    Ok(Signed { request, access_key, signature })
}

/// The parameters that mean something; the first of duplicates wins, unknown ones are ignored.
#[derive(Default)]
struct Query<'a> {
    topic: Value<'a>,
    time: Value<'a>,
    tag: Value<'a>,
    key: Value<'a>,
    handle: Value<'a>,
    start_deliver_time: Value<'a>,
    num: Value<'a>,
    timeout: Value<'a>,
}

/// A parameter's value as far as it was read: judged only where the method uses it.
type Value<'a> = Option<Result<Cow<'a, str>, form::NotUtf8>>;

impl<'a> Query<'a> {
    fn read(query: &'a str) -> Self {
        let mut found = Self::default();
        for (name, value) in form::pairs(query) {
            let slot = match name.as_ref() {
                "topic" => &mut found.topic,
                "time" => &mut found.time,
                "tag" => &mut found.tag,
                "key" => &mut found.key,
                "msgHandle" => &mut found.handle,
                "startdelivertime" | "startDeliverTime" => &mut found.start_deliver_time,
                "num" => &mut found.num,
                "timeout" => &mut found.timeout,
                _ => continue,
            };
            slot.get_or_insert(value);
        }
        found
    }
}

/// Text that may be absent or empty.
fn optional<'a>(value: Value<'a>, label: &'static str) -> Result<Option<Cow<'a, str>>, Refusal> {
    match value {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
        Some(Err(form::NotUtf8)) => Err(Refusal::Invalid(label, "must be UTF-8")),
    }
}

/// Text that must be there.
fn required<'a>(value: Value<'a>, label: &'static str) -> Result<Cow<'a, str>, Refusal> {
    optional(value, label)?.ok_or(Refusal::Missing(label))
}

/// A number; one that cannot be read is as good as none where clients send odd ones.
fn lenient<T: FromStr>(value: Value<'_>) -> Option<T> {
    value?.ok()?.parse().ok()
}
