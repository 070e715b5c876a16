//! Problems (RFC 9457): every failure's status, code and words.
//!
//! The table is the contract's; a failure of the gateway is matched without a wildcard, so that a new one does not
//! compile until it has a row.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::gateway::GatewayError;
use crate::model::Outcome;
use crate::upstream::{UpstreamError, UpstreamErrorKind};

/// How long a caller waits where nobody knows better.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Every problem of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// 400: no JSON.
    MalformedJson,
    /// 422: JSON of the wrong shape, or a value outside its range.
    ValidationFailed,
    /// 415.
    UnsupportedMediaType,
    /// 413.
    MessageTooLarge,
    /// 414.
    UriTooLong,
    /// 431.
    HeadersTooLarge,
    /// 404: no such route.
    NotFound,
    /// 405.
    MethodNotAllowed,
    /// 406.
    NotAcceptable,
    /// 408: the body came too slowly.
    RequestTimeout,
    /// 404: the topic is not configured.
    UnknownTopic,
    /// 404: the group is not configured.
    UnknownGroup,
    /// 422 for a field, 501 for a verb.
    CapabilityNotSupported,
    /// 403: a web page of another origin.
    OriginNotAllowed,
    /// 400: not a receipt handle of ours.
    InvalidReceiptHandle,
    /// 422: a receipt handle of another topic or group.
    ForeignReceiptHandle,
    /// 503.
    Overloaded,
    /// 503: the process stops.
    Draining,
    /// 503: not sent because an earlier message of its group was not stored.
    EarlierMessageFailed,
    /// 503: nothing was sent.
    UpstreamUnreachable,
    /// 503: the MQ asks for patience.
    UpstreamThrottled,
    /// 502: a 5xx of the MQ.
    UpstreamError,
    /// 504: no answer in time.
    UpstreamTimeout,
    /// 502: an answer that cannot be believed.
    UpstreamBadResponse,
    /// 502: the MQ refused our keys.
    UpstreamAuthRejected,
    /// 502: the MQ has no such topic or group.
    UpstreamMisconfigured,
    /// 422: the MQ refused the content.
    UpstreamRejectedMessage,
    /// 500: a bug.
    InternalError,
}

/// A code's row.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The word in JSON and in `type`.
    pub code: &'static str,
    /// The status; a verb that the protocol lacks is 501 instead.
    pub status: u16,
    /// A short sentence.
    pub title: &'static str,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// What the caller does about it.
    pub advice: &'static str,
}

impl Code {
    /// Every code, in the contract's order.
    pub const ALL: [Self; 28] = [
        Self::MalformedJson,
        Self::ValidationFailed,
        Self::UnsupportedMediaType,
        Self::MessageTooLarge,
        Self::UriTooLong,
        Self::HeadersTooLarge,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::RequestTimeout,
        Self::UnknownTopic,
        Self::UnknownGroup,
        Self::CapabilityNotSupported,
        Self::OriginNotAllowed,
        Self::InvalidReceiptHandle,
        Self::ForeignReceiptHandle,
        Self::Overloaded,
        Self::Draining,
        Self::EarlierMessageFailed,
        Self::UpstreamUnreachable,
        Self::UpstreamThrottled,
        Self::UpstreamError,
        Self::UpstreamTimeout,
        Self::UpstreamBadResponse,
        Self::UpstreamAuthRejected,
        Self::UpstreamMisconfigured,
        Self::UpstreamRejectedMessage,
        Self::InternalError,
    ];

