//! Problems (RFC 9457): every failure's status, code and words.

mod code;
mod example;
mod failures;
mod table;

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::model::Outcome;

pub use code::{Code, OfPublish};
pub use example::Example;
pub use table::Row;

/// How long a caller waits where nobody knows better.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Most wrong fields of one answer: as many as a person can use.
pub(in crate::http) const MOST_ERRORS: usize = 20;

/// One wrong field or parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// JSON pointer into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Name of a query parameter or header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// What was expected, with limit and fix; never the value.
    pub detail: String,
}

impl FieldError {
    /// A field of the JSON body.
    #[must_use]
    pub fn at(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: Some(pointer.into()), parameter: None, detail: detail.into() }
    }

    /// A query parameter.
    #[must_use]
    pub fn parameter(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: None, parameter: Some(name.into()), detail: detail.into() }
    }
}

/// Notes one more wrong field, where there are not enough. What callers send has as many as they like.
pub(super) fn note(errors: &mut Vec<FieldError>, error: impl FnOnce() -> FieldError) {
    if errors.len() < MOST_ERRORS {
        errors.push(error());
    }
}

/// A failure on its way to a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its row.
    pub code: Code,
    status: u16,
    /// What happened, and how to fix it.
    pub detail: String,
    /// What is known about the publish; set by the publishing routes only.
    pub outcome: Option<Outcome>,
    errors: Vec<FieldError>,
    limit: Option<u64>,
    actual: Option<u64>,
    retry_after: Option<Duration>,
    vendor_code: Option<String>,
    /// Of the answer, besides those that every problem has.
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The rest of the request's body was not read: the connection cannot be used again.
    pub close: bool,
}

/// The first error's words, and how many more there are.
fn summary(errors: &[FieldError]) -> String {
    errors.first().map_or_else(String::new, |first| {
        let more = match errors.len() {
            1 => String::new(),
            MOST_ERRORS => format!(" (and {} or more, see errors)", MOST_ERRORS - 1),
            count => format!(" (and {} more, see errors)", count - 1),
        };
        format!("{}{}{more}", subject(first), first.detail)
    })
}

/// What an error is about, as the beginning of a sentence. A name that has blanks around it, or is empty, stands in quotes.
fn subject(error: &FieldError) -> String {
    let is_unseen = |name: &str| name.is_empty() || name.trim() != name;
    match (error.pointer.as_deref(), error.parameter.as_deref()) {
        (Some(""), _) => "the request body ".to_owned(),
        (Some(pointer), _) if pointer.split('/').skip(1).any(is_unseen) => format!("\"{pointer}\": "),
        (None, Some(name)) if is_unseen(name) => format!("\"{name}\": "),
        (Some(name), _) | (None, Some(name)) => format!("{name}: "),
        (None, None) => String::new(),
    }
}

#[derive(Serialize)]
struct ProblemBody<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    request_id: &'a str,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actual: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor_code: Option<&'a str>,
}

impl Problem {
    /// The detail of a bug that nobody foresaw.
    pub const BUG: &'static str = "the gateway has a bug: it failed while it answered this request";

