//! The polls of one thread's streams that ask the same of one group, and who gets what they bring.
//!
//! However many streams there are, one poll is under way while they wait; more only while polls come back full. A poll asks for as many
//! messages as there is room for in streams whose reader takes them. Each message goes to the next stream in the line; where the
//! group is ordered, all of one poll go to one stream.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::message::{Arrived, StreamedMessage, Ticket};
use super::places::Freed;
use super::process::Streams;
use super::seat::Seat;
use crate::gateway::polls::LateMessages;
use crate::gateway::{GatewayError, GroupRoute, Received};
use crate::model::UpstreamHandle;
use crate::tasks::{Stage, Work};
use crate::telemetry::StreamEnd;

/// Most messages of one poll.
const MOST: usize = 32;
/// A poll that brings as many as it asked for, at least so many, shows that there is more than one poll can bring.
const MANY: usize = 8;
/// Most polls at once.
const MOST_POLLS: usize = 4;
/// After a failure, doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(16);
/// Polls that bring nothing, and do not wait either, follow each other no faster.
const SHORTEST_ROUND: Duration = Duration::from_secs(1);

/// Where a feed's messages come from, and what becomes of those that nobody takes.
pub(super) struct Source {
    pub(super) route: GroupRoute,
    /// Polls for at most so many.
    pub(super) receive: Box<dyn Fn(u32) -> Work<Result<Received, GatewayError>>>,
    pub(super) late: LateMessages,
    /// Counts and logs a failed poll.
    pub(super) on_failure: Box<dyn Fn(&GatewayError)>,
}

/// One feed.
pub(super) struct Feed {
    route: GroupRoute,
    receive: Box<dyn Fn(u32) -> Work<Result<Received, GatewayError>>>,
    streams: Arc<Streams>,
    pub(super) freed: Arc<Freed>,
    late: Rc<LateMessages>,
    seats: RefCell<HashMap<u64, Rc<Seat>>>,
    /// Those who may have room, first come first served.
    line: RefCell<VecDeque<Rc<Seat>>>,
    /// What the last poll failed by.
    failing: RefCell<Option<GatewayError>>,
    on_failure: Box<dyn Fn(&GatewayError)>,
    is_closed: Cell<bool>,
}

/// One poll's answer, and how many messages were asked for.
type Answer = (usize, Instant, Result<Received, GatewayError>);

