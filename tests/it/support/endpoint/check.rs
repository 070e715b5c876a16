//! What every request of the gateway must be like (protocol notes, sections 1, 3, 4, 5 and items 23 and 24).

use super::request::Recorded;
use crate::support::ons::{
    Credentials, Operation, consume_string_to_sign, delete_string_to_sign, publish_string_to_sign, sign,
};
use crate::support::time;

/// One thing that is wrong; the endpoint answers 403 where it concerns identity.
#[derive(Debug)]
pub struct Failure {
    pub text: String,
    pub refuses: bool,
    /// The test itself caused it: no failure of the gateway.
    pub expected: bool,
}

/// Who may ask, and by which clock.
#[derive(Debug, Default)]
pub struct Identities {
    pub accepted: Vec<Credentials>,
    /// Access keys that were good once.
    retired: Vec<String>,
    /// The MQ HTTP protocol is spoken, not ONS HTTP.
    pub speaks_mq: bool,
    /// How far the endpoint's clock is ahead, where a test set it.
    pub ahead_millis: Option<i64>,
}

impl Identities {
    pub fn only(credentials: Credentials) -> Self {
        Self { accepted: vec![credentials], ..Self::default() }
    }

    pub fn retire(&mut self, access_key: &str) {
        self.accepted.retain(|credentials| credentials.access_key != access_key);
        self.retired.push(access_key.to_owned());
    }

    /// The `Date` header of a clock that a test set.
    pub fn date(&self) -> Option<String> {
        self.ahead_millis.map(|_| format!("Date: {}", time::format_http_date(self.now())))
    }

    pub fn now(&self) -> u64 {
        time::now_millis().saturating_add_signed(self.ahead_millis.unwrap_or(0))
    }
}

/// Headers that a caller may send and that must never be passed on.
pub const NEVER: [&str; 18] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "via",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "keep-alive",
    "proxy-connection",
    "expect",
    "origin",
    "referer",
];

/// Everything that is wrong with `request`.
pub fn failures(request: &Recorded, identities: &Identities) -> Vec<Failure> {
    if identities.speaks_mq {
        return super::check_mq::failures(request, identities);
    }
    let mut failures = Vec::new();
    let keys = request.headers_named("AccessKey");
    if let &[key] = keys.as_slice()
        && identities.retired.iter().any(|retired| retired == key)
    {
        failures.push(Failure { text: "retired".into(), refuses: true, expected: true });
        return failures;
    }
    if identities.ahead_millis.is_some() && !timely(request, identities.now()) {
        failures.push(Failure { text: "by another clock".into(), refuses: true, expected: true });
        return failures;
    }
    let mut wrong = |refuses: bool, what: String| {
        failures.push(Failure { text: format!("{what}\n    in {request:?}"), refuses, expected: false });
    };
    let operation = match request.method.as_str() {
        "POST" => Operation::Publish,
        "GET" => Operation::Consume,
        "DELETE" => Operation::Delete,
        other => {
            wrong(true, format!("method {other}"));
            return failures;
        }
    };
    if !request.target.starts_with("/message/?") {
        wrong(false, "the path is not /message/".into());
    }
    check_encoding(request, &mut wrong);
    check_parameters(request, operation, &mut wrong);
    for name in NEVER {
        if request.header(name).is_some() {
            wrong(false, format!("header {name} is not allowed"));
        }
    }
    let now = identities.now();
    if !timely(request, now) {
        wrong(true, format!("time {:?} at {now}", request.parameter("time").unwrap_or_default()));
    }
    let named = identities.accepted.iter().find(|accepted| keys == [accepted.access_key.as_str()]);
    match named {
        Some(credentials) => check_identity(request, operation, credentials, &mut wrong),
        None => wrong(true, "AccessKey is not exactly ours".into()),
    }
    failures
}

fn check_encoding(request: &Recorded, wrong: &mut impl FnMut(bool, String)) {
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    if !query.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%&=".contains(&byte)) {
        wrong(false, "the query holds more than unreserved characters and %XX".into());
    }
}

fn check_parameters(request: &Recorded, operation: Operation, wrong: &mut impl FnMut(bool, String)) {
    let known: &[&str] = match operation {
        Operation::Publish => &["topic", "time", "tag", "key", "startdelivertime", "timeout"],
        Operation::Consume => &["topic", "time", "num", "timeout"],
        Operation::Delete => &["msgHandle", "topic", "time"],
    };
    let names = request.parameter_names();
    for (position, name) in names.iter().enumerate() {
        if !known.contains(name) {
            wrong(false, format!("unexpected parameter {name:?}"));
        }
        if names[..position].contains(name) {
            wrong(false, format!("parameter {name:?} comes twice"));
        }
    }
}

/// Whether `time` is one, and within the vendor's window at `now`.
fn timely(request: &Recorded, now: u64) -> bool {
    let text = request.parameter("time").unwrap_or_default();
    let digits = text.len() == 13 && text.bytes().all(|byte| byte.is_ascii_digit());
    let within = |sent: u64| sent + 15_000 >= now && sent <= now + 60_000;
    digits && text.parse::<u64>().is_ok_and(within)
}

fn check_identity(
    request: &Recorded,
    operation: Operation,
    credentials: &Credentials,
    wrong: &mut impl FnMut(bool, String),
) {
    let (ours, other) = match operation {
        Operation::Publish => ("ProducerID", "ConsumerID"),
        Operation::Consume | Operation::Delete => ("ConsumerID", "ProducerID"),
    };
    let groups = request.headers_named(ours);
    let &[group] = groups.as_slice() else {
        wrong(true, format!("{ours} is not there exactly once"));
        return;
    };
    if request.header(other).is_some() {
        wrong(false, format!("{other} on a {}", request.method));
    }
    let parameter = |name| request.parameter(name).unwrap_or_default();
    let (topic, time) = (parameter("topic"), parameter("time"));
    let string_to_sign = match operation {
        Operation::Publish => publish_string_to_sign(topic, group, &request.body, time),
        Operation::Consume => consume_string_to_sign(topic, group, time),
        Operation::Delete => delete_string_to_sign(topic, group, parameter("msgHandle"), time),
    };
    if request.headers_named("Signature") != [sign(&credentials.secret_key, &string_to_sign).as_str()] {
        wrong(true, format!("Signature does not sign {string_to_sign:?}"));
    }
}
