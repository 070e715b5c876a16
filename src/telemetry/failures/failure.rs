//! One operation that failed, and which others it belongs with.

use crate::model::{Operation, Side};
use crate::trace_context::TraceId;

/// One operation that failed.
#[derive(Debug, Clone, Copy)]
pub struct Failure<'a> {
    /// The value of the label `topic`, which is one of few.
    pub topic: &'a str,
    /// What was asked for.
    pub operation: Operation,
    /// The problem's code.
    pub reason: &'static str,
    /// On whose side it lies.
    pub side: Side,
    /// What happened, for people. Of a caller's mistake it is not logged: it may repeat what the caller wrote.
    pub detail: &'a str,
    /// What `x-request-id` says.
    pub request_id: &'a str,
    /// The trace that the caller says it belongs to.
    pub trace_id: Option<TraceId>,
}

impl Failure<'_> {
    /// A line about this one.
    pub(super) fn write(&self) {
        let Self { topic, operation, reason, side, detail, request_id, trace_id } = *self;
        let (operation, trace_id) = (operation.as_str(), trace_id.map(tracing::field::display));
        if side == Side::Caller {
            tracing::info!(request_id, trace_id, topic, operation, reason, "refused a caller's request");
        } else {
            let side = side.as_str();
            tracing::warn!(request_id, trace_id, topic, operation, reason, side, detail, "an operation failed");
        }
    }
}

/// What identifies failures that belong together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    pub(super) topic: Box<str>,
    pub(super) operation: Operation,
    pub(super) reason: &'static str,
}

impl Kind {
    pub(super) fn of(failure: &Failure<'_>) -> Self {
        Self { topic: failure.topic.into(), operation: failure.operation, reason: failure.reason }
    }
}