impl Feed {
    pub(super) fn new(source: Source, streams: &Arc<Streams>) -> Self {
        let Source { route, receive, late, on_failure } = source;
        Self {
            route,
            receive,
            streams: Arc::clone(streams),
            freed: Arc::default(),
            late: Rc::new(late),
            seats: RefCell::default(),
            line: RefCell::default(),
            failing: RefCell::default(),
            on_failure,
            is_closed: Cell::new(false),
        }
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
        let left: VecDeque<_> = seat.take_inbox().into_iter().map(StreamedMessage::take_back).collect();
        self.give(left);
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

    /// Polls as long as there are streams, and the process does not stop.
    pub(super) async fn run(self: Rc<Self>, stage: watch::Receiver<Stage>) {
        let mut polls: FuturesUnordered<Work<Answer>> = FuturesUnordered::new();
        let (mut asked_for, mut at_once, mut failures) = (0, 1, 0);
        let mut not_before = Instant::now();
        while !self.is_closed.get() && *stage.borrow() != Stage::Stopping {
            self.line_up_freed();
            while polls.len() < at_once && not_before <= Instant::now() {
                let room = self.room(asked_for + MOST).saturating_sub(asked_for).min(MOST);
                if room == 0 {
                    break;
                }
                asked_for += room;
                polls.push(self.poll(room));
            }
            let is_pausing = not_before > Instant::now();
            tokio::select! {
                biased;
                Some((asked, began, answer)) = polls.next(), if !polls.is_empty() => {
                    asked_for -= asked;
                    match answer {
                        Ok(received) => {
                            failures = 0;
                            self.failing.take();
                            let count = received.messages.len();
                            let is_full = count >= MANY && received.applied_max_messages.map_or(asked, |it| it as usize) <= count;
                            at_once = if is_full { MOST_POLLS.min(at_once + 1) } else { 1 };
                            if count == 0 {
                                not_before = not_before.max(began + SHORTEST_ROUND);
                            }
                            self.brought(received);
                        }
                        Err(error) => {
                            not_before = Instant::now() + pause(failures);
                            failures += 1;
                            at_once = 1;
                            self.failed(&error);
                        }
                    }
                }
                () = self.freed.wake.notified() => {}
                () = sleep_until(not_before), if is_pausing => {}
            }
        }
    }

    fn poll(&self, room: usize) -> Work<Answer> {
        let (began, poll) = (Instant::now(), (self.receive)(u32::try_from(room).unwrap_or(u32::MAX)));
        Box::pin(async move { (room, began, poll.await) })
    }

    /// Streams whose places were freed, on whatever thread, stand in line again.
    fn line_up_freed(&self) {
        for number in self.freed.take() {
            let seat = self.seats.borrow().get(&number).cloned();
            if let Some(seat) = seat {
                self.may_take_more(&seat);
            }
        }
    }

    /// How many messages one poll may bring, up to `enough`. Who has no room leaves the line: it comes back when it has.
    fn room(&self, enough: usize) -> usize {
        let mut line = self.line.borrow_mut();
        let (mut room, mut index) = (0_usize, 0);
        while room < enough {
            let Some(seat) = line.get(index) else { break };
            let free = seat.room();
            if free > 0 {
                room = if self.route.ordered { room.max(free) } else { room + free };
                index += 1;
            } else if let Some(seat) = line.remove(index) {
                seat.is_in_line.set(false);
            }
        }
        room
    }

    /// Hands on what a poll has brought.
    fn brought(&self, received: Received) {
        let Received { messages, mut memory, .. } = received;
        let arrived = messages.into_iter().map(|(delivery, handle)| {
            let memory = memory.split_off(delivery.body.len().saturating_mul(2));
            Arrived { delivery, handle, memory }
        });
        self.give(arrived.collect());
    }

    /// Gives messages to streams; those that nobody takes go back to the MQ, where it takes them.
    fn give(&self, mut messages: VecDeque<Arrived>) {
        if self.route.ordered {
            // In order only at one reader.
            let count = messages.len();
            if count > 0
                && let Some(seat) = self.next_taker(count)
            {
                messages.into_iter().for_each(|message| self.hand(&seat, message));
                return;
            }
        } else {
            while let Some(message) = messages.pop_front() {
                let Some(seat) = self.next_taker(1) else {
                    messages.push_front(message);
                    break;
                };
                self.hand(&seat, message);
            }
        }
        for Arrived { delivery, .. } in messages {
            self.late.nobody_takes_one(delivery.handle);
        }
    }

    fn hand(&self, seat: &Seat, Arrived { delivery, handle, memory }: Arrived) {
        let key = self.key(&delivery.handle);
        self.streams.holders.take(&seat.places, key, self.streams.until(delivery.visible_again_at));
        let ticket = Ticket::new(&self.streams, &self.late, key, &delivery.handle);
        seat.give(StreamedMessage { delivery, handle, memory, ticket });
    }

    fn key(&self, handle: &UpstreamHandle) -> super::places::DeliveryKey {
        let GroupRoute { topic, group, .. } = &self.route;
        self.streams.holders.key(topic.topic.as_str(), group.as_str(), handle.as_str())
    }

    /// The next stream with room for `count`: the first in line, else one whose reader has become slow since the poll began.
    fn next_taker(&self, count: usize) -> Option<Rc<Seat>> {
        let mut line = self.line.borrow_mut();
        for _ in 0..line.len() {
            let Some(seat) = line.pop_front() else { break };
            let room = seat.room();
            if room > 0 {
                line.push_back(Rc::clone(&seat));
            } else {
                seat.is_in_line.set(false);
            }
            if room >= count {
                return Some(seat);
            }
        }
        drop(line);
        let seats = self.seats.borrow();
        seats.values().find(|seat| !seat.ends() && seat.places.free() >= count).cloned()
    }

    fn failed(&self, error: &GatewayError) {
        (self.on_failure)(error);
        let is_new = self.failing.borrow().as_ref().is_none_or(|before| before.label() != error.label());
        if is_new {
            self.failing.replace(Some(error.clone()));
            self.seats.borrow().values().for_each(|seat| seat.tell_failing(error));
        }
    }
}

/// The pause after a failure that followed so many others.
fn pause(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST_PAUSE)
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed")
            .field("topic", &self.route.topic.topic)
            .field("group", &self.route.group)
            .finish_non_exhaustive()
    }
}
