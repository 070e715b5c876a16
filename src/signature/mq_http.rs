//! What the MQ HTTP protocol signs (protocol notes MQ HTTP, section 2, "Signature").
//!
//! Method, `Content-MD5`, `Content-Type` and `Date`, each with a LF behind it, then the `x-mq-*` headers as
//! `name:value` lines, then the raw request target without a LF. The body is covered by its digest only, and only
//! where the request has one: most SDKs send none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};

use super::digest::body_md5_hex;
use super::hmac_sha1::StringToSign;

/// The text that is signed. Every value is used as it is on the wire, an absent one as nothing; the target is the
/// encoded one, since the SDKs sign `TagA%7C%7CTagB`.
///
/// The names in `mq_headers` may come in any case and order: they are lower-cased and sorted here.
#[must_use]
pub fn string_to_sign(
    method: &str,
    content_md5: &str,
    content_type: &str,
    date: &str,
    mq_headers: &[(&str, &str)],
    target: &str,
) -> StringToSign {
    let mut headers: Vec<_> = mq_headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), *value)).collect();
    headers.sort();
    let fixed = [method, content_md5, content_type, date];
    let mut text = String::with_capacity(
        fixed.iter().map(|part| part.len() + 1).sum::<usize>()
            + headers.iter().map(|(name, value)| name.len() + value.len() + 2).sum::<usize>()
            + target.len(),
    );
    for part in fixed {
        text.push_str(part);
        text.push('\n');
    }
    for (name, value) in &headers {
        text.push_str(name);
        text.push(':');
        text.push_str(value);
        text.push('\n');
    }
    text.push_str(target);
    StringToSign(text)
}

/// The value of `Content-MD5` as the SDKs send it: base64 of the 32 lower-case hex characters, not of the 16 bytes.
#[must_use]
pub fn content_md5(body: &[u8]) -> String {
    STANDARD.encode(body_md5_hex(body))
}

/// Whether a `Content-MD5` belongs to `body`: in the SDKs' form, or in the RFC's (base64 of the 16 bytes), to which
/// the vendor's pages point.
#[must_use]
pub fn content_md5_matches(header: &str, body: &[u8]) -> bool {
    header == content_md5(body) || header == STANDARD.encode(Md5::digest(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_lower_cased_and_sorted_and_absent_values_leave_empty_lines() {
        let headers = [("X-MQ-version", "2015-06-06"), ("x-mq-Alpha", "b:c")];
        let text = string_to_sign("GET", "", "", "D", &headers, "/topics/t/messages?tag=A%7C%7CB");
        assert_eq!(
            text.as_str(),
            "GET\n\n\nD\nx-mq-alpha:b:c\nx-mq-version:2015-06-06\n/topics/t/messages?tag=A%7C%7CB"
        );
    }

    #[test]
    fn both_forms_of_the_digest() {
        // Of nothing, as the Go SDK sends it with a GET, and as RFC 1864 has it.
        assert_eq!(content_md5(b""), "ZDQxZDhjZDk4ZjAwYjIwNGU5ODAwOTk4ZWNmODQyN2U=");
        assert!(content_md5_matches("ZDQxZDhjZDk4ZjAwYjIwNGU5ODAwOTk4ZWNmODQyN2U=", b""));
        assert!(content_md5_matches("1B2M2Y8AsgTpgAmY7PhCfg==", b""));
        assert!(!content_md5_matches("1B2M2Y8AsgTpgAmY7PhCfg==", b"x"));
        assert!(!content_md5_matches("d41d8cd98f00b204e9800998ecf8427e", b""));
        assert!(!content_md5_matches("", b""));
    }
}
