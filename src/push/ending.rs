//! What came of one attempt, and of a delivery.

use super::AttemptResult;
use crate::model::UnixMillis;

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The message is done with.
    Done,
    /// It comes again.
    ComesAgain,
}

/// One attempt, as it is told to operators.
#[derive(Debug, Clone)]
pub(super) struct Attempted {
    pub(super) result: AttemptResult,
    pub(super) status: Option<u16>,
    /// The beginning of the answer's body.
    pub(super) excerpt: String,
    pub(super) at: UnixMillis,
    /// From 1.
    pub(super) number: usize,
}
