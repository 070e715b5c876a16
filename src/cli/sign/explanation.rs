//! A signature taken apart, as text or JSON.
//!
//! The secret key is never part of it, the access key only with its first two characters, the signature only on
//! request, a security token not at all.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::signature::body_md5_hex;

const MASKED: &str = "[masked]";

/// What the explanation needs besides the request and its keys.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) profile: &'a str,
    pub(super) url: &'a str,
    pub(super) host: &'a str,
    pub(super) show_signature: bool,
}

/// Everything that may be shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Explanation {
    pub(super) profile: String,
    pub(super) url: String,
    pub(super) string_to_sign: String,
    /// What a request with a body has there.
    pub(super) body: Option<Body>,
    /// As it travels, or masked.
    pub(super) signature: String,
    pub(super) method: &'static str,
    pub(super) target: String,
    /// In the order of the vendor's sample.
    pub(super) headers: Vec<(&'static str, String)>,
}

/// A body, which itself is not shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Body {
    bytes: usize,
    md5: String,
    /// Of a document around the message: how long its first line is, the line's end not counted.
    first_line: Option<usize>,
}

impl Body {
    /// The message as it is.
    pub(super) fn message(bytes: &[u8]) -> Self {
        let md5 = String::from_utf8_lossy(&body_md5_hex(bytes)).into_owned();
        Self { bytes: bytes.len(), md5, first_line: None }
    }

    /// An XML document.
    pub(super) fn document(bytes: &[u8]) -> Self {
        let first_line = bytes.split(|byte| *byte == b'\n').next().map(<[u8]>::len);
        Self { first_line, ..Self::message(bytes) }
    }
}

impl Context<'_> {
    /// The signature, if it may be seen.
    pub(super) fn shown(&self, signature: &str) -> String {
        if self.show_signature { signature.to_owned() } else { MASKED.to_owned() }
    }
}

impl Explanation {
    /// For people; no newline at the end.
    pub(super) fn to_text(&self) -> String {
        let mut text = format!("profile {}, {}\n\n", self.profile, self.url);
        // Writing to a string cannot fail.
        match &self.body {
            Some(Body { bytes, md5, first_line: None }) => writeln!(text, "body: {bytes} bytes, MD5 {md5}\n").ok(),
            Some(Body { bytes, md5, first_line: Some(first) }) => {
                writeln!(text, "body: an XML document of {bytes} bytes, {first} of them in its first line, MD5 {md5}")
                    .ok();
                writeln!(text, "(Content-MD5 is the base64 of these 32 characters)\n").ok()
            }
            None => None,
        };
        let lines: Vec<&str> = self.string_to_sign.split('\n').collect();
        let (parts, bytes) = (lines.len(), self.string_to_sign.len());
        writeln!(text, "string to sign ({bytes} bytes, {parts} lines; \\n is one line feed, none at the end):").ok();
        for (index, line) in lines.iter().enumerate() {
            let end = if index + 1 < parts { "\\n" } else { "" };
            writeln!(text, "    {}{end}", visible(line)).ok();
        }
        writeln!(text, "\nsignature = base64(HMAC-SHA1(secret key, string to sign)), 28 characters:").ok();
        writeln!(text, "    {}\n\nrequest:", self.signature).ok();
        writeln!(text, "    {} {} HTTP/1.1", self.method, self.target).ok();
        for (name, value) in &self.headers {
            writeln!(text, "    {name}: {}", visible(value)).ok();
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// For programs.
    pub(super) fn to_json(&self) -> Value {
        let headers: Vec<Value> =
            self.headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        json!({
            "profile": self.profile,
            "url": self.url,
            "string_to_sign": self.string_to_sign,
            "body": self.body.as_ref().map(Body::to_json),
            "signature": self.signature,
            "request": { "method": self.method, "target": self.target, "headers": headers },
        })
    }
}

impl Body {
    fn to_json(&self) -> Value {
        match self.first_line {
            None => json!({ "bytes": self.bytes, "md5": self.md5 }),
            Some(first) => json!({ "bytes": self.bytes, "md5": self.md5, "first_line_bytes": first }),
        }
    }
}

/// Nothing of a secret, not even its length.
pub(super) fn hidden() -> String {
    MASKED.to_owned()
}

/// The first two characters; how many more there are is not told.
pub(super) fn masked(access_key: &str) -> String {
    let beginning: String = access_key.chars().take(2).collect();
    format!("{beginning}{MASKED}")
}

/// Escapes what an eye would miss: control characters, invisible ones, backslashes, blanks at the ends.
fn visible(text: &str) -> String {
    let body = text.trim_matches(' ');
    let before = text.len() - text.trim_start_matches(' ').len();
    let after = if body.is_empty() { 0 } else { text.len() - text.trim_end_matches(' ').len() };
    let blanks = |count: usize| "\\u{20}".repeat(count);
    let inside: String = body
        .chars()
        .flat_map(|character| match character {
            '\'' | '"' => vec![character],
            // Unlike that of `str`, the one of `char` escapes every combining character, too.
            other => other.escape_debug().collect(),
        })
        .collect();
    blanks(before) + &inside + &blanks(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_eye_would_miss_is_escaped() {
        for (given, expected) in [
            ("order", "order"),
            ("订单 'a\"", "订单 'a\""),
            (" a b ", "\\u{20}a b\\u{20}"),
            ("  ", "\\u{20}\\u{20}"),
            ("a\r\t\u{200b}\\", "a\\r\\t\\u{200b}\\\\"),
        ] {
            assert_eq!(visible(given), expected);
        }
    }
}
