//! The polls of one thread's streams that ask the same of one group, and who gets what they bring.
//!
//! However many streams there are, one poll is under way while they wait; more only while polls come back full. A poll asks for
//! as many messages as there is room for in streams whose reader takes them. Each message goes to the next stream in the line;
//! where the group is ordered, all of one poll go to one stream.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
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
use super::untaken::Untaken;
use crate::gateway::polls::LateMessages;
use crate::gateway::{GatewayError, Received};
use crate::model::{ConsumerGroup, Delivery, Topic, UpstreamHandle};
use crate::tasks::{Stage, Work};
use crate::telemetry::StreamEnd;

/// Most messages of one poll.
const MOST: usize = 32;
/// A poll that brings all it asked for, and at least this many, shows that there is more than one poll can bring.
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
    topic: Topic,
    group: ConsumerGroup,
    ordered: bool,
    receive: Box<dyn Fn(u32) -> Work<Result<Received, GatewayError>>>,
    hidden_for: Box<dyn Fn(&Delivery) -> Duration>,
    streams: Arc<Streams>,
    pub(super) freed: Arc<Freed>,
    pub(super) untaken: Rc<Untaken>,
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
        let Source { topic, group, ordered, receive, hidden_for, late, on_failure } = source;
        Self {
            topic,
            group,
            ordered,
            receive,
            hidden_for,
            streams: Arc::clone(streams),
            freed: Arc::default(),
            untaken: Rc::new(Untaken::new(late)),
            seats: RefCell::default(),
            line: RefCell::default(),
            failing: RefCell::default(),
            on_failure,
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
        if self.ordered && self.untaken.go_back() {
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
                room = if self.ordered { room.max(free) } else { room + free };
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
            let until = self.streams.until((self.hidden_for)(&delivery));
            Arrived { delivery, handle, memory, until }
        });
        self.give(arrived.collect());
    }

    /// Gives messages to streams; those that nobody takes go back to the MQ, where it takes them.
    fn give(&self, mut messages: VecDeque<Arrived>) {
        if self.ordered {
            // In order only at one reader, even where one message is more than it has places.
            let count = messages.len();
            if count > 0
                && let Some(seat) = self.next_taker(count)
            {
                messages.drain(..).for_each(|message| self.hand(&seat, message));
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
        messages.into_iter().for_each(|message| self.untaken.add(message.delivery.handle));
        self.untaken.let_go();
    }

    fn hand(&self, seat: &Seat, Arrived { delivery, handle, memory, until }: Arrived) {
        let key = self.key(&delivery.handle);
        self.streams.holders.take(&seat.places, key, until);
        let ticket = Ticket::new(&self.streams, &self.untaken, key, &delivery.handle);
        seat.give(StreamedMessage { delivery, handle, memory, ticket, until });
    }

    fn key(&self, handle: &UpstreamHandle) -> super::places::DeliveryKey {
        self.streams.holders.key(self.topic.as_str(), self.group.as_str(), handle.as_str())
    }

    /// The next stream with room for `count`: the first in line, else the one that has most; else, where the MQ takes nothing
    /// back, one whose reader has become slow since the poll began.
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
        let slow = || if self.untaken.go_back() { None } else { self.with_most(Seat::space) };
        self.with_most(Seat::room).or_else(slow)
    }

    fn with_most(&self, room: impl Fn(&Seat) -> usize) -> Option<Rc<Seat>> {
        let seats = self.seats.borrow();
        let rooms = seats.values().map(|seat| (room(seat), seat)).filter(|(room, _)| *room > 0);
        rooms.max_by_key(|(room, seat)| (*room, Reverse(seat.places.stream))).map(|(_, seat)| Rc::clone(seat))
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
        f.debug_struct("Feed").field("topic", &self.topic).field("group", &self.group).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::FutureExt as _;

    use super::*;
    use crate::clock::Clock;
    use crate::gateway::{GiveBack, ReceiptHandle};
    use crate::memory::MemoryBudget;
    use crate::model::UnixMillis;
    use crate::telemetry::Metrics;
    use crate::upstream::{UpstreamError, UpstreamErrorKind};

    /// The bodies that each poll brings.
    type Answers = Rc<RefCell<VecDeque<Result<Vec<String>, GatewayError>>>>;

    struct Fixture {
        feed: Rc<Feed>,
        streams: Arc<Streams>,
        /// What the next polls come to.
        answers: Answers,
        /// How many messages polls asked for.
        asked: Rc<RefCell<Vec<u32>>>,
        given_back: Arc<Mutex<Vec<String>>>,
        failures: Rc<Cell<usize>>,
        stage: watch::Sender<Stage>,
    }

    impl Fixture {
        fn new(ordered: bool) -> Self {
            Self::of_an_mq(ordered, true)
        }

        fn of_an_mq(ordered: bool, takes_back: bool) -> Self {
            let metrics = Metrics::new().unwrap();
            let given_back: Arc<Mutex<Vec<String>>> = Arc::default();
            let seen = Arc::clone(&given_back);
            let give_back = GiveBack::for_tests(move |handles| {
                seen.lock().unwrap().extend(handles.iter().map(|handle| handle.as_str().to_owned()));
            });
            let late = LateMessages {
                topic: Topic::parse("t").unwrap(),
                give_back: takes_back.then_some(give_back),
                metrics: Arc::new(metrics.upstream.late_messages("main")),
            };
            let answers = Answers::default();
            let asked: Rc<RefCell<Vec<u32>>> = Rc::default();
            let failures: Rc<Cell<usize>> = Rc::default();
            let (to_come, ask, fail) = (Rc::clone(&answers), Rc::clone(&asked), Rc::clone(&failures));
            let receive = Box::new(move |most| -> Work<Result<Received, GatewayError>> {
                ask.borrow_mut().push(most);
                match to_come.borrow_mut().pop_front() {
                    Some(answer) => Box::pin(std::future::ready(answer.map(received))),
                    None => Box::pin(std::future::pending()),
                }
            });
            let source = Source {
                topic: Topic::parse("t").unwrap(),
                group: ConsumerGroup::parse("g").unwrap(),
                ordered,
                receive,
                hidden_for: Box::new(|_| Duration::from_secs(60)),
                late,
                on_failure: Box::new(move |_| fail.set(fail.get() + 1)),
            };
            let clock = Clock::manual(UnixMillis(600_000));
            let streams = Arc::new(Streams::new(10, &MemoryBudget::new(1 << 20), Duration::ZERO, clock, metrics));
            let feed = Rc::new(Feed::new(source, &streams));
            Self { feed, streams, answers, asked, given_back, failures, stage: watch::Sender::new(Stage::Serving) }
        }

        fn seat(&self, places: usize, is_blocked: &Rc<Cell<bool>>) -> Rc<Seat> {
            let (open, is_blocked) = (self.streams.enter().unwrap(), Rc::clone(is_blocked));
            let seat = Rc::new(Seat::new(open.places(places, &self.feed.freed), 0, Box::new(move || is_blocked.get())));
            self.feed.join(&seat);
            seat
        }

        fn answer(&self, ids: &[&str]) {
            self.answers.borrow_mut().push_back(Ok(ids.iter().map(|id| (*id).to_owned()).collect()));
        }

        /// Runs until nothing happens for a while.
        async fn run(&self) {
            let run = Rc::clone(&self.feed).run(self.stage.subscribe());
            drop(tokio::time::timeout(Duration::from_millis(100), run).await);
        }
    }

    fn received(ids: Vec<String>) -> Received {
        let deliver = |id: &String| {
            // By a clock that is far behind ours.
            (Delivery::for_tests(id), ReceiptHandle::for_tests(id))
        };
        Received {
            messages: ids.iter().map(deliver).collect(),
            applied_max_messages: None,
            applied_visibility_timeout: None,
            memory: MemoryBudget::new(1 << 20).charge(),
            recall: None,
        }
    }

    /// The ids of what a stream was given, which is written then.
    fn written(seat: &Seat) -> Vec<String> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let mut ids = Vec::new();
        while let std::task::Poll::Ready(super::super::StreamEvent::Message(message)) =
            seat.poll_next(&context, 0, Duration::ZERO)
        {
            ids.push(message.delivery.message_id.as_str().to_owned());
            message.ticket.written();
            context = std::task::Context::from_waker(std::task::Waker::noop());
        }
        ids
    }

    fn free() -> Rc<Cell<bool>> {
        Rc::default()
    }

    #[tokio::test(start_paused = true)]
    async fn messages_are_shared_out_and_no_more_are_asked_for_than_there_are_places() {
        let fixture = Fixture::new(false);
        let [one, two] = [fixture.seat(2, &free()), fixture.seat(1, &free())];
        fixture.answer(&["1", "2", "3"]);
        fixture.run().await;
        assert_eq!(*fixture.asked.borrow(), [3], "and no further poll without a place");
        assert_eq!((written(&one), written(&two)), (vec!["1".to_owned(), "3".to_owned()], vec!["2".to_owned()]));
        let (topic, group) = (Topic::parse("t").unwrap(), ConsumerGroup::parse("g").unwrap());
        fixture.streams.settled(&topic, &group, || "2".to_owned());
        fixture.run().await;
        assert_eq!(*fixture.asked.borrow(), [3, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_in_order_goes_to_one_stream() {
        let fixture = Fixture::new(true);
        let [small, large] = [fixture.seat(1, &free()), fixture.seat(3, &free())];
        fixture.answer(&["1", "2", "3"]);
        fixture.run().await;
        assert_eq!(fixture.asked.borrow().first(), Some(&3), "as many as one of them takes");
        assert_eq!((written(&small), written(&large)), (vec![], vec!["1".to_owned(), "2".to_owned(), "3".to_owned()]));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_in_order_and_too_much_goes_to_the_one_with_the_most_room() {
        let fixture = Fixture::new(true);
        let [small, large] = [fixture.seat(1, &free()), fixture.seat(3, &free())];
        fixture.answer(&["1", "2", "3", "4"]);
        fixture.run().await;
        assert_eq!((written(&small).len(), written(&large)), (0, ["1", "2", "3", "4"].map(str::to_owned).to_vec()));
        assert!(fixture.given_back.lock().unwrap().is_empty());
        assert_eq!(large.places.free(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_in_order_goes_back_in_order_when_its_reader_leaves_or_the_process_stops() {
        for stops in [false, true] {
            let fixture = Fixture::new(true);
            let [leaving, staying] = [fixture.seat(4, &free()), fixture.seat(1, &free())];
            fixture.answer(&["1", "2", "3"]);
            fixture.run().await;
            if stops {
                fixture.feed.stop();
            } else {
                fixture.feed.leave(&leaving);
            }
            assert_eq!(*fixture.given_back.lock().unwrap(), ["1", "2", "3"]);
            assert!(written(&staying).is_empty() && written(&leaving).is_empty());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn readers_that_became_slow_get_only_what_the_mq_does_not_take_back() {
        for takes_back in [true, false] {
            let fixture = Fixture::of_an_mq(false, takes_back);
            let blocked = free();
            let seat = fixture.seat(2, &blocked);
            let context = std::task::Context::from_waker(std::task::Waker::noop());
            let mut run = Box::pin(Rc::clone(&fixture.feed).run(fixture.stage.subscribe()));
            assert!(run.as_mut().now_or_never().is_none(), "a poll is under way");
            blocked.set(true);
            fixture.feed.brought(received(["1", "2", "3"].map(str::to_owned).to_vec()));
            let given_back = fixture.given_back.lock().unwrap().clone();
            if takes_back {
                assert_eq!(given_back, ["1", "2", "3"]);
                assert!(seat.poll_next(&context, 0, Duration::ZERO).is_pending());
            } else {
                assert!(given_back.is_empty());
                assert_eq!(written(&seat), ["1", "2"], "as many as it has places");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_a_reader_is_bounded_in_bytes() {
        let fixture = Fixture::new(false);
        let seat = fixture.seat(100, &free());
        fixture.feed.brought(received(vec!["x".repeat(600_000)]));
        assert_eq!(seat.room(), 63);
        fixture.feed.brought(received(vec!["y".repeat(600_000)]));
        assert_eq!(seat.room(), 0);
        written(&seat);
        assert_eq!(seat.room(), 64);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_gets_nothing_until_it_has_read() {
        let fixture = Fixture::new(false);
        let blocked = free();
        let seat = fixture.seat(5, &blocked);
        blocked.set(true);
        fixture.run().await;
        assert!(fixture.asked.borrow().is_empty());
        blocked.set(false);
        fixture.feed.may_take_more(&seat);
        fixture.run().await;
        assert_eq!(*fixture.asked.borrow(), [5]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_one_who_left_has_not_read_goes_to_others_or_back() {
        let fixture = Fixture::new(false);
        let [leaving, staying] = [fixture.seat(2, &free()), fixture.seat(2, &free())];
        fixture.answer(&["1", "2", "3"]);
        fixture.run().await;
        assert!(!fixture.feed.leave(&leaving));
        assert_eq!(written(&staying), ["2", "1"]);
        assert_eq!(*fixture.given_back.lock().unwrap(), ["3"], "the other one has no place for it");
        assert!(fixture.feed.leave(&staying), "the last one");
        assert!(Rc::clone(&fixture.feed).run(fixture.stage.subscribe()).now_or_never().is_some(), "the feed ends");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_mq_is_asked_with_pauses_and_streams_hear_of_it_once() {
        let fixture = Fixture::new(false);
        let seat = fixture.seat(1, &free());
        let error = || GatewayError::from(UpstreamError::new(UpstreamErrorKind::Timeout, "x"));
        (0..6).for_each(|_| fixture.answers.borrow_mut().push_back(Err(error())));
        let run = Rc::clone(&fixture.feed).run(fixture.stage.subscribe());
        drop(tokio::time::timeout(Duration::from_secs(8), run).await);
        assert_eq!((fixture.asked.borrow().len(), fixture.failures.get()), (5, 5), "after 0, 0.5, 1.5, 3.5 and 7.5 s");
        let context = std::task::Context::from_waker(std::task::Waker::noop());
        let told = || seat.poll_next(&context, 0, Duration::ZERO).is_ready();
        assert!(told() && !told());
        let late = fixture.seat(1, &free());
        assert!(late.poll_next(&context, 0, Duration::ZERO).is_ready(), "who comes meanwhile hears of it, too");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_asked_when_the_process_stops() {
        let fixture = Fixture::new(false);
        let _seat = fixture.seat(1, &free());
        fixture.stage.send_replace(Stage::Stopping);
        assert!(Rc::clone(&fixture.feed).run(fixture.stage.subscribe()).now_or_never().is_some());
        assert!(fixture.asked.borrow().is_empty());
    }
}
