//! A header of one's own that goes with every request of a subscription: `name: value`.

use super::flaw::Flaw;
use super::kind::TextRule;
use super::setting::{Setting, Value};
use crate::signature::Secret;

/// A header. Its value is shown nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraHeader {
    /// In small letters.
    pub name: String,
    /// Visible ASCII characters and blanks.
    pub value: Secret,
}

/// What the gateway sets itself, or HTTP.
const RESERVED: [&str; 15] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// What the gateway sets itself under many names.
const RESERVED_PREFIXES: [&str; 4] = ["webhook-", "ce-", "mq-", "proxy-"];

impl ExtraHeader {
    /// Reads `name: value`. What it says never repeats the text.
    pub(crate) fn parse(text: &str) -> Result<Self, Flaw> {
        let (name, value) = text.split_once(':').ok_or_else(|| Flaw::new("has no header (`name: value`)"))?;
        let (name, value) = (name.trim_end().to_ascii_lowercase(), value.trim());
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty() || !name.bytes().all(is_plain) {
            return Err(Flaw::new("has a name that no header has"));
        }
        if RESERVED.contains(&name.as_str()) || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            let flaw = Flaw::new("has a header that the gateway sets itself");
            return Err(flaw.hint(
                "webhook-*, ce-*, mq-*, traceparent, host, content-* and what is HTTP's own cannot be set: choose another name",
            ));
        }
        if value.is_empty() || !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(Flaw::new("has a value that is empty or holds anything but visible ASCII characters"));
        }
        Ok(Self { name, value: Secret::new(value.to_owned()) })
    }
}

/// Names whose values are secrets.
const SECRET_NAMES: [&str; 3] = ["authorization", "cookie", "x-api-key"];

/// For a key that holds such headers.
pub(crate) const HEADER: TextRule = TextRule::new("a header such as \"x-team: orders\"", |text| {
    let header = ExtraHeader::parse(text)?;
    if SECRET_NAMES.contains(&header.name.as_str()) {
        let flaw = Flaw::new("has a header whose value is a secret");
        return Err(flaw.hint("write it into a file, and name that in `headers_file`"));
    }
    Ok(())
});

impl Setting for ExtraHeader {
    fn read(value: &Value) -> Option<Self> {
        Self::parse(value.as_str()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_name_and_a_value() {
        let header = ExtraHeader::parse("X-Team:  mq: orders ").unwrap();
        assert_eq!((header.name.as_str(), header.value.expose()), ("x-team", "mq: orders"));
        assert!(!format!("{header:?}").contains("orders"));
        assert!(ExtraHeader::parse("authorization: Bearer x").is_ok());
    }

    #[test]
    fn what_is_no_header_or_not_ones_own_is_told_without_it() {
        for (text, words) in [
            ("CANARY", "has no header"),
            (": CANARY", "a name that no header has"),
            ("CANARY CANARY: x", "a name that no header has"),
            ("x:", "a value that is empty"),
            ("x: CANARY\u{7}", "visible ASCII"),
            ("x: CANARYé", "visible ASCII"),
            ("Webhook-Id: CANARY", "the gateway sets itself"),
            ("Content-Type: CANARY", "the gateway sets itself"),
            ("content-length: CANARY", "the gateway sets itself"),
            ("host: CANARY", "the gateway sets itself"),
            ("ce-id: CANARY", "the gateway sets itself"),
            ("traceparent: CANARY", "the gateway sets itself"),
            ("mq-delivery-attempt: CANARY", "the gateway sets itself"),
            ("authorization: CANARY", "is a secret"),
            ("Cookie: CANARY", "is a secret"),
        ] {
            let flaw = (HEADER.check)(text).unwrap_err();
            assert!(flaw.detail.contains(words), "{text}: {flaw:?}");
            assert!(!format!("{flaw:?}").contains("CANARY"), "{flaw:?}");
        }
    }
}
