//! Writes JSON that is written often, without the general machinery: a text that needs no escapes is looked at by vectors and
//! copied at once. The tests hold it to what the JSON library writes.

use memchr::memchr2;

use crate::control_characters::has_control;

/// This many bytes are looked at together where a text has something to escape.
const CHUNK: usize = 64;

/// Where JSON goes.
pub trait Sink {
    /// Appends.
    fn push(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn push(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Counts what it would take.
#[derive(Debug, Default)]
pub struct Length(
    /// In bytes.
    pub u64,
);

impl Sink for Length {
    fn push(&mut self, bytes: &[u8]) {
        self.0 += bytes.len() as u64;
    }
}

/// A string.
pub fn string(json: &mut impl Sink, text: &str) {
    json.push(b"\"");
    let bytes = text.as_bytes();
    if is_plain(bytes) {
        json.push(bytes);
    } else {
        escaped(json, bytes);
    }
    json.push(b"\"");
}

/// A string that is known to need no escapes: digits, identifiers, times of our own.
pub fn plain(json: &mut impl Sink, text: &str) {
    for part in ["\"", text, "\""] {
        json.push(part.as_bytes());
    }
}

/// A string, or null.
pub fn optional(json: &mut impl Sink, text: Option<&str>) {
    match text {
        Some(text) => string(json, text),
        None => json.push(b"null"),
    }
}

/// A number.
pub fn number(json: &mut impl Sink, number: u64) {
    json.push(itoa::Buffer::new().format(number).as_bytes());
}

/// One after the other, with commas between them.
pub fn list<T, S: Sink>(json: &mut S, items: impl Iterator<Item = T>, item: impl Fn(&mut S, T)) {
    for (index, value) in items.enumerate() {
        if index > 0 {
            json.push(b",");
        }
        item(json, value);
    }
}

fn is_plain(bytes: &[u8]) -> bool {
    !has_control(bytes) && memchr2(b'"', b'\\', bytes).is_none()
}

fn escaped(json: &mut impl Sink, bytes: &[u8]) {
    let mut pushed = 0;
    for (number, chunk) in bytes.chunks(CHUNK).enumerate() {
        // Without a branch for each.
        let found = chunk.iter().fold(0, |found, byte| found | u8::from(needs_escape(*byte)));
        if found == 0 {
            continue;
        }
        for (index, byte) in chunk.iter().enumerate().filter(|(_, byte)| needs_escape(**byte)) {
            let at = number * CHUNK + index;
            json.push(bytes.get(pushed..at).unwrap_or_default());
            push_escape(json, *byte);
            pushed = at + 1;
        }
    }
    json.push(bytes.get(pushed..).unwrap_or_default());
}

const fn needs_escape(byte: u8) -> bool {
    (byte < b' ') | (byte == b'"') | (byte == b'\\')
}

fn push_escape(json: &mut impl Sink, byte: u8) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        other => {
            let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
            json.push(&[b'\\', b'u', b'0', b'0', digit(other >> 4), digit(other & 15)]);
            return;
        }
    };
    json.push(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        let mut json = Vec::new();
        string(&mut json, text);
        let mut length = Length::default();
        string(&mut length, text);
        assert_eq!(length.0, json.len() as u64);
        String::from_utf8(json).unwrap()
    }

    #[test]
    fn every_character_is_written_as_the_library_does() {
        for character in (0..=0x2_ffff).filter_map(char::from_u32) {
            for text in [character.to_string(), format!("{}{character}{character}x", "y".repeat(63))] {
                assert_eq!(written(&text), serde_json::to_string(&text).unwrap());
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_written_as_the_library_does(text in "[ -~\\n\\t\"\\\\\\x00-\\x1f中]{0,300}") {
            prop_assert_eq!(written(&text), serde_json::to_string(&text).unwrap());
        }
    }

    #[test]
    fn the_other_values() {
        let mut json = Vec::new();
        optional(&mut json, None);
        optional(&mut json, Some("\n"));
        number(&mut json, u64::MAX);
        list(&mut json, ["a", "b"].into_iter(), plain);
        assert_eq!(json, br#"null"\n"18446744073709551615"a","b""#);
    }
}
