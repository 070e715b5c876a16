//! One thread's streams: its feeds, and one look at all of them a few times a second, for signs of life, for places of deliveries
//! that others may get by now, and for the end of the process. No stream has a timer.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::FutureExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::feed::{Feed, Source};
use super::process::{LOOK, Open, Streams, ends_after, spread};
use super::seat::{Seat, StreamEvent};
use crate::gateway::{GroupRoute, ReceiveRequest};
use crate::model::{ConsumerGroup, Tag, Topic};
use crate::tasks::{Service, Stage, Work};
use crate::telemetry::StreamEnd;

/// After this many looks without a byte a stream gives a sign of life: every 15 s, below the shortest timeout of proxies.
const SILENCE: u32 = 60;

/// The streams of one thread.
pub(in crate::gateway) struct ThreadStreams {
    streams: Arc<Streams>,
    stage: watch::Receiver<Stage>,
    feeds: RefCell<HashMap<FeedKey, Rc<Feed>>>,
    /// Those that do not run yet.
    new: RefCell<Vec<Work<()>>>,
    came: Notify,
    /// Looks so far.
    looks: Cell<u32>,
    service: OnceCell<Service>,
}

/// What streams of one feed have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct FeedKey {
    topic: Topic,
    group: ConsumerGroup,
    /// In the order of their names.
    tags: Vec<Tag>,
    visibility_timeout: Option<Duration>,
}

impl FeedKey {
    pub(super) fn of(route: &GroupRoute, request: &ReceiveRequest) -> Self {
        let mut tags = request.tags.as_ref().map(|tags| tags.tags().to_vec()).unwrap_or_default();
        tags.sort_unstable();
        let (topic, group) = (route.topic.topic.clone(), route.group.clone());
        Self { topic, group, tags, visibility_timeout: request.visibility_timeout }
    }
}

/// One open stream, until this is dropped.
pub struct MessageStream {
    thread: Rc<ThreadStreams>,
    kind: FeedKey,
    feed: Rc<Feed>,
    seat: Rc<Seat>,
    open: Open,
    ended: Cell<StreamEnd>,
}

/// There are as many streams as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamsFull;

impl ThreadStreams {
    pub(in crate::gateway) fn new(streams: &Arc<Streams>, stage: watch::Receiver<Stage>) -> Self {
        Self {
            streams: Arc::clone(streams),
            stage,
            feeds: RefCell::default(),
            new: RefCell::default(),
            came: Notify::new(),
            looks: Cell::new(0),
            service: OnceCell::new(),
        }
    }

    /// Opens one of this kind; `source` is for the first.
    pub(super) fn open(
        self: &Rc<Self>,
        kind: FeedKey,
        max_in_flight: usize,
        is_blocked: Box<dyn Fn() -> bool>,
        source: impl FnOnce() -> Source,
    ) -> Result<MessageStream, StreamsFull> {
        let open = self.streams.enter().ok_or(StreamsFull)?;
        self.start();
        let known = self.feeds.borrow().get(&kind).filter(|feed| !feed.is_closed()).cloned();
        let feed = known.unwrap_or_else(|| {
            let feed = Rc::new(Feed::new(source(), &self.streams));
            self.feeds.borrow_mut().insert(kind.clone(), Rc::clone(&feed));
            self.new.borrow_mut().push(guarded(Rc::clone(&feed), self.stage.clone()));
            self.came.notify_one();
            feed
        });
        let places = open.places(max_in_flight, &feed.freed);
        // The first sign of life comes sooner, each stream's at another time: streams that were opened together do not give them
        // together.
        let gave_at = self.looks.get().wrapping_sub(spread(open.number) % (SILENCE / 2));
        let seat = Rc::new(Seat::new(places, gave_at, is_blocked));
        feed.join(&seat);
        let thread = Rc::clone(self);
        Ok(MessageStream { thread, kind, feed, seat, open, ended: Cell::new(StreamEnd::HungUp) })
    }

    /// Starts to look after streams with the first one.
    fn start(self: &Rc<Self>) {
        self.service.get_or_init(|| {
            let thread = Rc::clone(self);
            Service::start_local("streams", |stop| stop.interrupts(thread.run()))
        });
    }

