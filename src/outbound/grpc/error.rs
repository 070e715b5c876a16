//! Why a call has no answer that can be used.

use std::error::Error;
use std::time::Duration;

use tonic::{Code, Status, TimeoutExpired};

/// How a call failed, and whether anything was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrpcError {
    /// A value of the metadata cannot be written down: nothing was sent.
    #[error("the metadata {0} has characters that cannot be sent")]
    Unwritable(&'static str),
    /// No connection: nothing was sent.
    #[error("{0}")]
    NotConnected(String),
    /// The deadline passed before the message was handed to a connection: nothing was sent.
    #[error("the deadline passed before the request could be sent")]
    TimedOutUnsent,
    /// The deadline passed after that.
    #[error("no complete answer came in time")]
    TimedOut {
        /// Since the message was handed to the connection.
        on_the_wire: Duration,
    },
    /// The connection or the call broke after the message was handed over.
    #[error("{0}")]
    Broken(String),
    /// The server, or something before it, says why there is no answer.
    #[error("{}: {message}", status.word())]
    Status {
        /// What kind of reason.
        status: GrpcStatus,
        /// Its words.
        message: String,
    },
}

/// What a server says in place of an answer, as far as it makes a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrpcStatus {
    /// No such service or method: nothing was done.
    Unimplemented,
    /// Not permitted: nothing was done.
    Denied,
    /// The server's own clock says that the deadline is over.
    DeadlineExceeded,
    /// It goes, or what is behind it is not there.
    Unavailable,
    /// Broken off there, in ways that may pass: CANCELLED, ABORTED, OUT_OF_RANGE and DATA_LOSS.
    BrokenOff,
    /// Anything else.
    Other,
}

impl GrpcStatus {
    const fn word(self) -> &'static str {
        match self {
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::Denied => "PERMISSION_DENIED",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::Unavailable => "UNAVAILABLE",
            Self::BrokenOff | Self::Other => "no answer",
        }
    }

    fn of(code: Code) -> Self {
        match code {
            Code::Unimplemented => Self::Unimplemented,
            Code::PermissionDenied | Code::Unauthenticated => Self::Denied,
            Code::DeadlineExceeded => Self::DeadlineExceeded,
            Code::Unavailable => Self::Unavailable,
            Code::Cancelled | Code::Aborted | Code::OutOfRange | Code::DataLoss => Self::BrokenOff,
            Code::Ok
            | Code::Unknown
            | Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::ResourceExhausted
            | Code::FailedPrecondition
            | Code::Internal => Self::Other,
        }
    }
}

impl GrpcError {
    /// What the library's status means to a call whose message was handed to a connection, or was not.
    pub(super) fn of(status: &Status, was_sent: bool) -> Self {
        if was_sent { Self::after_sending(status) } else { Self::NotConnected(reason(status)) }
    }

    /// The same, of a call that was sent. What the library itself says has a cause; what came from the server has none.
    pub(super) fn after_sending(status: &Status) -> Self {
        if status.source().is_some() {
            return Self::Broken(reason(status));
        }
        Self::Status { status: GrpcStatus::of(status.code()), message: shortened(status.message()) }
    }
}

/// Whether the library broke a call off at its deadline.
pub(super) fn is_late(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<TimeoutExpired>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The innermost cause, in its own words: those around it say less.
pub(super) fn reason(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    shortened(&innermost.to_string())
}

/// At most 300 characters, without control characters.
fn shortened(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(300).collect()
}
