//! What an answer hands over, until it is known that its caller has it.
//!
//! That the kernel took an answer does not say that anybody got it: its caller may be gone. A [`HandedOver`] stays with its
//! connection until that shows:
//!
//! - not all of it was written: it was not taken;
//! - the next request came after it was written: it was taken;
//! - the connection was reset soon: it was not taken, since a kernel resets what is closed with bytes unread, or what comes
//!   for somebody who is gone;
//! - the connection ended in order: it was taken once the caller's kernel has acknowledged all of it, and the end. Where
//!   that takes time, a [`Leaving`] waits for it.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;

use super::tick::Tick;

/// A reset so much later, in milliseconds, has other reasons: its caller has had the answer for long.
const RESET_WITHIN: Tick = 10_000;
/// How long the end of a connection is waited for, in milliseconds.
const LEAVES_WITHIN: Tick = 2_000;
/// Most ends that one thread waits for: the others count as in order.
const MOST_LEAVING: usize = 256;

/// Something that an answer hands over, and what is done when it is not taken: at the latest when this is dropped.
pub(crate) struct Untaken(Option<Box<dyn FnOnce()>>);

impl Untaken {
    /// `give_back` runs where the answer is not taken.
    pub(crate) fn new(give_back: impl FnOnce() + 'static) -> Self {
        Self(Some(Box::new(give_back)))
    }

    /// The caller has it.
    pub(crate) fn taken(mut self) {
        self.0 = None;
    }
}

impl Drop for Untaken {
    fn drop(&mut self) {
        if let Some(give_back) = self.0.take() {
            give_back();
        }
    }
}

impl fmt::Debug for Untaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Untaken").finish_non_exhaustive()
    }
}

/// How a connection ended, as far as its reads and writes have shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The caller closed its side.
    Closed,
    /// It broke off.
    Broken,
}

/// The last answer on a connection that handed something over.
#[derive(Debug, Default)]
pub(super) struct HandedOver(RefCell<Option<Answer>>);

#[derive(Debug)]
struct Answer {
    /// Also those of answers before it whose caller has not gone on since: it had sent its requests one behind the other.
    untaken: Vec<Untaken>,
    /// Since when the kernel has all of it.
    written: Option<Tick>,
    /// The caller had closed its side when it was handed over, and may read it all the same.
    half_closed: bool,
    /// The caller closed its side after that.
    closed: bool,
}

fn taken(untaken: Vec<Untaken>) {
    untaken.into_iter().for_each(Untaken::taken);
}

impl HandedOver {
    /// The HTTP library has all of the answer, and the kernel not yet. `half_closed`: the caller has closed its side.
    pub(super) fn hand_over(&self, untaken: Untaken, half_closed: bool) {
        let mut all = self.0.take().map(|earlier| earlier.untaken).unwrap_or_default();
        all.push(untaken);
        self.0.replace(Some(Answer { untaken: all, written: None, half_closed, closed: false }));
    }

    /// The kernel has all there was.
    pub(super) fn all_written(&self, now: Tick) {
        if let Some(answer) = &mut *self.0.borrow_mut() {
            answer.written.get_or_insert(now);
        }
    }

    /// More came from the caller.
    pub(super) fn went_on(&self) {
        let seen = self.0.borrow_mut().take_if(|answer| answer.written.is_some());
        if let Some(answer) = seen {
            taken(answer.untaken);
        }
    }

    /// The connection has ended, as far as its reads and writes show.
    pub(super) fn ended(&self, end: End, now: Tick) {
        if end == End::Closed {
            if let Some(answer) = &mut *self.0.borrow_mut() {
                answer.closed = !answer.half_closed;
            }
            return;
        }
        let Some(Answer { untaken, written, .. }) = self.0.take() else { return };
        match written {
            Some(written) if now.wrapping_sub(written) >= RESET_WITHIN => taken(untaken),
            Some(_) | None => drop(untaken),
        }
    }

    /// The connection's stream is about to be dropped; what is left is to be waited for.
    pub(super) fn leave(&self, stream: &impl AsFd, now: Tick) -> Option<Leaving> {
        let Answer { untaken, written, closed, .. } = self.0.take()?;
        if now.wrapping_sub(written?) >= RESET_WITHIN {
            taken(untaken);
            return None;
        }
        match stream.as_fd().try_clone_to_owned() {
            Ok(stream) => {
                let stream = TcpStream::from(stream);
                // The end is acknowledged after all that was before it. It may be closed already.
                drop(stream.shutdown(Shutdown::Write));
                Leaving { stream, untaken, closed, since: now }.look(now)
            }
            Err(error) => {
                tracing::debug!(%error, "the end of a connection cannot be watched: its answer counts as taken");
                taken(untaken);
                None
            }
        }
    }
}

/// A connection of which only the end is waited for. Dropped before, its answer counts as taken: whoever ends in order has it.
#[derive(Debug)]
pub(super) struct Leaving {
    stream: TcpStream,
    untaken: Vec<Untaken>,
    /// The caller has closed its side since it was handed over.
    closed: bool,
    since: Tick,
}

