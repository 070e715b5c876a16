//! A signature taken apart, as text or JSON.
//!
//! The secret key is never part of it, the access key only with its first two characters, the signature only on
//! request, a security token not at all.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::http_message::Request;
use crate::model::Protocol;
#[cfg(feature = "rocketmq")]
use crate::model::UnixMillis;
use crate::protocol::SignedBy;
#[cfg(feature = "rocketmq")]
use crate::protocol::rocketmq;
use crate::signature::{Pair, StringToSign, body_md5_hex};

const MASKED: &str = "[masked]";
/// Where a running gateway has an id of its own for each client.
#[cfg(feature = "rocketmq")]
const CLIENT_ID: &str = "mq-gateway@explained";

/// What the explanation needs besides the request.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) profile: &'a str,
    pub(super) protocol: Protocol,
    pub(super) url: &'a str,
    pub(super) host: &'a str,
    pub(super) pair: &'a Pair,
    pub(super) show_signature: bool,
}

/// Everything that may be shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Explanation {
    profile: String,
    url: String,
    string_to_sign: String,
    /// What a request with a body has there.
    body: Option<Body>,
    /// As it travels, or masked.
    signature: String,
    formula: &'static str,
    method: &'static str,
    target: String,
    version: &'static str,
    headers: Vec<(&'static str, String)>,
    /// What else there is to say, for people.
    note: Option<&'static str>,
}

/// A body, which itself is not shown.
#[derive(Debug, PartialEq, Eq)]
struct Body {
    bytes: usize,
    md5: String,
    /// Of an XML document around the message: how long its first line is, the line's end not counted.
    first_line: Option<usize>,
}

impl Context<'_> {
    /// Signs, and shows what may be seen. `encode` puts the request into wire form.
    pub(super) fn explain(
        &self,
        string_to_sign: &StringToSign,
        encode: impl FnOnce(&SignedBy<'_>) -> Request,
    ) -> Explanation {
        let signature = self.pair.signing.sign(string_to_sign);
        let signature = if self.show_signature { signature.as_str() } else { MASKED };
        let request = encode(&SignedBy {
            access_key: &masked(&self.pair.access_key),
            signature,
            // Nothing of a secret, not even its length.
            security_token: self.pair.security_token.as_ref().map(|_| MASKED),
        });
        let mut headers = vec![("Host", self.host.to_owned())];
        headers.extend(request.headers);
        headers.extend(request.body.as_ref().map(|body| ("Content-Length", body.len().to_string())));
        Explanation {
            profile: self.profile.to_owned(),
            url: self.url.to_owned(),
            string_to_sign: string_to_sign.as_str().to_owned(),
            body: request.body.as_deref().map(|body| Body::of(body, self.protocol)),
            signature: signature.to_owned(),
            formula: "base64(HMAC-SHA1(secret key, string to sign)), 28 characters",
            method: request.method.as_str(),
            target: request.target,
            version: "HTTP/1.1",
            headers,
            note: None,
        }
    }
}

#[cfg(feature = "rocketmq")]
impl Context<'_> {
    /// Signs a call of RocketMQ 5, of which nothing is signed but its time, and shows its metadata.
    pub(super) fn explain_call(
        &self,
        method: rocketmq::Method,
        body: Option<&[u8]>,
        namespace: &str,
        time: UnixMillis,
    ) -> Explanation {
        let string_to_sign = rocketmq::string_to_sign(time);
        let signature = self.pair.signing.sign_in_hex(&string_to_sign);
        let signature = if self.show_signature { signature.as_str() } else { MASKED };
        let by = SignedBy {
            access_key: &masked(&self.pair.access_key),
            signature,
            security_token: self.pair.security_token.as_ref().map(|_| MASKED),
        };
        let client = rocketmq::Client { id: CLIENT_ID, namespace };
        let rocketmq::Metadata(metadata) = rocketmq::encode_metadata(client, Some(&by), time);
        let mut headers = vec![(":authority", self.host.to_owned())];
        headers.extend(metadata);
        Explanation {
            profile: self.profile.to_owned(),
            url: self.url.to_owned(),
            string_to_sign: string_to_sign.as_str().to_owned(),
            body: body.map(|body| Body::of(body, self.protocol)),
            signature: signature.to_owned(),
            formula: "hex(HMAC-SHA1(secret key, string to sign)), 40 characters",
            method: "POST",
            target: method.path().to_owned(),
            version: "HTTP/2",
            headers,
            note: Some(
                "nothing else is signed: topic, group, body and handle are in the protobuf message that follows, which is not shown",
            ),
        }
    }
}

impl Body {
    fn of(bytes: &[u8], protocol: Protocol) -> Self {
        let md5 = String::from_utf8_lossy(&body_md5_hex(bytes)).into_owned();
        let first_line = match protocol {
            Protocol::OnsHttp | Protocol::RocketMq => None,
            Protocol::MqHttp => bytes.split(|byte| *byte == b'\n').next().map(<[u8]>::len),
        };
        Self { bytes: bytes.len(), md5, first_line }
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
        writeln!(text, "\nsignature = {}:", self.formula).ok();
        writeln!(text, "    {}\n\nrequest:", self.signature).ok();
        writeln!(text, "    {} {} {}", self.method, self.target, self.version).ok();
        for (name, value) in &self.headers {
            writeln!(text, "    {name}: {}", visible(value)).ok();
        }
        if let Some(note) = self.note {
            writeln!(text, "\n{note}").ok();
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

/// The first two characters; how many more there are is not shown.
fn masked(access_key: &str) -> String {
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
