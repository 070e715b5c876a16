//! The polls of one thread's streams that ask the same of one group, and who gets what they bring.
//!
//! However many streams there are, one poll is under way while they wait; more only while polls come back full. A poll asks for
//! as many messages as there is room for in streams whose reader takes them. Each message goes to the next stream in the line;
//! where the group is ordered, all of one poll go to one stream.

mod polling;
mod rhythm;
mod sharing;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::message::StreamedMessage;
use super::places::Freed;
use super::process::Streams;
use super::seat::Seat;
use super::untaken::Untaken;
use crate::gateway::polls::LateMessages;
use crate::gateway::{GatewayError, Received};
use crate::model::{ConsumerGroup, Delivery, Topic};
use crate::tasks::Work;
use crate::telemetry::StreamEnd;

/// Where a feed's messages come from, and what becomes of those that nobody takes.
pub(super) struct Source {
    pub(super) topic: Topic,
    pub(super) group: ConsumerGroup,
    /// What a poll brings is to be worked off in order.
    pub(super) ordered: bool,
    /// Polls for at most this many.
    pub(super) receive: Box<dyn Fn(u32) -> Work<Result<Received, GatewayError>>>,
    /// How long a delivery that has just come is hidden from others.
    pub(super) hidden_for: Box<dyn Fn(&Delivery) -> Duration>,
    pub(super) late: LateMessages,
    /// Counts and logs a failed poll.
    pub(super) on_failure: Box<dyn Fn(&GatewayError)>,
}

/// One feed.
pub(super) struct Feed {
    source: Source,
    streams: Arc<Streams>,
    pub(super) freed: Arc<Freed>,
    pub(super) untaken: Rc<Untaken>,
    seats: RefCell<HashMap<u64, Rc<Seat>>>,
    /// Those who may have room, first come first served.
    line: RefCell<VecDeque<Rc<Seat>>>,
    /// What the last poll failed by.
    failing: RefCell<Option<GatewayError>>,
    is_closed: Cell<bool>,
}

impl Feed {
    pub(super) fn new(source: Source, streams: &Arc<Streams>) -> Self {
        Self {
            streams: Arc::clone(streams),
            freed: Arc::default(),
            untaken: Rc::new(Untaken::new(source.late.clone())),
            source,
            seats: RefCell::default(),
            line: RefCell::default(),
            failing: RefCell::default(),
            is_closed: Cell::new(false),
        }
    }

    /// Whether it polls no more.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    /// It met a bug: its streams end, and new ones have another feed.
    pub(super) fn broke(&self) {
        self.is_closed.set(true);
        self.end(StreamEnd::InternalError);
    }

    /// A stream comes.
    pub(super) fn join(&self, seat: &Rc<Seat>) {
        if let Some(error) = &*self.failing.borrow() {
            seat.tell_failing(error);
        }
        self.seats.borrow_mut().insert(seat.places.stream, Rc::clone(seat));
        self.may_take_more(seat);
    }

    /// A stream is gone. What it has not taken others get. Whether it was the last: the feed ends with it.
    pub(super) fn leave(&self, seat: &Seat) -> bool {
        self.seats.borrow_mut().remove(&seat.places.stream);
        self.line.borrow_mut().retain(|other| other.places.stream != seat.places.stream);
        let inbox = seat.take_inbox();
        if self.source.ordered && self.untaken.go_back() {
            // What comes before it others get later: from the MQ, which knows the order.
            drop(inbox);
        } else {
            self.give(inbox.into_iter().map(StreamedMessage::take_back).collect());
        }
        self.untaken.let_go();
        let is_last = self.seats.borrow().is_empty();
        if is_last {
            self.is_closed.set(true);
            self.freed.wake.notify_one();
        }
        is_last
    }

    /// There may be room in a stream again.
    pub(super) fn may_take_more(&self, seat: &Rc<Seat>) {
        if !seat.is_in_line.replace(true) {
            self.line.borrow_mut().push_back(Rc::clone(seat));
            self.freed.wake.notify_one();
        }
    }

    /// Calls `look` with every stream.
    pub(super) fn for_each(&self, look: impl FnMut(&Rc<Seat>)) {
        self.seats.borrow().values().for_each(look);
    }

    /// Ends every stream.
    pub(super) fn end(&self, reason: StreamEnd) {
        self.seats.borrow().values().for_each(|seat| seat.end(reason));
    }

    /// Ends every stream at once: what waits to be written goes back, in its order.
    pub(super) fn stop(&self) {
        self.end(StreamEnd::Stopping);
        let mut seats: Vec<_> = self.seats.borrow().values().cloned().collect();
        seats.sort_unstable_by_key(|seat| seat.places.stream);
        seats.iter().for_each(|seat| drop(seat.take_inbox()));
        self.untaken.let_go();
    }

    fn failed(&self, error: &GatewayError) {
        (self.source.on_failure)(error);
        let is_new = self.failing.borrow().as_ref().is_none_or(|before| before.label() != error.label());
        if is_new {
            self.failing.replace(Some(error.clone()));
            self.seats.borrow().values().for_each(|seat| seat.tell_failing(error));
        }
    }
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed")
            .field("topic", &self.source.topic)
            .field("group", &self.source.group)
            .finish_non_exhaustive()
    }
}
