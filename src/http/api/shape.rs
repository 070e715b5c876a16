//! Explains JSON that did not fit: every wrong field by name, never its value.
//!
//! The fast path deserialises straight into a struct; only when that fails is the body read again, generically. The
//! JSON library's own message is never shown, because it quotes the value.

use serde::Deserialize;
use serde_json::Value;

use super::compact::depth;
use crate::http::problem::{Code, FieldError, Problem};

/// What a field may hold. `null` is as good as absent where a field is optional.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any JSON value.
    Any,
    /// A string.
    Text,
    /// A list of strings.
    Texts,
    /// An object of strings.
    TextMap,
    /// A whole number from 0.
    Number,
    /// A list of objects of a shape of their own.
    Objects(&'static [Field]),
}

/// A field of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
}

impl Field {
    pub(super) const fn optional(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, required: false }
    }

    pub(super) const fn required(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, required: true }
    }
}

/// Longest part of a caller's own field name that an error repeats.
const SHOWN: usize = 64;

/// Refuses nesting beyond the limit.
fn check_depth(body: &[u8], limit: usize) -> Result<(), Problem> {
    // As many brackets as the limit cannot nest deeper: the common body is not followed byte by byte.
    if brackets(body) <= limit {
        return Ok(());
    }
    let actual = depth(body);
    if actual <= limit {
        return Ok(());
    }
    let detail = format!("the JSON is nested {actual} levels deep, the limit is {limit}: flatten it");
    Err(Problem::over(Code::MalformedJson, detail, limit, Some(actual)))
}

/// Reads a JSON object of the shape `fields`.
///
/// # Errors
/// 400 for no JSON or too deep nesting, 422 for another shape.
pub(super) fn object<'a, T: Deserialize<'a>>(body: &'a [u8], fields: &[Field], depth: usize) -> Result<T, Problem> {
    check_depth(body, depth)?;
    object_within_depth(body, fields)
}

/// As [`object`], for a part of what was checked already.
pub(super) fn object_within_depth<'a, T: Deserialize<'a>>(body: &'a [u8], fields: &[Field]) -> Result<T, Problem> {
    // A list would do for a struct, field by field: the contract has objects only.
    if body.trim_ascii_start().first() == Some(&b'{') {
        serde_json::from_slice(body).map_err(|error| explain(body, fields, &error.to_string()))
    } else {
        Err(explain(body, fields, ""))
    }
}

/// How many bytes are `[` or `{`, which differ in one bit: summed up in bytes, as the compiler makes vectors of that.
fn brackets(body: &[u8]) -> usize {
    let in_chunk = |chunk: &[u8]| chunk.iter().map(|byte| u8::from(byte | 0x20 == b'{')).sum::<u8>();
    body.chunks(255).map(|chunk| usize::from(in_chunk(chunk))).sum()
}

/// Why `body` is not an object of the shape `fields`; `error` is the library's message, which is never shown.
fn explain(body: &[u8], fields: &[Field], error: &str) -> Problem {
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) => return malformed(body, &error),
    };
    let mut errors = Vec::new();
    check_object(&value, fields, "", &mut errors);
    if errors.is_empty() {
        // Only what a generic reading cannot see is left: a field that is there twice.
        let name = fields.iter().find(|field| error.starts_with(&format!("duplicate field `{}`", field.name)));
        errors.push(match name {
            Some(field) => FieldError::at(format!("/{}", field.name), "is there twice: send it once"),
            None => FieldError::at("", "does not have the expected shape"),
        });
    }
    Problem::invalid(errors)
}

fn malformed(body: &[u8], error: &serde_json::Error) -> Problem {
    let hint = match body {
        [] => ": it is empty",
        [0xEF, 0xBB, 0xBF, ..] => ": it begins with a byte order mark, leave that out",
        [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] | [0, ..] | [_, 0, ..] => ": it looks like UTF-16 or UTF-32, send UTF-8",
        _ if std::str::from_utf8(body).is_err() => ": it is not UTF-8",
        _ => match error.classify() {
            serde_json::error::Category::Eof => ": it ends too early",
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Data => "",
        },
    };
    let detail = format!("the body is not valid JSON{hint} (line {}, column {})", error.line(), error.column());
    Problem::new(Code::MalformedJson, detail)
}

fn check_object(value: &Value, fields: &[Field], at: &str, errors: &mut Vec<FieldError>) {
    let Value::Object(object) = value else {
        errors.push(FieldError::at(at, "must be a JSON object"));
        return;
    };
    for name in object.keys() {
        if !fields.iter().any(|field| field.name == name) {
            let known: Vec<_> = fields.iter().map(|field| field.name).collect();
            let detail = format!("is unknown: leave it out (known are {})", known.join(", "));
            errors.push(FieldError::at(format!("{at}/{}", shown(name)), detail));
        }
    }
    for field in fields {
        let pointer = format!("{at}/{}", field.name);
        match object.get(field.name) {
            None if field.required => errors.push(FieldError::at(pointer, "is missing: it is required")),
            Some(Value::Null) if field.required && field.kind != Kind::Any => {
                errors.push(FieldError::at(pointer, "must not be null"));
            }
            None | Some(Value::Null) => {}
            Some(value) => check_value(value, field.kind, &pointer, errors),
        }
    }
}

fn check_value(value: &Value, kind: Kind, at: &str, errors: &mut Vec<FieldError>) {
    let mut wrong = |detail: &str| errors.push(FieldError::at(at, detail));
    match (kind, value) {
        (Kind::Any, _) | (Kind::Text, Value::String(_)) => {}
        (Kind::Text, _) => wrong("must be a string"),
        (Kind::Number, value) => {
            if !value.is_u64() {
                wrong("must be a whole number from 0");
            }
        }
        (Kind::Texts, Value::Array(items)) => {
            for (index, item) in items.iter().enumerate().filter(|(_, item)| !item.is_string()) {
                debug_assert!(!item.is_string());
                errors.push(FieldError::at(format!("{at}/{index}"), "must be a string"));
            }
        }
        (Kind::Texts, _) => wrong("must be a list of strings"),
        (Kind::TextMap, Value::Object(object)) => {
            for (name, _) in object.iter().filter(|(_, item)| !item.is_string()) {
                errors.push(FieldError::at(format!("{at}/{}", shown(name)), "must be a string"));
            }
        }
        (Kind::TextMap, _) => wrong("must be an object whose values are strings"),
        (Kind::Objects(fields), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                check_object(item, fields, &format!("{at}/{index}"), errors);
            }
        }
        (Kind::Objects(_), _) => wrong("must be a list"),
    }
}

/// A caller's field name as a JSON pointer's part, shortened.
fn shown(name: &str) -> String {
    let mut text = String::new();
    for character in name.chars().take(SHOWN) {
        match character {
            '~' => text.push_str("~0"),
            '/' => text.push_str("~1"),
            control if control.is_control() => text.extend(control.escape_default()),
            other => text.push(other),
        }
    }
    text
}
