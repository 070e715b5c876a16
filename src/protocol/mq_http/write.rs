//! Documents, written straight into one string.
//!
//! One text node per value, no self-closing elements, nothing but elements inside of the root: Python reads only an
//! element's first child node, C# misreads `<MessageTag/>`, C++ loops for ever on a comment (protocol notes MQ HTTP 5,
//! item 6).

use std::borrow::Cow;

use memchr::{memchr_iter, memchr3_iter};

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
    let mut taken = 0;
    for (at, escaped) in specials(text.as_bytes()) {
        let Some((plain, tail)) = rest.split_at_checked(at - taken) else { break };
        xml.push_str(plain);
        xml.push_str(escaped);
        rest = tail.get(1..).unwrap_or_default();
        taken = at + 1;
    }
    xml.push_str(rest);
}

/// How many bytes `text` takes when it is escaped: counting is cheaper than growing a string of megabytes.
pub(super) fn escaped_len(text: &str) -> usize {
    text.len() + specials(text.as_bytes()).map(|(_, escaped)| escaped.len() - 1).sum::<usize>()
}

/// Where a byte has to be escaped, and how.
fn specials(bytes: &[u8]) -> impl Iterator<Item = (usize, &'static str)> {
    let mut signs = memchr3_iter(b'&', b'<', b'>', bytes).peekable();
    let mut returns = memchr_iter(b'\r', bytes).peekable();
    std::iter::from_fn(move || {
        let is_sign = match (signs.peek(), returns.peek()) {
            (Some(sign), Some(carriage_return)) => sign < carriage_return,
            (sign, None) => sign.is_some(),
            (None, Some(_)) => false,
        };
        let at = if is_sign { signs.next() } else { returns.next() }?;
        let escaped = match bytes.get(at)? {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            _ => "&#13;",
        };
        Some((at, escaped))
    })
}

/// `text` with U+FFFD in place of what XML forbids: for words to people, whose loss is smaller than that of the response.
pub(super) fn legible(text: &str) -> Cow<'_, str> {
    match xml_text(text.as_bytes()) {
        Some(text) => Cow::Borrowed(text),
        None => text.chars().map(|c| if is_xml_char(c) { c } else { char::REPLACEMENT_CHARACTER }).collect(),
    }
}
