//! Bodies as text of an element: most are, and what XML or the SDKs cannot carry goes as something else, with a mark.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::control_characters::has_control;
use crate::signature::body_md5_hex;

/// The property that marks a body whose text is not itself. Ours, not the vendor's: another consumer sees the text and
/// this property, one that goes through this gateway gets the bytes.
pub const BODY_ENCODING_PROPERTY: &str = "mq-gateway-body";

/// Its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// The text is base64.
    Base64,
    /// The body is empty, whatever the text. Python takes an element without text for a missing one, and gives the
    /// whole batch up for it, again and again (protocol notes MQ HTTP 5, item 6).
    Empty,
}

/// What stands for an empty body.
const EMPTY_TEXT: &str = "-";

impl Mark {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::Empty => "empty",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Base64, Self::Empty].into_iter().find(|mark| mark.as_str() == text)
    }

    /// The bytes behind a text with this mark, strictly.
    pub(super) fn decode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Base64 => STANDARD.decode(text).ok(),
            Self::Empty => Some(Vec::new()),
        }
    }
}

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
    // By bytes, since few need a closer look: control characters are one byte, U+FFFE and U+FFFF are EF BF BE and EF BF BF.
    let is_forbidden = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    let mut candidates = memchr::memchr_iter(0xEF, bytes).filter_map(|at| bytes.get(at..at + 3));
    if (has_control(bytes) && bytes.iter().any(is_forbidden))
        || candidates.any(|candidate| matches!(candidate, [0xEF, 0xBF, 0xBE | 0xBF]))
    {
        return None;
    }
    simdutf8::basic::from_utf8(bytes).ok()
}

/// XML 1.0, production `Char`.
pub(super) const fn is_xml_char(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

/// A body as the text that stands for it.
pub(super) struct WireBody<'a> {
    pub(super) text: Cow<'a, str>,
    /// Set where the text is not the body itself.
    pub(super) mark: Option<Mark>,
}

impl<'a> WireBody<'a> {
    /// As it is where it can be carried, else marked.
    pub(super) fn of(body: &'a [u8]) -> Self {
        match xml_text(body) {
            Some("") => Self { text: Cow::Borrowed(EMPTY_TEXT), mark: Some(Mark::Empty) },
            Some(text) => Self { text: Cow::Borrowed(text), mark: None },
            None => Self { text: Cow::Owned(STANDARD.encode(body)), mark: Some(Mark::Base64) },
        }
    }

    /// As it is in any case. What is no UTF-8 becomes a character that XML forbids, so that the MQ refuses the message
    /// instead of storing another one.
    pub(super) fn verbatim(body: &'a [u8]) -> Self {
        let text = match simdutf8::basic::from_utf8(body) {
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
        Self { text, mark: None }
    }
}
