//! Responses: encoded by the endpoint, decoded by the upstream.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error_code::ErrorCode;
use crate::model::{Delivery, Durability, MessageGroup, MessageId, Published, UnixMillis, UpstreamHandle};
use crate::plain_json::{PlainJson, once};

/// A response that cannot be used. The text says why and quotes nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResponseError {
    /// Not the JSON that the protocol has here.
    #[error("the answer's body is not what the protocol has here")]
    Unreadable,
    /// An undocumented `sendStatus`.
    #[error("the answer's sendStatus is unknown")]
    UnknownSendStatus,
    /// A field that must be there is missing or empty.
    #[error("the answer's field {0} is missing or empty")]
    Field(&'static str),
}

/// `{"code","info"}` of a 400.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorBody {
    /// The vendor's code.
    pub code: ErrorCode,
    /// The vendor's words.
    pub info: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct PublishedWire<'a> {
    #[serde(rename = "msgId", borrow)]
    message_id: Cow<'a, str>,
    #[serde(rename = "sendStatus", borrow)]
    send_status: Cow<'a, str>,
}

/// The body of a publish's 201.
#[must_use]
pub fn encode_published(message_id: &MessageId) -> String {
    let message_id = message_id.as_str();
    if message_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return [r#"{"msgId":""#, message_id, r#"","sendStatus":"SEND_OK"}"#].concat();
    }
    // Another MQ's id may be any text. Strings only: serialisation cannot fail.
    let wire = PublishedWire { message_id: message_id.into(), send_status: "SEND_OK".into() };
    serde_json::to_string(&wire).unwrap_or_default()
}

/// Reads the body of a publish's 201. Only `SEND_OK` and the three statuses that mean "stored, weaker than asked"
/// are success (reliability: Apache RocketMQ).
///
/// # Errors
/// [`ResponseError`]: the outcome is unknown then.
pub fn decode_published(body: &[u8]) -> Result<Published, ResponseError> {
    let plain = simdutf8::basic::from_utf8(body).ok().and_then(read_plain_published);
    let wire = plain.map_or_else(|| serde_json::from_slice(body), Ok).map_err(|_| ResponseError::Unreadable)?;
    let durability = match wire.send_status.as_ref() {
        "SEND_OK" => Durability::Full,
        "FLUSH_DISK_TIMEOUT" | "FLUSH_SLAVE_TIMEOUT" | "SLAVE_NOT_AVAILABLE" => Durability::Degraded,
        _ => return Err(ResponseError::UnknownSendStatus),
    };
    let message_id = MessageId::parse(&wire.message_id).map_err(|_| ResponseError::Field("msgId"))?;
    Ok(Published { message_id, durability, body_md5: None })
}

fn read_plain_published(body: &str) -> Option<PublishedWire<'_>> {
    let (mut message_id, mut send_status) = (None, None);
    PlainJson::read(body, |answer| {
        answer.object(|name, value| match name {
            "msgId" => once(&mut message_id, value.string()?),
            "sendStatus" => once(&mut send_status, value.string()?),
            _ => None,
        })
    })?;
    Some(PublishedWire { message_id: message_id?, send_status: send_status? })
}

/// One element of a consume's 200, in the service's alphabetical order; all seven of its fields always there
/// (protocol notes ONS 7, item 17). `bodyEncoding` and `shardingKey` are ours and do no harm to any client seen.
#[derive(Serialize)]
struct ConsumedOut<'a> {
    body: Cow<'a, str>,
    #[serde(rename = "bodyEncoding", skip_serializing_if = "Option::is_none")]
    body_encoding: Option<&'static str>,
    #[serde(rename = "bornTime")]
    born_time: String,
    key: String,
    #[serde(rename = "msgHandle")]
    handle: &'a str,
    #[serde(rename = "msgId")]
    message_id: &'a str,
    #[serde(rename = "reconsumeTimes")]
    reconsume_times: u32,
    #[serde(rename = "shardingKey", skip_serializing_if = "Option::is_none")]
    sharding_key: Option<&'a str>,
    tag: &'a str,
}

