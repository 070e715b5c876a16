//! What is known of one subscription, and whether it is paused: written by its own service, read and changed by operators on any
//! thread.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::AttemptResult;
use super::status::{LastError, PauseReason, SubscriptionStatus};
use super::target_state::{Failing, TargetState};
use crate::clock::Clock;
use crate::config::SubscriptionConfig;
use crate::model::UnixMillis;
use crate::telemetry::SubscriptionMetrics;

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
    target: TargetState,
    receive_error: Option<&'static str>,
    allowed: usize,
    closed_until: Option<UnixMillis>,
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
            target: TargetState::new(Instant::now()),
            receive_error: None,
            allowed: config.concurrency,
            closed_until: None,
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
        let (subscription, at, now) = (&self.name, self.clock.now(), Instant::now());
        if result.is_success() {
            self.metrics.succeeded(at);
            self.metrics.failing.set(0);
            let over = self.state().target.succeeded(at, now);
            if let Some(Failing { since, failures }) = over {
                let seconds = at.since(since).as_secs();
                tracing::info!(subscription, seconds, failures, "a subscription's target is good again");
            }
            return;
        }
        let error = LastError { result, status, at };
        // What is wrong with a message is not the target's.
        if result == AttemptResult::NotWritable {
            let is_due = self.state().target.unwritable(error, now);
            if is_due {
                tracing::warn!(subscription, detail, "a message of a subscription cannot be written");
            }
            return;
        }
        self.metrics.failing.set(1);
        let told = self.state().target.failed(error, now);
        if let Some(Failing { since, failures }) = told {
            let (url, result, seconds) = (&self.url, result.as_str(), at.since(since).as_secs());
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
            failing_since: state.target.failing_since,
            last_success: state.target.last_success,
            last_error: state.target.last_error,
            receive_error: state.receive_error,
            in_flight: self.metrics.in_flight.get(),
            allowed: state.allowed,
            concurrency: self.concurrency,
            held: self.metrics.held.get(),
            closed_until: state.closed_until.filter(|until| *until > now),
            per_second: state.target.per_second(Instant::now()),
        }
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
}
