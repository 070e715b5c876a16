//! What the protocol does not carry of a message.

use super::body::is_xml_text;
use super::limits::MAX_PROPERTY_BYTES;
use super::properties::{is_reserved_property, property_flaw};
use crate::model::{Capabilities, Feature, Flaw, Key, Message, MessageGroup};
use crate::protocol::objection::{Objection, lacking};

/// Why the protocol, used as `able` says, does not carry a message. Binary bodies are those that go in base64.
#[must_use]
pub fn objection(message: &Message, able: &Capabilities) -> Option<Objection> {
    let body_bytes = body_bytes(message, able);
    lacking(message, body_bytes, able)
        .or_else(|| body(message, able))
        .or_else(|| names(message))
        .or_else(|| properties(message))
}

/// The size of a body as it goes into the document.
fn body_bytes(message: &Message, able: &Capabilities) -> usize {
    let bytes = message.body.len();
    if able.has(Feature::BinaryBodies) && !is_xml_text(&message.body) {
        bytes.div_ceil(3).saturating_mul(4)
    } else {
        bytes
    }
}

fn body(message: &Message, able: &Capabilities) -> Option<Objection> {
    if able.has(Feature::BinaryBodies) || is_xml_text(&message.body) {
        return None;
    }
    let detail = "mq-http carries text only, and no control characters but tabs and line ends: encode the body (base64) \
                  or set binary_bodies = \"base64\" on the profile";
    Some(Objection::Unsupported { field: "body", flaw: Flaw::BinaryBody, detail: detail.to_owned() })
}

fn names(message: &Message) -> Option<Objection> {
    if message.tag.as_ref().is_some_and(|tag| !is_xml_text(tag.as_str().as_bytes())) {
        let rule = "must not contain characters that XML forbids";
        return invalid("tag", "a tag", rule, Flaw::Tag(rule));
    }
    if let Some(rule) = message.keys.iter().find_map(|key| property_flaw(key.as_str())) {
        return invalid("keys", "a key", rule, Flaw::Key(rule));
    }
    let rule = message.message_group.as_ref().and_then(|group| property_flaw(group.as_str()))?;
    invalid("message_group", "a message group", rule, Flaw::MessageGroup(rule))
}

/// Properties are one text with the keys and the message group, `name:value|…` (protocol notes MQ HTTP 3).
fn properties(message: &Message) -> Option<Objection> {
    let mut bytes: usize = message.keys.iter().map(|key| Key::as_str(key).len() + 1).sum();
    bytes += message.message_group.as_ref().map_or(0, |group| MessageGroup::as_str(group).len());
    for (name, value) in &message.properties {
        if name.is_empty() {
            return property_name("must not be empty");
        }
        if is_reserved_property(name) {
            return property_name("must not be one that the MQ itself uses");
        }
        if let Some(rule) = property_flaw(name).or_else(|| property_flaw(value)) {
            return invalid("properties", "a property", rule, Flaw::Property(rule));
        }
        bytes += name.len() + value.len() + 2;
    }
    if bytes <= MAX_PROPERTY_BYTES {
        return None;
    }
    let detail = format!(
        "properties, keys and message group have {bytes} bytes together, the limit of mq-http is {MAX_PROPERTY_BYTES}: \
         put some of it into the body"
    );
    let flaw = Flaw::PropertiesTooLong { limit: MAX_PROPERTY_BYTES, actual: bytes };
    Some(Objection::Invalid { field: "properties", flaw, detail })
}

fn property_name(rule: &'static str) -> Option<Objection> {
    invalid("properties", "a property's name", rule, Flaw::PropertyName(rule))
}

fn invalid(field: &'static str, what: &str, rule: &str, flaw: Flaw) -> Option<Objection> {
    Some(Objection::Invalid { field, flaw, detail: format!("{what} {rule} on mq-http: leave that out") })
}
