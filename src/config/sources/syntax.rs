//! Text before it is a configuration: UTF-8, places of bytes, TOML's own rules and values.
//!
//! The TOML library's messages quote the line they are about, which may hold a secret, so its errors are put into our
//! own words here and never passed on.

use toml::de::DeValue;

use crate::config::problem::Position;
use crate::config::values::{Flaw, Written};

/// Finds line and column of a byte.
#[derive(Debug)]
pub(super) struct LineIndex<'a> {
    text: &'a str,
    /// Where each line begins, in bytes.
    starts: Vec<usize>,
}

impl<'a> LineIndex<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let after_newlines = text.match_indices('\n').map(|(offset, _)| offset + 1);
        Self { text, starts: std::iter::once(0).chain(after_newlines).collect() }
    }

    /// The place of the character that begins at byte `offset`; past the end it is the end.
    pub(super) fn position(&self, offset: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let before = self.text.get(start..offset.min(self.text.len())).unwrap_or_default();
        Position { line, column: before.chars().count() + 1 }
    }
}

/// Text of a file: a byte order mark is dropped, what is not UTF-8 is a flaw at its place.
pub(in crate::config) fn decode(bytes: &[u8]) -> Result<&str, (Position, Flaw)> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let valid = std::str::from_utf8(valid).unwrap_or_default();
        let flaw = Flaw::new("is not UTF-8 here").hint("save the file with the encoding UTF-8");
        (LineIndex::new(valid).position(valid.len()), flaw)
    })
}

/// Our words for a syntax error, chosen by the library's.
pub(super) fn explain(error: &toml::de::Error) -> Flaw {
    const EXPLANATIONS: &[(&str, &str, &str)] = &[
        ("duplicate key", "is the second of this name in its table", "keep one of them"),
        ("string values must be quoted", "is not a value, or a text without quotes", "write texts as key = \"text\""),
        (
            "escape",
            "has a backslash that does not begin an escape",
            "put the text in single quotes, where backslashes are plain",
        ),
        (
            "unicode",
            "has an escape that is not a character",
            "put the text in single quotes, where backslashes are plain",
        ),
        ("string", "is a text that is not closed, or holds a character it cannot", "close the quote on the same line"),
        ("table", "is a table header that is not closed or not in its place", "write [name], alone on its line"),
        ("array", "is a list that is not closed, or lacks a comma", "write lists as [\"first\", \"second\"]"),
        ("key with no value", "is a key without a value", "write key = value"),
        ("missing assignment", "is a key without a value", "write key = value"),
        ("missing value", "is a key without a value", "write key = value"),
        ("key", "is not a key as TOML has them", "keys are letters, digits, _ and -, or stand in quotes"),
        ("recursion", "is nested too deep", "no setting needs this"),
    ];
    let message = error.message();
    let found = EXPLANATIONS.iter().find(|(sign, _, _)| message.contains(sign));
    match found {
        Some((_, detail, hint)) => Flaw::new(format!("not valid TOML: this {detail}")).hint(*hint),
        None => Flaw::new("not valid TOML from here on").hint("texts stand in double quotes: key = \"text\""),
    }
}

/// A value without its place, for the check of its kind.
pub(super) fn written<'a>(value: &'a DeValue<'_>) -> Written<'a> {
    match value {
        DeValue::String(text) => Written::Text(text),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map_or(Written::Other("an integer of more than 64 bits"), Written::Integer),
        DeValue::Boolean(flag) => Written::Flag(*flag),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            Written::Other(kind_of(value))
        }
    }
}

/// The name of a value's kind.
pub(super) fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
