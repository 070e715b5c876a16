//! What the HTTP library has of a connection's bytes before anybody asks for them.
//!
//! Left to itself it reads 128 KiB at once, and as much again behind a request that is being answered: on every connection,
//! and beside the memory budget. Here it gets so much at once as its buffer has anyway, looks at that, and gets more only
//! while somebody waits for it: for the rest of a head, or of a body, which is charged where it is read.

use std::cell::Cell;

/// The size of the HTTP library's own buffer, which an idle connection has too.
const MOST_AHEAD: usize = 8 << 10;

/// Whether more is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passing {
    /// More, now.
    More,
    /// More, once the HTTP library has looked at what it has.
    Soon,
    /// No more until somebody waits for it: the connection is woken then.
    Later,
}

/// One connection's account.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    bytes: Cell<usize>,
    /// Somebody reads a body and has all that came of it.
    awaited: Cell<bool>,
    /// [`Passing::Later`] was said.
    held: Cell<bool>,
}

impl Ahead {
    /// So much was passed on.
    pub(super) fn passed(&self, bytes: usize) {
        self.bytes.set(self.bytes.get().saturating_add(bytes));
    }

    /// Somebody has all that came of a request's body, and waits for more. Whether the connection is to be woken.
    #[must_use]
    pub(super) fn await_body(&self) -> bool {
        self.awaited.set(true);
        self.bytes.set(0);
        self.held.take()
    }

    /// A request's body is there.
    pub(super) fn body_is_whole(&self) {
        self.awaited.set(false);
    }

    /// A request has its answer; `all` where nothing of a next one has come. Whether the connection is to be woken.
    #[must_use]
    pub(super) fn answered(&self, all: bool) -> bool {
        self.awaited.set(false);
        if all {
            self.bytes.set(0);
        }
        self.held.take()
    }

    /// `owed`: no request is being answered, or about to be, so the caller owes the next bytes.
    pub(super) fn passing(&self, owed: impl FnOnce() -> bool) -> Passing {
        if self.bytes.get() < MOST_AHEAD {
            Passing::More
        } else if self.awaited.get() || owed() {
            self.bytes.set(0);
            Passing::Soon
        } else {
            self.held.set(true);
            Passing::Later
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_much_at_once() {
        let ahead = Ahead::default();
        ahead.passed(MOST_AHEAD - 1);
        assert_eq!(ahead.passing(|| true), Passing::More);
        ahead.passed(1);
        assert_eq!(ahead.passing(|| true), Passing::Soon);
        assert_eq!(ahead.passing(|| true), Passing::More);
    }

    #[test]
    fn nothing_more_behind_a_request_that_is_being_answered() {
        let ahead = Ahead::default();
        ahead.passed(MOST_AHEAD);
        assert_eq!(ahead.passing(|| false), Passing::Later);
        // The next one came with it, and is answered now.
        assert!(ahead.answered(false));
        assert_eq!(ahead.passing(|| false), Passing::Later);
        assert!(ahead.answered(true));
        assert_eq!(ahead.passing(|| false), Passing::More);
    }

    #[test]
    fn a_body_that_is_read_comes_on() {
        let ahead = Ahead::default();
        ahead.passed(MOST_AHEAD);
        assert_eq!(ahead.passing(|| false), Passing::Later);
        assert!(ahead.await_body());
        assert!(!ahead.await_body(), "woken once");
        assert_eq!(ahead.passing(|| false), Passing::More);
        ahead.passed(MOST_AHEAD);
        assert_eq!(ahead.passing(|| false), Passing::Soon);
        ahead.passed(MOST_AHEAD);
        ahead.body_is_whole();
        assert_eq!(ahead.passing(|| false), Passing::Later);
    }
}