/// The body of a consume's 200: `[]` when there is nothing.
///
/// Bytes that are no UTF-8 go as Latin-1, as the service did, marked by `"bodyEncoding":"latin1"` (item 18).
#[must_use]
pub fn encode_consumed(deliveries: &[Delivery]) -> String {
    let elements: Vec<_> = deliveries
        .iter()
        .map(|delivery| {
            let (body, body_encoding) = match simdutf8::basic::from_utf8(&delivery.body) {
                Ok(text) => (Cow::Borrowed(text), None),
                Err(_) => (Cow::Owned(delivery.body.iter().map(|byte| char::from(*byte)).collect()), Some(LATIN1)),
            };
            ConsumedOut {
                body,
                body_encoding,
                born_time: delivery.published_at.0.to_string(),
                key: delivery.keys.join(" "),
                handle: delivery.handle.as_str(),
                message_id: delivery.message_id.as_str(),
                reconsume_times: delivery.delivery_attempt.saturating_sub(1),
                sharding_key: delivery.message_group.as_ref().map(MessageGroup::as_str),
                tag: delivery.tag.as_deref().unwrap_or_default(),
            }
        })
        .collect();
    // Strings and numbers only: serialisation cannot fail.
    serde_json::to_string(&elements).unwrap_or_else(|_| "[]".to_owned())
}

const LATIN1: &str = "latin1";

#[derive(Deserialize)]
struct ConsumedIn<'a> {
    #[serde(borrow)]
    body: Cow<'a, str>,
    #[serde(rename = "bodyEncoding", default, borrow)]
    body_encoding: Option<Cow<'a, str>>,
    #[serde(rename = "bornTime")]
    born_time: Digits,
    #[serde(default)]
    key: Option<String>,
    #[serde(rename = "msgHandle", borrow)]
    handle: Cow<'a, str>,
    #[serde(rename = "msgId", borrow)]
    message_id: Cow<'a, str>,
    #[serde(rename = "reconsumeTimes", default)]
    reconsume_times: Option<Digits>,
    #[serde(rename = "shardingKey", default)]
    sharding_key: Option<String>,
    #[serde(default)]
    tag: Option<String>,
}

/// A number that some write as a string.
struct Digits(u64);

impl<'de> Deserialize<'de> for Digits {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Digits;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a whole number or its digits as a string")
            }
            fn visit_u64<E>(self, number: u64) -> Result<Digits, E> {
                Ok(Digits(number))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Digits, E> {
                text.parse().map(Digits).map_err(|_| E::custom("not digits"))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// What a consume's 200 held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumed {
    /// The messages.
    pub deliveries: Vec<Delivery>,
    /// Elements that are no message: left to the MQ, so that one of them does not cost its neighbours a delivery.
    pub unreadable: usize,
}

/// Reads the body of a consume's 200. The protocol does not tell when a delivery becomes visible again:
/// `visible_again_at` is the caller's assumption.
///
/// # Errors
/// [`ResponseError`] when it is no list, or holds nothing that can be read.
pub fn decode_consumed(body: &[u8], visible_again_at: UnixMillis) -> Result<Consumed, ResponseError> {
    let body = simdutf8::basic::from_utf8(body).map_err(|_| ResponseError::Unreadable)?;
    let elements = match read_plain(body) {
        Some(elements) => elements.into_iter().map(Ok).collect(),
        None => read_leniently(body)?,
    };
    let mut consumed = Consumed { deliveries: Vec::with_capacity(elements.len()), unreadable: 0 };
    let mut failure = None;
    for element in elements {
        match element.and_then(|element| decode_element(element, visible_again_at)) {
            Ok(delivery) => consumed.deliveries.push(delivery),
            Err(error) => {
                consumed.unreadable += 1;
                failure = Some(error);
            }
        }
    }
    match failure {
        Some(error) if consumed.deliveries.is_empty() => Err(error),
        Some(_) | None => Ok(consumed),
    }
}

/// Each element by itself: one that cannot be read does not cost its neighbours a delivery.
fn read_leniently(body: &str) -> Result<Vec<Result<ConsumedIn<'_>, ResponseError>>, ResponseError> {
    let elements: Vec<&RawValue> = serde_json::from_str(body).map_err(|_| ResponseError::Unreadable)?;
    let read = elements.into_iter().map(|element| serde_json::from_str(element.get()));
    Ok(read.map(|read| read.map_err(|_| ResponseError::Unreadable)).collect())
}

