//! The JSON envelope of one message.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::compact::compact;
use super::shape::{Field, FieldKind, note};
use super::times;
use crate::counted::{CountedList, CountedMap};
use crate::http::problem::FieldError;
use crate::model::{Key, MAX_KEYS, MAX_PROPERTIES, Message, MessageGroup, NameError, Tag, Topic, UnixMillis};

/// Room for more keys is made when they have turned out to be some.
const MOST_KEYS_AT_ONCE: usize = 16;

/// The envelope's fields, for errors.
pub(super) const FIELDS: &[Field] = &[
    Field::required("body", FieldKind::Any),
    Field::optional("encoding", FieldKind::Text),
    Field::optional("tag", FieldKind::Text),
    Field::optional("keys", FieldKind::Texts),
    Field::optional("properties", FieldKind::TextMap),
    Field::optional("message_group", FieldKind::Text),
    Field::optional("deliver_at", FieldKind::Text),
    Field::optional("delay_seconds", FieldKind::Number { least: 0, most: times::MAX_DELAY_SECONDS }),
];

/// One envelope as its caller wrote it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    pub(super) body: Body<'a>,
    #[serde(borrow, default)]
    pub(super) encoding: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) tag: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) keys: Option<CountedList<Cow<'a, str>, MAX_KEYS>>,
    #[serde(default)]
    pub(super) properties: Option<Properties>,
    #[serde(borrow, default)]
    pub(super) message_group: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) deliver_at: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) delay_seconds: Option<u64>,
}

/// A body as its caller wrote it.
pub(super) enum Body<'a> {
    /// A string, read.
    Text(Cow<'a, str>),
    /// Any JSON.
    Json(&'a RawValue),
}

impl<'de: 'a, 'a> Deserialize<'de> for Body<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(Self::Json)
    }
}

/// Name-value pairs in the caller's order.
pub(super) type Properties = CountedMap<String, String, MAX_PROPERTIES>;

/// Where an envelope stands: the beginning of the pointers to its fields.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// It is the whole body.
    Alone,
    /// It is so far down in a batch.
    InBatch(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alone => Ok(()),
            Self::InBatch(index) => write!(f, "/messages/{index}"),
        }
    }
}

impl Envelope<'_> {
    /// The message. `whole` is the request's body, of which the message's body is a part wherever it can be.
    ///
    /// # Errors
    /// Every wrong field; pointers begin with `at`.
    pub(super) fn into_message(
        self,
        topic: Topic,
        now: UnixMillis,
        whole: &Bytes,
        at: Place,
    ) -> Result<Message, Vec<FieldError>> {
        let mut errors = Vec::new();
        let body = match self.body {
            Body::Text(Cow::Borrowed(text)) => Ok(part_of(whole, text)),
            Body::Text(Cow::Owned(text)) => Ok(Bytes::from(text)),
            Body::Json(json) => body(json, self.encoding.as_deref(), whole),
        };
        let body = body.map_err(|(field, detail)| {
            note(&mut errors, format!("{at}/{field}"), detail);
        });
        let mut message = Message::new(topic, body.unwrap_or_default());
        message.tag = checked(self.tag.as_deref(), Tag::parse, at, || "tag".to_owned(), &mut errors);
        let keys = self.keys.unwrap_or_else(|| Vec::new().into());
        if keys.count > MAX_KEYS {
            note(&mut errors, format!("{at}/keys"), too_many("keys", MAX_KEYS, keys.count));
        }
        message.keys.reserve_exact(keys.first.len().min(MOST_KEYS_AT_ONCE));
        for (index, key) in keys.first.iter().enumerate() {
            message.keys.extend(checked(Some(key), Key::parse, at, || format!("keys/{index}"), &mut errors));
        }
        let properties = self.properties.unwrap_or_else(|| Vec::new().into());
        if properties.count > MAX_PROPERTIES {
            let detail = too_many("properties", MAX_PROPERTIES, properties.count);
            note(&mut errors, format!("{at}/properties"), detail);
        }
        message.properties = properties.first;
        message.message_group =
            checked(self.message_group.as_deref(), MessageGroup::parse, at, || "message_group".to_owned(), &mut errors);
        let time = match (self.deliver_at.as_deref(), self.delay_seconds) {
            (Some(_), Some(_)) => {
                note(&mut errors, format!("{at}/delay_seconds"), "excludes deliver_at: send one of the two");
                Ok(None)
            }
            (Some(text), None) => times::deliver_at(text, now).map_err(|detail| ("deliver_at", detail)),
            (None, Some(seconds)) => times::delay(seconds, now).map_err(|detail| ("delay_seconds", detail)),
            (None, None) => Ok(None),
        };
        match time {
            Ok(time) => {
                message.deliver_at = time;
                message.deliver_at_is_delay = self.delay_seconds.is_some();
            }
            Err((field, detail)) => note(&mut errors, format!("{at}/{field}"), detail),
        }
        if errors.is_empty() { Ok(message) } else { Err(errors) }
    }
}

fn too_many(what: &str, limit: usize, count: usize) -> String {
    format!("must hold at most {limit} {what}, has {count}: put some of it into the body")
}

