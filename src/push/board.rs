//! What is known of one subscription, and whether it is paused: written by its own service, read and changed by operators on any
//! thread.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::AttemptResult;
use crate::clock::Clock;
use crate::config::SubscriptionConfig;
use crate::model::{UnixMillis, words};
use crate::telemetry::SubscriptionMetrics;

/// What a rate is counted over, in slices.
const SLICE: Duration = Duration::from_secs(5);
const SLICES: usize = 12;

words! {
    /// Why a subscription is paused.
    pub enum PauseReason {
        /// Its configuration says that it starts so.
        Configured = "configured",
        /// An operator paused it.
        Operator = "operator",
        /// Its target answered 410: it is gone.
        Gone = "gone",
    }
}

/// The last failure of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastError {
    /// In one word.
    pub result: AttemptResult,
    /// Where there was a status.
    pub status: Option<u16>,
    /// When.
    pub at: UnixMillis,
}

/// What operators are told of a subscription.
#[derive(Debug, Clone, PartialEq)]
pub struct SubscriptionStatus {
    /// Its name.
    pub name: String,
    /// Where it receives from.
    pub topic: String,
    /// For which group.
    pub group: String,
    /// Its MQ is the embedded endpoint of this process.
    pub is_embedded: bool,
    /// Where it sends to, without the query.
    pub url: String,
    /// Why it is paused, and since when.
    pub paused: Option<(PauseReason, UnixMillis)>,
    /// Since when nothing is done any more, as its service ended by itself.
    pub stopped_since: Option<UnixMillis>,
    /// Since when its target fails, until a success.
    pub failing_since: Option<UnixMillis>,
    /// The last success.
    pub last_success: Option<UnixMillis>,
    /// The last failure.
    pub last_error: Option<LastError>,
    /// Why it could not receive when it tried last.
    pub receive_error: Option<&'static str>,
    /// Requests under way.
    pub in_flight: i64,
    /// Requests that may be under way now.
    pub allowed: usize,
    /// Requests that may be under way at most.
    pub concurrency: usize,
    /// Messages in hand.
    pub held: i64,
    /// Until when the target asked for a pause.
    pub closed_until: Option<UnixMillis>,
    /// Successes a second, over the last minute.
    pub per_second: f64,
}

/// The board of one subscription.
#[derive(Debug)]
pub(super) struct Board {
    name: String,
    request_id: String,
    topic: String,
    group: String,
    url: String,
    is_embedded: bool,
    concurrency: usize,
    clock: Clock,
    pub(super) metrics: SubscriptionMetrics,
    state: Mutex<State>,
    paused: watch::Sender<bool>,
}

#[derive(Debug)]
struct State {
    paused: Option<(PauseReason, UnixMillis)>,
    stopped_since: Option<UnixMillis>,
    failing_since: Option<UnixMillis>,
    /// Since then, and since the last line about it.
    failures: u64,
    told_at: Option<Instant>,
    told_unwritable_at: Option<Instant>,
    last_success: Option<UnixMillis>,
    last_error: Option<LastError>,
    receive_error: Option<&'static str>,
    allowed: usize,
    closed_until: Option<UnixMillis>,
    successes: Rate,
}

/// How long a target goes on failing until the next line about it.
const SUMMARY_PAUSE: Duration = Duration::from_secs(60);

/// Successes of the last minute, by slices of time.
#[derive(Debug)]
struct Rate {
    began: Instant,
    slices: VecDeque<(u64, u64)>,
}

impl Board {
    pub(super) fn new(
        config: &SubscriptionConfig,
        is_embedded: bool,
        clock: Clock,
        metrics: SubscriptionMetrics,
    ) -> Self {
        let paused = config.paused.then(|| (PauseReason::Configured, clock.now()));
        metrics.show_pause(PauseReason::WORDS, paused.map(|(reason, _)| reason.as_str()));
        let state = State {
            paused,
            stopped_since: None,
            failing_since: None,
            failures: 0,
            told_at: None,
            told_unwritable_at: None,
            last_success: None,
            last_error: None,
            receive_error: None,
            allowed: config.concurrency,
            closed_until: None,
            successes: Rate { began: Instant::now(), slices: VecDeque::new() },
        };
        Self {
            name: config.name.clone(),
            request_id: format!("subscription {}", config.name),
            topic: config.topic.as_str().to_owned(),
            group: config.group.as_str().to_owned(),
            url: config.url.to_string(),
            is_embedded,
            concurrency: config.concurrency,
            clock,
            metrics,
            paused: watch::Sender::new(paused.is_some()),
            state: Mutex::new(state),
        }
    }

    /// A std lock: held for a few lines, never over an await.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Stands in the lines about its failures where a request's id does.
    pub(super) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Follows whether it is paused.
    pub(super) fn pauses(&self) -> watch::Receiver<bool> {
        self.paused.subscribe()
    }

