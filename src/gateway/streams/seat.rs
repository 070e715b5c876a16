//! One stream, as its feed and its reader see it: what waits to be written, and whether there is room for more.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::message::StreamedMessage;
use super::places::Places;
use crate::gateway::GatewayError;
use crate::telemetry::StreamEnd;

/// What is to be written to a stream next.
#[derive(Debug)]
pub enum StreamEvent {
    /// A message.
    Message(Box<StreamedMessage>),
    /// Receiving fails, and is tried again.
    Failing(Box<GatewayError>),
    /// Nothing was written for long: a sign of life.
    Ping,
    /// Nothing follows.
    End(StreamEnd),
}

/// Most messages that wait to be written to one stream: polls may be under way when its reader becomes slow.
const MOST_WAITING: usize = 64;
/// Once its inbox holds this many bytes, no more messages are asked for.
const MOST_WAITING_BYTES: usize = 1 << 20;

/// One open stream.
pub(super) struct Seat {
    pub(super) places: Arc<Places>,
    inbox: RefCell<VecDeque<StreamedMessage>>,
    /// Of the bodies in it.
    inbox_bytes: Cell<usize>,
    failing: RefCell<Option<Box<GatewayError>>>,
    ping_is_due: Cell<bool>,
    end: Cell<Option<StreamEnd>>,
    /// When something was last given to be written, in looks of the thread.
    pub(super) gave_at: Cell<u32>,
    /// It stands in its feed's line of those who take messages.
    pub(super) is_in_line: Cell<bool>,
    /// Whether bytes wait for the reader.
    is_blocked: Box<dyn Fn() -> bool>,
    waker: RefCell<Option<Waker>>,
}

impl Seat {
    pub(super) fn new(places: Arc<Places>, now: u32, is_blocked: Box<dyn Fn() -> bool>) -> Self {
        Self {
            places,
            inbox: RefCell::default(),
            inbox_bytes: Cell::new(0),
            failing: RefCell::default(),
            ping_is_due: Cell::new(false),
            end: Cell::new(None),
            gave_at: Cell::new(now),
            is_in_line: Cell::new(false),
            is_blocked,
            waker: RefCell::default(),
        }
    }

    /// How many messages it takes now: none while its reader is slow.
    pub(super) fn room(&self) -> usize {
        if self.is_blocked() { 0 } else { self.space() }
    }

    /// As [`Self::room`], of a slow reader, too.
    pub(super) fn space(&self) -> usize {
        let left = MOST_WAITING.saturating_sub(self.inbox.borrow().len());
        if self.ends() || left == 0 || self.inbox_bytes.get() >= MOST_WAITING_BYTES {
            return 0;
        }
        self.places.free().min(left)
    }

    /// Whether bytes wait for its reader.
    pub(super) fn is_blocked(&self) -> bool {
        (self.is_blocked)()
    }

    /// Whether it was told to end.
    pub(super) fn ends(&self) -> bool {
        self.end.get().is_some()
    }

    pub(super) fn give(&self, message: StreamedMessage) {
        self.inbox_bytes.set(self.inbox_bytes.get().saturating_add(message.delivery.body.len()));
        self.inbox.borrow_mut().push_back(message);
        self.wake();
    }

    pub(super) fn tell_failing(&self, error: &GatewayError) {
        self.failing.replace(Some(Box::new(error.clone())));
        self.wake();
    }

    pub(super) fn ping(&self) {
        self.ping_is_due.set(true);
        self.wake();
    }

    /// Ends it; the first reason counts.
    pub(super) fn end(&self, reason: StreamEnd) {
        if self.end.get().is_none_or(|before| before == StreamEnd::Draining) {
            self.end.set(Some(reason));
            self.wake();
        }
    }

    /// What was given and not taken by the reader.
    pub(super) fn take_inbox(&self) -> VecDeque<StreamedMessage> {
        self.inbox_bytes.set(0);
        self.inbox.take()
    }

    /// `looks` and `now` are the thread's and the clock's time.
    pub(super) fn poll_next(&self, context: &Context<'_>, looks: u32, now: Duration) -> Poll<StreamEvent> {
        let end = self.end.get();
        // What it has already it gets, where there is time.
        let message = if self.stops_now() { None } else { self.next_message(now) };
        let event = if let Some(message) = message {
            StreamEvent::Message(Box::new(message))
        } else if let Some(end) = end {
            StreamEvent::End(end)
        } else if let Some(error) = self.failing.take() {
            StreamEvent::Failing(error)
        } else if self.ping_is_due.get() {
            StreamEvent::Ping
        } else {
            self.wake_by(context);
            return Poll::Pending;
        };
        self.ping_is_due.set(false);
        self.gave_at.set(looks);
        Poll::Ready(event)
    }

    /// The next message that others do not get meanwhile.
    fn next_message(&self, now: Duration) -> Option<StreamedMessage> {
        let mut inbox = self.inbox.borrow_mut();
        while let Some(message) = inbox.pop_front() {
            self.inbox_bytes.set(self.inbox_bytes.get().saturating_sub(message.delivery.body.len()));
            if message.until > now {
                return Some(message);
            }
        }
        None
    }

    /// Whom to wake when there is something.
    pub(super) fn wake_by(&self, context: &Context<'_>) {
        let mut known = self.waker.borrow_mut();
        if known.as_ref().is_none_or(|known| !known.will_wake(context.waker())) {
            *known = Some(context.waker().clone());
        }
    }

    /// Whether it is to end without what it has.
    pub(super) fn stops_now(&self) -> bool {
        self.end.get().is_some_and(|end| end != StreamEnd::Draining)
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seat").field("stream", &self.places.stream).finish_non_exhaustive()
    }
}