    /// A problem with nothing but its words.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            status: code.row().status,
            detail: detail.into(),
            outcome: None,
            errors: Vec::new(),
            limit: None,
            actual: None,
            retry_after: None,
            vendor_code: None,
            headers: Vec::new(),
            close: false,
        }
    }

    /// Wrong fields, of which the first twenty are told: the first one's words are the detail.
    #[must_use]
    pub fn invalid(mut errors: Vec<FieldError>) -> Self {
        errors.truncate(MOST_ERRORS);
        let detail = summary(&errors);
        Self { errors, ..Self::new(Code::ValidationFailed, detail) }
    }

    /// The same wrong fields of a part that stands at `pointer`.
    #[must_use]
    pub fn below(mut self, pointer: &str) -> Self {
        for error in &mut self.errors {
            error.pointer = error.pointer.take().map(|inside| format!("{pointer}{inside}"));
        }
        if !self.errors.is_empty() {
            self.detail = summary(&self.errors);
        }
        self
    }

    /// Its wrong fields.
    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// The same, when it is not needed any more.
    pub(in crate::http) fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }

    /// Too much of something, with both numbers.
    #[must_use]
    pub fn over(code: Code, detail: impl Into<String>, limit: usize, actual: Option<usize>) -> Self {
        Self { limit: Some(limit as u64), actual: actual.map(|actual| actual as u64), ..Self::new(code, detail) }
    }

    /// Adds the two numbers.
    #[must_use]
    pub fn counted(mut self, limit: usize, actual: usize) -> Self {
        self.limit = Some(limit as u64);
        self.actual = Some(actual as u64);
        self
    }

    /// The same problem for a request whose options came in the query: `rename` gives a field's parameter.
    #[must_use]
    pub fn in_query(mut self, rename: impl Fn(&str) -> String) -> Self {
        let mut is_renamed = false;
        for error in &mut self.errors {
            if let Some(pointer) = error.pointer.take() {
                error.parameter = Some(rename(pointer.trim_start_matches('/')));
                is_renamed = true;
            }
        }
        if is_renamed {
            self.detail = summary(&self.errors);
        }
        self
    }

    /// The same problem with its wrong fields under other names.
    #[must_use]
    pub fn renamed(mut self, rename: impl Fn(&mut FieldError)) -> Self {
        self.errors.iter_mut().for_each(rename);
        if !self.errors.is_empty() {
            self.detail = summary(&self.errors);
        }
        self
    }

    /// No such method; `allow` lists those there are.
    #[must_use]
    pub fn method_not_allowed(allow: &'static str) -> Self {
        Self::new(Code::MethodNotAllowed, format!("this route takes {allow}"))
            .header(ALLOW, HeaderValue::from_static(allow))
    }

    /// An operation that the MQ behind a topic does not have.
    #[must_use]
    pub fn not_implemented(detail: impl Into<String>) -> Self {
        Self { status: 501, ..Self::new(Code::CapabilityNotSupported, detail) }
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The body was not read to its end.
    #[must_use]
    pub fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// The answer's status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The problem as JSON.
    #[must_use]
    pub fn json(&self, request_id: &str) -> Vec<u8> {
        // Strings and numbers only: serialisation cannot fail.
        serde_json::to_vec(&self.body(request_id)).unwrap_or_default()
    }

    /// The same JSON for people to read, a member a line.
    #[must_use]
    pub fn json_in_lines(&self, request_id: &str) -> String {
        serde_json::to_string_pretty(&self.body(request_id)).unwrap_or_default()
    }

    fn body<'a>(&'a self, request_id: &'a str) -> ProblemBody<'a> {
        let row = self.code.row();
        ProblemBody {
            r#type: format!("/docs/problems#{}", row.code),
            title: row.title,
            status: self.status,
            detail: &self.detail,
            code: row.code,
            request_id,
            retryable: row.retryable,
            outcome: self.outcome.map(Outcome::as_str),
            errors: &self.errors,
            limit: self.limit,
            actual: self.actual,
            retry_after_seconds: self.retry_after_seconds(),
            vendor_code: self.vendor_code.as_deref(),
        }
    }

    /// The problem as part of a larger JSON answer.
    #[must_use]
    pub fn embedded(&self, request_id: &str) -> Option<Box<RawValue>> {
        String::from_utf8(self.json(request_id)).ok().and_then(|json| RawValue::from_string(json).ok())
    }

    /// The answer.
    #[must_use]
    pub fn response(&self, request_id: &str) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponseBuilder::new(status);
        response.content_type("application/problem+json");
        if let Some(seconds) = self.retry_after_seconds() {
            response.insert_header((RETRY_AFTER, HeaderValue::from(seconds)));
        }
        for (name, value) in &self.headers {
            response.insert_header((name.clone(), value.clone()));
        }
        if self.close {
            response.force_close();
        }
        let mut response = response.body(self.json(request_id));
        // For the span of the request.
        response.extensions_mut().insert(self.code);
        response
    }

    /// Every 429 and 503 carries it.
    fn retry_after_seconds(&self) -> Option<u64> {
        let wait = self.retry_after.or_else(|| matches!(self.status, 429 | 503).then_some(DEFAULT_RETRY_AFTER))?;
        // Never before its time: part of a second is a whole one.
        Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).map(|seconds| seconds.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::GatewayError;
    use crate::upstream::{UpstreamError, UpstreamErrorKind};

    #[test]
    fn codes_are_distinct_and_every_503_says_when_to_come_back() {
        let mut codes: Vec<_> = Code::ALL.iter().map(|code| code.row().code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Code::ALL.len());
        for code in Code::ALL {
            let problem = Problem::new(code, "x");
            assert_eq!(problem.retry_after_seconds().is_some(), matches!(code.row().status, 429 | 503), "{code:?}");
        }
    }

    #[test]
    fn the_mqs_failures_are_called_and_decided_as_elsewhere() {
        for kind in [
            UpstreamErrorKind::Unreachable,
            UpstreamErrorKind::Overloaded,
            UpstreamErrorKind::CircuitOpen,
            UpstreamErrorKind::Throttled,
            UpstreamErrorKind::Timeout,
            UpstreamErrorKind::BadResponse,
            UpstreamErrorKind::ServerError,
            UpstreamErrorKind::AuthRejected,
            UpstreamErrorKind::Misconfigured,
            UpstreamErrorKind::RejectedMessage,
            UpstreamErrorKind::WrongTopicType,
            UpstreamErrorKind::StaleHandle,
        ] {
            let problem = Problem::from(GatewayError::Upstream(UpstreamError::new(kind, "x")));
            assert_eq!(problem.code.row().code, kind.problem_code(), "{kind:?}");
            // No publish has a handle.
            if kind != UpstreamErrorKind::StaleHandle {
                assert_eq!(problem.code.of_publish(), OfPublish::Always(kind.outcome()), "{kind:?}");
            }
        }
    }

    #[test]
    fn the_whole_body() {
        let problem = Problem::from(GatewayError::TooLarge { limit: 65_536, actual: 65_537 });
        let json: serde_json::Value = serde_json::from_slice(&problem.json("r1")).unwrap();
        let expected = serde_json::json!({
            "type": "/docs/problems#message-too-large",
            "title": "The body or the message is too large.",
            "status": 413,
            "detail": "the message body has 65537 bytes, the limit of this topic is 65536: send less, or a reference to it",
            "code": "message-too-large",
            "request_id": "r1",
            "retryable": false,
            "outcome": "not_published",
            "limit": 65_536,
            "actual": 65_537,
            "vendor_code": "BODY_TOO_BIG",
        });
        assert_eq!(json, expected);
    }
}
