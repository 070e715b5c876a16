//! What one connection waits for, learned from the bytes on it and from the requests that are answered.
//!
//! When an answer is written and bytes are left over, the connection waits for the rest of them as it waits for a head.

use std::cell::{Cell, RefCell};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::task::Waker;

use memchr::memmem::Finder;

use super::read_bytes::{END_OF_HEAD, ReadBytes};
use super::tick::Tick;
use super::untaken::{End, HandedOver, Leaving, Untaken};
use crate::telemetry::CloseReason;

/// One thread's coarse time, and what else all its connections share.
#[derive(Debug)]
pub(super) struct ThreadState {
    pub(super) now: Cell<Tick>,
    end_of_head: Finder<'static>,
}

impl Default for ThreadState {
    fn default() -> Self {
        Self { now: Cell::new(0), end_of_head: Finder::new(END_OF_HEAD) }
    }
}

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Its next request, of which nothing has come.
    Idle,
    /// The rest of a head; a new connection waits for its first one from the start.
    Head,
    /// The rest of something left over: of a next head, or of a body that nobody reads.
    LeftOver,
    /// The rest of a body that is being read, or will be.
    Body,
    /// Us.
    Answer,
}

/// An answer that the caller does not take as fast as we could send it.
#[derive(Debug, Clone, Copy)]
struct Blocked {
    since: Tick,
    /// Bytes taken since.
    taken: usize,
}

/// The times of [`Connection::overdue`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    pub(super) head: Tick,
    pub(super) idle: Tick,
    pub(super) write: Tick,
    /// Fewest bytes taken in `write`.
    pub(super) taken: usize,
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    thread: Rc<ThreadState>,
    phase: Cell<Phase>,
    since: Cell<Tick>,
    read_bytes: ReadBytes,
    blocked: Cell<Option<Blocked>>,
    /// Set when it is to be closed.
    closing: Cell<Option<CloseReason>>,
    /// Why it is closed if nothing sets `closing`.
    reason_otherwise: Cell<CloseReason>,
    waker: RefCell<Option<Waker>>,
    handed_over: HandedOver,
    /// Its place in the thread's table.
    pub(super) slot: Cell<usize>,
}

