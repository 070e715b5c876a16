//! Reads the envelope that nearly every caller writes, in one pass: strings without escapes, no `encoding`, no field twice.
//!
//! What is written in another way, or wrongly, is left to the JSON library, which knows all of JSON and explains what does not
//! fit; a test holds both to the same result.

use std::borrow::Cow;

use memchr::memchr2;

use super::envelope::{Body, Envelope, Properties};

/// The envelope, if it is a plain one.
pub(super) fn read(json: &str) -> Option<Envelope<'_>> {
    let mut reader = Reader { rest: json };
    let mut found = Found::default();
    reader.take('{')?;
    loop {
        let name = reader.string()?;
        reader.take(':')?;
        match name {
            "body" => once(&mut found.body, reader.string()?)?,
            "tag" => once(&mut found.tag, reader.string()?)?,
            "keys" => once(&mut found.keys, reader.strings()?)?,
            "properties" => once(&mut found.properties, reader.properties()?)?,
            "message_group" => once(&mut found.message_group, reader.string()?)?,
            "deliver_at" => once(&mut found.deliver_at, reader.string()?)?,
            "delay_seconds" => once(&mut found.delay_seconds, reader.number()?)?,
            _ => return None,
        }
        if reader.take(',').is_none() {
            break;
        }
    }
    reader.take('}')?;
    reader.skip_blanks();
    if !reader.rest.is_empty() {
        return None;
    }
    Some(Envelope {
        body: Body::Plain(found.body?),
        encoding: None,
        tag: found.tag.map(Cow::Borrowed),
        keys: found.keys,
        properties: found.properties.map(Properties),
        message_group: found.message_group.map(Cow::Borrowed),
        deliver_at: found.deliver_at.map(Cow::Borrowed),
        delay_seconds: found.delay_seconds,
    })
}

#[derive(Default)]
struct Found<'a> {
    body: Option<&'a str>,
    tag: Option<&'a str>,
    keys: Option<Vec<Cow<'a, str>>>,
    properties: Option<Vec<(String, String)>>,
    message_group: Option<&'a str>,
    deliver_at: Option<&'a str>,
    delay_seconds: Option<u64>,
}

/// Keeps the value of a field that was not there before.
fn once<T>(field: &mut Option<T>, value: T) -> Option<()> {
    field.replace(value).is_none().then_some(())
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn skip_blanks(&mut self) {
        if self.rest.as_bytes().first().is_some_and(|byte| *byte <= b' ') {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        }
    }

    fn take(&mut self, sign: char) -> Option<()> {
        self.skip_blanks();
        self.rest = self.rest.strip_prefix(sign)?;
        Some(())
    }

    /// A string that says what it is: no escapes, and none of the characters that need one.
    fn string(&mut self) -> Option<&'a str> {
        self.take('"')?;
        let end = memchr2(b'"', b'\\', self.rest.as_bytes())?;
        let (text, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.strip_prefix('"')?;
        (!has_control(text.as_bytes())).then_some(text)
    }

    fn strings(&mut self) -> Option<Vec<Cow<'a, str>>> {
        self.take('[')?;
        let mut strings = Vec::new();
        if self.take(']').is_some() {
            return Some(strings);
        }
        loop {
            strings.push(Cow::Borrowed(self.string()?));
            if self.take(',').is_none() {
                break;
            }
        }
        self.take(']')?;
        Some(strings)
    }

    fn properties(&mut self) -> Option<Vec<(String, String)>> {
        self.take('{')?;
        let mut pairs = Vec::new();
        if self.take('}').is_some() {
            return Some(pairs);
        }
        loop {
            let name = self.string()?;
            self.take(':')?;
            pairs.push((name.to_owned(), self.string()?.to_owned()));
            if self.take(',').is_none() {
                break;
            }
        }
        self.take('}')?;
        Some(pairs)
    }

    /// Digits alone, without a zero in front.
    fn number(&mut self) -> Option<u64> {
        self.skip_blanks();
        let end = self.rest.bytes().position(|byte| !byte.is_ascii_digit())?;
        let (digits, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        let follows = rest.bytes().next()?;
        let is_whole = matches!(follows, b',' | b'}' | b' ' | b'\t' | b'\n' | b'\r');
        if !is_whole || (digits.len() > 1 && digits.starts_with('0')) {
            return None;
        }
        digits.parse().ok()
    }
}

