//! Feeds of streams that need no connection.

use std::sync::Mutex;

use futures_util::FutureExt as _;
use tokio::sync::watch;

use super::*;
use crate::clock::Clock;
use crate::gateway::{GiveBack, ReceiptHandle};
use crate::memory::MemoryBudget;
use crate::model::UnixMillis;
use crate::tasks::Stage;
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
