//! Reads the documents that nearly every server and client of the protocol writes: elements without attributes but for the root's
//! `xmlns`, text, and the references that XML has by name.
//!
//! Whatever else a document holds is beyond this reader, which stops there: the XML library reads such a document from its
//! beginning. A test holds both to the same parts.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memmem};

use super::elements;
use super::part::{MAX_DEPTH, MAX_ELEMENTS, Part};

/// A reader that knows few forms.
pub(super) struct PlainEvents<'a> {
    rest: &'a str,
    /// The names of the open elements, the root's first.
    open: Vec<&'a str>,
    elements: usize,
}

/// A document holds more than this reader knows, which may be a flaw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Beyond;

const DECLARATIONS: [&str; 3] = [
    r#"<?xml version="1.0" encoding="utf-8"?>"#,
    r#"<?xml version="1.0" encoding="UTF-8"?>"#,
    r#"<?xml version="1.0"?>"#,
];

impl<'a> PlainEvents<'a> {
    /// Reads up to the root and tells its name.
    pub(super) fn open(document: &'a str) -> Result<(Self, &'static str), Beyond> {
        let after = DECLARATIONS.iter().find_map(|declaration| document.strip_prefix(declaration));
        let rest = trim_start(after.unwrap_or(document));
        let mut events = Self { rest, open: Vec::with_capacity(MAX_DEPTH), elements: 0 };
        events.take("<")?;
        let name = events.name()?;
        if events.take(r#" xmlns=""#).is_ok() {
            let value = events.up_to(b'"')?;
            if memchr2(b'<', b'&', value.as_bytes()).is_some() {
                return Err(Beyond);
            }
            events.take("\"")?;
        }
        events.take(">")?;
        let root = events.enter(name)?;
        Ok((events, root))
    }

    /// The next part inside of the root.
    pub(super) fn next(&mut self) -> Result<Part<'a>, Beyond> {
        match self.rest.as_bytes() {
            [b'<', b'/', ..] => {
                self.take("</")?;
                let name = self.open.pop().ok_or(Beyond)?;
                self.take(name)?;
                self.take(">")?;
                Ok(Part::Close)
            }
            [b'<', ..] => {
                self.take("<")?;
                let name = self.name()?;
                self.take(">")?;
                self.enter(name).map(Part::Open)
            }
            [b'&', ..] => self.reference().map(Part::Character),
            [_, ..] => {
                let end = memchr2(b'<', b'&', self.rest.as_bytes()).ok_or(Beyond)?;
                let (text, rest) = self.rest.split_at_checked(end).ok_or(Beyond)?;
                self.rest = rest;
                // `]]>` is no text.
                if memchr(b']', text.as_bytes()).is_some() && memmem::find(text.as_bytes(), b"]]>").is_some() {
                    return Err(Beyond);
                }
                Ok(Part::Text(Cow::Borrowed(text)))
            }
            [] => Err(Beyond),
        }
    }

    /// Whether the root is closed and nothing stands behind it.
    pub(super) fn is_at_end(&self) -> bool {
        self.open.is_empty() && trim_start(self.rest).is_empty()
    }

    fn enter(&mut self, name: &'a str) -> Result<&'static str, Beyond> {
        self.open.push(name);
        self.elements += 1;
        if self.open.len() > MAX_DEPTH || self.elements > MAX_ELEMENTS {
            Err(Beyond)
        } else {
            Ok(elements::named(name))
        }
    }

    fn take(&mut self, text: &str) -> Result<(), Beyond> {
        self.rest = self.rest.strip_prefix(text).ok_or(Beyond)?;
        Ok(())
    }

    /// Letters and digits, a letter first.
    fn name(&mut self) -> Result<&'a str, Beyond> {
        let bytes = self.rest.as_bytes();
        let length = bytes.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(bytes.len());
        let (name, rest) = self.rest.split_at_checked(length).ok_or(Beyond)?;
        self.rest = rest;
        if name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic()) { Ok(name) } else { Err(Beyond) }
    }

    fn up_to(&mut self, end: u8) -> Result<&'a str, Beyond> {
        let length = memchr(end, self.rest.as_bytes()).ok_or(Beyond)?;
        let (text, rest) = self.rest.split_at_checked(length).ok_or(Beyond)?;
        self.rest = rest;
        Ok(text)
    }

    fn reference(&mut self) -> Result<char, Beyond> {
        let names = [("&lt;", '<'), ("&gt;", '>'), ("&amp;", '&'), ("&quot;", '"'), ("&apos;", '\''), ("&#13;", '\r')];
        for (name, character) in names {
            if let Some(rest) = self.rest.strip_prefix(name) {
                self.rest = rest;
                return Ok(character);
            }
        }
        Err(Beyond)
    }
}

fn trim_start(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\r', '\n'])
}
