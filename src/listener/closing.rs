//! Whether a connection is to be closed, and why.

use std::cell::Cell;
use std::rc::Rc;

use super::thread_state::ThreadState;
use crate::telemetry::CloseReason;

/// One connection's end. Its thread counts those that are to be closed and still there.
#[derive(Debug)]
pub(super) struct Closing {
    thread: Rc<ThreadState>,
    reason: Cell<Option<CloseReason>>,
    otherwise: Cell<CloseReason>,
}

impl Closing {
    pub(super) fn new(thread: &Rc<ThreadState>) -> Self {
        let (reason, otherwise) = (Cell::new(None), Cell::new(CloseReason::Ordinary));
        Self { thread: Rc::clone(thread), reason, otherwise }
    }

    /// It is to be closed. The first reason counts.
    pub(super) fn begin(&self, reason: CloseReason) {
        if self.reason.get().is_none() {
            self.reason.set(Some(reason));
            self.thread.closing.set(self.thread.closing.get() + 1);
        }
    }

    /// It may stay open after all.
    pub(super) fn take_back(&self) {
        if self.reason.take().is_some() {
            self.thread.closing.set(self.thread.closing.get().saturating_sub(1));
        }
    }

    /// It is closed. What its requests still say of it counts for nothing.
    pub(super) fn end(&self) {
        if self.reason.replace(Some(self.reason_at_the_end())).is_some() {
            self.thread.closing.set(self.thread.closing.get().saturating_sub(1));
        }
    }

    /// Why it is closed where nobody closes it.
    pub(super) fn otherwise(&self, reason: CloseReason) {
        self.otherwise.set(reason);
    }

    /// Why it is to be closed, where it is.
    pub(super) fn reason(&self) -> Option<CloseReason> {
        self.reason.get()
    }

    /// Why it is closed.
    pub(super) fn reason_at_the_end(&self) -> CloseReason {
        self.reason.get().unwrap_or_else(|| self.otherwise.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_that_closes_is_counted_once_and_the_first_reason_stays() {
        let thread = Rc::new(ThreadState::new(1, 1));
        let (one, other) = (Closing::new(&thread), Closing::new(&thread));
        let count = || thread.closing.get();
        one.begin(CloseReason::Cap);
        one.begin(CloseReason::Ordinary);
        assert_eq!((count(), one.reason_at_the_end()), (1, CloseReason::Cap));
        one.take_back();
        one.take_back();
        assert_eq!((count(), one.reason()), (0, None));
        one.begin(CloseReason::Ordinary);
        other.begin(CloseReason::KeepAlive);
        assert_eq!(count(), 2);
        one.end();
        // A request may be done with after its connection.
        one.begin(CloseReason::Cap);
        assert_eq!((count(), one.reason_at_the_end()), (1, CloseReason::Ordinary));
        let never = Closing::new(&thread);
        never.otherwise(CloseReason::BodyTimeout);
        never.end();
        assert_eq!((count(), never.reason_at_the_end()), (1, CloseReason::BodyTimeout));
    }
}
