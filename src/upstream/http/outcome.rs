//! What a call over HTTP means to an operation: the errors of [`crate::outbound`] in the contract's rows, and what an
//! operation's result says about the endpoint.

use std::time::Duration;

use crate::outbound::{CallError, CircuitOpen, NoAddress, Verdict};
use crate::upstream::{UpstreamError, UpstreamErrorKind};

impl From<CallError> for UpstreamError {
    fn from(error: CallError) -> Self {
        let (kind, detail) = match &error {
            CallError::Full(limit) => {
                (UpstreamErrorKind::Overloaded, format!("{limit} requests to the MQ are under way, the limit"))
            }
            CallError::NotConnected(reason) => {
                (UpstreamErrorKind::Unreachable, format!("could not connect to the MQ: {reason}"))
            }
            CallError::TimedOutUnsent => (UpstreamErrorKind::Unreachable, error.to_string()),
            CallError::TimedOut => (UpstreamErrorKind::Timeout, error.to_string()),
            CallError::Broken(_) | CallError::TooLarge(_) => {
                (UpstreamErrorKind::BadResponse, format!("the MQ's answer could not be used: {error}"))
            }
        };
        Self::new(kind, detail)
    }
}

impl From<NoAddress> for UpstreamError {
    fn from(reason: NoAddress) -> Self {
        Self::new(UpstreamErrorKind::Unreachable, format!("the MQ has no address: {reason}"))
    }
}

impl From<CircuitOpen> for UpstreamError {
    fn from(open: CircuitOpen) -> Self {
        let seconds = open.wait.as_secs().max(1);
        let detail = format!("the MQ failed too often and is left alone for {seconds} s more");
        let retry_after = Some(Duration::from_secs(seconds));
        Self { retry_after, ..Self::new(UpstreamErrorKind::CircuitOpen, detail) }
    }
}

/// What an operation's result says about the endpoint that was called.
pub(super) fn verdict<T>(result: &Result<T, UpstreamError>) -> Verdict {
    match result.as_ref().map_err(|error| error.kind) {
        Err(
            UpstreamErrorKind::Unreachable
            | UpstreamErrorKind::Timeout
            | UpstreamErrorKind::BadResponse
            | UpstreamErrorKind::ServerError,
        ) => Verdict::Failed,
        Ok(_)
        | Err(
            UpstreamErrorKind::Overloaded
            | UpstreamErrorKind::CircuitOpen
            | UpstreamErrorKind::Throttled
            | UpstreamErrorKind::AuthRejected
            | UpstreamErrorKind::Misconfigured
            | UpstreamErrorKind::RejectedMessage,
        ) => Verdict::Alive,
    }
}
