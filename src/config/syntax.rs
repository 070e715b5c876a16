//! Text before it is a configuration: UTF-8, places of bytes, and TOML's own rules.
//!
//! The TOML library's messages quote the line they are about, which may hold a secret, so its errors are put into our
//! own words here and never passed on.

use super::kind::Flaw;
use super::problem::Position;

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

/// Text of a file: a byte order mark is dropped, what is no UTF-8 is a flaw at its place.
pub(super) fn decode(bytes: &[u8]) -> Result<&str, (Position, Flaw)> {
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
        ("string values must be quoted", "is no value, or a text without quotes", "write texts as key = \"text\""),
        (
            "escape",
            "has a backslash that begins no escape",
            "put the text in single quotes, where backslashes are plain",
        ),
        ("unicode", "has an escape that is no character", "put the text in single quotes, where backslashes are plain"),
        ("string", "is a text that is not closed, or holds a character it cannot", "close the quote on the same line"),
        ("table", "is a table header that is not closed or not in its place", "write [name], alone on its line"),
        ("array", "is a list that is not closed, or lacks a comma", "write lists as [\"first\", \"second\"]"),
        ("key with no value", "is a key without a value", "write key = value"),
        ("missing assignment", "is a key without a value", "write key = value"),
        ("missing value", "is a key without a value", "write key = value"),
        ("key", "is no key as TOML has them", "keys are letters, digits, _ and -, or stand in quotes"),
        ("recursion", "is nested too deep", "no setting needs this"),
    ];
    let message = error.message();
    let found = EXPLANATIONS.iter().find(|(sign, _, _)| message.contains(sign));
    match found {
        Some((_, detail, hint)) => Flaw::new(format!("not valid TOML: this {detail}")).hint(*hint),
        None => Flaw::new("not valid TOML from here on").hint("texts stand in double quotes: key = \"text\""),
    }
}
