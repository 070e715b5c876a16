//! From a failure to its problem: matched without a wildcard, so that a new failure does not compile until it has a row.

use actix_web::http::header::{ACCEPT_ENCODING, HeaderValue};

use super::{Code, FieldError, Problem};
use crate::gateway::GatewayError;
use crate::http::body::BodyError;
use crate::http::head::HeadError;
use crate::upstream::{UpstreamError, UpstreamErrorKind};

impl From<HeadError> for Problem {
    fn from(error: HeadError) -> Self {
        let detail = error.to_string();
        let problem = match error {
            HeadError::UriTooLong { limit, actual } => Self::over(Code::UriTooLong, detail, limit, Some(actual)),
            HeadError::TooManyHeaders { limit, actual } | HeadError::HeadersTooLarge { limit, actual } => {
                Self::over(Code::HeadersTooLarge, detail, limit, Some(actual))
            }
            HeadError::WebSocket => {
                Self::invalid(vec![FieldError::parameter("Upgrade", "is not supported: leave this header out")])
            }
            HeadError::HostNotAllowed { .. } | HeadError::OriginNotAllowed | HeadError::SiteNotAllowed => {
                Self::new(Code::OriginNotAllowed, detail)
            }
            HeadError::Stopping => Self::new(Code::Draining, detail),
            HeadError::MethodNotAllowed { allow } => Self::method_not_allowed(allow),
            HeadError::NotAcceptable { .. } => Self::new(Code::NotAcceptable, detail),
        };
        problem.closing()
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let detail = error.to_string();
        let problem = match error {
            // RFC 9110 15.5.16: a refused coding is answered with those that are taken.
            BodyError::EncodingNotSupported => Self::new(Code::UnsupportedMediaType, detail)
                .header(ACCEPT_ENCODING, HeaderValue::from_static("identity")),
            BodyError::TooLarge { limit, actual } => Self::over(Code::MessageTooLarge, detail, limit, actual),
            BodyError::TooMuchFraming { limit, actual } => {
                Self::over(Code::MessageTooLarge, detail, limit, Some(actual))
            }
            BodyError::Late(_) | BodyError::Slow(_) => Self::new(Code::RequestTimeout, detail),
            BodyError::Broken => Self::new(Code::MalformedJson, detail),
            BodyError::NoMemory(_) => Self::new(Code::Overloaded, detail),
        };
        problem.closing()
    }
}

impl From<GatewayError> for Problem {
    fn from(error: GatewayError) -> Self {
        let detail = error.to_string();
        let field_error =
            |field: &str, detail: String| Self::invalid(vec![FieldError::at(format!("/{field}"), detail)]);
        let problem = match &error {
            GatewayError::IllegalName { what, error } => {
                Self { detail, ..Self::invalid(vec![FieldError::parameter(*what, error.to_string())]) }
            }
            GatewayError::UnknownTopic => Self::new(Code::UnknownTopic, detail),
            GatewayError::UnknownGroup => Self::new(Code::UnknownGroup, detail),
            GatewayError::TooLarge { limit, actual } => Self {
                vendor_code: Some("BODY_TOO_BIG".to_owned()),
                ..Self::over(Code::MessageTooLarge, detail, *limit, Some(*actual))
            },
            GatewayError::UnsupportedField { field, detail, .. } => {
                Self { code: Code::CapabilityNotSupported, ..field_error(field, detail.clone()) }
            }
            GatewayError::UnsupportedVerb { .. } => Self::not_implemented(detail),
            GatewayError::Invalid { field, detail, .. } => field_error(field, detail.clone()),
            GatewayError::RateLimited { retry_after, .. } => {
                Self { retry_after: Some(*retry_after), ..Self::new(Code::RateLimited, detail) }
            }
            GatewayError::TopicFull { .. } => Self::new(Code::Overloaded, detail),
            GatewayError::EarlierMessageFailed => Self::new(Code::EarlierMessageFailed, detail),
            GatewayError::OutOfTime | GatewayError::NoMemory(_) => Self::new(Code::Overloaded, detail),
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
            UpstreamErrorKind::CircuitOpen => Code::CircuitOpen,
            UpstreamErrorKind::Throttled => Code::UpstreamThrottled,
            UpstreamErrorKind::Timeout => Code::UpstreamTimeout,
            UpstreamErrorKind::BadResponse => Code::UpstreamBadResponse,
            UpstreamErrorKind::ServerError => Code::UpstreamError,
            UpstreamErrorKind::AuthRejected => Code::UpstreamAuthRejected,
            UpstreamErrorKind::Misconfigured => Code::UpstreamMisconfigured,
            UpstreamErrorKind::RejectedMessage => Code::UpstreamRejectedMessage,
            UpstreamErrorKind::WrongTopicType => Code::CapabilityNotSupported,
            UpstreamErrorKind::StaleHandle => Code::ReceiptHandleExpired,
        };
        let mut problem = Self::new(code, error.detail.clone());
        problem.vendor_code.clone_from(&error.vendor_code);
        if problem.status == 503 {
            problem.retry_after = error.retry_after;
        }
        problem
    }
}
