//! How far a call has come.

use tokio::time::Instant;

/// How far a call has come.
#[derive(Debug, Clone, Copy)]
pub(super) enum Progress {
    Unsent,
    /// Something may have left since then.
    Sent(Instant),
    /// The answer's head came.
    Answering,
}