    async fn run(self: Rc<Self>) {
        let mut stage = self.stage.clone();
        let mut feeds: FuturesUnordered<Work<()>> = FuturesUnordered::new();
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut draining_since = (*stage.borrow() != Stage::Serving).then(Instant::now);
        let mut may_change = true;
        loop {
            feeds.extend(self.new.take());
            tokio::select! {
                biased;
                changed = stage.changed(), if may_change => {
                    may_change = changed.is_ok();
                    let stage = *stage.borrow();
                    if stage != Stage::Serving {
                        draining_since.get_or_insert_with(Instant::now);
                    }
                    if stage == Stage::Stopping {
                        self.feeds.borrow().values().for_each(|feed| feed.stop());
                    }
                }
                () = self.came.notified() => {}
                Some(()) = feeds.next(), if !feeds.is_empty() => {}
                _ = look.tick(), if !feeds.is_empty() => {
                    self.look(draining_since.map(|since| since.elapsed()));
                }
            }
        }
    }

    /// Looks at every stream; `draining` is how long the process has been about to stop.
    fn look(&self, draining: Option<Duration>) {
        let now = self.looks.get().wrapping_add(1);
        self.looks.set(now);
        let reading = self.streams.now();
        // What is woken here runs later.
        for feed in self.feeds.borrow().values() {
            feed.for_each(|seat| {
                self.streams.holders.expire(&seat.places, reading);
                // All places together may have less than their part of the memory again.
                if !seat.is_in_line.get() && seat.room() > 0 {
                    feed.may_take_more(seat);
                }
                if now.wrapping_sub(seat.gave_at.get()) >= SILENCE && !seat.is_blocked() {
                    seat.ping();
                }
                if draining.is_some_and(|since| since >= ends_after(self.streams.drain_delay, seat.places.stream)) {
                    seat.end(StreamEnd::Draining);
                }
            });
            feed.untaken.let_go();
            feed.untaken.tell();
        }
    }
}

/// Runs a feed; a panic in it ends its streams, and no others.
fn guarded(feed: Rc<Feed>, stage: watch::Receiver<Stage>) -> Work<()> {
    Box::pin(async move {
        if AssertUnwindSafe(Rc::clone(&feed).run(stage)).catch_unwind().await.is_err() {
            tracing::error!(?feed, "receiving for streams panicked: they end");
            feed.broke();
        }
    })
}

impl MessageStream {
    /// What is to be written next.
    pub fn poll_next(&self, context: &std::task::Context<'_>) -> std::task::Poll<StreamEvent> {
        let polled = self.seat.poll_next(context, self.thread.looks.get(), self.thread.streams.now());
        if let std::task::Poll::Ready(event) = &polled {
            let metrics = &self.thread.streams.metrics.streams;
            match event {
                StreamEvent::Message(_) => metrics.messages.inc(),
                StreamEvent::Failing(_) => metrics.problems.inc(),
                StreamEvent::Ping => metrics.pings.inc(),
                StreamEvent::End(end) => self.ended.set(*end),
            }
        }
        polled
    }

    /// Its reader has taken all that was written.
    pub fn was_read(&self) {
        if self.seat.room() > 0 {
            self.feed.may_take_more(&self.seat);
        }
    }

    /// Whether it ends now, whatever its reader has not taken.
    #[must_use]
    pub fn stops_now(&self) -> bool {
        self.seat.stops_now()
    }

    /// Whom to wake when there is something to be written, or it ends.
    pub fn wake_by(&self, context: &std::task::Context<'_>) {
        self.seat.wake_by(context);
    }

    /// Says what ends it, where that is not the end that it was told.
    pub fn ends_by(&self, end: StreamEnd) {
        self.ended.set(end);
    }
}

impl Drop for MessageStream {
    fn drop(&mut self) {
        if self.feed.leave(&self.seat) {
            let mut feeds = self.thread.feeds.borrow_mut();
            if feeds.get(&self.kind).is_some_and(|feed| Rc::ptr_eq(feed, &self.feed)) {
                feeds.remove(&self.kind);
            }
        }
        self.open.leave(&self.seat.places);
        self.open.ended(self.ended.get());
    }
}

impl std::fmt::Debug for MessageStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MessageStream").field("feed", &self.feed).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ThreadStreams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ThreadStreams").field("feeds", &self.feeds.borrow().len()).finish_non_exhaustive()
    }
}
