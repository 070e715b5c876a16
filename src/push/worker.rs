//! What one subscription works with on the thread of the pushes, and whose turn it is to send.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::futures::Notified;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use super::board::Board;
use super::live_files::LiveFiles;
use super::pace::Pace;
use super::request::Format;
use super::target::Target;
use super::verdict::Judge;
use crate::clock::Clock;
use crate::config::SubscriptionConfig;
use crate::gateway::{Gateway, GroupRoute, TopicRoute};
use crate::memory::Charge;
use crate::model::{Capabilities, Delivery};
use crate::retry_schedule::RetrySchedule;
use crate::spans::Tracer;
use crate::tasks::Stage;
use crate::telemetry::FailureLog;

/// One subscription at work.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) config: SubscriptionConfig,
    pub(super) gateway: Gateway,
    pub(super) route: GroupRoute,
    pub(super) capabilities: Capabilities,
    /// Where messages go that are given up, and whether its protocol has properties.
    pub(super) dead_letter: Option<(TopicRoute, bool)>,
    pub(super) target: Target,
    pub(super) format: Format,
    pub(super) files: LiveFiles,
    pub(super) schedule: RetrySchedule,
    pub(super) judge: Judge,
    pub(super) board: Arc<Board>,
    pub(super) clock: Clock,
    pub(super) tracer: Option<Tracer>,
    pub(super) failures: Arc<FailureLog>,
    pub(super) random: crate::random::Random,
    pub(super) turns: Turns,
}

/// A message in hand.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) delivery: Delivery,
    /// What it takes, until it is done with.
    pub(super) _memory: Charge,
    /// Until when others do not get it: counted from when it came, as the MQ's clock and ours may differ, and either may be set.
    pub(super) hidden_until: Instant,
    /// How often it was sent, in this delivery.
    pub(super) tries: usize,
}

impl Held {
    /// One that came just now, and is hidden from others for `hidden_for`.
    pub(super) fn new(delivery: Delivery, memory: Charge, hidden_for: Duration) -> Self {
        Self { delivery, _memory: memory, hidden_until: Instant::now() + hidden_for, tries: 0 }
    }

    /// How long others do not get it.
    pub(super) fn hidden_for(&self) -> Duration {
        self.hidden_until.saturating_duration_since(Instant::now())
    }

    /// How often it was sent at most, as far as can be known: in each delivery before this one once, and in this one as was counted.
    pub(super) fn all_tries(&self) -> usize {
        let before = self.delivery.delivery_attempt.saturating_sub(1);
        usize::try_from(before).unwrap_or(usize::MAX).saturating_add(self.tries)
    }
}

/// Why a message in hand is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The process stops.
    Draining,
    /// The subscription is paused.
    Paused,
    /// The target wants to be left alone for longer than the message is hidden.
    Closed(Duration),
    /// The message is not hidden for long enough any more.
    NoTime,
}

/// Who may send, and when.
#[derive(Debug)]
pub(super) struct Turns {
    pub(super) pace: RefCell<Pace>,
    in_use: Cell<usize>,
    /// Messages whose next attempt is not due.
    waiting: Cell<usize>,
    changed: Notify,
    paused: watch::Receiver<bool>,
    stage: watch::Receiver<Stage>,
    /// When it was logged last that messages come to no turn.
    told_no_time_at: Cell<Option<Instant>>,
}

/// No more than one line in this time about messages that come to no turn.
const NO_TIME_PAUSE: Duration = Duration::from_secs(60);

/// One request under way.
#[derive(Debug)]
pub(super) struct Turn<'a>(&'a Turns);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.in_use.set(self.0.in_use.get().saturating_sub(1));
        self.0.changed.notify_waiters();
    }
}

