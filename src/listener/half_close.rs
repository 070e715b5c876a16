//! Callers that close their side when they have sent their request.
//!
//! A half-close is an end in order (RFC 9112 9.6): who sent a whole request has its answer to come. Only a request that waits for
//! something that may not happen ends with it, since a caller who is gone looks the same. To the HTTP library the end of what comes is
//! told when every request before it has its answer.

use std::cell::Cell;

/// What the end of a caller's bytes means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    /// Requests that came before have no answer yet.
    Wait,
    /// The request under way waits, and nobody is there to wait for it.
    HangUp,
    /// All have their answers, or the last one will never be whole.
    End,
}

/// One connection's account.
#[derive(Debug, Default)]
pub(super) struct HalfClose {
    closed: Cell<bool>,
    /// The request under way ends with its caller.
    waits: Cell<bool>,
}

impl HalfClose {
    /// Nothing more comes from the caller.
    pub(super) fn close(&self) {
        self.closed.set(true);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// The request under way waits from now on. Whether its caller has closed already.
    #[must_use]
    pub(super) fn wait(&self) -> bool {
        self.waits.set(true);
        self.closed.get()
    }

    /// The request under way has its answer.
    pub(super) fn answered(&self) {
        self.waits.set(false);
    }

    /// `owed`: a whole request has no answer yet.
    pub(super) fn means(&self, owed: bool) -> Closed {
        match (owed, self.waits.get()) {
            (true, false) => Closed::Wait,
            (true, true) => Closed::HangUp,
            (false, _) => Closed::End,
        }
    }
}