/// The bytes that a body and its encoding stand for.
fn body(raw: &RawValue, encoding: Option<&str>, whole: &Bytes) -> Result<Bytes, (&'static str, String)> {
    let json = raw.get();
    let is_string = json.starts_with('"');
    let text = || {
        // Without escapes the text is what stands between the quotes.
        let has_escapes = |text: &&str| memchr::memchr(b'\\', text.as_bytes()).is_some();
        let plain = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).filter(|text| !has_escapes(text));
        if let Some(plain) = plain {
            return Ok(Cow::Borrowed(plain));
        }
        // The grammar was checked; what is left are escapes that stand for no character.
        serde_json::from_str::<&str>(json).map(Cow::Borrowed).or_else(|_| serde_json::from_str(json).map(Cow::Owned))
    };
    let no_text = |_| ("body", "holds an escape that is no character (a lone surrogate): leave it out".to_owned());
    match encoding {
        None | Some("text") if is_string => match text().map_err(no_text)? {
            Cow::Borrowed(text) => Ok(part_of(whole, text)),
            Cow::Owned(text) => Ok(Bytes::from(text)),
        },
        None | Some("json") => match compact(json) {
            Cow::Borrowed(json) => Ok(part_of(whole, json)),
            Cow::Owned(json) => Ok(Bytes::from(json)),
        },
        Some("base64") if is_string => {
            let text = text().map_err(no_text)?;
            let decoded = STANDARD.decode(text.as_bytes());
            decoded.map(Bytes::from).map_err(|_| ("body", "must be base64 (standard alphabet, padded)".to_owned()))
        }
        Some(name @ ("text" | "base64")) => {
            Err(("body", format!("must be a string with encoding {name}: leave encoding out to send JSON as it is")))
        }
        Some(_) => Err(("encoding", "must be text, json or base64".to_owned())),
    }
}

/// `text` as a part of `whole`, without a copy.
fn part_of(whole: &Bytes, text: &str) -> Bytes {
    let bytes = text.as_bytes();
    let inside = whole.as_ptr_range();
    let range = bytes.as_ptr_range();
    if bytes.is_empty() {
        Bytes::new()
    } else if inside.start <= range.start && range.end <= inside.end {
        whole.slice_ref(bytes)
    } else {
        Bytes::copy_from_slice(bytes)
    }
}

/// Parses an optional text, noting what is wrong.
pub(super) fn checked<T>(
    text: Option<&str>,
    parse: impl Fn(&str) -> Result<T, NameError>,
    at: Place,
    field: impl FnOnce() -> String,
    errors: &mut Vec<FieldError>,
) -> Option<T> {
    match parse(text?) {
        Ok(parsed) => Some(parsed),
        Err(error) => {
            note(errors, format!("{at}/{}", field()), error.to_string());
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(json: &str) -> Result<Message, Vec<FieldError>> {
        let whole = Bytes::copy_from_slice(json.as_bytes());
        let envelope: Envelope<'_> = serde_json::from_slice(&whole).unwrap();
        envelope.into_message(Topic::parse("T").unwrap(), UnixMillis(1_000_000), &whole, Place::Alone)
    }

    #[test]
    fn bodies_and_their_bytes() {
        let check = |json: &str, expected: &str| assert_eq!(message(json).unwrap().body, expected.as_bytes(), "{json}");
        check(r#"{"body":"中文"}"#, "中文");
        check(r#"{"body":"a\n\u4e2d"}"#, "a\n中");
        check(r#"{"body":""}"#, "");
        check(r#"{"body":null}"#, "null");
        check(r#"{"body": {"b" : 1.10, "a":[ 1 ]} }"#, r#"{"b":1.10,"a":[1]}"#);
        check(r#"{"body":"a\n","encoding":"json"}"#, r#""a\n""#);
        check(r#"{"body":"YQ==","encoding":"base64"}"#, "a");
        check(r#"{"body":7,"encoding":"json"}"#, "7");
        check(r#"{"body":"x","encoding":"text"}"#, "x");
        check(r#"{"body":"x","tag":null,"keys":null}"#, "x");
    }

    #[test]
    fn wrong_fields_are_named() {
        let check = |json: &str, expected: &str| {
            let errors = message(json).unwrap_err();
            assert_eq!(errors[0].pointer.as_deref(), Some(expected), "{json}: {errors:?}");
        };
        check(r#"{"body":7,"encoding":"text"}"#, "/body");
        check(r#"{"body":"YQ","encoding":"base64"}"#, "/body");
        check(r#"{"body":"x","encoding":"hex"}"#, "/encoding");
        check(r#"{"body":"\ud800"}"#, "/body");
        check(r#"{"body":"x","tag":"a|b"}"#, "/tag");
        check(r#"{"body":"x","keys":["a","b c"]}"#, "/keys/1");
        check(r#"{"body":"x","deliver_at":"soon"}"#, "/deliver_at");
        check(r#"{"body":"x","deliver_at":"2026-01-01T00:00:00Z","delay_seconds":1}"#, "/delay_seconds");
    }
}
