//! What every request of the gateway in the MQ HTTP protocol must be like (protocol notes MQ HTTP 2 and 3).

use super::check::{Failure, Identities, NEVER};
use super::request::Recorded;
use super::script::response;
use crate::support::encoding::{base64, md5_hex};
use crate::support::ons::sign;
use crate::support::time;

const KIND: &str = "Content-Type: text/xml;charset=utf-8";

/// Everything that is wrong with `request`.
pub fn failures(request: &Recorded, identities: &Identities) -> Vec<Failure> {
    let mut failures = Vec::new();
    let date = request.header("Date").unwrap_or_default().to_owned();
    let now = identities.now();
    let timely = (0..3).any(|ago| date == time::format_http_date(now.saturating_sub(ago * 1000)));
    if identities.ahead_millis.is_some() && !timely {
        failures.push(Failure { text: "by another clock".into(), refuses: true, expected: true });
        return failures;
    }
    let mut wrong = |refuses: bool, what: String| {
        failures.push(Failure { text: format!("{what}\n    in {request:?}"), refuses, expected: false });
    };
    let one = |name: &str| match request.headers_named(name).as_slice() {
        [value] => Some((*value).to_owned()),
        _ => None,
    };
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    if !path.starts_with("/topics/") || !path.ends_with("/messages") {
        wrong(false, "the path is not /topics/{topic}/messages".into());
    }
    if !query.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%&=".contains(&byte)) {
        wrong(false, "the query holds more than unreserved characters and %XX".into());
    }
    for name in NEVER.iter().filter(|name| **name != "authorization") {
        if request.header(name).is_some() {
            wrong(false, format!("header {name} is not allowed"));
        }
    }
    if one("x-mq-version").as_deref() != Some("2015-06-06") {
        wrong(false, "x-mq-version is not there exactly once".into());
    }
    let digest = one("Content-MD5");
    if request.method == "GET" {
        if !request.body.is_empty() || digest.is_some() {
            wrong(false, "a poll has neither body nor digest".into());
        }
    } else if digest.as_deref() != Some(base64(md5_hex(&request.body)).as_str()) {
        wrong(false, "Content-MD5 is not that of the body".into());
    }
    if !timely || one("Date").is_none() {
        wrong(true, format!("Date {date:?} at {}", time::format_http_date(now)));
    }
    let authorization = one("Authorization").unwrap_or_default();
    let string_to_sign = format!(
        "{}\n{}\n{}\n{date}\nx-mq-version:2015-06-06\n{}",
        request.method,
        digest.unwrap_or_default(),
        one("Content-Type").unwrap_or_default(),
        request.target
    );
    let signed = |(key, secret): (&str, &str)| authorization == format!("MQ {key}:{}", sign(secret, &string_to_sign));
    let mut accepted = identities.accepted.iter();
    if !accepted.any(|pair| signed((&pair.access_key, &pair.secret_key))) {
        wrong(true, format!("Authorization does not sign {string_to_sign:?}"));
    }
    failures
}

/// The answer of a good endpoint.
pub fn usual_answer(request: &Recorded) -> Vec<u8> {
    match request.method.as_str() {
        "POST" => response(
            201,
            &[KIND],
            b"<?xml version=\"1.0\" ?><Message xmlns=\"http://mq.aliyuncs.com/doc/v1\"><MessageId>1E057D5E6EAD42A57993704EC3830000</MessageId></Message>",
        ),
        "GET" => response(404, &[KIND], error("MessageNotExist").as_bytes()),
        _ => response(204, &[], b""),
    }
}

/// An `Error` as a user pasted it from the real service.
pub fn error(code: &str) -> String {
    format!(
        "<?xml version=\"1.0\" ?>\n<Error xmlns=\"http://mq.aliyuncs.com/doc/v1\">\n  <Code>{code}</Code>\n  <Message>In words.</Message>\n  <RequestId>5F3A2B1C0D9E8F7A6B5C4D3E</RequestId>\n  <HostId>http://1.mqrest.cn-hangzhou.aliyuncs.com</HostId>\n</Error>\n"
    )
}
