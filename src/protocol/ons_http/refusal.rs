//! What the endpoint and the relay say when they do not take a request.

use std::borrow::Cow;

use serde::Serialize;

use super::error_code::ErrorCode;

/// Why a request is refused, with the vendor's status, code and wording (protocol notes ONS 3.5).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A required parameter or header is missing or empty.
    #[error("parameter:{0} is invalid,can not be null or empty")]
    Missing(&'static str),
    /// A parameter cannot be read.
    #[error("parameter:{0} is invalid,{1}")]
    Invalid(&'static str, Cow<'static, str>),
    /// The body is over the limit.
    #[error("Message body size exceeds the upper limit of {}", in_kilobytes(*.limit_bytes))]
    BodyTooBig {
        /// The limit in bytes.
        limit_bytes: usize,
    },
    /// Something else is wrong with the message or its parameters.
    #[error("{info}")]
    Rejected {
        /// The vendor's code.
        code: ErrorCode,
        /// What is wrong, for people.
        info: String,
    },
    /// Key, signature, clock, or a topic that does not exist: 403 without a body.
    #[error("forbidden")]
    Forbidden(ForbiddenReason),
    /// The broker did not answer in time: 408 without a body.
    #[error("the broker did not answer in time")]
    Timeout,
    /// Nothing was stored, and it may be sent again: 503 without a body, which every client takes for a failure.
    #[error("busy")]
    Busy(&'static str),
    /// As [`Refusal::Busy`], but it is not known whether anything was stored.
    #[error("unavailable")]
    Unavailable(&'static str),
}

/// Why 403: for the log and the metric only, the response does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForbiddenReason {
    /// Not the endpoint's access key.
    AccessKey,
    /// Not what we compute.
    Signature,
    /// `time` is outside the window.
    Clock,
    /// The topic, or the group in it, does not exist here.
    Topic,
    /// The caller's key is good for other topics only.
    Caller,
    /// It is not configured who may call: there are no virtual keys, and not everybody may.
    NoClientAuth,
    /// A web page of another origin.
    Origin,
}

/// The vendor's limit is a whole number of them; others may not be.
fn in_kilobytes(bytes: usize) -> String {
    if bytes.is_multiple_of(1024) { format!("{}KB", bytes / 1024) } else { format!("{bytes} bytes") }
}

#[derive(Serialize)]
struct ErrorOut<'a> {
    code: &'a str,
    info: String,
}

impl Refusal {
    /// The response's status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Missing(_) | Self::Invalid(..) | Self::BodyTooBig { .. } | Self::Rejected { .. } => 400,
            Self::Forbidden(_) => 403,
            Self::Timeout => 408,
            Self::Busy(_) | Self::Unavailable(_) => 503,
        }
    }

    /// The response's body: `{"code","info"}` with 400, nothing with the others (protocol notes ONS 7, items 12 and 21).
    #[must_use]
    pub fn body(&self) -> String {
        let code = match self {
            Self::Missing(_) | Self::Invalid(..) => &ErrorCode::BadRequest,
            Self::BodyTooBig { .. } => &ErrorCode::BodyTooBig,
            Self::Rejected { code, .. } => code,
            Self::Forbidden(_) | Self::Timeout | Self::Busy(_) | Self::Unavailable(_) => return String::new(),
        };
        let code = code.as_str().unwrap_or_default();
        // Two strings: serialisation cannot fail.
        serde_json::to_string(&ErrorOut { code, info: self.to_string() }).unwrap_or_default()
    }

    /// The word in metrics and logs.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Missing(_) => "missing_parameter",
            Self::Invalid(..) => "invalid_parameter",
            Self::BodyTooBig { .. } => "body_too_big",
            Self::Rejected { .. } => "rejected",
            Self::Forbidden(ForbiddenReason::AccessKey) => "access_key",
            Self::Forbidden(ForbiddenReason::Signature) => "signature",
            Self::Forbidden(ForbiddenReason::Clock) => "clock",
            Self::Forbidden(ForbiddenReason::Topic) => "topic",
            Self::Forbidden(ForbiddenReason::Caller) => "caller_topic",
            Self::Forbidden(ForbiddenReason::NoClientAuth) => "no_client_auth",
            Self::Forbidden(ForbiddenReason::Origin) => "origin",
            Self::Timeout => "timeout",
            Self::Busy(reason) | Self::Unavailable(reason) => reason,
        }
    }
}