/// The elements, if all are as the service writes them.
fn read_plain(body: &str) -> Option<Vec<ConsumedIn<'_>>> {
    PlainJson::read(body, |answer| answer.list(read_plain_element))
}

fn read_plain_element<'a>(element: &mut PlainJson<'a>) -> Option<ConsumedIn<'a>> {
    let (mut body, mut body_encoding, mut born_time, mut key) = (None, None, None, None);
    let (mut handle, mut message_id, mut reconsume_times) = (None, None, None);
    let (mut sharding_key, mut tag) = (None, None);
    element.object(|name, value| match name {
        "body" => once(&mut body, value.string()?),
        "bodyEncoding" => once(&mut body_encoding, value.string()?),
        "bornTime" => once(&mut born_time, Digits(value.plain_string()?.parse().ok()?)),
        "key" => once(&mut key, value.string()?.into_owned()),
        "msgHandle" => once(&mut handle, value.string()?),
        "msgId" => once(&mut message_id, value.string()?),
        "reconsumeTimes" => once(&mut reconsume_times, Digits(value.number()?)),
        "shardingKey" => once(&mut sharding_key, value.string()?.into_owned()),
        "tag" => once(&mut tag, value.string()?.into_owned()),
        _ => None,
    })?;
    Some(ConsumedIn {
        body: body?,
        body_encoding,
        born_time: born_time?,
        key,
        handle: handle?,
        message_id: message_id?,
        reconsume_times,
        sharding_key,
        tag,
    })
}

fn decode_element(element: ConsumedIn<'_>, visible_again_at: UnixMillis) -> Result<Delivery, ResponseError> {
    let body = if element.body_encoding.as_deref() == Some(LATIN1) {
        let bytes: Result<Vec<u8>, _> = element.body.chars().map(u8::try_from).collect();
        Bytes::from(bytes.map_err(|_| ResponseError::Field("body"))?)
    } else {
        Bytes::from(element.body.into_owned())
    };
    let attempts = element.reconsume_times.map_or(0, |times| times.0).saturating_add(1);
    Ok(Delivery {
        message_id: MessageId::parse(&element.message_id).map_err(|_| ResponseError::Field("msgId"))?,
        handle: UpstreamHandle::parse(&element.handle).map_err(|_| ResponseError::Field("msgHandle"))?,
        body,
        tag: element.tag.filter(|tag| !tag.is_empty()),
        keys: element
            .key
            .iter()
            .flat_map(|keys| keys.split(' '))
            .filter(|key| !key.is_empty())
            .map(str::to_owned)
            .collect(),
        properties: Vec::new(),
        system_properties: Vec::new(),
        message_group: element.sharding_key.and_then(|key| MessageGroup::parse(&key).ok()),
        delivery_attempt: u32::try_from(attempts).unwrap_or(u32::MAX),
        deliver_at: None,
        published_at: UnixMillis(element.born_time.0),
        first_delivered_at: None,
        visible_again_at,
    })
}

#[derive(Serialize, Deserialize)]
struct ChangedWire {
    #[serde(rename = "visibleAgainAt")]
    visible_again_at: u64,
}

/// The body of the 200 to a change of visibility, which only the embedded endpoint gives.
#[must_use]
pub fn encode_changed(visible_again_at: UnixMillis) -> String {
    // A number only: serialisation cannot fail.
    serde_json::to_string(&ChangedWire { visible_again_at: visible_again_at.0 }).unwrap_or_default()
}

/// Reads the body of the 200 to a change of visibility.
///
/// # Errors
/// [`ResponseError`].
pub fn decode_changed(body: &[u8]) -> Result<UnixMillis, ResponseError> {
    let wire: ChangedWire = serde_json::from_slice(body).map_err(|_| ResponseError::Unreadable)?;
    Ok(UnixMillis(wire.visible_again_at))
}

/// Reads `{"code","info"}`, where the body is that.
#[must_use]
pub fn decode_error(body: &[u8]) -> Option<ErrorBody> {
    #[derive(Deserialize)]
    struct Wire {
        code: String,
        #[serde(default)]
        info: String,
    }
    let wire: Wire = serde_json::from_slice(body).ok()?;
    Some(ErrorBody { code: ErrorCode::parse(&wire.code), info: wire.info })
}

