//! OTLP's messages, read by their numbers in `opentelemetry/proto`.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use super::Export;
use super::protobuf::{Field, fields};

/// A span as the collector has it; ids in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub name: String,
    pub trace_id: String,
    pub span_id: String,
    /// Empty at the root.
    pub parent: String,
    pub state: String,
    /// 2 server, 3 client, 4 producer, 5 consumer.
    pub kind: u64,
    pub start: u64,
    pub end: u64,
    pub attributes: BTreeMap<String, Value>,
    pub links: Vec<Link>,
    /// 2 is an error.
    pub status: u64,
    pub flags: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub trace_id: String,
    pub span_id: String,
    pub attributes: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Number(i64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl Span {
    /// The text of an attribute; empty where there is none.
    pub fn text(&self, name: &str) -> &str {
        match self.attributes.get(name) {
            Some(Value::Text(text)) => text,
            Some(Value::Number(_)) | None => "",
        }
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        match self.attributes.get(name) {
            Some(Value::Number(number)) => Some(*number),
            Some(Value::Text(_)) | None => None,
        }
    }

    /// The attributes without those that differ from run to run, which have to be there.
    #[track_caller]
    pub fn attributes_without(&self, names: &[&str]) -> BTreeMap<String, Value> {
        let mut rest = self.attributes.clone();
        for name in names {
            assert!(rest.remove(*name).is_some(), "{name} in {self:#?}");
        }
        rest
    }
}

/// Attributes as a test writes them.
pub fn attributes<const N: usize>(pairs: [(&str, Value); N]) -> BTreeMap<String, Value> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Reads a whole request of one process.
pub(super) fn read_export(headers: HashMap<String, String>, message: &[u8]) -> Export {
    let mut export = Export { headers, resource: Vec::new(), scope: (String::new(), String::new()), spans: Vec::new() };
    let resources: Vec<_> = fields(message).into_iter().filter(|(tag, _)| *tag == 1).collect();
    assert_eq!(resources.len(), 1, "one process is one resource");
    for (tag, field) in fields(resources[0].1.bytes()) {
        match tag {
            1 => export.resource.extend(key_values(field.bytes(), 1)),
            2 => read_scope(field.bytes(), &mut export),
            _ => panic!("field {tag} of ResourceSpans"),
        }
    }
    export
}

fn read_scope(scope_spans: &[u8], export: &mut Export) {
    for (tag, field) in fields(scope_spans) {
        match tag {
            1 => {
                for (tag, field) in fields(field.bytes()) {
                    match tag {
                        1 => export.scope.0 = field.text(),
                        2 => export.scope.1 = field.text(),
                        _ => panic!("field {tag} of InstrumentationScope"),
                    }
                }
            }
            2 => export.spans.push(read_span(field.bytes())),
            3 => assert!(field.text().starts_with("https://opentelemetry.io/schemas/1."), "{field:?}"),
            _ => panic!("field {tag} of ScopeSpans"),
        }
    }
}

fn read_span(message: &[u8]) -> Span {
    let mut span = Span {
        name: String::new(),
        trace_id: String::new(),
        span_id: String::new(),
        parent: String::new(),
        state: String::new(),
        kind: 0,
        start: 0,
        end: 0,
        attributes: key_values(message, 9).into_iter().collect(),
        links: Vec::new(),
        status: 0,
        flags: 0,
    };
    assert_eq!(span.attributes.len(), key_values(message, 9).len(), "an attribute is there twice in {span:#?}");
    for (tag, field) in fields(message) {
        match tag {
            1 => span.trace_id = hexadecimal(field, 16),
            2 => span.span_id = hexadecimal(field, 8),
            3 => span.state = field.text(),
            4 => span.parent = hexadecimal(field, 8),
            5 => span.name = field.text(),
            6 => span.kind = field.varint(),
            7 => span.start = field.fixed64(),
            8 => span.end = field.fixed64(),
            9 => {}
            13 => span.links.push(read_link(field.bytes())),
            15 => span.status = fields(field.bytes()).iter().find(|(tag, _)| *tag == 3).expect("a code").1.varint(),
            16 => span.flags = field.fixed32(),
            _ => panic!("field {tag} of Span"),
        }
    }
    assert!(span.start <= span.end && !span.name.is_empty() && span.span_id.len() == 16, "{span:#?}");
    span
}

fn read_link(message: &[u8]) -> Link {
    let mut link = Link {
        trace_id: String::new(),
        span_id: String::new(),
        attributes: key_values(message, 4).into_iter().collect(),
    };
    for (tag, field) in fields(message) {
        match tag {
            1 => link.trace_id = hexadecimal(field, 16),
            2 => link.span_id = hexadecimal(field, 8),
            4 | 6 => {}
            _ => panic!("field {tag} of Link"),
        }
    }
    link
}

/// The key-value pairs that a message has as its field `number`.
fn key_values(message: &[u8], number: u64) -> Vec<(String, Value)> {
    let pair = |field: Field<'_>| {
        let (mut key, mut value) = (String::new(), None);
        for (tag, field) in fields(field.bytes()) {
            match tag {
                1 => key = field.text(),
                2 => value = Some(any_value(field.bytes())),
                _ => panic!("field {tag} of KeyValue"),
            }
        }
        (key, value.expect("a value"))
    };
    fields(message).into_iter().filter(|(tag, _)| *tag == number).map(|(_, field)| pair(field)).collect()
}

fn any_value(message: &[u8]) -> Value {
    match fields(message)[..] {
        [(1, field)] => Value::Text(field.text()),
        [(3, field)] => Value::Number(i64::from_ne_bytes(field.varint().to_ne_bytes())),
        ref other => panic!("a text or a number, not {other:?}"),
    }
}

fn hexadecimal(field: Field<'_>, length: usize) -> String {
    let bytes = field.bytes();
    assert_eq!(bytes.len(), length, "an id");
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string");
        text
    })
}
