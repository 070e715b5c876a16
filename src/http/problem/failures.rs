//! From a failure of the gateway to its problem: matched without a wildcard, so that a new failure does not compile
//! until it has a row.

use super::{Code, FieldError, Problem};
use crate::gateway::GatewayError;
use crate::upstream::{UpstreamError, UpstreamErrorKind};

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
            GatewayError::UnknownTopic => Self::new(Code::UnknownTopic, detail),
            GatewayError::UnknownGroup => Self::new(Code::UnknownGroup, detail),
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
            GatewayError::RateLimited { retry_after, .. } => {
                Self { retry_after: Some(*retry_after), ..Self::new(Code::RateLimited, detail) }
            }
            GatewayError::TopicFull { .. } => Self::new(Code::Overloaded, detail),
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
            UpstreamErrorKind::CircuitOpen => Code::CircuitOpen,
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
