//! Reads JSON of a known shape, in one pass and by vectors: for the documents that come with every message.
//!
//! It knows no shape but those that its callers ask for, and explains nothing: where it says `None`, the caller gives the whole
//! document to the JSON library, which knows all of JSON. Tests hold each of its uses to what the library reads.

use std::borrow::Cow;

use memchr::memchr2;

use crate::control_characters::has_control;

/// Room for this many elements of a list is made at once.
const USUAL_ELEMENTS: usize = 2;

/// What is left of a document.
#[derive(Debug, Clone)]
pub struct PlainJson<'a> {
    rest: &'a str,
}

impl<'a> PlainJson<'a> {
    /// What `read` makes of the whole of `json`, behind which nothing but blanks may stand.
    pub fn read<T>(json: &'a str, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let mut reader = Self { rest: json };
        let value = read(&mut reader)?;
        reader.skip_blanks();
        reader.rest.is_empty().then_some(value)
    }

    /// One sign of the grammar, which is ASCII, after blanks.
    fn sign(&mut self, sign: u8) -> Option<()> {
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

    /// `[…]`: what `element` makes of each.
    pub fn list<T>(&mut self, element: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        self.list_of(usize::MAX, element)
    }

    /// As [`PlainJson::list`], if they are at most `most`.
    pub fn list_of<T>(&mut self, most: usize, mut element: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        self.sign(b'[')?;
        if self.sign(b']').is_some() {
            return Some(Vec::new());
        }
        let mut elements = Vec::with_capacity(USUAL_ELEMENTS);
        loop {
            if elements.len() == most {
                return None;
            }
            elements.push(element(self)?);
            if self.sign(b',').is_none() {
                return self.sign(b']').map(|()| elements);
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

    /// `{…}` with one member of this name alone: what `value` makes of it.
    pub fn only_member<T>(&mut self, name: &str, mut value: impl FnMut(&mut Self) -> Option<T>) -> Option<T> {
        let mut found = None;
        self.object(|found_name, member| if found_name == name { once(&mut found, value(member)?) } else { None })?;
        found
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A string is what the library reads, and what follows it is left.
        #[test]
        fn strings_are_what_the_library_reads(json in "\"([a ü]|\\\\[\\\\\"nu/x]|\\\\u00[0-9a-f]{2}|\\\\ud8[0-9]{2}|\\x07)*\"?,?") {
            let mut reader = PlainJson { rest: &json };
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
        let read = |json| PlainJson { rest: json }.string().map(Cow::into_owned);
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
        let json = r#" { "a" : [ 1 , 20 ] , "b":[ ] , "c":{} } "#;
        let read = |reader: &mut PlainJson<'static>| {
            reader.object(|name, value| match name {
                "c" => value.object(|_, _| None),
                name => {
                    found.push((name, value.list(PlainJson::number)?));
                    Some(())
                }
            })
        };
        assert_eq!(PlainJson::read(json, read), Some(()));
        assert_eq!(found, [("a", vec![1, 20]), ("b", Vec::new())]);
        assert_eq!(PlainJson::read("[1] ]", |reader| reader.list(PlainJson::number)), None);
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
            let read = |reader: &mut PlainJson<'static>| reader.object(|_, value| value.number().map(drop));
            assert_eq!(PlainJson::read(broken, read), None, "{broken}");
        }
    }
}
