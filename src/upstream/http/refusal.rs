//! Answers that are no success: the contract's row of a status, and the words for it.

use super::clock_skew::ClockSkew;
use crate::model::Operation;
use crate::outbound::Answer;
use crate::upstream::{UpstreamError, UpstreamErrorKind};

/// The row of an answer whose body says nothing more than its status.
pub(super) fn kind_of_status(status: u16, says_why: bool, operation: Operation) -> UpstreamErrorKind {
    match status {
        401 | 403 => UpstreamErrorKind::AuthRejected,
        404 => UpstreamErrorKind::Misconfigured,
        408 => UpstreamErrorKind::Timeout,
        429 => UpstreamErrorKind::Throttled,
        503 if says_why => UpstreamErrorKind::Throttled,
        // The caller's is only what the caller can change: its content, or the handle it brought.
        400 | 413 | 414 | 422 if operation != Operation::Receive => UpstreamErrorKind::RejectedMessage,
        400..=499 => UpstreamErrorKind::Misconfigured,
        500..=599 => UpstreamErrorKind::ServerError,
        _ => UpstreamErrorKind::BadResponse,
    }
}

/// The error for an answer that is no success, with words for people. `reason` is what the MQ's code says of our keys.
pub(super) fn refusal(
    kind: UpstreamErrorKind,
    answer: &Answer,
    vendor_code: Option<&str>,
    reason: Option<&str>,
    clock_skew: &ClockSkew,
) -> UpstreamError {
    let status = match vendor_code {
        Some(code) => format!("{} ({code})", answer.status),
        None => answer.status.to_string(),
    };
    let detail = match kind {
        UpstreamErrorKind::AuthRejected => match reason {
            Some(reason) => format!("{reason}: {status}"),
            None => {
                let clocks = clock_skew.describe();
                format!(
                    "the MQ refused our credentials, signature or clock, or they have no such topic or group, with {status}; {clocks}"
                )
            }
        },
        UpstreamErrorKind::Misconfigured => {
            format!("the MQ knows no such topic or group, or does not take this request: {status}")
        }
        UpstreamErrorKind::Timeout => format!("the MQ's broker did not answer in time: {status}"),
        UpstreamErrorKind::Throttled => format!("the MQ throttled the request: {status}"),
        UpstreamErrorKind::RejectedMessage => format!("the MQ refused the request with {status}"),
        UpstreamErrorKind::ServerError => format!("the MQ failed with {status}"),
        UpstreamErrorKind::BadResponse
        | UpstreamErrorKind::Unreachable
        | UpstreamErrorKind::WrongTopicType
        | UpstreamErrorKind::StaleHandle
        | UpstreamErrorKind::CircuitOpen
        | UpstreamErrorKind::Overloaded => {
            format!("the MQ answered with {status}, which the protocol does not have here")
        }
    };
    UpstreamError { kind, detail, vendor_code: vendor_code.map(str::to_owned), retry_after: answer.retry_after }
}
