//! Documents, written straight into one string.
//!
//! One text node per value, no self-closing elements, nothing but elements inside of the root: Python reads only an
//! element's first child node, C# misreads `<MessageTag/>`, C++ loops for ever on a comment (protocol notes MQ HTTP 5,
//! item 6).

use std::borrow::Cow;

use super::body::{is_xml_char, xml_text};
use super::elements::NAMESPACE;

/// A document with an open root. `content_bytes` is what will follow, about; the envelope is added here.
pub(super) fn begin(root: &str, content_bytes: usize) -> String {
    let mut xml = String::with_capacity(content_bytes + 192);
    xml.push_str(r#"<?xml version="1.0" encoding="utf-8"?><"#);
    xml.push_str(root);
    xml.push_str(r#" xmlns=""#);
    xml.push_str(NAMESPACE);
    xml.push_str(r#"">"#);
    xml
}

pub(super) fn open(xml: &mut String, name: &str) {
    xml.push('<');
    xml.push_str(name);
    xml.push('>');
}

pub(super) fn close(xml: &mut String, name: &str) {
    xml.push_str("</");
    xml.push_str(name);
    xml.push('>');
}

/// An element with nothing but text.
pub(super) fn element(xml: &mut String, name: &str, text: &str) {
    open(xml, name);
    push_escaped(xml, text);
    close(xml, name);
}

/// The same, left out when there is no text.
pub(super) fn optional(xml: &mut String, name: &str, text: &str) {
    if !text.is_empty() {
        element(xml, name, text);
    }
}

/// An element with nothing but a number.
pub(super) fn number(xml: &mut String, name: &str, number: u64) {
    element(xml, name, itoa::Buffer::new().format(number));
}

/// Appends `text`, whose characters the caller has looked at, run by run. `>` is escaped because of `]]>`, `\r` because
/// a reader turns a bare one into `\n`.
fn push_escaped(xml: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = next_special(rest.as_bytes()) {
        let Some((plain, tail)) = rest.split_at_checked(at) else { break };
        let mut tail = tail.chars();
        xml.push_str(plain);
        xml.push_str(match tail.next() {
            Some('&') => "&amp;",
            Some('<') => "&lt;",
            Some('>') => "&gt;",
            Some(_) | None => "&#13;",
        });
        rest = tail.as_str();
    }
    xml.push_str(rest);
}

/// How many bytes `text` takes when it is escaped: counting is cheaper than growing a string of megabytes.
pub(super) fn escaped_len(text: &str) -> usize {
    let extra = |byte: &u8| match byte {
        b'&' | b'\r' => 4,
        b'<' | b'>' => 3,
        _ => 0,
    };
    let special = text.as_bytes().chunks(CHUNK).filter(|chunk| has_special(chunk));
    text.len() + special.map(|chunk| chunk.iter().map(extra).sum::<usize>()).sum::<usize>()
}

/// So many bytes are looked at together, which costs a few instructions; most hold nothing special.
const CHUNK: usize = 64;

fn next_special(bytes: &[u8]) -> Option<usize> {
    let (number, chunk) = bytes.chunks(CHUNK).enumerate().find(|(_, chunk)| has_special(chunk))?;
    Some(number * CHUNK + chunk.iter().position(|byte| is_special(*byte))?)
}

/// Without a branch per byte.
fn has_special(chunk: &[u8]) -> bool {
    chunk.iter().fold(false, |found, byte| found | is_special(*byte))
}

const fn is_special(byte: u8) -> bool {
    (byte == b'&') | (byte == b'<') | (byte == b'>') | (byte == b'\r')
}

/// `text` with U+FFFD in place of what XML forbids: for words to people, whose loss is smaller than that of the response.
pub(super) fn legible(text: &str) -> Cow<'_, str> {
    match xml_text(text.as_bytes()) {
        Some(text) => Cow::Borrowed(text),
        None => text.chars().map(|c| if is_xml_char(c) { c } else { char::REPLACEMENT_CHARACTER }).collect(),
    }
}
