//! Explains JSON that did not fit: every wrong field by name, never its value.
//!
//! The fast path deserialises straight into a struct; only when that fails is the body read again, a level at a time,
//! each value as its caller wrote it. The JSON library's own message is never shown, because it quotes the value.

use std::borrow::Cow;

use memchr::memchr2_iter;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::compact::depth;
use super::unknown_field::{is_unknown, suggestion};
use crate::counted::{CountedList, CountedMap};
use crate::http::problem::{self, Code, FieldError, MOST_ERRORS, Problem};
use crate::http::shown::shown_part;

/// What a field may hold. `null` is as good as absent where a field is optional.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum FieldKind {
    /// Any JSON value.
    Any,
    /// A string.
    Text,
    /// A list of strings.
    Texts,
    /// An object of strings.
    TextMap,
    /// True or false.
    Flag,
    /// A whole number from `least` to `most`. Whether it is in the range, its reader says.
    Number { least: u64, most: u64 },
    /// A list of objects of a shape of their own.
    Objects(&'static [Field]),
}

impl FieldKind {
    /// What a value of this kind looks like, for people.
    fn example(self) -> String {
        match self {
            Self::Any => "…".to_owned(),
            Self::Text => "\"…\"".to_owned(),
            Self::Texts => "[\"…\"]".to_owned(),
            Self::TextMap => "{\"…\": \"…\"}".to_owned(),
            Self::Flag => "true".to_owned(),
            Self::Number { least, .. } => least.to_string(),
            Self::Objects(fields) => format!("[{}]", example(fields)),
        }
    }
}

/// A field of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct Field {
    pub(in crate::http) name: &'static str,
    pub(in crate::http) kind: FieldKind,
    pub(super) required: bool,
}

impl Field {
    pub(in crate::http) const fn optional(name: &'static str, kind: FieldKind) -> Self {
        Self { name, kind, required: false }
    }

    pub(in crate::http) const fn required(name: &'static str, kind: FieldKind) -> Self {
        Self { name, kind, required: true }
    }
}

/// What is wrong with a field or a parameter that has two values.
pub(in crate::http) const TWICE: &str = "is there twice: send it once";
/// Where the library finds a mistake and this file none.
const NOT_EXPECTED: &str = "does not have the expected shape";
/// Most elements or members that are looked at.
const MOST_ELEMENTS: usize = 1024;

/// Refuses nesting beyond the limit.
fn check_depth(body: &[u8], limit: usize) -> Result<(), Problem> {
    // As many brackets as the limit cannot nest deeper: the common body is not followed byte by byte.
    if memchr2_iter(b'[', b'{', body).nth(limit).is_none() {
        return Ok(());
    }
    let actual = depth(body);
    if actual <= limit {
        return Ok(());
    }
    let detail = format!("the JSON is nested {actual} levels deep, the limit is {limit}: flatten it");
    Err(Problem::over(Code::MalformedJson, detail, limit, Some(actual)))
}

/// A body as text for a plain reader, which follows no nesting: where what it can read, `plain_depth` at most, may be nested so deep.
pub(super) fn text_within(body: &[u8], limit: usize, plain_depth: usize) -> Option<&str> {
    simdutf8::basic::from_utf8(body).ok().filter(|_| limit >= plain_depth)
}

/// A body as the text of one JSON value, nested at most `depth` deep.
///
/// # Errors
/// 400.
pub(super) fn json_text(body: &[u8], depth: usize) -> Result<&str, Problem> {
    check_depth(body, depth)?;
    let value: &RawValue = serde_json::from_slice(body).map_err(|error| malformed(body, &error))?;
    Ok(value.get())
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

/// As [`object`], for a type that several shapes are read into: the fields of the others are unknown, too.
pub(in crate::http) fn object_of_shape<'a, T: Deserialize<'a>>(
    body: &'a [u8],
    fields: &[Field],
    depth: usize,
) -> Result<T, Problem> {
    check_depth(body, depth)?;
    let value: &RawValue = serde_json::from_slice(body).map_err(|error| malformed(body, &error))?;
    let mut errors = Vec::new();
    check_object(value, fields, "", &mut errors);
    if !errors.is_empty() {
        return Err(Problem::invalid(errors));
    }
    object_within_depth(body, fields)
}

/// Why `body` is not an object of the shape `fields`; `error` is the library's message, which is never shown.
fn explain(body: &[u8], fields: &[Field], error: &str) -> Problem {
    let value: &RawValue = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) => return malformed(body, &error),
    };
    let mut errors = Vec::new();
    check_object(value, fields, "", &mut errors);
    if errors.is_empty() {
        errors.push(FieldError::at("", if error.is_empty() { no_object(fields) } else { NOT_EXPECTED.to_owned() }));
    }
    Problem::invalid(errors)
}

