//! Attributes: which names and values there are.

use std::borrow::Cow;
use std::fmt;

use super::time;

/// The version of the specification.
pub(super) const VERSION: &str = "1.0";
pub(super) const SPECVERSION: &str = "specversion";
pub(super) const ID: &str = "id";
pub(super) const SOURCE: &str = "source";
pub(super) const TYPE: &str = "type";
pub(super) const SUBJECT: &str = "subject";
pub(super) const TIME: &str = "time";
pub(super) const DATACONTENTTYPE: &str = "datacontenttype";
pub(super) const DATASCHEMA: &str = "dataschema";

/// What every event has.
pub(super) const REQUIRED: [&str; 4] = [SPECVERSION, ID, SOURCE, TYPE];

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// A string; times and URIs are written as such.
    Text(Cow<'a, str>),
    /// A whole number of 32 bits.
    Integer(i32),
    /// True or false.
    Boolean(bool),
}

impl Value<'_> {
    /// The string, where it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Integer(_) | Self::Boolean(_) => None,
        }
    }
}

/// As in a header or a property.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Integer(number) => number.fmt(f),
            Self::Boolean(flag) => flag.fmt(f),
        }
    }
}

/// Where an attribute is written: the context's own in a fixed order, then the extensions.
pub(super) fn rank(name: &str) -> usize {
    let order = [SPECVERSION, ID, SOURCE, TYPE, SUBJECT, TIME, DATACONTENTTYPE, DATASCHEMA];
    order.iter().position(|it| *it == name).unwrap_or(order.len())
}

/// Whether the specification itself gives it a meaning, so that its value is a string.
pub(super) fn is_context(name: &str) -> bool {
    rank(name) <= rank(DATASCHEMA)
}

/// Whether it can be an extension's name.
pub(super) fn is_extension(name: &str) -> bool {
    has_legal_letters(name) && !is_context(name) && name != "data"
}

pub(super) fn has_legal_letters(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
}

/// What is wrong with a name.
pub(super) fn name_flaw(name: &str) -> Option<&'static str> {
    match name {
        "data" => Some("is not an attribute name: data is what the event carries"),
        _ => (!has_legal_letters(name)).then_some("is not an attribute name: use only a-z and 0-9"),
    }
}

/// What is wrong with a value of this attribute.
pub(super) fn value_flaw(name: &str, value: &Value<'_>) -> Option<&'static str> {
    let Value::Text(text) = value else { return is_context(name).then_some("must be a string") };
    if !text.chars().all(is_legal) {
        return Some("must not hold control characters or noncharacters: leave them out");
    }
    let is_empty = text.is_empty();
    match name {
        SPECVERSION => (text != VERSION).then_some("must be 1.0: no other version is known"),
        ID | TYPE => is_empty.then_some("must not be empty"),
        SUBJECT => is_empty.then_some("must not be empty: leave it out or say something"),
        SOURCE => {
            (!is_uri_reference(text)).then_some("must be a URI reference such as /orders or https://example.com/orders")
        }
        DATASCHEMA => (!is_uri(text)).then_some("must be a URI such as https://example.com/schema.json"),
        TIME => time::canonical(text).is_none().then_some("must be a time such as 2026-11-24T08:00:00Z (RFC 3339)"),
        DATACONTENTTYPE => (!is_media_type(text)).then_some("must be a media type such as application/json"),
        _ => None,
    }
}

/// Whether a string may hold it: no control characters, no noncharacters.
pub(super) fn is_legal(character: char) -> bool {
    let number = u32::from(character);
    !character.is_control() && !(0xFDD0..=0xFDEF).contains(&number) && number & 0xFFFE != 0xFFFE
}

/// A text that comes from somewhere else as a string.
pub(super) fn legal_text(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_legal) {
        return text.into();
    }
    text.chars().map(|character| if is_legal(character) { character } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// Not the whole grammar: what no reader of URIs takes is refused.
fn is_uri_reference(text: &str) -> bool {
    !text.is_empty() && !text.contains([' ', '"', '<', '>', '\\', '^', '`', '{', '|', '}'])
}

fn is_uri(text: &str) -> bool {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme).unwrap_or_default();
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    scheme.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && scheme.bytes().all(is_letter)
        && is_uri_reference(text)
}

fn is_media_type(text: &str) -> bool {
    let is_token = |part: &str| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !part.is_empty() && part.bytes().all(is_letter)
    };
    let essence = text.split(';').next().unwrap_or_default().trim();
    let is_pair = essence.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    is_pair && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_an_attribute_may_have() {
        let check = |name: &str, text: &str, expected: bool| {
            assert_eq!(value_flaw(name, &Value::Text(text.into())).is_none(), expected, "{name} {text:?}");
        };
        for text in ["1", " ", "ид-1", "a%20b"] {
            check(ID, text, true);
        }
        for text in ["", "a\n", "\u{7f}", "\u{85}", "\u{fdd0}", "\u{ffff}", "\u{1fffe}"] {
            check(ID, text, false);
        }
        for text in ["/s", "https://example.com/topics/a%20b?x=1#y", "urn:mq:orders", "", "a b", "a\\b"] {
            check(SOURCE, text, !matches!(text, "" | "a b" | "a\\b"));
        }
        check(DATASCHEMA, "https://example.com/s.json", true);
        check(DATASCHEMA, "/s.json", false);
        check(DATASCHEMA, "", false);
        check(DATACONTENTTYPE, "application/json; charset=\"utf-8\"", true);
        check(DATACONTENTTYPE, "json", false);
        check(DATACONTENTTYPE, "text/plain\u{e9}", false);
        check(SPECVERSION, "0.3", false);
        check("mqtag", "", true);
        assert!(value_flaw(SUBJECT, &Value::Integer(1)).is_some());
        assert!(value_flaw("mytag", &Value::Boolean(true)).is_none());
    }

    #[test]
    fn names_and_their_order() {
        for (name, expected) in [("a1", true), ("mqTopic", false), ("mq-topic", false), ("", false), ("data", false)] {
            assert_eq!(is_extension(name), expected, "{name}");
        }
        assert!(!is_extension("subject") && is_context("dataschema") && !is_context("partitionkey"));
        assert_eq!(legal_text("a\u{7}b"), "a\u{fffd}b");
    }
}
