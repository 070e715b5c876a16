//! The HTTP binding's binary mode: attributes as `ce-` headers, the data as the body.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode, utf8_percent_encode};

use super::attribute::{DATACONTENTTYPE, SPECVERSION, VERSION, Value, value_flaw};
use super::data::JSON;
use super::mode::attribute_of;
use super::{Data, Event, EventFlaw, Place};

/// What a header's value cannot hold as it is; what is not ASCII is none of it either.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// Why there is no header for the type of the data.
const FORBIDDEN: &str = "must not be sent: Content-Type is the type of the data";

/// An event in binary mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binary<'a> {
    /// Names in lower case, and values in visible ASCII.
    pub headers: Vec<(String, String)>,
    /// The `Content-Type`, where there is to be one.
    pub content_type: Option<String>,
    /// The body.
    pub body: &'a [u8],
}

impl Event<'_> {
    /// The event in binary mode.
    #[must_use]
    pub fn binary(&self) -> Binary<'_> {
        let header = |name: &str, value: &str| (format!("ce-{name}"), utf8_percent_encode(value, ESCAPED).to_string());
        let mut headers = vec![header(SPECVERSION, VERSION)];
        let others = self.attributes().filter(|(name, _)| *name != DATACONTENTTYPE);
        headers.extend(others.map(|(name, value)| header(name, &value.to_string())));
        let content_type = self.data_content_type().map(str::to_owned);
        let is_untyped_json = content_type.is_none() && matches!(self.data, Data::Json(_));
        let content_type = if is_untyped_json { Some(JSON.to_owned()) } else { content_type };
        Binary { headers, content_type, body: self.data.bytes() }
    }
}

impl<'a> Event<'a> {
    /// Reads an event in binary mode from all headers of a request, their values as they came. An attribute may be there once only.
    ///
    /// # Errors
    /// Every flaw.
    pub fn read_binary<'h>(
        headers: impl Iterator<Item = (&'h str, &'h [u8])>,
        content_type: Option<&str>,
        body: &'a [u8],
    ) -> Result<Self, Vec<EventFlaw>> {
        let mut flaws = Vec::new();
        let mut attributes: Vec<(Cow<'a, str>, Value<'a>)> = Vec::new();
        let found = headers.filter_map(|(header, value)| Some((attribute_of(header)?.to_ascii_lowercase(), value)));
        for (name, value) in found {
            let rule = match decoded(value) {
                _ if name == DATACONTENTTYPE => Err(FORBIDDEN),
                _ if attributes.iter().any(|(it, _)| *it == name) => Err("is there twice: send it once"),
                None => Err("must be UTF-8 once its percent signs are decoded"),
                Some(text) => Ok(text),
            };
            match rule {
                Ok(text) => attributes.push((name.into(), Value::Text(text.into()))),
                Err(rule) => {
                    let flaw = EventFlaw::attribute(&name, rule);
                    if !flaws.contains(&flaw) {
                        flaws.push(flaw);
                    }
                }
            }
        }
        let content_type = content_type.filter(|it| !it.is_empty());
        if let Some(content_type) = content_type {
            let value = Value::Text(content_type.to_owned().into());
            match value_flaw(DATACONTENTTYPE, &value) {
                None => attributes.push((DATACONTENTTYPE.into(), value)),
                Some(rule) => flaws.push(EventFlaw::at(Place::ContentType, rule)),
            }
        }
        match Self::new(attributes, Data::declared(body, content_type)) {
            Ok(event) if flaws.is_empty() => Ok(event),
            Ok(_) => Err(flaws),
            Err(more) => {
                let is_new = |flaw: &EventFlaw| !flaws.iter().any(|known| known.place == flaw.place);
                let more: Vec<EventFlaw> = more.into_iter().filter(is_new).collect();
                flaws.extend(more);
                Err(flaws)
            }
        }
    }
}

/// A header's value as text: quotes undone, then percent signs, once. A percent sign without two digits stands for itself, as most
/// libraries send it.
fn decoded(value: &[u8]) -> Option<String> {
    let value = unquoted(value.trim_ascii());
    percent_decode(&value).decode_utf8().ok().map(Cow::into_owned)
}

/// A quoted string without its quotes (RFC 9110 5.6.4), as older senders have it.
fn unquoted(value: &[u8]) -> Cow<'_, [u8]> {
    let inside = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let Some(inside) = inside else { return value.into() };
    let mut plain = Vec::with_capacity(inside.len());
    let mut bytes = inside.iter();
    while let Some(byte) = bytes.next() {
        let byte = if *byte == b'\\' { bytes.next().unwrap_or(byte) } else { byte };
        plain.push(*byte);
    }
    plain.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_headers() {
        let check = |value: &[u8], expected: Option<&str>| assert_eq!(decoded(value).as_deref(), expected, "{value:?}");
        check(b" a ", Some("a"));
        check(b"100% x", Some("100% x"));
        check(b"100%25 %2 %zz %e2%82%ac", Some("100% %2 %zz €"));
        check("世".as_bytes(), Some("世"));
        check(b"\xe9", None);
        check(b"%E9", None);
        check(b"%C0%A0", None);
        check(b"\"a \\\"b\\\" %25\"", Some("a \"b\" %"));
        check(b"\"a", Some("\"a"));
        check(b"\"\"", Some(""));
        check(b"\"", Some("\""));
        check(b"\"a\\\"", Some("a\\"));
    }
}
