//! Bodies as text of an element: most are, and what XML cannot carry goes as base64.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::signature::body_md5_hex;

/// The property that marks a body as base64. Ours, not the vendor's: another consumer sees the text and this property,
/// one that goes through this gateway gets the bytes.
pub const BODY_ENCODING_PROPERTY: &str = "mq-gateway-body";
/// Its value.
pub(super) const BASE64: &str = "base64";

/// Whether XML can carry these bytes as they are: UTF-8 without the characters that XML 1.0 forbids.
#[must_use]
pub fn is_xml_text(body: &[u8]) -> bool {
    xml_text(body).is_some()
}

/// The `MessageBodyMD5` that belongs to a body: upper-case hex, of the text that stands for it in `MessageBody`.
#[must_use]
pub fn body_md5(body: &[u8]) -> String {
    text_md5(&WireBody::of(body).text)
}

/// MD5 of a text in upper-case hex.
pub(super) fn text_md5(text: &str) -> String {
    let mut hex = body_md5_hex(text.as_bytes());
    hex.make_ascii_uppercase();
    String::from_utf8_lossy(&hex).into_owned()
}

/// The bytes as text, if XML can carry them.
pub(super) fn xml_text(bytes: &[u8]) -> Option<&str> {
    // By bytes, since most are no suspects: control characters are one byte, U+FFFE and U+FFFF are EF BF BE and EF BF BF.
    let forbidden = bytes.iter().any(|byte| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r'));
    let mut suspects = memchr::memchr_iter(0xEF, bytes).filter_map(|at| bytes.get(at..at + 3));
    if forbidden || suspects.any(|suspect| matches!(suspect, [0xEF, 0xBF, 0xBE | 0xBF])) {
        return None;
    }
    std::str::from_utf8(bytes).ok()
}

/// XML 1.0, production `Char`.
pub(super) const fn is_xml_char(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

/// A body as the text that stands for it.
pub(super) struct WireBody<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) is_base64: bool,
}

impl<'a> WireBody<'a> {
    /// As it is where XML can carry it, else base64.
    pub(super) fn of(body: &'a [u8]) -> Self {
        match xml_text(body) {
            Some(text) => Self { text: Cow::Borrowed(text), is_base64: false },
            None => Self { text: Cow::Owned(STANDARD.encode(body)), is_base64: true },
        }
    }

    /// As it is in any case. What is no UTF-8 becomes a character that XML forbids, so that the MQ refuses the message
    /// instead of storing another one.
    pub(super) fn verbatim(body: &'a [u8]) -> Self {
        let text = match std::str::from_utf8(body) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => {
                let mut text = String::with_capacity(body.len());
                for chunk in body.utf8_chunks() {
                    text.push_str(chunk.valid());
                    if !chunk.invalid().is_empty() {
                        text.push('\u{FFFF}');
                    }
                }
                Cow::Owned(text)
            }
        };
        Self { text, is_base64: false }
    }
}

/// The bytes behind a text that is marked as base64, strictly.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}