/// Whether a consume's answer is a plain one; those that are, are what the library reads.
#[cfg(any(test, fuzzing))]
pub(super) fn is_plain(body: &str) -> bool {
    let Some(plain) = read_plain(body) else { return false };
    let decode = |element| decode_element(element, UnixMillis(7));
    let plain: Vec<_> = plain.into_iter().map(decode).collect();
    let library: Result<Vec<_>, _> =
        read_leniently(body).map(|elements| elements.into_iter().map(|element| element.and_then(decode)).collect());
    assert_eq!(library, Ok(plain), "{body}");
    true
}

/// The same of the answer to a publish.
#[cfg(any(test, fuzzing))]
pub(super) fn is_plain_published(body: &str) -> bool {
    let Some(plain) = read_plain_published(body) else { return false };
    assert_eq!(serde_json::from_str(body).ok(), Some(plain), "{body}");
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn any_message_id_is_json() {
        for id in ["0A97CB496DE1137A9034915421F297A7", "a\"b\\c\n", "中", "a-b"] {
            let json = encode_published(&MessageId::parse(id).unwrap());
            assert_eq!(decode_published(json.as_bytes()).unwrap().message_id.as_str(), id);
        }
    }

    #[test]
    fn a_plain_answer_to_a_publish_is_read_alike() {
        for (body, is_plain) in [
            (r#"{"msgId":"0A","sendStatus":"SEND_OK"}"#, true),
            (" { \"sendStatus\" : \"x\\n\" , \"msgId\" : \"\" } \n", true),
            (r#"{"msgId":"0A","sendStatus":"SEND_OK","x":1}"#, false),
            (r#"{"msgId":"0A"}"#, false),
            (r#"{"msgId":7,"sendStatus":"SEND_OK"}"#, false),
            (r#"{"msgId":"0A","sendStatus":"SEND_OK"}}"#, false),
            ("", false),
        ] {
            assert_eq!(is_plain_published(body), is_plain, "{body}");
        }
    }

    const MESSAGE: &str = r#"{"body":"b","bornTime":"1503907519000","key":"k l","msgHandle":"h","msgId":"0A","reconsumeTimes":1,"tag":"t"}"#;

    #[test]
    fn what_is_plain_is_read_alike() {
        for body in ["[]", " [ ] ", &format!("[{MESSAGE}]"), &format!("[{MESSAGE},\n{MESSAGE}]"), MESSAGE_WITH_ESCAPES]
        {
            assert!(is_plain(body), "{body}");
        }
        for part in
            ["\"bornTime\":\"x\"", "\"new\":1", "\"body\":\"c\"", "\"reconsumeTimes\":\"1\"", "\"sharding\":null"]
        {
            let body = format!(
                "[{}]",
                MESSAGE.replace("\"tag\":\"t\"", part).replace("\"bornTime\":\"1503907519000\",\"key\"", "\"key\"")
            );
            assert!(!is_plain(&body), "{body}");
        }
        for body in ["", "{}", "null", "[", "[{}]", "[7]"] {
            assert!(!is_plain(body), "{body}");
        }
    }

    const MESSAGE_WITH_ESCAPES: &str = r#"[{"body":"{\"a\":\"\u4e2d\n\"}","bodyEncoding":"latin1","bornTime":"0","msgHandle":"h","msgId":"0A","shardingKey":"g"}]"#;

    proptest! {
        #[test]
        fn whatever_is_read_as_plain_is_what_the_library_reads(
            parts in prop::collection::vec(prop::sample::select(vec![
                r#""body":"b""#, r#""body":"\u00e9""#, r#""bodyEncoding":"latin1""#, r#""bornTime":"1""#, r#""bornTime":2"#,
                r#""key":"k""#, r#""key":null"#, r#""msgHandle":"h""#, r#""msgHandle":"""#, r#""msgId":"0A""#, r#""msgId":"a b""#,
                r#""reconsumeTimes":3"#, r#""reconsumeTimes":"4""#, r#""shardingKey":"g""#, r#""tag":"""#, r#""other":[]"#,
            ]), 3..9),
        ) {
            is_plain(&format!("[{{{}}}]", parts.join(",")));
        }
    }
}
