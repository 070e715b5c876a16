//! Reads JSON of a known shape, in one pass and by vectors: for the documents that come with every message.
//!
//! It knows no shape but those that its callers ask for, and explains nothing: where it says `None`, the caller gives the whole
//! document to the JSON library, which knows all of JSON. Tests hold each of its uses to what the library reads.

use std::borrow::Cow;

use memchr::memchr2;

/// What is left of a document.
#[derive(Debug, Clone)]
pub struct PlainJson<'a> {
    rest: &'a str,
}

impl<'a> PlainJson<'a> {
    /// Reads `json` from its beginning.
    #[must_use]
    pub fn new(json: &'a str) -> Self {
        Self { rest: json }
    }

    /// Whether nothing but blanks is left.
    #[must_use]
    pub fn is_at_end(&mut self) -> bool {
        self.skip_blanks();
        self.rest.is_empty()
    }

    /// One sign of the grammar, which is ASCII, after blanks.
    pub fn sign(&mut self, sign: u8) -> Option<()> {
        self.skip_blanks();
        self.sign_at_once(sign)
    }

    fn sign_at_once(&mut self, sign: u8) -> Option<()> {
        let found = self.rest.as_bytes().first() == Some(&sign);
        self.rest = if found { self.rest.get(1..)? } else { return None };
        Some(())
    }

    /// A string without escapes, and without the characters that need one.
    pub fn plain_string(&mut self) -> Option<&'a str> {
        self.sign(b'"')?;
        let end = memchr2(b'"', b'\\', self.rest.as_bytes())?;
        let (text, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        self.sign_at_once(b'"')?;
        (!has_control(text.as_bytes())).then_some(text)
    }

    /// Any string. One with escapes is the JSON library's.
    pub fn string(&mut self) -> Option<Cow<'a, str>> {
        self.skip_blanks();
        let whole = self.rest;
        if let Some(plain) = self.plain_string() {
            return Some(Cow::Borrowed(plain));
        }
        // Its end is the first quote that no backslash stands before.
        let mut end = 1;
        loop {
            end += memchr2(b'"', b'\\', whole.as_bytes().get(end..)?)?;
            if whole.as_bytes().get(end) == Some(&b'"') {
                break;
            }
            end += 2;
        }
        let (string, rest) = whole.split_at_checked(end + 1)?;
        self.rest = rest;
        serde_json::from_str(string).ok().map(Cow::Owned)
    }

    /// Digits alone, without a zero in front.
    pub fn number(&mut self) -> Option<u64> {
        self.skip_blanks();
        let end = self.rest.bytes().position(|byte| !byte.is_ascii_digit())?;
        let (digits, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        let is_whole = matches!(rest.bytes().next()?, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
        if !is_whole || (digits.len() > 1 && digits.starts_with('0')) {
            return None;
        }
        digits.parse().ok()
    }

    /// `[…]`: `element` reads each.
    pub fn list(&mut self, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.sign(b'[')?;
        if self.sign(b']').is_some() {
            return Some(());
        }
        loop {
            element(self)?;
            if self.sign(b',').is_none() {
                return self.sign(b']');
            }
        }
    }

    /// `{…}`: `member` reads the value of each name. Names have no escapes.
    pub fn object(&mut self, mut member: impl FnMut(&'a str, &mut Self) -> Option<()>) -> Option<()> {
        self.sign(b'{')?;
        if self.sign(b'}').is_some() {
            return Some(());
        }
        loop {
            let name = self.plain_string()?;
            self.sign(b':')?;
            member(name, self)?;
            if self.sign(b',').is_none() {
                return self.sign(b'}');
            }
        }
    }

    fn skip_blanks(&mut self) {
        if self.rest.as_bytes().first().is_some_and(|byte| *byte <= b' ') {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        }
    }
}

/// Keeps the value of a name that was not there before.
pub fn once<T>(field: &mut Option<T>, value: T) -> Option<()> {
    field.replace(value).is_none().then_some(())
}

/// Whether any byte is a control character. The smallest byte tells it without a branch for each.
fn has_control(bytes: &[u8]) -> bool {
    bytes.iter().fold(u8::MAX, |least, byte| least.min(*byte)) < b' '
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A string is what the library reads, and what follows it is left.
        #[test]
        fn strings_are_what_the_library_reads(json in "\"([a ü]|\\\\[\\\\\"nu/x]|\\\\u00[0-9a-f]{2}|\\\\ud8[0-9]{2}|\\x07)*\"?,?") {
            let mut reader = PlainJson::new(&json);
            if let Some(text) = reader.string() {
                let string = json.strip_suffix(reader.rest).unwrap();
                prop_assert_eq!(text, serde_json::from_str::<String>(string).unwrap());
            } else {
                prop_assert!(serde_json::from_str::<String>(json.trim_end_matches(',')).is_err());
            }
        }
    }

    #[test]
    fn strings_of_every_kind() {
        let read = |json| PlainJson::new(json).string().map(Cow::into_owned);
        assert_eq!(read(r#" "a""#).as_deref(), Some("a"));
        assert_eq!(read(r#""""#).as_deref(), Some(""));
        assert_eq!(read(r#""a\"b\\","c""#).as_deref(), Some("a\"b\\"));
        assert_eq!(read(r#""\\""#).as_deref(), Some("\\"));
        for broken in [r#""a"#, r#""a\""#, r#""\"#, r#""\ud800""#, "\"\n\"", "a", ""] {
            assert_eq!(read(broken), None, "{broken}");
        }
    }

    #[test]
    fn lists_and_objects() {
        let mut found = Vec::new();
        let mut reader = PlainJson::new(r#" { "a" : [ 1 , 20 ] , "b":[ ] , "c":{} } "#);
        let read = reader.object(|name, value| match name {
            "c" => value.object(|_, _| None),
            name => value.list(|element| {
                found.push((name, element.number()?));
                Some(())
            }),
        });
        assert_eq!(read, Some(()));
        assert!(reader.is_at_end());
        assert_eq!(found, [("a", 1), ("a", 20)]);
        for broken in [
            "{\"a\":1",
            "{\"a\":01}",
            "{\"a\":1.0}",
            "{\"a\":-1}",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "{a:1}",
            "{\"\\u0061\":1}",
        ] {
            assert_eq!(PlainJson::new(broken).object(|_, value| value.number().map(drop)), None, "{broken}");
        }
    }
}