/// Whether any byte is a control character. The smallest byte tells it without a branch for each.
fn has_control(bytes: &[u8]) -> bool {
    bytes.iter().fold(u8::MAX, |least, byte| least.min(*byte)) < b' '
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Message, Topic, UnixMillis};

    fn message(envelope: Envelope<'_>, whole: &Bytes) -> Option<Message> {
        envelope.into_message(Topic::parse("T").unwrap(), UnixMillis(1_000_000), whole, "").ok()
    }

    /// Whether it is read here; what is, is what the JSON library reads.
    fn is_plain(json: &str) -> bool {
        let whole = Bytes::copy_from_slice(json.as_bytes());
        let text = std::str::from_utf8(&whole).unwrap();
        let Some(plain) = read(text) else { return false };
        let library: Envelope<'_> = serde_json::from_str(text).unwrap_or_else(|error| panic!("{json}: {error}"));
        assert_eq!(message(plain, &whole), message(library, &whole), "{json}");
        true
    }

    #[test]
    fn plain_envelopes_are_read_here() {
        for json in [
            r#"{"body":""}"#,
            r#"{"body":"中文 {[","tag":"a","keys":["b","c"],"message_group":"g"}"#,
            "\r\n{ \"body\" :\t\"x\" , \"keys\" : [ ] , \"properties\" : { } }\n",
            r#"{"properties":{"a":"b","c":"d","a":"e"},"body":"x","delay_seconds":0}"#,
            r#"{"body":"x","deliver_at":"2026-01-01T00:00:00Z"}"#,
            r#"{"body":"x","delay_seconds":18446744073709551615}"#,
        ] {
            assert!(is_plain(json), "{json}");
        }
    }

    #[test]
    fn all_others_are_left_to_the_library() {
        for json in [
            "",
            "{}",
            "[]",
            r#""body""#,
            r#"{"body":7}"#,
            r#"{"body":null}"#,
            r#"{"body":{"a":"b"}}"#,
            r#"{"body":"a\n"}"#,
            "{\"body\":\"a\n\"}",
            r#"{"body":"x","encoding":"text"}"#,
            r#"{"body":"x","body":"x"}"#,
            r#"{"body":"x","tag":null}"#,
            r#"{"body":"x","unknown":"x"}"#,
            r#"{"body":"x",}"#,
            r#"{"body":"x"} x"#,
            r#"{"body":"x"}}"#,
            r#"{"body":"x"#,
            r#"{"body":"x","keys":["a",]}"#,
            r#"{"body":"x","delay_seconds":01}"#,
            r#"{"body":"x","delay_seconds":1.0}"#,
            r#"{"body":"x","delay_seconds":-1}"#,
            r#"{"body":"x","delay_seconds":}"#,
            r#"{"body":"x","delay_seconds":18446744073709551616}"#,
            "\u{feff}{\"body\":\"x\"}",
            "\u{a0}{\"body\":\"x\"}",
        ] {
            assert!(!is_plain(json), "{json}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_here_is_what_the_library_reads(json in any_envelope()) {
            is_plain(&json);
        }
    }

    /// Parts of envelopes in any order, so that many are envelopes and many are nearly one.
    fn any_envelope() -> impl Strategy<Value = String> {
        let part = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            " ",
            "\n",
            "\"",
            "\\",
            "\"body\":\"x\"",
            "\"tag\":\"a\"",
            "\"keys\":[\"a\",\"b\"]",
            "\"properties\":{\"a\":\"b\"}",
            "\"delay_seconds\":12",
            "\"delay_seconds\":1e2",
            "\"body\":\"\u{7}\"",
            "\"ü\"",
            "0",
        ]);
        let any = prop::collection::vec(part.clone(), 0..12).prop_map(|parts| parts.concat());
        let likely = prop::collection::vec(part, 0..6).prop_map(|parts| format!("{{{}}}", parts.join(",")));
        prop_oneof![any, likely]
    }
}