    /// Nothing is received and nothing sent from here on. An operator's word stays whatever else would pause it.
    pub(super) fn pause(&self, reason: PauseReason) {
        let before = {
            let mut state = self.state();
            let before = state.paused;
            if before.is_none_or(|(known, _)| reason == PauseReason::Operator && known != reason) {
                state.paused = Some((reason, self.clock.now()));
            }
            self.show_pause(&state);
            before
        };
        if before.is_none() {
            let (subscription, reason) = (&self.name, reason.as_str());
            tracing::warn!(subscription, reason, "a subscription is paused: its messages wait in the MQ");
        }
    }

    /// It goes on, whatever its target asked for before.
    pub(super) fn resume(&self) {
        let before = {
            let mut state = self.state();
            state.closed_until = None;
            let before = state.paused.take();
            self.show_pause(&state);
            before
        };
        if let Some((reason, _)) = before {
            tracing::info!(subscription = &self.name, reason = reason.as_str(), "a subscription goes on");
        }
    }

    /// While the state is locked: what is shown and followed last is what was decided last.
    fn show_pause(&self, state: &MutexGuard<'_, State>) {
        let reason = state.paused.map(|(reason, _)| reason);
        self.metrics.show_pause(PauseReason::WORDS, reason.map(PauseReason::as_str));
        self.paused.send_replace(reason.is_some());
    }

    /// Notes what came of one request; a line where that is another state than before, and one a minute while it fails.
    pub(super) fn note(&self, result: AttemptResult, status: Option<u16>, detail: &str, took: Duration) {
        self.metrics.attempted(result.as_str(), took);
        let now = self.clock.now();
        if result.is_success() {
            self.metrics.succeeded(now);
            self.metrics.failing.set(0);
            let over = {
                let mut state = self.state();
                state.last_success = Some(now);
                state.successes.note(Instant::now());
                state.told_at = None;
                state.failing_since.take().map(|since| (since, std::mem::take(&mut state.failures)))
            };
            if let Some((since, failures)) = over {
                let seconds = now.since(since).as_secs();
                tracing::info!(subscription = &self.name, seconds, failures, "a subscription's target is good again");
            }
            return;
        }
        // What is wrong with a message is not the target's.
        let is_the_targets = result != AttemptResult::NotWritable;
        if is_the_targets {
            self.metrics.failing.set(1);
        }
        let told = {
            let mut state = self.state();
            state.last_error = Some(LastError { result, status, at: now });
            if !is_the_targets {
                let is_due = state.told_unwritable_at.is_none_or(|told_at| told_at.elapsed() >= SUMMARY_PAUSE);
                if is_due {
                    state.told_unwritable_at = Some(Instant::now());
                }
                drop(state);
                if is_due {
                    tracing::warn!(subscription = &self.name, detail, "a message of a subscription cannot be written");
                }
                return;
            }
            state.failures = state.failures.saturating_add(1);
            let since = *state.failing_since.get_or_insert(now);
            let is_due = state.told_at.is_none_or(|told_at| told_at.elapsed() >= SUMMARY_PAUSE);
            if is_due {
                state.told_at = Some(Instant::now());
            }
            is_due.then_some((now.since(since).as_secs(), state.failures))
        };
        if let Some((seconds, failures)) = told {
            let (subscription, result, url) = (&self.name, result.as_str(), &self.url);
            tracing::warn!(
                subscription,
                url,
                result,
                status,
                detail,
                seconds,
                failures,
                "a subscription's target fails"
            );
        }
    }

    /// Notes whether the last receive worked.
    pub(super) fn note_receive(&self, error: Option<&'static str>) {
        self.state().receive_error = error;
    }

    /// Its service has ended without being asked to: nothing is received or sent until the next start.
    pub(super) fn note_end(&self) {
        self.state().stopped_since.get_or_insert(self.clock.now());
        self.metrics.stopped.set(1);
    }

    /// Shows the pace.
    pub(super) fn show_pace(&self, allowed: usize, closed_for: Option<Duration>) {
        let closed_until = closed_for.map(|pause| self.clock.now() + pause);
        let mut state = self.state();
        (state.allowed, state.closed_until) = (allowed, closed_until);
    }

    /// Why it is paused.
    pub(super) fn paused(&self) -> Option<PauseReason> {
        self.state().paused.map(|(reason, _)| reason)
    }

    pub(super) fn status(&self) -> SubscriptionStatus {
        let mut state = self.state();
        let now = self.clock.now();
        SubscriptionStatus {
            name: self.name.clone(),
            topic: self.topic.clone(),
            group: self.group.clone(),
            url: self.url.clone(),
            is_embedded: self.is_embedded,
            paused: state.paused,
            stopped_since: state.stopped_since,
            failing_since: state.failing_since,
            last_success: state.last_success,
            last_error: state.last_error,
            receive_error: state.receive_error,
            in_flight: self.metrics.in_flight.get(),
            allowed: state.allowed,
            concurrency: self.concurrency,
            held: self.metrics.held.get(),
            closed_until: state.closed_until.filter(|until| *until > now),
            per_second: state.successes.per_second(Instant::now()),
        }
    }
}