    /// The code's row.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "one table, a row per code")]
    pub const fn row(self) -> Row {
        const fn row(
            code: &'static str,
            status: u16,
            retryable: bool,
            title: &'static str,
            advice: &'static str,
        ) -> Row {
            Row { code, status, title, retryable, advice }
        }
        match self {
            Self::MalformedJson => row(
                "malformed-json",
                400,
                false,
                "The body is not JSON.",
                "Mend the JSON at the place that `detail` names.",
            ),
            Self::ValidationFailed => row(
                "validation-failed",
                422,
                false,
                "The request does not have the expected shape.",
                "`errors` lists every field or parameter with what was expected.",
            ),
            Self::UnsupportedMediaType => row(
                "unsupported-media-type",
                415,
                false,
                "The content type is not supported here.",
                "Send JSON with `Content-Type: application/json`, or raw bytes with a type of their own. curl -d sends a form unless it is told otherwise.",
            ),
            Self::MessageTooLarge => row(
                "message-too-large",
                413,
                false,
                "The body or the message is too large.",
                "`limit` and `actual` are bytes. Send less, or a reference to it.",
            ),
            Self::UriTooLong => row(
                "uri-too-long",
                414,
                false,
                "The request target is too long.",
                "Send the options in a JSON envelope.",
            ),
            Self::HeadersTooLarge => row(
                "headers-too-large",
                431,
                false,
                "There are too many or too large headers.",
                "Send fewer or shorter headers.",
            ),
            Self::NotFound => {
                row("not-found", 404, false, "There is nothing at this path.", "`/docs/` lists the routes.")
            }
            Self::MethodNotAllowed => row(
                "method-not-allowed",
                405,
                false,
                "The route has no such method.",
                "The `Allow` header lists those it has.",
            ),
            Self::NotAcceptable => row(
                "not-acceptable",
                406,
                false,
                "The answer has no type that the request accepts.",
                "Accept `application/json`.",
            ),
            Self::RequestTimeout => row(
                "request-timeout",
                408,
                false,
                "The request's body did not arrive in time.",
                "Send the body without pauses.",
            ),
            Self::UnknownTopic => row(
                "unknown-topic",
                404,
                false,
                "The topic is not configured.",
                "`GET /v1/topics` lists the topics; the operator adds one to `[[topics]]`.",
            ),
            Self::UnknownGroup => row(
                "unknown-group",
                404,
                false,
                "The consumer group is not configured for this topic.",
                "`GET /v1/topics` lists the groups; the operator adds one to the topic's `groups`.",
            ),
            Self::CapabilityNotSupported => row(
                "capability-not-supported",
                422,
                false,
                "The protocol behind this topic cannot do that.",
                "`GET /v1/topics/{topic}` shows what it can. 422 for a field, 501 for a verb.",
            ),
            Self::OriginNotAllowed => row(
                "origin-not-allowed",
                403,
                false,
                "Web pages of other origins may not call the gateway.",
                "The operator adds the origin to `server.allowed_origins`; a gateway on loopback answers to loopback names only.",
            ),
            Self::InvalidReceiptHandle => row(
                "invalid-receipt-handle",
                400,
                false,
                "This is not a receipt handle of the gateway, or it is damaged.",
                "Send the handle exactly as it was received.",
            ),
            Self::ForeignReceiptHandle => row(
                "foreign-receipt-handle",
                422,
                false,
                "The receipt handle belongs to another topic or group.",
                "Acknowledge under the topic and group that the message was received from.",
            ),
            Self::Overloaded => row("overloaded", 503, true, "The gateway is full.", "Try again after `Retry-After`."),
            Self::Draining => {
                row("draining", 503, true, "The gateway is stopping.", "Try again: another replica answers.")
            }
            Self::EarlierMessageFailed => row(
                "earlier-message-failed",
                503,
                true,
                "An earlier message of the same message group was not stored.",
                "Mend or repeat the earlier one first, then this one: their order is kept.",
            ),
            Self::UpstreamUnreachable => row(
                "upstream-unreachable",
                503,
                true,
                "The MQ could not be reached; nothing was sent.",
                "Try again; the message is not stored.",
            ),
            Self::UpstreamThrottled => row(
                "upstream-throttled",
                503,
                true,
                "The MQ asks for patience.",
                "Try again after `Retry-After`; the message is not stored.",
            ),
            Self::UpstreamError => row(
                "upstream-error",
                502,
                true,
                "The MQ failed.",
                "The message may be stored: repeat it only where a duplicate does no harm.",
            ),
            Self::UpstreamTimeout => row(
                "upstream-timeout",
                504,
                true,
                "The MQ did not answer in time.",
                "The message may be stored: repeat it only where a duplicate does no harm.",
            ),
            Self::UpstreamBadResponse => row(
                "upstream-bad-response",
                502,
                true,
                "The MQ's answer could not be believed.",
                "The message may be stored: repeat it only where a duplicate does no harm.",
            ),
            Self::UpstreamAuthRejected => row(
                "upstream-auth-rejected",
                502,
                true,
                "The MQ refused the gateway's credentials.",
                "Tell the operator: keys, clock, or a topic or group of another account.",
            ),
            Self::UpstreamMisconfigured => {
                row("upstream-misconfigured", 502, false, "The MQ has no such topic or group.", "Tell the operator.")
            }
            Self::UpstreamRejectedMessage => row(
                "upstream-rejected-message",
                422,
                false,
                "The MQ refused the content.",
                "`vendor_code` is the MQ's own reason.",
            ),
            Self::InternalError => row(
                "internal-error",
                500,
                true,
                "The gateway has a bug.",
                "Report it with `request_id`. `outcome` says whether a message may be stored.",
            ),
        }
    }
}

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

/// A failure on its way to a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its row.
    pub code: Code,
    status: u16,
    /// What happened, and what mends it.
    pub detail: String,
    /// What is known about the publish; set by the publishing routes only.
    pub outcome: Option<Outcome>,
    errors: Vec<FieldError>,
    limit: Option<u64>,
    actual: Option<u64>,
    retry_after: Option<Duration>,
    vendor_code: Option<String>,
    allow: Option<&'static str>,
    /// The rest of the request's body was not read: the connection cannot be used again.
    pub close: bool,
}

/// The first error's words, and how many more there are.
fn summary(errors: &[FieldError]) -> String {
    errors.first().map_or_else(String::new, |first| {
        let name = first.pointer.as_deref().or(first.parameter.as_deref()).unwrap_or_default();
        let more = match errors.len() {
            1 => String::new(),
            count => format!(" (and {} more, see errors)", count - 1),
        };
        format!("{name} {}{more}", first.detail)
    })
}

