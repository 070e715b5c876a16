//! What one connection waits for, told by the bytes on it and by the requests that are answered.
//!
//! Only the HTTP library knows where a request ends, and it does not say. What is known: every byte that was read, when
//! a request's head is whole, how long its body was, and when it is answered. A request's bytes are accounted for when
//! the count fits, or when the last bytes read are the empty line that ends a head or a chunked body. If neither holds,
//! something is left over, such as part of a next head that came along: that has as long as a head has.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;

use memchr::memmem::Finder;

use crate::telemetry::CloseReason;

/// Milliseconds on a thread's [`Pulse`]. They wrap: only differences mean something.
pub(super) type Tick = u32;

const END_OF_HEAD: &[u8; 4] = b"\r\n\r\n";

/// One thread's coarse time, and what all its connections share.
#[derive(Debug)]
pub(super) struct Pulse {
    pub(super) now: Cell<Tick>,
    end_of_head: Finder<'static>,
}

impl Default for Pulse {
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
pub(super) struct Patience {
    pub(super) head: Tick,
    pub(super) idle: Tick,
    pub(super) write: Tick,
    /// Fewest bytes taken in `write`.
    pub(super) taken: usize,
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    pulse: Rc<Pulse>,
    phase: Cell<Phase>,
    since: Cell<Tick>,
    /// Bytes read so far, modulo 2^32.
    received: Cell<u32>,
    /// What `received` was at the end of the head that is being read or answered, where that is known.
    head_end: Cell<Option<u32>>,
    /// The last bytes read.
    tail: Cell<[u8; 4]>,
    bodied: Cell<bool>,
    /// Length of the body that was read to its end.
    delivered: Cell<Option<usize>>,
    blocked: Cell<Option<Blocked>>,
    /// Set when it is to end.
    cut: Cell<Option<CloseReason>>,
    noted: Cell<CloseReason>,
    waker: RefCell<Option<Waker>>,
    /// Its place in the table of its [`Watch`](super::Watch).
    pub(super) slot: Cell<usize>,
}

impl Connection {
    pub(super) fn new(pulse: &Rc<Pulse>) -> Self {
        Self {
            pulse: Rc::clone(pulse),
            phase: Cell::new(Phase::Head),
            since: Cell::new(pulse.now.get()),
            received: Cell::new(0),
            head_end: Cell::new(None),
            tail: Cell::default(),
            bodied: Cell::new(false),
            delivered: Cell::new(None),
            blocked: Cell::new(None),
            cut: Cell::new(None),
            noted: Cell::new(CloseReason::Ordinary),
            waker: RefCell::new(None),
            slot: Cell::new(0),
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(self.pulse.now.get());
    }

    /// Bytes were read.
    pub(super) fn read(&self, bytes: &[u8]) {
        match self.phase.get() {
            Phase::Idle => {
                self.enter(Phase::Head);
                self.tail.set([0; 4]);
                self.find_end_of_head(bytes);
            }
            Phase::Head | Phase::LeftOver => self.find_end_of_head(bytes),
            Phase::Body | Phase::Answer => {}
        }
        self.received.set(self.received.get().wrapping_add(truncated(bytes.len())));
        self.tail.set(match bytes.last_chunk::<4>() {
            Some(tail) => *tail,
            None => bytes.iter().fold(self.tail.get(), |[_, b, c, d], byte| [b, c, d, *byte]),
        });
    }

    fn find_end_of_head(&self, bytes: &[u8]) {
        if self.head_end.get().is_some() {
            return;
        }
        let received = self.received.get();
        let mut last = self.tail.get();
        // Split between two reads?
        for (count, byte) in (1..).zip(bytes.iter().take(3)) {
            let [_, b, c, d] = last;
            last = [b, c, d, *byte];
            if last == *END_OF_HEAD {
                self.head_end.set(Some(received.wrapping_add(count)));
                return;
            }
        }
        if let Some(at) = self.pulse.end_of_head.find(bytes) {
            self.head_end.set(Some(received.wrapping_add(truncated(at)).wrapping_add(4)));
        }
    }

    /// A head is whole and its request is about to be answered.
    pub(super) fn begin(&self, bodied: bool) {
        self.bodied.set(bodied);
        self.delivered.set(None);
        self.enter(if bodied { Phase::Body } else { Phase::Answer });
    }

    /// The request's body was read to its end.
    pub(crate) fn body_was_read(&self, bytes: usize) {
        self.delivered.set(Some(bytes));
        self.enter(Phase::Answer);
    }

    /// Says what the answer under way will end the connection for.
    pub(crate) fn note(&self, reason: CloseReason) {
        self.noted.set(reason);
    }

    /// The request has its answer, though the caller may not. `empty` says whether a body that nobody read had no bytes.
    pub(super) fn end(&self, empty: impl FnOnce() -> bool) {
        let end_of_head = self.head_end.take();
        let after_head = |bytes| end_of_head.is_some_and(|end| end.wrapping_add(bytes) == self.received.get());
        let tail = self.tail.get();
        let after_line = tail == *END_OF_HEAD || tail.ends_with(b"\n\n");
        let all_accounted_for = match (self.bodied.get(), self.delivered.get()) {
            (false, _) => after_line,
            (true, Some(bytes)) => after_line || after_head(truncated(bytes)),
            (true, None) => after_line && empty(),
        };
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
            self.blocked.set(Some(Blocked { since: self.pulse.now.get(), taken: 0 }));
        }
    }

