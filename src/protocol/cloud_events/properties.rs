//! An event as a message of the MQ, and back: attributes as properties with the prefix `ce_`, or the event in the JSON format as
//! the body.
//!
//! | of the event | of the message |
//! |---|---|
//! | `mqtag`, else `type` where it is a legal tag | tag |
//! | `mqkeys` (split at blanks), then `id`, then `subject`, as far as they are legal keys | keys |
//! | `partitionkey` | message group |
//! | `traceparent`, `tracestate` | properties of these names |
//! | every attribute that has not gone into the fields above for good | properties `ce_NAME`, and data as the body; or the whole event as the body, with the properties `content-type`, `ce_id` and `ce_source` where there are properties |
//!
//! What a delivery adds to an event (`mqtopic`, `mqgroup` and so on) is the delivery's: sent back to us, it is left out.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::attribute::{DATACONTENTTYPE, ID, SOURCE, SPECVERSION, SUBJECT, TYPE, VERSION, Value, has_legal_letters};
use super::data::{JSON, is_in_another_charset};
use super::{Data, Event, EventFlaw, Mode, STRUCTURED_TYPE};
use crate::model::{Key, MAX_KEYS, Message, MessageGroup, Protocol, Tag, Topic};
use crate::trace_context::{TRACEPARENT, TRACESTATE, TraceContext};

pub(super) const MQ_TOPIC: &str = "mqtopic";
pub(super) const MQ_GROUP: &str = "mqgroup";
pub(super) const MQ_TAG: &str = "mqtag";
pub(super) const MQ_KEYS: &str = "mqkeys";
pub(super) const MQ_MESSAGE_ID: &str = "mqmessageid";
pub(super) const MQ_PROPERTIES: &str = "mqproperties";
pub(super) const MQ_RECEIPT_HANDLE: &str = "mqreceipthandle";
pub(super) const MQ_VISIBLE_AGAIN_AT: &str = "mqvisibleagainat";
pub(super) const DELIVERY_ATTEMPT: &str = "deliveryattempt";
pub(super) const PARTITION_KEY: &str = "partitionkey";

/// What a delivery adds.
const OF_DELIVERIES: [&str; 8] =
    [MQ_TOPIC, MQ_GROUP, MQ_TAG, MQ_KEYS, MQ_MESSAGE_ID, MQ_RECEIPT_HANDLE, MQ_VISIBLE_AGAIN_AT, DELIVERY_ATTEMPT];

const PREFIX: &str = "ce_";
/// The property that says what a body is, where it is a whole event.
const CONTENT_TYPE: &str = "content-type";

/// Longest `mqproperties` that are read: an MQ carries 16 KiB of properties, which escapes make longer.
const MOST_NAMED_BYTES: usize = 128 << 10;

/// A percent sign begins an escape; control characters no string has.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');
/// What properties of MQ HTTP cannot hold, too.
const ESCAPED_FOR_MQ_HTTP: &AsciiSet = &ESCAPED.add(b'&').add(b'"').add(b'\'').add(b'<').add(b'>').add(b':').add(b'|');

/// How an event is a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Its data is the body, its attributes are properties.
    Properties,
    /// It is the body as a whole, in the JSON format. Of it `has_properties` says whether the message may have any besides.
    Envelope {
        /// Whether there are properties.
        has_properties: bool,
    },
}