fn malformed(body: &[u8], error: &serde_json::Error) -> Problem {
    if body.trim_ascii().is_empty() {
        return Problem::new(Code::MalformedJson, "the body is not valid JSON: it is empty");
    }
    let hint = match body {
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

/// An object's members in their order, each as its caller wrote it.
type Members<'a> = CountedMap<Name<'a>, &'a RawValue, MOST_ELEMENTS>;

/// A list's elements, each as its caller wrote it.
type Elements<'a> = CountedList<&'a RawValue, MOST_ELEMENTS>;

/// A member's name, borrowed where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The kind of JSON value, by its first byte.
fn first(value: &RawValue) -> u8 {
    value.get().bytes().next().unwrap_or(0)
}

fn is_text(value: &RawValue) -> bool {
    first(value) == b'"'
}

fn is_null(value: &RawValue) -> bool {
    first(value) == b'n'
}

fn check_object(value: &RawValue, fields: &[Field], at: &str, errors: &mut Vec<FieldError>) {
    let Ok(Members { first: members, .. }) = serde_json::from_str(value.get()) else {
        note(errors, at, no_object(fields));
        return;
    };
    let known: Vec<&str> = fields.iter().map(|field| field.name).collect();
    let is_there = |known: &str| members.iter().any(|(Name(name), _)| name == known);
    // Nothing in it resembles a field of ours: it is what should be inside one, and that is said first.
    let is_bare = !members.iter().any(|(Name(name), _)| known.contains(&&**name))
        && !members.iter().take(MOST_ERRORS).any(|(Name(name), _)| suggestion(name, &known).is_some());
    let wrapper = fields.iter().find(|field| is_bare && field.required && field.kind == FieldKind::Any);
    if let Some(field) = wrapper {
        note(errors, format!("{at}/{}", field.name), is_missing(field, fields));
    }
    let unknown = members.iter().map(|(Name(name), _)| name).filter(|name| !known.contains(&&***name));
    for name in unknown.take(MOST_ERRORS) {
        note(errors, format!("{at}/{}", shown_part(name)), is_unknown(name, &known, is_there));
    }
    for field in fields.iter().filter(|field| Some(*field) != wrapper) {
        let pointer = format!("{at}/{}", field.name);
        let mut values = members.iter().filter(|(Name(name), _)| name == field.name).map(|(_, value)| *value);
        match values.next() {
            None if field.required => note(errors, pointer.clone(), is_missing(field, fields)),
            Some(value) if is_null(value) && field.required && field.kind != FieldKind::Any => {
                note(errors, pointer.clone(), "must not be null");
            }
            Some(value) if !is_null(value) => check_value(value, field.kind, &pointer, errors),
            None | Some(_) => {}
        }
        if values.next().is_some() {
            note(errors, pointer, TWICE);
        }
    }
}

fn check_value(value: &RawValue, kind: FieldKind, at: &str, errors: &mut Vec<FieldError>) {
    match kind {
        FieldKind::Any => {}
        FieldKind::Text if !is_text(value) => note(errors, at, "must be a string"),
        FieldKind::Text => {
            if serde_json::from_str::<String>(value.get()).is_err() {
                note(errors, at, "holds an escape that is no character (a lone surrogate): leave it out");
            }
        }
        FieldKind::Flag if !matches!(value.get(), "true" | "false") => note(errors, at, "must be true or false"),
        FieldKind::Flag => {}
        FieldKind::Number { least, most } => {
            if value.get().parse::<u64>().is_err() {
                note(errors, at, whole_number(least, most));
            }
        }
        FieldKind::Texts => match serde_json::from_str(value.get()) {
            Ok(Elements { first: elements, .. }) => {
                for (index, element) in elements.into_iter().enumerate() {
                    check_value(element, FieldKind::Text, &format!("{at}/{index}"), errors);
                }
            }
            Err(_) => note(errors, at, "must be a list of strings"),
        },
        FieldKind::TextMap => match serde_json::from_str(value.get()) {
            Ok(Members { first: members, .. }) => {
                for (Name(name), value) in members {
                    check_value(value, FieldKind::Text, &format!("{at}/{}", shown_part(&name)), errors);
                }
            }
            Err(_) => note(errors, at, "must be an object whose values are strings"),
        },
        FieldKind::Objects(fields) => match serde_json::from_str(value.get()) {
            Ok(Elements { first: elements, .. }) => {
                for (index, element) in elements.into_iter().enumerate() {
                    check_object(element, fields, &format!("{at}/{index}"), errors);
                }
            }
            Err(_) => note(errors, at, "must be a list"),
        },
    }
}

/// What a body or a part of it has to be that is none of these objects.
fn no_object(fields: &[Field]) -> String {
    format!("must be a JSON object such as {}", example(fields))
}

/// What a required field lacks that is not there.
fn is_missing(field: &Field, fields: &[Field]) -> String {
    let example = example(fields);
    match field.kind {
        FieldKind::Any => format!("is missing: wrap the message in it: {example}"),
        FieldKind::Text
        | FieldKind::Texts
        | FieldKind::TextMap
        | FieldKind::Flag
        | FieldKind::Number { .. }
        | FieldKind::Objects(_) => {
            format!("is missing: it is required, as in {example}")
        }
    }
}

/// The least that an object of this shape holds.
fn example(fields: &[Field]) -> String {
    let required = fields.iter().filter(|field| field.required);
    let members = required.map(|field| format!("\"{}\": {}", field.name, field.kind.example()));
    format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
}

/// What a number has to be.
pub(super) fn whole_number(least: u64, most: u64) -> String {
    format!("must be a whole number from {least} to {most}")
}

/// What is wrong with a list that is empty or too long.
pub(super) fn wrong_count(what: &str, limit: usize, count: usize) -> String {
    match count {
        0 => format!("must hold 1 to {limit} {what}, has none: add at least one"),
        count => format!("must hold 1 to {limit} {what}, has {count}: split the list over several requests"),
    }
}

/// Notes one more wrong field of a body.
pub(super) fn note(errors: &mut Vec<FieldError>, at: impl Into<String>, detail: impl Into<String>) {
    problem::note(errors, || FieldError::at(at, detail));
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[Field] = &[
        Field::required("body", FieldKind::Any),
        Field::optional("tag", FieldKind::Text),
        Field::optional("keys", FieldKind::Texts),
        Field::optional("delay", FieldKind::Number { least: 0, most: 9 }),
    ];

    fn pointers(body: &str) -> Vec<String> {
        let problem = explain(body.as_bytes(), FIELDS, "x");
        problem.errors().iter().filter_map(|error| error.pointer.clone()).collect()
    }

    #[test]
    fn every_wrong_field_is_named_whatever_the_others_hold() {
        assert_eq!(pointers(r#"{"body":1e999,"tags":"x"}"#), ["/tags"]);
        assert_eq!(pointers(r#"{"body":"\ud800","tags":"x"}"#), ["/tags"]);
        assert_eq!(
            pointers(r#"{"tag":7,"keys":["a",1,2],"delay":1.5}"#),
            ["/body", "/tag", "/keys/1", "/keys/2", "/delay"]
        );
        assert_eq!(pointers(r#"{"body":1,"tag":"\ud800"}"#), ["/tag"]);
        assert_eq!(pointers(r#"{"body":1,"body":2}"#), ["/body"]);
        let nested = format!(r#"{{"body":{}{},"tags":1}}"#, "[".repeat(200), "]".repeat(200));
        assert_eq!(pointers(&nested), ["/tags"]);
    }

    #[test]
    fn a_million_wrong_elements_are_a_few_errors() {
        let body = format!(r#"{{"body":1,"keys":[{}0]}}"#, "0,".repeat(1_000_000));
        assert_eq!(pointers(&body).len(), MOST_ERRORS);
    }
}
