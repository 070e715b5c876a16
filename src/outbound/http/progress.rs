//! How far a call has come.

use tokio::time::Instant;

use super::call::CallError;

/// What was done of a call last: what it decides is whether the server can have the request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Progress {
    Unsent,
    /// A connection is there, and TLS is not agreed on yet.
    ShakingHands,
    /// Something may have left since then.
    Sent(Instant),
    /// The answer's head came.
    Answering,
}

impl Progress {
    /// Why there is no answer when the deadline passes at this point.
    pub(super) fn timed_out(self) -> CallError {
        match self {
            Self::Unsent | Self::ShakingHands => CallError::TimedOutUnsent,
            Self::Sent(at) => CallError::TimedOut { on_the_wire: at.elapsed() },
            Self::Answering => CallError::TimedOutInAnswer,
        }
    }
}