impl Event<'_> {
    /// Whether only the whole event says what its data is: text has become UTF-8 on its way here, and its type says that it is not.
    #[must_use]
    pub fn needs_envelope(&self) -> bool {
        matches!(self.data, Data::Text(_)) && self.data_content_type().is_some_and(is_in_another_charset)
    }

    /// Whether its sender named the tag of the message.
    #[must_use]
    pub fn names_tag(&self) -> bool {
        self.text(MQ_TAG).is_some()
    }

    /// How many of the message's keys its sender named; they are its first.
    #[must_use]
    pub fn named_keys(&self) -> usize {
        self.text(MQ_KEYS).map_or(0, |keys| keys.split(' ').filter(|key| !key.is_empty()).count())
    }

    /// The message that it is.
    ///
    /// # Errors
    /// Every attribute that the message cannot have.
    pub fn message(&self, topic: Topic, protocol: Protocol, form: Form) -> Result<Message, Vec<EventFlaw>> {
        let mut flaws = Vec::new();
        let mut note = |name: &str, detail: String| flaws.push(EventFlaw::attribute(name, detail));
        let mut message = Message::new(topic, Bytes::new());
        message.tag = match self.text(MQ_TAG) {
            Some(tag) => Tag::parse(tag).map_err(|error| note(MQ_TAG, error.to_string())).ok(),
            None => Tag::parse(self.event_type()).ok(),
        };
        let named = self.named_keys();
        if named > MAX_KEYS {
            note(MQ_KEYS, format!("must hold at most {MAX_KEYS} keys, has {named}"));
        }
        for key in self.text(MQ_KEYS).unwrap_or_default().split(' ').filter(|key| !key.is_empty()).take(MAX_KEYS) {
            message.keys.extend(Key::parse(key).map_err(|error| note(MQ_KEYS, format!("a key {error}"))));
        }
        for key in [ID, SUBJECT].iter().filter_map(|name| Key::parse(self.text(name)?).ok()) {
            if !message.keys.contains(&key) {
                message.keys.push(key);
            }
        }
        let group = self.get(PARTITION_KEY).map(Value::to_string);
        message.message_group = group
            .and_then(|group| MessageGroup::parse(&group).map_err(|error| note(PARTITION_KEY, error.to_string())).ok());
        if !flaws.is_empty() {
            return Err(flaws);
        }
        match form {
            Form::Properties => {
                message.body = Bytes::copy_from_slice(self.data.bytes());
                message.properties = self.as_properties(protocol);
            }
            Form::Envelope { has_properties } => {
                message.body = self.without_delivery(has_properties).structured().into();
                if has_properties {
                    let property = |name: &str, text: &str| (format!("{PREFIX}{name}"), encoded(text, protocol));
                    message.properties = vec![
                        (CONTENT_TYPE.to_owned(), STRUCTURED_TYPE.to_owned()),
                        property(ID, self.id()),
                        property(SOURCE, self.source()),
                    ];
                    self.push_traces(&mut message.properties, protocol);
                    self.push_named(&mut message.properties);
                }
            }
        }
        Ok(message)
    }

    /// What is left of it as a message's body.
    fn without_delivery(&self, has_properties: bool) -> Event<'_> {
        let mut event = self.clone();
        let has_named = has_properties && self.named_properties().is_some();
        event.remove(|name| OF_DELIVERIES.contains(&name) || (has_named && name == MQ_PROPERTIES));
        event
    }

    fn as_properties(&self, protocol: Protocol) -> Vec<(String, String)> {
        let mut properties = vec![(format!("{PREFIX}{SPECVERSION}"), VERSION.to_owned())];
        let has_named = self.named_properties().is_some();
        let is_elsewhere = |name: &str| {
            OF_DELIVERIES.contains(&name)
                || self.trace(name, protocol).is_some()
                || (has_named && name == MQ_PROPERTIES)
        };
        for (name, value) in self.attributes().filter(|(name, _)| !is_elsewhere(name)) {
            properties.push((format!("{PREFIX}{name}"), encoded(&value.to_string(), protocol)));
        }
        if self.data_content_type().is_none() && matches!(self.data, Data::Json(_)) {
            properties.push((format!("{PREFIX}{DATACONTENTTYPE}"), JSON.to_owned()));
        }
        self.push_traces(&mut properties, protocol);
        self.push_named(&mut properties);
        properties
    }

    /// What it says of its trace, where that can be a property as it is.
    fn trace(&self, name: &str, protocol: Protocol) -> Option<&str> {
        let text = self.text(name)?;
        let fits = match name {
            TRACEPARENT => TraceContext::parse(text).is_some(),
            TRACESTATE => self.trace(TRACEPARENT, protocol).is_some() && encoded(text, protocol) == text,
            _ => false,
        };
        fits.then_some(text)
    }

    fn push_traces(&self, properties: &mut Vec<(String, String)>, protocol: Protocol) {
        for name in [TRACEPARENT, TRACESTATE] {
            properties.extend(self.trace(name, protocol).map(|text| (name.to_owned(), text.to_owned())));
        }
    }

    /// The properties of a message that was delivered as this event.
    fn named_properties(&self) -> Option<BTreeMap<String, String>> {
        let text = self.text(MQ_PROPERTIES).filter(|text| text.len() <= MOST_NAMED_BYTES)?;
        serde_json::from_str(text).ok()
    }

    fn push_named(&self, properties: &mut Vec<(String, String)>) {
        let is_ours = |name: &str| is_content_type(name) || name.starts_with(PREFIX);
        // Their own names are distinct.
        let others = properties.len();
        for (name, value) in self.named_properties().unwrap_or_default() {
            if !is_ours(&name) && !properties.iter().take(others).any(|(taken, _)| *taken == name) {
                properties.push((name, value));
            }
        }
    }
}

