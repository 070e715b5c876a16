//! A signature taken apart: pure, a request and keys in, text or JSON out.
//!
//! The secret key is never part of it, the access key only with its first two characters, the signature only on
//! request.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::protocol::ons_http::{Header, Method, Request};
use crate::signature::{Credentials, SigningKey, ons_http};

const MASKED: &str = "[masked]";

/// What the explanation needs besides the request and its keys.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) profile: &'a str,
    pub(super) url: &'a str,
    pub(super) host: &'a str,
    pub(super) content_type: &'a str,
    pub(super) show_signature: bool,
}

/// Everything that may be shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Explanation {
    profile: String,
    url: String,
    string_to_sign: String,
    /// Length and MD5 of a publish's body.
    body: Option<(usize, String)>,
    /// As it travels, or masked.
    signature: String,
    method: &'static str,
    target: String,
    /// In the order of the vendor's sample.
    headers: Vec<(&'static str, String)>,
}

impl Explanation {
    /// Signs and masks.
    pub(super) fn new(request: Request<'_>, credentials: &Credentials, context: &Context<'_>) -> Self {
        let string_to_sign = request.string_to_sign();
        let signature = SigningKey::new(credentials.secret_key.expose()).sign(&string_to_sign);
        let body = match &request {
            Request::Publish(publish) => Some((publish.body.len(), md5_hex(&publish.body))),
            Request::Consume(_) | Request::Acknowledge(_) => None,
        };
        let encoded = request.encode(&credentials.access_key, &signature);
        let shown = if context.show_signature { signature.as_str() } else { MASKED };
        let mut headers = vec![("Host", context.host.to_owned())];
        headers.extend(encoded.headers.iter().map(|(header, value)| {
            let value = match header {
                Header::Signature => shown.to_owned(),
                Header::AccessKey => masked(value),
                Header::ProducerId | Header::ConsumerId | Header::IsOrder | Header::ShardingKey => {
                    value.clone().into_owned()
                }
            };
            (header.name(), value)
        }));
        if let Some((length, _)) = &body {
            headers.push(("Content-Type", context.content_type.to_owned()));
            headers.push(("Content-Length", length.to_string()));
        }
        Self {
            profile: context.profile.to_owned(),
            url: context.url.to_owned(),
            string_to_sign: string_to_sign.as_str().to_owned(),
            body,
            signature: shown.to_owned(),
            method: match encoded.method {
                Method::Post => "POST",
                Method::Get => "GET",
                Method::Delete => "DELETE",
            },
            target: encoded.target,
            headers,
        }
    }

    /// For people; no newline at the end.
    pub(super) fn to_text(&self) -> String {
        let mut text = format!("profile {}, {}\n\n", self.profile, self.url);
        // Writing to a string cannot fail.
        if let Some((length, md5)) = &self.body {
            writeln!(text, "body: {length} bytes, MD5 {md5}\n").ok();
        }
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
            "body": self.body.as_ref().map(|(length, md5)| json!({ "bytes": length, "md5": md5 })),
            "signature": self.signature,
            "request": { "method": self.method, "target": self.target, "headers": headers },
        })
    }
}

fn md5_hex(body: &[u8]) -> String {
    String::from_utf8_lossy(&ons_http::body_md5_hex(body)).into_owned()
}

/// The first two characters; how many more there are is not told.
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
    use std::borrow::Cow;

    use super::*;
    use crate::protocol::ons_http::{Acknowledge, Consume, Publish};
    use crate::signature::Secret;

    fn text<'a>(vector: &'a Value, name: &str) -> Cow<'a, str> {
        vector[name].as_str().unwrap().into()
    }

    fn explained(vector: &Value, show_signature: bool) -> Explanation {
        let hex = |digits: &str| -> Vec<u8> {
            let pairs = digits.as_bytes().chunks(2);
            pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
        };
        let (topic, group, time) = (text(vector, "topic"), text(vector, "group"), text(vector, "time"));
        let query = |name: &str| vector["query"].get(name).map(|value| Cow::from(value.as_str().unwrap()));
        let request = match vector["operation"].as_str().unwrap() {
            "publish" => Request::Publish(Publish {
                topic,
                producer_group: group,
                time,
                tag: query("tag"),
                key: query("key"),
                start_deliver_time: None,
                sharding_key: None,
                timeout: None,
                body: hex(vector["body_hex"].as_str().unwrap()).into(),
            }),
            "consume" => Request::Consume(Consume { topic, consumer_group: group, time, num: None, timeout: None }),
            _ => Request::Acknowledge(Acknowledge {
                topic,
                consumer_group: group,
                time,
                handle: query("msgHandle").unwrap(),
            }),
        };
        let credentials = Credentials {
            access_key: text(vector, "access_key").into_owned(),
            secret_key: Secret::new(text(vector, "secret_key").into_owned()),
            security_token: None,
        };
        let context = Context {
            profile: "main",
            url: "http://mq.example.com:80",
            host: "mq.example.com",
            content_type: "text/html;charset=UTF-8",
            show_signature,
        };
        Explanation::new(request, &credentials, &context)
    }

    fn vectors() -> Vec<Value> {
        let file: Value = serde_json::from_str(include_str!("../../../tests/fixtures/ons-http-vectors.json")).unwrap();
        file["vectors"].as_array().unwrap().clone()
    }

    #[test]
    fn every_published_vector_is_explained_as_it_is() {
        let vectors = vectors();
        assert_eq!(vectors.len(), 20);
        for vector in &vectors {
            let shown = explained(vector, true).to_json();
            for name in ["string_to_sign", "signature"] {
                assert_eq!(shown[name], vector[name], "{name} of {}", vector["name"]);
            }
            assert_eq!(shown["request"]["method"], vector["method"]);
            assert_eq!(shown["body"]["md5"], vector["body_md5"], "{}", vector["name"]);
            let hidden = explained(vector, false);
            for printed in [hidden.to_text(), hidden.to_json().to_string(), format!("{hidden:?}")] {
                for secret in ["signature", "secret_key", "access_key"] {
                    assert!(!printed.contains(&*text(vector, secret)), "{secret} of {}: {printed}", vector["name"]);
                }
            }
        }
    }

    #[test]
    fn the_text_reads_like_a_request() {
        let expected = "profile main, http://mq.example.com:80

body: 8 bytes, MD5 68b154101d0d46e4114ae2e0a11b9291

string to sign (73 bytes, 4 lines; \\n is one line feed, none at the end):
    order_events\\n
    PID_order_svc\\n
    68b154101d0d46e4114ae2e0a11b9291\\n
    1503907519123

signature = base64(HMAC-SHA1(secret key, string to sign)), 28 characters:
    [masked]

request:
    POST /message/?topic=order_events&time=1503907519123&tag=http&key=http HTTP/1.1
    Host: mq.example.com
    Signature: [masked]
    AccessKey: ex[masked]
    ProducerID: PID_order_svc
    Content-Type: text/html;charset=UTF-8
    Content-Length: 8";
        assert_eq!(explained(&vectors()[0], false).to_text(), expected);
    }

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