impl Connection {
    pub(super) fn new(thread: &Rc<ThreadState>) -> Self {
        Self {
            thread: Rc::clone(thread),
            phase: Cell::new(Phase::Head),
            since: Cell::new(thread.now.get()),
            read_bytes: ReadBytes::default(),
            blocked: Cell::new(None),
            closing: Cell::new(None),
            reason_otherwise: Cell::new(CloseReason::Ordinary),
            waker: RefCell::new(None),
            handed_over: HandedOver::default(),
            slot: Cell::new(0),
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(self.thread.now.get());
    }

    /// Bytes were read.
    pub(super) fn read(&self, bytes: &[u8]) {
        self.handed_over.went_on();
        let end_of_head = match self.phase.get() {
            Phase::Idle => {
                self.enter(Phase::Head);
                self.read_bytes.begin_head();
                Some(&self.thread.end_of_head)
            }
            Phase::Head | Phase::LeftOver => Some(&self.thread.end_of_head),
            Phase::Body | Phase::Answer => None,
        };
        self.read_bytes.add(bytes, end_of_head);
    }

    /// A head is whole and its request is about to be answered.
    pub(super) fn begin(&self, has_body: bool) {
        self.read_bytes.begin_request(has_body);
        self.enter(if has_body { Phase::Body } else { Phase::Answer });
    }

    /// The request's body was read to its end.
    pub(crate) fn body_was_read(&self, bytes: usize) {
        self.read_bytes.body_was_read(bytes);
        self.enter(Phase::Answer);
    }

    /// Says what the answer under way will close the connection for.
    pub(crate) fn will_close_for(&self, reason: CloseReason) {
        self.reason_otherwise.set(reason);
    }

    /// The request has its answer, though the caller may not. `empty` says whether a body that nobody read had no bytes.
    pub(super) fn end(&self, empty: impl FnOnce() -> bool) {
        let all_accounted_for = self.read_bytes.end_request(empty);
        self.enter(if all_accounted_for { Phase::Idle } else { Phase::LeftOver });
    }

    /// The kernel took bytes of an answer.
    pub(super) fn wrote(&self, bytes: usize) {
        if let Some(blocked) = self.blocked.get() {
            self.blocked.set(Some(Blocked { taken: blocked.taken.saturating_add(bytes), ..blocked }));
        }
    }

    /// The kernel takes no more.
    pub(super) fn write_blocked(&self) {
        if self.blocked.get().is_none() {
            self.blocked.set(Some(Blocked { since: self.thread.now.get(), taken: 0 }));
        }
    }

    /// The HTTP library has all of an answer that hands something over.
    pub(crate) fn hand_over(&self, untaken: Untaken) {
        self.handed_over.hand_over(untaken);
    }

    /// Nothing more will come from the caller.
    pub(super) fn ended(&self, end: End) {
        self.handed_over.ended(end, self.thread.now.get());
    }

    /// Its stream is about to be dropped: what is to be waited for then.
    pub(super) fn leave(&self, stream: &impl AsFd) -> Option<Leaving> {
        self.handed_over.leave(stream, self.thread.now.get())
    }

    /// The kernel took all there is.
    pub(super) fn all_written(&self) {
        self.handed_over.all_written(self.thread.now.get());
        if self.blocked.take().is_some() {
            // What it waits for now, it waits for from now on.
            self.since.set(self.thread.now.get());
        }
    }

    /// Why it is to be closed now.
    pub(super) fn overdue(&self, timeouts: &Timeouts) -> Option<CloseReason> {
        let now = self.thread.now.get();
        if let Some(blocked) = self.blocked.get() {
            if now.wrapping_sub(blocked.since) < timeouts.write {
                return None;
            }
            if blocked.taken >= timeouts.taken {
                self.blocked.set(Some(Blocked { since: now, taken: 0 }));
                return None;
            }
            return Some(CloseReason::WriteTimeout);
        }
        let waited = now.wrapping_sub(self.since.get());
        match self.phase.get() {
            Phase::Head | Phase::LeftOver if waited >= timeouts.head => Some(CloseReason::HeadTimeout),
            Phase::Idle if waited >= timeouts.idle => Some(CloseReason::KeepAlive),
            Phase::Idle | Phase::Head | Phase::LeftOver | Phase::Body | Phase::Answer => None,
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.get()
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.blocked.get().is_some()
    }

    /// How long it has waited for what it waits for.
    pub(super) fn waited(&self) -> Tick {
        let since = self.blocked.get().map_or(self.since.get(), |blocked| blocked.since);
        self.thread.now.get().wrapping_sub(since)
    }

    /// Why it is to be closed, where it is.
    pub(super) fn closing(&self) -> Option<CloseReason> {
        self.closing.get()
    }

    /// Whether it is to be closed for no fault of its own and may stay open, as a request has come after all.
    pub(super) fn may_stay_open(&self) -> bool {
        let blameless = matches!(self.closing.get(), Some(CloseReason::KeepAlive | CloseReason::Cap));
        blameless && self.phase.get() == Phase::Idle && self.blocked.get().is_none()
    }

    pub(super) fn stay_open(&self) {
        self.closing.set(None);
    }

    /// Whether a 408 would be the only answer to what has come.
    pub(super) fn may_get_408(&self) -> bool {
        self.closing.get() == Some(CloseReason::HeadTimeout) && self.phase.get() == Phase::Head
    }

    /// Closes it: its stream fails from now on.
    pub(super) fn close(&self, reason: CloseReason) {
        self.closing.set(Some(reason));
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Keeps whom to wake.
    pub(super) fn keep_waker(&self, waker: &Waker) {
        let mut known = self.waker.borrow_mut();
        if known.as_ref().is_none_or(|known| !known.will_wake(waker)) {
            *known = Some(waker.clone());
        }
    }

    pub(super) fn close_reason(&self) -> CloseReason {
        self.closing.get().unwrap_or_else(|| self.reason_otherwise.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUTS: Timeouts = Timeouts { head: 10, idle: 100, write: 50, taken: 5 };

    struct TestConnection(Rc<ThreadState>, Connection);

    fn new() -> TestConnection {
        let thread = Rc::new(ThreadState::default());
        let connection = Connection::new(&thread);
        TestConnection(thread, connection)
    }

    impl TestConnection {
        /// A request whose bytes come in these pieces, the body's length, and what is waited for then.
        #[track_caller]
        fn check(&self, pieces: &[&str], body: Option<usize>, expected: Phase) {
            for piece in pieces {
                self.1.read(piece.as_bytes());
            }
            self.1.begin(body.is_some());
            if let Some(body) = body {
                self.1.body_was_read(body);
            }
            self.1.end(|| false);
            assert_eq!(self.1.phase(), expected, "{pieces:?}");
        }

        fn after(&self, ticks: Tick) -> Option<CloseReason> {
            self.0.now.set(self.0.now.get().wrapping_add(ticks));
            self.1.overdue(&TIMEOUTS)
        }
    }

    #[test]
    fn whole_requests_leave_nothing_over() {
        let connection = new();
        connection.check(&["GET / HTTP/1.1\r\n\r\n"], None, Phase::Idle);
        connection.check(&["GET / HTTP/1.1\r\n", "\r", "\n"], None, Phase::Idle);
        connection.check(&["GET / HTTP/1.1\n\n"], None, Phase::Idle);
        connection.check(&["POST / HTTP/1.1\r\n\r\nhello"], Some(5), Phase::Idle);
        connection.check(&["POST / HTTP/1.1\r\n\r\n", "hel", "lo"], Some(5), Phase::Idle);
        connection.check(&["POST / HTTP/1.1\r\n\r", "\nhello"], Some(5), Phase::Idle);
        connection.check(&["P", "O", "ST / HTTP/1.1\r", "\n", "\r", "\n", "hello"], Some(5), Phase::Idle);
        connection.check(&["POST / HTTP/1.1\r\n\r\n5\r\nhello\r\n0\r\n\r\n"], Some(5), Phase::Idle);
    }

    #[test]
    fn what_comes_along_is_left_over() {
        for (pieces, body) in [
            (["GET / HTTP/1.1\r\n\r\nG"].as_slice(), None),
            (&["GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n"], None),
            (&["POST / HTTP/1.1\r\n\r\nhelloG"], Some(5)),
            (&["POST / HTTP/1.1\r\n\r\n", "hello", "G"], Some(5)),
            (&["POST / HTTP/1.1\r\n\r\n5\r\nhello\r\n0\r\n\r\nG"], Some(5)),
        ] {
            let connection = new();
            connection.check(pieces, body, Phase::LeftOver);
            assert_eq!(connection.after(9), None);
            assert_eq!(connection.after(1), Some(CloseReason::HeadTimeout));
            assert!(!connection.1.may_get_408());
            // Its rest makes a request like any other.
            connection.check(&["ET / HTTP/1.1\r\n\r\n"], None, Phase::Idle);
        }
    }

    #[test]
    fn bodies_that_nobody_reads_are_left_over() {
        let connection = new();
        connection.1.read(b"POST / HTTP/1.1\r\n\r\n");
        connection.1.begin(true);
        connection.1.end(|| false);
        assert_eq!(connection.1.phase(), Phase::LeftOver);
        connection.1.read(b"GET / HTTP/1.1\r\n\r\n");
        connection.1.begin(true);
        connection.1.end(|| true);
        assert_eq!(connection.1.phase(), Phase::Idle);
    }

    #[test]
    fn heads_have_less_time_than_idle_connections() {
        let connection = new();
        assert_eq!(connection.after(9), None);
        connection.1.read(b"GET");
        assert_eq!(connection.after(1), Some(CloseReason::HeadTimeout));
        connection.1.close(CloseReason::HeadTimeout);
        assert!(connection.1.may_get_408());
        let connection = new();
        connection.check(&["GET / HTTP/1.1\r\n\r\n"], None, Phase::Idle);
        assert_eq!(connection.after(99), None);
        connection.1.read(b"G");
        assert_eq!(connection.after(9), None);
        connection.1.read(b"E");
        assert_eq!(connection.after(1), Some(CloseReason::HeadTimeout), "from the first byte on");
        let connection = new();
        connection.check(&["GET / HTTP/1.1\r\n\r\n"], None, Phase::Idle);
        assert_eq!(connection.after(100), Some(CloseReason::KeepAlive));
    }

    #[test]
    fn requests_under_way_have_the_time_they_need() {
        let connection = new();
        connection.1.read(b"POST / HTTP/1.1\r\n\r\n");
        connection.1.begin(true);
        assert_eq!(connection.after(1_000), None);
        connection.1.body_was_read(0);
        assert_eq!(connection.after(1_000), None);
    }

    #[test]
    fn answers_have_to_be_taken() {
        let connection = new();
        connection.check(&["GET / HTTP/1.1\r\n\r\n"], None, Phase::Idle);
        connection.1.write_blocked();
        assert_eq!(connection.after(49), None);
        connection.1.wrote(5);
        connection.1.write_blocked();
        assert_eq!(connection.after(1), None, "enough was taken");
        connection.1.wrote(4);
        assert_eq!(connection.after(50), Some(CloseReason::WriteTimeout), "too little was taken");
        connection.1.all_written();
        assert_eq!(connection.after(99), None, "idle from then on");
        assert_eq!(connection.after(1), Some(CloseReason::KeepAlive));
    }
}
