//! What comes on a connection, request by request: how much of it is passed on, and when no more is.
//!
//! Where more comes than a request may have, no more is passed on, and the connection ends when the requests before have
//! their answers.

use std::cell::{Cell, RefCell};

use super::framing::{Excess, Framing, Refused};
use super::thread_state::ThreadState;

/// Why no more is passed on of what comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopped {
    /// Too much of the next request.
    Excess(Excess),
    /// Too much of a body that nobody reads.
    Unread,
}

/// What becomes of a connection of which no more is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AfterStop {
    /// Requests that came before have no answer yet.
    Wait,
    /// It has come to its end.
    End,
}

/// One connection's requests, as their bytes show them.
#[derive(Debug)]
pub(super) struct Intake {
    framing: RefCell<Framing>,
    /// Requests that have their answers.
    answered: Cell<u64>,
    /// Bytes that came after an answer and that nobody reads.
    unread: Cell<usize>,
    most_unread: usize,
    stopped: Cell<Option<Stopped>>,
}

impl Intake {
    pub(super) fn new(thread: &ThreadState) -> Self {
        Self {
            framing: RefCell::new(Framing::new(thread.longest_head)),
            answered: Cell::new(0),
            unread: Cell::new(0),
            most_unread: thread.most_unread,
            stopped: Cell::new(None),
        }
    }

    /// Follows what was read.
    ///
    /// # Errors
    /// There is too much of it: only so many bytes may be passed on, and nothing that comes behind them.
    pub(super) fn follow(&self, bytes: &[u8]) -> Result<(), usize> {
        let mut framing = self.framing.borrow_mut();
        let nobody_reads = framing.is_in_body() && framing.whole() < self.answered.get();
        if nobody_reads && !self.throw_away(bytes.len()) {
            self.stopped.set(Some(Stopped::Unread));
            return Err(0);
        }
        framing.follow(bytes).map_err(|Refused { excess, good }| {
            self.stopped.set(Some(Stopped::Excess(excess)));
            good
        })
    }

    /// Counts what nobody reads; `false` where it becomes too much.
    pub(super) fn throw_away(&self, bytes: usize) -> bool {
        let unread = self.unread.get().saturating_add(bytes);
        self.unread.set(unread);
        unread <= self.most_unread
    }

    /// One more request has its answer.
    pub(super) fn answered(&self) {
        self.answered.set(self.answered.get() + 1);
        self.unread.set(0);
    }

    /// Whether a request that has come whole has no answer yet.
    pub(super) fn owes_answer(&self) -> bool {
        self.framing.borrow().whole() > self.answered.get()
    }

    /// Whether there is nothing of a request that has no answer.
    pub(super) fn is_all_answered(&self) -> bool {
        let framing = self.framing.borrow();
        framing.is_between_requests() && framing.whole() == self.answered.get()
    }

    /// Whether no more is passed on.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.get().is_some()
    }

    /// What is to be done where no more is passed on.
    pub(super) fn after_stop(&self) -> Option<AfterStop> {
        self.stopped.get()?;
        Some(if self.owes_answer() { AfterStop::Wait } else { AfterStop::End })
    }

    /// Whether a 431 would be the only answer to a head that is too much.
    pub(super) fn may_get_431(&self) -> bool {
        self.stopped.get() == Some(Stopped::Excess(Excess::Head)) && self.after_stop() == Some(AfterStop::End)
    }

    /// The framing that is too much for the body under way, and its limit.
    pub(super) fn excessive_framing(&self) -> Option<(u64, u64)> {
        match self.stopped.get() {
            Some(Stopped::Excess(Excess::Framing { limit, actual })) => Some((limit, actual)),
            Some(Stopped::Excess(Excess::Head) | Stopped::Unread) | None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST_UNREAD: usize = 100;

    fn new() -> Intake {
        Intake::new(&ThreadState::new(MOST_UNREAD, 128 << 10))
    }

    #[test]
    fn not_all_of_what_nobody_reads_is_taken() {
        let intake = new();
        assert_eq!(intake.follow(b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n"), Ok(()));
        intake.answered();
        assert_eq!(intake.follow(&[b'x'; MOST_UNREAD]), Ok(()));
        assert_eq!(intake.after_stop(), None);
        assert_eq!(intake.follow(b"x"), Err(0));
        assert_eq!(intake.after_stop(), Some(AfterStop::End));
    }

    #[test]
    fn what_is_too_much_waits_for_the_answers_before() {
        let list = "GET / HTTP/1.1\r\n\r\n";
        let name = "n".repeat(200_000);
        let intake = new();
        assert!(
            intake.follow(format!("{list}GET / HTTP/1.1\r\n{name}").as_bytes()).is_err_and(|good| good >= list.len())
        );
        assert_eq!(intake.after_stop(), Some(AfterStop::Wait));
        assert!(!intake.may_get_431());
        intake.answered();
        assert_eq!(intake.after_stop(), Some(AfterStop::End));
        assert!(intake.may_get_431());
        // A body's framing ends the request that it belongs to.
        let intake = new();
        let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert!(intake.follow(format!("{chunked}5;{name}").as_bytes()).is_err());
        assert_eq!(intake.after_stop(), Some(AfterStop::End));
        assert!(intake.excessive_framing().is_some());
        assert!(!intake.may_get_431());
    }
}