#[derive(Serialize)]
struct Wire<'a> {
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
            allow: None,
            close: false,
        }
    }

    /// Wrong fields: the first one's words are the detail.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = summary(&errors);
        Self { errors, ..Self::new(Code::ValidationFailed, detail) }
    }

    /// The same wrong fields of a part that stands at `pointer`.
    #[must_use]
    pub fn below(mut self, pointer: &str) -> Self {
        for error in &mut self.errors {
            error.pointer = error.pointer.take().map(|inside| format!("{pointer}{inside}"));
        }
        self.detail = summary(&self.errors);
        self
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
        for error in &mut self.errors {
            if let Some(pointer) = error.pointer.take() {
                error.parameter = Some(rename(pointer.trim_start_matches('/')));
            }
        }
        self
    }

    /// No such method; `allow` lists those there are.
    #[must_use]
    pub fn method_not_allowed(allow: &'static str) -> Self {
        Self { allow: Some(allow), ..Self::new(Code::MethodNotAllowed, format!("this route has {allow}")) }
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
        let row = self.code.row();
        let wire = Wire {
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
        };
        // Strings and numbers only: serialisation cannot fail.
        serde_json::to_vec(&wire).unwrap_or_default()
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
        if let Some(allow) = self.allow {
            response.insert_header((ALLOW, HeaderValue::from_static(allow)));
        }
        if self.close {
            response.force_close();
        }
        response.body(self.json(request_id))
    }

    /// Every 429 and 503 carries it.
    fn retry_after_seconds(&self) -> Option<u64> {
        let wait = self.retry_after.or_else(|| (self.status == 503).then_some(DEFAULT_RETRY_AFTER))?;
        Some(wait.as_secs().max(1))
    }
}

impl From<GatewayError> for Problem {
    fn from(error: GatewayError) -> Self {
        let detail = error.to_string();
        let field_error = |field: &str, detail: String| Self {
            errors: vec![FieldError::at(format!("/{field}"), detail.clone())],
            ..Self::new(Code::ValidationFailed, format!("/{field}: {detail}"))
        };
        let problem = match &error {
            GatewayError::IllegalName { what, error } => {
                Self { detail, ..Self::invalid(vec![FieldError::parameter(*what, error.to_string())]) }
            }
            GatewayError::UnknownTopic(_) => Self::new(Code::UnknownTopic, detail),
            GatewayError::UnknownGroup { .. } => Self::new(Code::UnknownGroup, detail),
            GatewayError::TooLarge { limit, actual } => Self {
                vendor_code: Some("BODY_TOO_BIG".to_owned()),
                ..Self::over(Code::MessageTooLarge, detail, *limit, Some(*actual))
            },
            GatewayError::UnsupportedField { field, detail } => {
                Self { code: Code::CapabilityNotSupported, ..field_error(field, detail.clone()) }
            }
            GatewayError::UnsupportedVerb { .. } => {
                Self { status: 501, ..Self::new(Code::CapabilityNotSupported, detail) }
            }
            GatewayError::Invalid { field, detail } => field_error(field, detail.clone()),
            GatewayError::EarlierMessageFailed => Self::new(Code::EarlierMessageFailed, detail),
            GatewayError::OutOfTime => Self::new(Code::Overloaded, detail),
            GatewayError::InvalidReceiptHandle => Self::new(Code::InvalidReceiptHandle, detail),
            GatewayError::ForeignReceiptHandle => Self::new(Code::ForeignReceiptHandle, detail),
            GatewayError::Upstream(error) => Self::upstream(error),
            GatewayError::Internal(_) => Self::new(Code::InternalError, detail),
        };
        Self { outcome: Some(error.outcome()), ..problem }
    }
}

impl Problem {
    fn upstream(error: &UpstreamError) -> Self {
        let code = match error.kind {
            UpstreamErrorKind::Unreachable => Code::UpstreamUnreachable,
            UpstreamErrorKind::Overloaded => Code::Overloaded,
            UpstreamErrorKind::Throttled => Code::UpstreamThrottled,
            UpstreamErrorKind::Timeout => Code::UpstreamTimeout,
            UpstreamErrorKind::BadResponse => Code::UpstreamBadResponse,
            UpstreamErrorKind::ServerError => Code::UpstreamError,
            UpstreamErrorKind::AuthRejected => Code::UpstreamAuthRejected,
            UpstreamErrorKind::Misconfigured => Code::UpstreamMisconfigured,
            UpstreamErrorKind::RejectedMessage => Code::UpstreamRejectedMessage,
        };
        let mut problem = Self::new(code, error.detail.clone());
        problem.vendor_code.clone_from(&error.vendor_code);
        if problem.status == 503 {
            problem.retry_after = error.retry_after;
        }
        problem
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_every_503_says_when_to_come_back() {
        let mut codes: Vec<_> = Code::ALL.iter().map(|code| code.row().code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Code::ALL.len());
        for code in Code::ALL {
            let problem = Problem::new(code, "x");
            assert_eq!(problem.retry_after_seconds().is_some(), code.row().status == 503, "{code:?}");
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
