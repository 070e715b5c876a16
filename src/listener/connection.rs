//! What one connection waits for, learned from the bytes on it and from the requests that are answered.
//!
//! When an answer is written and bytes are left over, the connection waits for the rest of them as it waits for a head.

use std::cell::{Cell, RefCell};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::task::Waker;

use super::ahead::{Ahead, Passing};
use super::blocked::{Blocked, Timeouts};
use super::closing::Closing;
use super::half_close::{Closed, HalfClose};
use super::intake::Intake;
use super::stream_account::StreamAccount;
use super::thread_state::ThreadState;
use super::tick::Tick;
use super::untaken::{End, HandedOver, Leaving, Untaken};
use crate::telemetry::CloseReason;

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

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    thread: Rc<ThreadState>,
    phase: Cell<Phase>,
    since: Cell<Tick>,
    pub(super) intake: Intake,
    ahead: Ahead,
    half_close: HalfClose,
    /// The request under way is looked at for the first time.
    is_first_look: Cell<bool>,
    /// The caller waits for a word before it sends the body, and none was written yet.
    continue_is_due: Cell<bool>,
    is_last_said: Cell<bool>,
    blocked: Blocked,
    closing: Closing,
    waker: RefCell<Option<Waker>>,
    handed_over: HandedOver,
    stream: StreamAccount,
    /// Its place in the thread's table.
    pub(super) slot: Cell<usize>,
}