impl Rate {
    fn slice(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.began).as_secs() / SLICE.as_secs()
    }

    fn note(&mut self, now: Instant) {
        let slice = self.slice(now);
        match self.slices.back_mut() {
            Some((last, count)) if *last == slice => *count += 1,
            _ => self.slices.push_back((slice, 1)),
        }
        while self.slices.len() > SLICES {
            self.slices.pop_front();
        }
    }

    fn per_second(&mut self, now: Instant) -> f64 {
        let oldest = (self.slice(now) + 1).saturating_sub(SLICES as u64);
        self.slices.retain(|(slice, _)| *slice >= oldest);
        let count: u64 = self.slices.iter().map(|(_, count)| count).sum();
        let span = now.saturating_duration_since(self.began).as_secs_f64().clamp(1.0, 60.0);
        #[expect(clippy::cast_precision_loss, reason = "a minute's successes")]
        let count = count as f64;
        count / span
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake, Waker};

    use super::*;
    use crate::push::tests::subscription;
    use crate::telemetry::Metrics;

    fn board(metrics: &Metrics) -> Board {
        let clock = Clock::manual(UnixMillis(1_000));
        Board::new(&subscription(""), false, clock, metrics.subscriptions.of("billing"))
    }

    /// Who follows pauses, and notes whether the state was locked when it was told of one.
    struct Follower {
        board: Arc<Board>,
        told: AtomicUsize,
        told_unlocked: AtomicUsize,
    }

    impl Wake for Follower {
        fn wake(self: Arc<Self>) {
            self.told.fetch_add(1, Ordering::SeqCst);
            if self.board.state.try_lock().is_ok() {
                self.told_unlocked.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    #[test]
    fn nobody_changes_a_pause_between_its_change_and_its_news() {
        let metrics = Metrics::new().unwrap();
        let board = Arc::new(board(&metrics));
        let follower = Arc::new(Follower { board: Arc::clone(&board), told: 0.into(), told_unlocked: 0.into() });
        let waker = Waker::from(Arc::clone(&follower));
        let pause = |reason| board.pause(reason);
        let changes: [(&dyn Fn(), Option<PauseReason>); 5] = [
            (&|| pause(PauseReason::Gone), Some(PauseReason::Gone)),
            (&|| pause(PauseReason::Operator), Some(PauseReason::Operator)),
            (&|| pause(PauseReason::Gone), Some(PauseReason::Operator)),
            (&|| board.resume(), None),
            (&|| board.resume(), None),
        ];
        for (number, (change, expected)) in (1..).zip(changes) {
            let mut followed = board.pauses();
            {
                let mut news = pin!(followed.changed());
                assert!(news.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
                change();
            }
            let told = [&follower.told, &follower.told_unlocked].map(|count| count.load(Ordering::SeqCst));
            assert_eq!((told, *followed.borrow()), ([number, 0], expected.is_some()));
            assert_eq!(board.paused(), expected);
            for reason in [PauseReason::Gone, PauseReason::Operator] {
                let shown = metrics.subscriptions.paused_for("billing", reason.as_str());
                assert_eq!(shown, i64::from(expected == Some(reason)), "{number} {reason}");
            }
        }
    }

    #[test]
    fn asking_for_everything_again_is_no_success() {
        let metrics = Metrics::new().unwrap();
        let board = board(&metrics);
        for result in [AttemptResult::AskedAgain, AttemptResult::Incomplete] {
            board.note(AttemptResult::Delivered, Some(200), "", Duration::ZERO);
            let before = board.status();
            assert_eq!(before.failing_since, None);
            board.note(result, Some(200), "", Duration::ZERO);
            let status = board.status();
            assert_eq!(status.failing_since, Some(UnixMillis(1_000)), "{result}");
            assert_eq!(status.last_error.map(|error| error.result), Some(result));
            assert!((status.per_second - before.per_second).abs() < f64::EPSILON, "{result}");
            assert_eq!(board.metrics.failing.get(), 1);
        }
    }

    #[test]
    fn a_rate_is_over_the_last_minute_or_since_the_start() {
        let start = Instant::now();
        let mut rate = Rate { began: start, slices: VecDeque::new() };
        let at = |seconds| start + Duration::from_secs(seconds);
        for second in 0..10 {
            (0..6).for_each(|_| rate.note(at(second)));
        }
        assert!((rate.per_second(at(10)) - 6.0).abs() < 0.01);
        assert!((rate.per_second(at(50)) - 1.2).abs() < 0.01);
        assert!(rate.per_second(at(120)).abs() < f64::EPSILON);
    }
}