    /// The kernel took all there is.
    pub(super) fn all_written(&self) {
        if self.blocked.take().is_some() {
            // What it waits for now, it waits for from now on.
            self.since.set(self.pulse.now.get());
        }
    }

    /// Why it is to be closed now.
    pub(super) fn overdue(&self, patience: &Patience) -> Option<CloseReason> {
        let now = self.pulse.now.get();
        if let Some(blocked) = self.blocked.get() {
            if now.wrapping_sub(blocked.since) < patience.write {
                return None;
            }
            if blocked.taken >= patience.taken {
                self.blocked.set(Some(Blocked { since: now, taken: 0 }));
                return None;
            }
            return Some(CloseReason::WriteTimeout);
        }
        let waited = now.wrapping_sub(self.since.get());
        match self.phase.get() {
            Phase::Head | Phase::LeftOver if waited >= patience.head => Some(CloseReason::HeadTimeout),
            Phase::Idle if waited >= patience.idle => Some(CloseReason::KeepAlive),
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
        self.pulse.now.get().wrapping_sub(since)
    }

    pub(super) fn cut(&self) -> Option<CloseReason> {
        self.cut.get()
    }

    /// Whether it was to end for no fault of its own and may go on, as a request has come after all.
    pub(super) fn may_go_on(&self) -> bool {
        let blameless = matches!(self.cut.get(), Some(CloseReason::KeepAlive | CloseReason::Cap));
        blameless && self.phase.get() == Phase::Idle && self.blocked.get().is_none()
    }

    pub(super) fn go_on(&self) {
        self.cut.set(None);
    }

    /// Whether a 408 would be the only answer to what has come.
    pub(super) fn answerable(&self) -> bool {
        self.cut.get() == Some(CloseReason::HeadTimeout) && self.phase.get() == Phase::Head
    }

    /// Ends it: its stream fails from now on.
    pub(super) fn end_for(&self, reason: CloseReason) {
        self.cut.set(Some(reason));
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Keeps whom to wake.
    pub(super) fn remember(&self, waker: &Waker) {
        let mut known = self.waker.borrow_mut();
        if known.as_ref().is_none_or(|known| !known.will_wake(waker)) {
            *known = Some(waker.clone());
        }
    }

    pub(super) fn close_reason(&self) -> CloseReason {
        self.cut.get().unwrap_or_else(|| self.noted.get())
    }
}

/// Counts wrap, as [`Connection::received`] does.
#[expect(clippy::cast_possible_truncation, reason = "modulo 2^32")]
fn truncated(count: usize) -> u32 {
    count as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience { head: 10, idle: 100, write: 50, taken: 5 };

    struct Bench(Rc<Pulse>, Connection);

    fn new() -> Bench {
        let pulse = Rc::new(Pulse::default());
        let connection = Connection::new(&pulse);
        Bench(pulse, connection)
    }

    impl Bench {
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
            self.1.overdue(&PATIENCE)
        }
    }

    #[test]
    fn whole_requests_leave_nothing_over() {
        let bench = new();
        bench.check(&["GET / HTTP/1.1\r\n\r\n"], None, Phase::Idle);
        bench.check(&["GET / HTTP/1.1\r\n", "\r", "\n"], None, Phase::Idle);
        bench.check(&["GET / HTTP/1.1\n\n"], None, Phase::Idle);
        bench.check(&["POST / HTTP/1.1\r\n\r\nhello"], Some(5), Phase::Idle);
        bench.check(&["POST / HTTP/1.1\r\n\r\n", "hel", "lo"], Some(5), Phase::Idle);
        bench.check(&["POST / HTTP/1.1\r\n\r", "\nhello"], Some(5), Phase::Idle);
        bench.check(&["P", "O", "ST / HTTP/1.1\r", "\n", "\r", "\n", "hello"], Some(5), Phase::Idle);
        bench.check(&["POST / HTTP/1.1\r\n\r\n5\r\nhello\r\n0\r\n\r\n"], Some(5), Phase::Idle);
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
            let bench = new();
            bench.check(pieces, body, Phase::LeftOver);
            assert_eq!(bench.after(9), None);
            assert_eq!(bench.after(1), Some(CloseReason::HeadTimeout));
            assert!(!bench.1.answerable());
            // Its rest makes a request like any other.
            bench.check(&["ET / HTTP/1.1\r\n\r\n"], None, Phase::Idle);
        }
    }