impl Leaving {
    /// Decides, or returns what is to be looked at again.
    fn look(mut self, now: Tick) -> Option<Self> {
        // The kernel forgets the peer of a connection that is over: all was acknowledged, or it was reset.
        let is_over = matches!(self.stream.peer_addr(), Err(error) if error.kind() == io::ErrorKind::NotConnected);
        let too_long = now.wrapping_sub(self.since) >= LEAVES_WITHIN;
        let was_taken = match (is_over, too_long) {
            (true, _) => matches!(self.stream.take_error(), Ok(None)),
            // Closed at both ends, and not all of it was acknowledged: nobody is there.
            (false, true) => !self.closed,
            (false, false) => return Some(self),
        };
        if !was_taken {
            self.untaken.clear();
        }
        None
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        taken(std::mem::take(&mut self.untaken));
    }
}

/// The ends that one thread waits for.
#[derive(Debug, Default)]
pub(super) struct Leavers(RefCell<Vec<Leaving>>);

impl Leavers {
    pub(super) fn add(&self, leaving: Leaving) {
        let mut leavers = self.0.borrow_mut();
        if leavers.len() < MOST_LEAVING {
            leavers.push(leaving);
        }
    }

    pub(super) fn look(&self, now: Tick) {
        let leavers = self.0.take();
        let still = leavers.into_iter().filter_map(|leaving| leaving.look(now)).collect();
        self.0.replace(still);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::rc::Rc;

    use super::*;

    /// An answer handed over, and whether it was given back.
    fn answer() -> (HandedOver, Rc<Cell<bool>>) {
        let (handed_over, given_back) = (HandedOver::default(), Rc::new(Cell::new(false)));
        let seen = Rc::clone(&given_back);
        handed_over.hand_over(Untaken::new(move || seen.set(true)), false);
        (handed_over, given_back)
    }

    #[test]
    fn what_came_of_an_answer_decides() {
        let check = |written: Option<Tick>, events: &[fn(&HandedOver)], expected: bool| {
            let (handed_over, given_back) = answer();
            written.inspect(|now| handed_over.all_written(*now));
            events.iter().for_each(|event| event(&handed_over));
            assert_eq!(given_back.get(), expected, "{written:?}");
        };
        let broken: fn(&HandedOver) = |it| it.ended(End::Broken, RESET_WITHIN);
        let closed: fn(&HandedOver) = |it| it.ended(End::Closed, RESET_WITHIN);
        let went_on: fn(&HandedOver) = HandedOver::went_on;
        check(None, &[closed], false); // it may read on
        check(None, &[closed, broken], true);
        check(None, &[broken], true);
        check(None, &[went_on], false); // not yet
        check(None, &[went_on, broken], true);
        check(Some(1), &[broken], true);
        check(Some(0), &[broken], false);
        check(Some(1), &[closed], false);
        check(Some(1), &[closed, broken], true);
        check(Some(1), &[went_on, broken], false);
    }

    #[test]
    fn an_answer_that_is_dropped_with_its_connection_was_not_taken() {
        let (handed_over, given_back) = answer();
        drop(handed_over);
        assert!(given_back.get());
    }

    /// Two ends of a connection on which the server has written.
    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        server.write_all(b"answer").unwrap();
        (server, client)
    }

    /// What comes of an answer whose stream is dropped in order, after `looks` looks.
    fn left(server: TcpStream, mut client: impl FnMut(usize), closed: bool) -> bool {
        let (handed_over, given_back) = answer();
        handed_over.all_written(0);
        if closed {
            handed_over.ended(End::Closed, 0);
        }
        let leavers = Leavers::default();
        if let Some(leaving) = handed_over.leave(&server, 0) {
            leavers.add(leaving);
        }
        drop(server);
        for look in 0..=10 {
            client(look);
            leavers.look(u32::try_from(look).unwrap() * LEAVES_WITHIN / 10);
        }
        assert!(leavers.0.borrow().is_empty());
        given_back.get()
    }

    #[test]
    fn whoever_reads_its_answer_and_closes_has_taken_it() {
        let (server, client) = pair();
        let mut client = Some(client);
        let read_and_close = |_| {
            if let Some(mut client) = client.take() {
                assert_eq!(client.read(&mut [0; 100]).unwrap(), 6);
            }
        };
        assert!(!left(server, read_and_close, false));
    }

    #[test]
    fn whoever_closes_with_an_answer_unread_has_not() {
        let (server, client) = pair();
        let mut client = Some(client);
        assert!(left(server, |_| drop(client.take()), false));
    }

    #[test]
    fn whoever_takes_long_may_have() {
        let (server, client) = pair();
        assert!(!left(server, |_| (), false));
        drop(client);
    }

    #[test]
    fn whoever_closed_its_side_before_and_reads_the_answer_has_taken_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(server.read(&mut [0; 1]).unwrap(), 0);
        server.write_all(b"answer").unwrap();
        let mut client = Some(client);
        let read_and_close = |_| {
            if let Some(mut client) = client.take() {
                assert_eq!(client.read(&mut [0; 100]).unwrap(), 6);
            }
        };
        assert!(!left(server, read_and_close, true));
    }

    #[test]
    fn whoever_closed_before_the_answer_has_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        drop(client);
        assert_eq!(server.read(&mut [0; 1]).unwrap(), 0);
        server.write_all(b"answer").unwrap();
        assert!(left(server, |_| (), true));
    }
}