impl Connection {
    pub(super) fn new(thread: &Rc<ThreadState>) -> Self {
        Self {
            thread: Rc::clone(thread),
            phase: Cell::new(Phase::Head),
            since: Cell::new(thread.now.get()),
            intake: Intake::new(thread),
            ahead: Ahead::default(),
            half_close: HalfClose::default(),
            is_first_look: Cell::new(false),
            continue_is_due: Cell::new(false),
            is_last_said: Cell::new(false),
            blocked: Blocked::default(),
            closing: Closing::new(thread),
            waker: RefCell::new(None),
            handed_over: HandedOver::default(),
            stream: StreamAccount::default(),
            slot: Cell::new(0),
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(self.thread.now.get());
    }

    /// Bytes were read; so many of them may be passed on.
    pub(super) fn read(&self, bytes: &[u8]) -> usize {
        self.handed_over.went_on();
        if self.phase.get() == Phase::Idle {
            self.enter(Phase::Head);
        }
        if let Err(good) = self.intake.follow(bytes) {
            self.will_close_for(CloseReason::Oversized);
            return good;
        }
        self.ahead.passed(bytes.len());
        if self.phase.get() == Phase::LeftOver && self.intake.is_all_answered() {
            self.enter(Phase::Idle);
        }
        bytes.len()
    }

    /// Whether more may be read and passed on.
    pub(super) fn passing(&self) -> Passing {
        self.ahead.passing(|| {
            let answering = matches!(self.phase.get(), Phase::Body | Phase::Answer);
            !answering && !self.intake.owes_answer()
        })
    }

    /// The framing that is too much for the body under way, and its limit.
    pub(crate) fn excessive_framing(&self) -> Option<(u64, u64)> {
        self.intake.excessive_framing()
    }

    /// A head is whole and its request is about to be answered. `expects`: its caller waits for `100 Continue`.
    pub(super) fn begin(&self, has_body: bool, expects: bool) {
        self.is_first_look.set(true);
        self.continue_is_due.set(expects);
        self.enter(if has_body { Phase::Body } else { Phase::Answer });
    }

    /// The request under way was looked at.
    pub(super) fn looked(&self) {
        self.is_first_look.set(false);
    }

    /// Whether the next bytes written may be a `100 Continue` that nobody asked for yet.
    pub(super) fn takes_continue(&self) -> bool {
        self.continue_is_due.take()
    }

    /// Whether the caller still waits for a word about the body of the request under way.
    pub(super) fn owes_continue(&self) -> bool {
        self.continue_is_due.get()
    }

    /// The answer under way says that it is the last.
    pub(super) fn says_close(&self) {
        self.is_last_said.set(true);
    }

    /// Whether an answer said that it was the last: nothing that comes behind it may be done (RFC 9112 9.6).
    pub(super) fn has_said_close(&self) -> bool {
        self.is_last_said.get()
    }

    /// The request under way takes something from others: it ends soon when its caller closes its side, and at once where it `waits`.
    pub(crate) fn takes(&self, waits: bool) {
        if self.half_close.takes(waits) {
            self.wake();
        }
    }

    /// Looks whether time has made a hang-up of a half-close.
    pub(super) fn look_at_half_close(&self) {
        if self.half_close.is_overdue(self.thread.now.get()) {
            self.wake();
        }
    }

    /// The caller closes its side. What that means is asked again until it means an end.
    pub(super) fn caller_closed(&self) -> Closed {
        let now = self.thread.now.get();
        self.half_close.close(now);
        let is_owed = self.stream.is_open() || self.intake.owes_answer();
        let closed = self.half_close.means(is_owed, now);
        if closed != Closed::Wait {
            self.ended(End::Closed);
        }
        closed
    }

    /// Whether the caller has closed its side.
    pub(super) fn is_half_closed(&self) -> bool {
        self.half_close.is_closed()
    }

    /// Whether the HTTP library has the whole body of the request, reads it next, and looks at the request then: a request is
    /// looked at for the first time as soon as its head is read. True only where nothing that polls by itself stands between the
    /// library and who asks: a task, a set of futures.
    pub(crate) fn body_is_next(&self) -> bool {
        self.is_first_look.get() && self.intake.owes_answer()
    }

    /// Somebody has all that came of the request's body, and waits for more.
    pub(crate) fn body_is_awaited(&self) {
        if self.ahead.await_body() {
            self.wake();
        }
    }

    /// The request's body was read to its end.
    pub(crate) fn body_was_read(&self) {
        self.ahead.body_is_whole();
        self.enter(Phase::Answer);
    }

    /// Says what the answer under way will close the connection for.
    pub(crate) fn will_close_for(&self, reason: CloseReason) {
        self.closing.otherwise(reason);
    }

    /// What is waited for once an answer is there.
    fn after_answer(&self) {
        self.half_close.answered();
        let all_answered = self.intake.is_all_answered();
        self.enter(if all_answered { Phase::Idle } else { Phase::LeftOver });
    }

    /// The request has its answer, though the caller may not.
    pub(super) fn end(&self) {
        self.intake.answered();
        let all_answered = self.intake.is_all_answered();
        if self.stream.is_open() {
            self.enter(Phase::Answer);
        } else {
            self.after_answer();
        }
        let was_held = self.ahead.answered(all_answered);
        if was_held || self.intake.is_stopped() || self.half_close.is_closed() {
            self.wake();
        }
    }

    /// The answer to the request under way is a stream until [`end_stream`](Self::end_stream): nothing of it is overdue while there
    /// is nothing to write, and it ends at once when its caller closes its side.
    pub(crate) fn begin_stream(&self) {
        self.stream.open();
        self.takes(true);
    }

    /// The stream under way has ended, or its connection has.
    pub(crate) fn end_stream(&self) {
        if self.stream.close() {
            self.after_answer();
        }
    }

    /// What is streamed.
    pub(crate) fn stream(&self) -> &StreamAccount {
        &self.stream
    }

    /// The kernel took bytes of an answer.
    pub(super) fn wrote(&self, bytes: usize) {
        self.stream.wrote(bytes);
        self.blocked.wrote(bytes);
    }

    /// The kernel takes no more.
    pub(super) fn write_blocked(&self) {
        self.blocked.begin(self.thread.now.get());
    }

    /// The HTTP library has all of an answer that hands something over.
    pub(crate) fn hand_over(&self, untaken: Untaken) {
        self.handed_over.hand_over(untaken, self.half_close.is_closed());
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
        if self.blocked.end() {
            // What it waits for now, it waits for from now on.
            self.since.set(self.thread.now.get());
        }
        if self.stream.all_written() {
            self.wake();
        }
    }

    /// Why it is to be closed now.
    pub(super) fn overdue(&self, timeouts: &Timeouts) -> Option<CloseReason> {
        let now = self.thread.now.get();
        if self.blocked.is_blocked() {
            return self.blocked.is_overdue(now, timeouts).then_some(CloseReason::WriteTimeout);
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

    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.is_blocked()
    }

    /// How long it has waited for what it waits for.
    pub(super) fn waited(&self) -> Tick {
        let since = self.blocked.since().unwrap_or(self.since.get());
        self.thread.now.get().wrapping_sub(since)
    }

    /// Why it is to be closed, where it is.
    pub(super) fn closing(&self) -> Option<CloseReason> {
        self.closing.reason()
    }

    /// Whether it is to be closed for no fault of its own and may stay open, as a request has come after all.
    pub(super) fn may_stay_open(&self) -> bool {
        let blameless = matches!(self.closing.reason(), Some(CloseReason::KeepAlive | CloseReason::Cap));
        blameless && self.phase.get() == Phase::Idle && !self.blocked.is_blocked()
    }

    /// Takes back [`close`](Self::close).
    pub(super) fn stay_open(&self) {
        self.closing.take_back();
    }

    /// It is none of its thread's any more.
    pub(super) fn removed(&self) {
        self.closing.end();
    }

    /// Whether a 408 would be the only answer to what has come.
    pub(super) fn may_get_408(&self) -> bool {
        let late = self.closing.reason() == Some(CloseReason::HeadTimeout) && self.phase.get() == Phase::Head;
        late && !self.intake.is_stopped()
    }

    /// Closes it: its stream fails from now on. The first reason counts.
    pub(super) fn close(&self, reason: CloseReason) {
        self.closing.begin(reason);
        self.wake();
    }

    /// Ends it without a further answer.
    pub(crate) fn abandon(&self) {
        self.close(CloseReason::Ordinary);
    }

    fn wake(&self) {
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

    pub(crate) fn close_reason(&self) -> CloseReason {
        self.closing.reason_at_the_end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUTS: Timeouts = Timeouts { head: 10, idle: 100, write: 50, taken: 5 };

    struct TestConnection(Rc<ThreadState>, Connection);

    fn new() -> TestConnection {
        let thread = Rc::new(ThreadState::new(100, 128 << 10));
        let connection = Connection::new(&thread);
        TestConnection(thread, connection)
    }

    impl TestConnection {
        /// A request whose bytes come in these pieces, and what is waited for then.
        #[track_caller]
        fn check(&self, pieces: &[&str], has_body: bool, expected: Phase) {
            for piece in pieces {
                assert_eq!(self.1.read(piece.as_bytes()), piece.len());
            }
            self.1.begin(has_body, false);
            if has_body {
                self.1.body_was_read();
            }
            self.1.end();
            assert_eq!(self.1.phase(), expected, "{pieces:?}");
        }

        fn after(&self, ticks: Tick) -> Option<CloseReason> {
            self.0.now.set(self.0.now.get().wrapping_add(ticks));
            self.1.overdue(&TIMEOUTS)
        }
    }

    const LENGTH: &str = "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n";
    const CHUNKED: &str = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

    #[test]
    fn whole_requests_leave_nothing_over() {
        let connection = new();
        connection.check(&["GET / HTTP/1.1\r\n\r\n"], false, Phase::Idle);
        connection.check(&["GET / HTTP/1.1\r\n", "\r", "\n"], false, Phase::Idle);
        connection.check(&["GET / HTTP/1.1\n\n"], false, Phase::Idle);
        connection.check(&[LENGTH, "hel", "lo"], true, Phase::Idle);
        connection.check(&[CHUNKED, "5\r\nhello\r\n0\r\n\r\n"], true, Phase::Idle);
    }

    #[test]
    fn what_comes_along_is_left_over() {
        for (pieces, has_body) in [
            (["GET / HTTP/1.1\r\n\r\nG"].as_slice(), false),
            (&["GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n"], false),
            (&[LENGTH, "helloG"], true),
            (&[LENGTH, "hello", "G"], true),
            (&[CHUNKED, "5\r\nhello\r\n0\r\n\r\nG"], true),
        ] {
            let connection = new();
            connection.check(pieces, has_body, Phase::LeftOver);
            assert_eq!(connection.after(9), None);
            assert_eq!(connection.after(1), Some(CloseReason::HeadTimeout));
            assert!(!connection.1.may_get_408());
            // Its rest makes a request like any other.
            connection.check(&["ET / HTTP/1.1\r\n\r\n"], false, Phase::Idle);
        }
    }

    #[test]
    fn bodies_that_nobody_reads_are_left_over() {
        let connection = new();
        connection.1.read(CHUNKED.as_bytes());
        connection.1.begin(true, false);
        connection.1.end();
        assert_eq!(connection.1.phase(), Phase::LeftOver);
        assert_eq!(connection.1.read(b"5\r\nhello\r\n"), 10);
        assert_eq!(connection.1.phase(), Phase::LeftOver);
        assert_eq!(connection.1.read(b"0\r\n\r\n"), 5);
        assert_eq!(connection.1.phase(), Phase::Idle, "it has come to its end");
    }

    #[test]
    fn too_much_is_the_reason_for_the_end() {
        let connection = new();
        let name = "n".repeat(200_000);
        assert!(connection.1.read(format!("GET / HTTP/1.1\r\n{name}").as_bytes()) < 200_000);
        assert_eq!(connection.1.close_reason(), CloseReason::Oversized);
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
        connection.check(&["GET / HTTP/1.1\r\n\r\n"], false, Phase::Idle);
        assert_eq!(connection.after(99), None);
        connection.1.read(b"G");
        assert_eq!(connection.after(9), None);
        connection.1.read(b"E");
        assert_eq!(connection.after(1), Some(CloseReason::HeadTimeout), "from the first byte on");
        let connection = new();
        connection.check(&["GET / HTTP/1.1\r\n\r\n"], false, Phase::Idle);
        assert_eq!(connection.after(100), Some(CloseReason::KeepAlive));
    }

    #[test]
    fn requests_under_way_have_the_time_they_need() {
        let connection = new();
        connection.1.read(b"POST / HTTP/1.1\r\n\r\n");
        connection.1.begin(true, false);
        assert_eq!(connection.after(1_000), None);
        connection.1.body_was_read();
        assert_eq!(connection.after(1_000), None);
    }

    #[test]
    fn answers_have_to_be_taken() {
        let connection = new();
        connection.check(&["GET / HTTP/1.1\r\n\r\n"], false, Phase::Idle);
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