    #[test]
    fn bodies_that_nobody_reads_are_left_over() {
        let bench = new();
        bench.1.read(b"POST / HTTP/1.1\r\n\r\n");
        bench.1.begin(true);
        bench.1.end(|| false);
        assert_eq!(bench.1.phase(), Phase::LeftOver);
        bench.1.read(b"GET / HTTP/1.1\r\n\r\n");
        bench.1.begin(true);
        bench.1.end(|| true);
        assert_eq!(bench.1.phase(), Phase::Idle);
    }

    #[test]
    fn heads_have_less_time_than_idle_connections() {
        let bench = new();
        assert_eq!(bench.after(9), None);
        bench.1.read(b"GET");
        assert_eq!(bench.after(1), Some(CloseReason::HeadTimeout));
        bench.1.end_for(CloseReason::HeadTimeout);
        assert!(bench.1.answerable());
        let bench = new();
        bench.check(&["GET / HTTP/1.1\r\n\r\n"], None, Phase::Idle);
        assert_eq!(bench.after(99), None);
        bench.1.read(b"G");
        assert_eq!(bench.after(9), None);
        bench.1.read(b"E");
        assert_eq!(bench.after(1), Some(CloseReason::HeadTimeout), "from the first byte on");
        let bench = new();
        bench.check(&["GET / HTTP/1.1\r\n\r\n"], None, Phase::Idle);
        assert_eq!(bench.after(100), Some(CloseReason::KeepAlive));
    }

    #[test]
    fn requests_under_way_have_the_time_they_need() {
        let bench = new();
        bench.1.read(b"POST / HTTP/1.1\r\n\r\n");
        bench.1.begin(true);
        assert_eq!(bench.after(1_000), None);
        bench.1.body_was_read(0);
        assert_eq!(bench.after(1_000), None);
    }

    #[test]
    fn answers_have_to_be_taken() {
        let bench = new();
        bench.check(&["GET / HTTP/1.1\r\n\r\n"], None, Phase::Idle);
        bench.1.write_blocked();
        assert_eq!(bench.after(49), None);
        bench.1.wrote(5);
        bench.1.write_blocked();
        assert_eq!(bench.after(1), None, "enough was taken");
        bench.1.wrote(4);
        assert_eq!(bench.after(50), Some(CloseReason::WriteTimeout), "too little was taken");
        bench.1.all_written();
        assert_eq!(bench.after(99), None, "idle from then on");
        assert_eq!(bench.after(1), Some(CloseReason::KeepAlive));
    }
}
