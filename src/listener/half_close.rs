//! Callers that close their side when they have sent their request.
//!
//! A half-close is an end in order (RFC 9112 9.6): who sent a whole request has its answer to come. But a caller who is gone looks the
//! same, so a request that takes something ends with it: one that waits for what may not happen at once, any other after a second in
//! which its answer did not come. To the HTTP library the end of what comes is told when every request before it has its answer.

use std::cell::Cell;

use super::tick::Tick;

/// How long a request that takes something has, in milliseconds, when its caller has closed.
const GRACE: Tick = 1_000;

/// What the end of a caller's bytes means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    /// Requests that came before have no answer yet.
    Wait,
    /// The request under way is for nobody any more.
    HangUp,
    /// All have their answers, or the last one will never be whole.
    End,
}

/// When the request under way ends with its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Ends {
    /// Never: it is done to its end.
    #[default]
    Never,
    /// Soon: it takes something.
    Soon,
    /// At once: it waits for something to take.
    AtOnce,
}

/// One connection's account.
#[derive(Debug, Default)]
pub(super) struct HalfClose {
    closed_at: Cell<Option<Tick>>,
    ends: Cell<Ends>,
}

impl HalfClose {
    /// Nothing more comes from the caller.
    pub(super) fn close(&self, now: Tick) {
        self.closed_at.set(self.closed_at.get().or(Some(now)));
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed_at.get().is_some()
    }

    /// The request under way takes something; `waits`: as soon as there is something. Whether its caller has closed already.
    #[must_use]
    pub(super) fn takes(&self, waits: bool) -> bool {
        self.ends.set(if waits { Ends::AtOnce } else { Ends::Soon });
        self.is_closed()
    }

    /// The request under way has its answer.
    pub(super) fn answered(&self) {
        self.ends.set(Ends::Never);
    }

    /// Whether time alone makes a hang-up of the half-close.
    pub(super) fn is_overdue(&self, now: Tick) -> bool {
        let is_over = |closed: Tick| now.wrapping_sub(closed) >= GRACE;
        self.ends.get() == Ends::Soon && self.closed_at.get().is_some_and(is_over)
    }

    /// `owed`: a whole request has no answer yet.
    pub(super) fn means(&self, owed: bool, now: Tick) -> Closed {
        if !owed {
            Closed::End
        } else if self.ends.get() == Ends::AtOnce || self.is_overdue(now) {
            Closed::HangUp
        } else {
            Closed::Wait
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_half_close_means() {
        let half_close = HalfClose::default();
        half_close.close(100);
        half_close.close(5_000);
        assert_eq!(half_close.means(false, 100), Closed::End);
        assert_eq!(half_close.means(true, 90_000), Closed::Wait, "a publish is done to its end");
        assert!(half_close.takes(false));
        assert_eq!(half_close.means(true, 100 + GRACE - 1), Closed::Wait);
        assert_eq!(half_close.means(true, 100 + GRACE), Closed::HangUp);
        assert!(half_close.takes(true));
        assert_eq!(half_close.means(true, 100), Closed::HangUp);
        assert_eq!(half_close.means(false, 100), Closed::End);
        half_close.answered();
        assert_eq!(half_close.means(true, 90_000), Closed::Wait);
    }
}