/// One more while it lives.
struct Waiting<'a>(&'a Cell<usize>);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a Cell<usize>) -> Self {
        waiting.set(waiting.get() + 1);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

impl Turns {
    pub(super) fn new(concurrency: usize, paused: watch::Receiver<bool>, stage: watch::Receiver<Stage>) -> Self {
        Self {
            pace: RefCell::new(Pace::new(concurrency)),
            in_use: Cell::new(0),
            waiting: Cell::new(0),
            changed: Notify::new(),
            paused,
            stage,
            told_no_time_at: Cell::new(None),
        }
    }

    /// A message came to no turn before others may get it; a line now and then.
    pub(super) fn note_no_time(&self, subscription: &str) {
        let now = Instant::now();
        if self.told_no_time_at.get().is_none_or(|told_at| now - told_at >= NO_TIME_PAUSE) {
            self.told_no_time_at.set(Some(now));
            tracing::warn!(
                subscription,
                "a message waited for its turn until its visibility timeout was nearly over: it is not sent, and comes again"
            );
        }
    }

    /// Whether messages are to be let go of, and why.
    pub(super) fn stop(&self) -> Option<Stop> {
        if *self.stage.borrow() != Stage::Serving {
            return Some(Stop::Draining);
        }
        self.paused.borrow().then_some(Stop::Paused)
    }

    /// Waits for a turn, until `latest` at most.
    pub(super) async fn take(&self, latest: Instant) -> Result<Turn<'_>, Stop> {
        loop {
            let changed = self.changed.notified();
            if let Some(stop) = self.stop() {
                return Err(stop);
            }
            let now = Instant::now();
            if now > latest {
                return Err(Stop::NoTime);
            }
            let (closed_until, allowed) = {
                let pace = self.pace.borrow();
                (pace.closed_until(now), pace.allowed())
            };
            match closed_until {
                Some(until) if until > latest => return Err(Stop::Closed(until - now)),
                Some(until) => {
                    // It may be lifted before.
                    let until_open = async {
                        tokio::select! {
                            () = changed => {}
                            () = sleep_until(until) => {}
                        }
                    };
                    self.or_a_change(until_open).await;
                }
                None if self.in_use.get() < allowed => {
                    self.in_use.set(self.in_use.get() + 1);
                    return Ok(Turn(self));
                }
                None => {
                    let until_freed = async {
                        tokio::select! {
                            () = changed => {}
                            () = sleep_until(latest + Duration::from_millis(1)) => {}
                        }
                    };
                    self.or_a_change(until_freed).await;
                }
            }
        }
    }

    /// Waits for `pause`, unless messages are to be let go of before; then why, and how much of the pause was left.
    pub(super) async fn pause(&self, pause: Duration) -> Result<(), (Stop, Duration)> {
        let end = Instant::now() + pause;
        let _waiting = Waiting::new(&self.waiting);
        // There is room for another message meanwhile.
        self.wake();
        while Instant::now() < end {
            if let Some(stop) = self.stop() {
                return Err((stop, end.saturating_duration_since(Instant::now())));
            }
            self.or_a_change(sleep_until(end)).await;
        }
        Ok(())
    }

    /// Messages whose next attempt is not due.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.get()
    }

    /// Ends when a turn ends, or a message begins to wait, from now on.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// The subscription goes on: nothing that its target asked for holds any more.
    pub(super) fn lift(&self) {
        self.pace.borrow_mut().lift();
        self.wake();
    }

    /// Waits for something, or until the process stops or the subscription is paused or goes on.
    async fn or_a_change(&self, something: impl Future<Output = ()>) {
        let (mut paused, mut stage) = (self.paused.clone(), self.stage.clone());
        paused.mark_unchanged();
        stage.mark_unchanged();
        // It may have come between the caller's look and this.
        if self.stop().is_some() {
            return;
        }
        tokio::select! {
            () = something => {}
            // An error is the end of the process.
            _ = paused.changed() => {}
            _ = stage.changed() => {}
        }
    }

    /// Something else than a turn changed.
    pub(super) fn wake(&self) {
        self.changed.notify_waiters();
    }
}
