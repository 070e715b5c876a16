//! The data of an event, and what a content type says about it.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::DataFlaw;
use crate::model::words;

pub(super) const JSON: &str = "application/json";
pub(super) const TEXT: &str = "text/plain";
pub(super) const BYTES: &str = "application/octet-stream";

words! {
    /// What the body of a message becomes, where the message says nothing about it.
    pub enum DataAs {
        /// JSON where it is JSON, else text where it is UTF-8, else bytes.
        Auto = "auto",
        /// A JSON value; a body that is none has a flaw.
        Json = "json",
        /// Text; a body that is not UTF-8 has a flaw.
        Text = "text",
        /// Bytes.
        Binary = "binary",
    }
}

/// What an event carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data<'a> {
    /// Nothing.
    None,
    /// A JSON value, as its sender wrote it.
    Json(Cow<'a, str>),
    /// Text.
    Text(Cow<'a, str>),
    /// Bytes.
    Bytes(Cow<'a, [u8]>),
}

impl Data<'_> {
    /// The bytes that stand for it outside the JSON format.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::None => &[],
            Self::Json(text) | Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl<'a> Data<'a> {
    /// Bytes of the type that their sender named.
    pub(super) fn declared(bytes: &'a [u8], content_type: Option<&str>) -> Self {
        if bytes.is_empty() {
            return Self::None;
        }
        let text = || simdutf8::basic::from_utf8(bytes).ok();
        let data = match content_type {
            Some(it) if is_json(it) => text().filter(|text| is_json_text(text)).map(|text| Self::Json(text.into())),
            Some(it) if is_text(it) => text().map(|text| Self::Text(text.into())),
            Some(_) | None => None,
        };
        data.unwrap_or(Self::Bytes(bytes.into()))
    }

    /// Bytes of which nothing is said, and the type that they get.
    ///
    /// # Errors
    /// [`DataFlaw`] where they are not what they have to be.
    pub fn undeclared(bytes: &'a [u8], wanted: DataAs) -> Result<(Self, Option<&'static str>), DataFlaw> {
        let text = || simdutf8::basic::from_utf8(bytes).map_err(|_| DataFlaw::NotText);
        let json = || text().ok().filter(|text| is_json_text(text)).ok_or(DataFlaw::NotJson);
        let of_json = |text: &'a str| (Self::Json(text.into()), Some(JSON));
        let of_text = |text: &'a str| (Self::Text(text.into()), Some(TEXT));
        let of_bytes = (Self::Bytes(bytes.into()), Some(BYTES));
        match wanted {
            DataAs::Json => json().map(of_json),
            DataAs::Auto | DataAs::Text | DataAs::Binary if bytes.is_empty() => Ok((Self::None, None)),
            DataAs::Text => text().map(of_text),
            DataAs::Binary => Ok(of_bytes),
            DataAs::Auto => Ok(json().map(of_json).or_else(|_| text().map(of_text)).unwrap_or(of_bytes)),
        }
    }
}

/// Whether it is a whole JSON value.
fn is_json_text(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Type and subtype in lower case, and the parameters as they are.
fn parts(content_type: &str) -> (String, String, &str) {
    let (essence, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    let essence = essence.trim().to_ascii_lowercase();
    let (kind, subtype) = essence.split_once('/').unwrap_or((&essence, ""));
    (kind.to_owned(), subtype.to_owned(), parameters)
}

/// Whether content of this type is JSON: `*/json`, `*/*+json`.
pub(super) fn is_json(content_type: &str) -> bool {
    let (_, subtype, _) = parts(content_type);
    subtype == "json" || subtype.ends_with("+json")
}

/// Whether content of this type is text, and its characters UTF-8.
fn is_text(content_type: &str) -> bool {
    let (kind, subtype, parameters) = parts(content_type);
    let charset = charset(parameters);
    let is_textual = ["xml", "yaml", "javascript", "x-www-form-urlencoded"].contains(&subtype.as_str())
        || subtype.ends_with("+xml")
        || subtype.ends_with("+yaml")
        || kind == "text";
    match charset.as_deref() {
        Some("utf-8" | "utf8" | "us-ascii") => true,
        Some(_) => false,
        None => is_textual,
    }
}

/// Whether text of this type is to be in other characters than UTF-8.
pub(super) fn is_in_another_charset(content_type: &str) -> bool {
    let (_, _, parameters) = parts(content_type);
    charset(parameters).is_some_and(|it| !["utf-8", "utf8", "us-ascii"].contains(&it.as_str()))
}

fn charset(parameters: &str) -> Option<String> {
    let named = |parameter: &str| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"').to_ascii_lowercase())
    };
    parameters.split(';').find_map(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_what_they_are() {
        for (content_type, json, text) in [
            ("application/json", true, false),
            ("Application/JSON; charset=utf-8", true, true),
            ("text/json", true, true),
            ("application/vnd.acme+json;v=1", true, false),
            ("text/plain", false, true),
            ("text/plain; Charset=\"ISO-8859-1\"", false, false),
            ("image/svg+xml", false, true),
            ("application/xml", false, true),
            ("application/octet-stream", false, false),
            ("application/x-thing; charset=UTF-8", false, true),
            ("image/png", false, false),
            ("", false, false),
        ] {
            assert_eq!((is_json(content_type), is_text(content_type)), (json, text), "{content_type}");
        }
    }

    #[test]
    fn bytes_and_the_data_that_they_are() {
        let json = |text: &'static str| Data::Json(text.into());
        let bytes = |bytes: &'static [u8]| Data::Bytes(bytes.into());
        assert_eq!(Data::declared(b" {\"a\":1.0}", Some(JSON)), json(" {\"a\":1.0}"));
        assert_eq!(Data::declared(b"{\"a\":", Some(JSON)), bytes(b"{\"a\":"));
        assert_eq!(Data::declared(b"{}", None), bytes(b"{}"));
        assert_eq!(Data::declared(b"{}", Some(TEXT)), Data::Text("{}".into()));
        assert_eq!(Data::declared(b"\xff", Some(TEXT)), bytes(b"\xff"));
        assert_eq!(Data::declared(b"", Some(JSON)), Data::None);

        let undeclared = |bytes: &'static [u8], wanted| Data::undeclared(bytes, wanted);
        assert_eq!(undeclared(b"1", DataAs::Auto), Ok((json("1"), Some(JSON))));
        assert_eq!(undeclared(b"x", DataAs::Auto), Ok((Data::Text("x".into()), Some(TEXT))));
        assert_eq!(undeclared(b"\xff", DataAs::Auto), Ok((bytes(b"\xff"), Some(BYTES))));
        assert_eq!(undeclared(b"", DataAs::Auto), Ok((Data::None, None)));
        assert_eq!(undeclared(b"1", DataAs::Text), Ok((Data::Text("1".into()), Some(TEXT))));
        assert_eq!(undeclared(b"1", DataAs::Binary), Ok((bytes(b"1"), Some(BYTES))));
        assert_eq!(undeclared(b"x", DataAs::Json), Err(DataFlaw::NotJson));
        assert_eq!(undeclared(b"", DataAs::Json), Err(DataFlaw::NotJson));
        assert_eq!(undeclared(b"\xff", DataAs::Json), Err(DataFlaw::NotJson));
        assert_eq!(undeclared(b"\xff", DataAs::Text), Err(DataFlaw::NotText));
    }
}