/// The event that a message was published as; `None` for any other message.
pub(super) fn event_of<'a>(body: &'a [u8], properties: &'a [(String, String)], is_envelope: bool) -> Option<Event<'a>> {
    let has_mark = properties
        .iter()
        .any(|(name, value)| is_content_type(name) && Mode::of_content_type(value) == Some(Some(Mode::Structured)));
    if let Some(event) = if has_mark { envelope(body) } else { from_properties(body, properties) } {
        return Some(event);
    }
    if is_envelope { envelope(body) } else { None }
}

fn envelope(body: &[u8]) -> Option<Event<'_>> {
    // Nothing else than an object is looked at as a whole.
    let is_object = body.trim_ascii_start().first() == Some(&b'{');
    let text = simdutf8::basic::from_utf8(body).ok().filter(|_| is_object)?;
    Event::read_structured(text).ok()
}

fn from_properties<'a>(body: &'a [u8], properties: &'a [(String, String)]) -> Option<Event<'a>> {
    let attributes: Vec<(Cow<'a, str>, Value<'a>)> = properties
        .iter()
        .filter_map(|(name, value)| Some((attribute_of(name)?, percent_decode_str(value).decode_utf8().ok()?)))
        .map(|(name, value)| (name.into(), Value::Text(value)))
        .collect();
    if !attributes.iter().any(|(name, _)| name == TYPE) {
        return None;
    }
    let content_type = attributes.iter().find(|(name, _)| name == DATACONTENTTYPE);
    let data = Data::declared(body, content_type.and_then(|(_, value)| value.as_text()));
    Event::new(attributes, data).ok()
}

/// Whether a property says what the body is, in whatever letters.
fn is_content_type(property: &str) -> bool {
    property.eq_ignore_ascii_case(CONTENT_TYPE)
}

/// The attribute that a property carries.
fn attribute_of(property: &str) -> Option<&str> {
    property.strip_prefix(PREFIX).filter(|name| has_legal_letters(name) && *name != "data")
}

/// Whether a property is a part of an event, or says that there is one.
pub(super) fn is_of_event(property: &str) -> bool {
    is_content_type(property) || attribute_of(property).is_some()
}

/// Whether an extension of this name is the delivery's.
pub(super) fn is_of_delivery(extension: &str) -> bool {
    OF_DELIVERIES.contains(&extension) || extension == MQ_PROPERTIES
}

fn encoded(text: &str, protocol: Protocol) -> String {
    let escaped = match protocol {
        Protocol::MqHttp => ESCAPED_FOR_MQ_HTTP,
        Protocol::OnsHttp | Protocol::RocketMq => ESCAPED,
    };
    // Only these bytes: what is not ASCII stays.
    let mut encoded = String::with_capacity(text.len());
    for character in text.chars() {
        let mut buffer = [0; 4];
        let character: &str = character.encode_utf8(&mut buffer);
        if character.is_ascii() {
            encoded.extend(utf8_percent_encode(character, escaped));
        } else {
            encoded.push_str(character);
        }
    }
    encoded
}
