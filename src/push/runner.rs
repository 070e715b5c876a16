//! The loop of one subscription: receives as many messages as may be sent at once, and takes each to its end.
//!
//! All of it is one task: a message waits for nothing of another subscription. What is in hand is bounded in number and in bytes.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::board::Board;
use super::chains::{carry_all, chains};
use super::deliver_once::{Commands, NotDelivered, deliver_once};
use super::room::Room;
use super::worker::{Held, Worker};
use crate::context::RequestContext;
use crate::gateway::{Deliveries, GatewayError, ReceiveRequest};
use crate::model::{Delivery, Feature, Operation};
use crate::tasks::{Stage, StopSignal};

/// Longest long poll.
const WAIT: Duration = Duration::from_secs(30);
/// What a receive may take on top of that.
const RECEIVE_MARGIN: Duration = Duration::from_secs(15);
/// Most messages of one receive.
const MOST_AT_ONCE: usize = 32;
/// Messages that wait for their next attempt, for each that may be sent at once.
const WAITING_FOR_EACH: usize = 10;
/// The pause after a receive that failed, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A future of this thread.
type Local<T> = Pin<Box<dyn Future<Output = T>>>;

/// What one subscription's loop is given.
#[derive(Debug)]
pub(super) struct Runner {
    pub(super) worker: Rc<Worker>,
    pub(super) commands: Commands,
    pub(super) stage: watch::Receiver<Stage>,
    pub(super) paused: watch::Receiver<bool>,
    /// Most bytes that are held of messages.
    pub(super) most_bytes: usize,
}

/// What is under way.
struct Work {
    jobs: FuturesUnordered<Local<(usize, usize)>>,
    messages: usize,
    bytes: usize,
}

impl Worker {
    /// How long others do not get a message that came just now. More than the schedule goes by is never relied on.
    fn hidden_for(&self, delivery: &Delivery) -> Duration {
        let hidden_for = self.gateway.hidden_for(&self.route, self.visibility_timeout(), delivery);
        hidden_for.min(self.schedule.means().visibility_timeout)
    }

    /// The visibility timeout that is asked for.
    fn visibility_timeout(&self) -> Option<Duration> {
        let has_visibility = self.capabilities.has(Feature::VisibilityTimeout);
        self.config.visibility_timeout.filter(|_| has_visibility)
    }
}

impl Runner {
    /// Receives and sends until `stop` is given; ends when nothing is in hand any more.
    pub(super) async fn run(mut self, mut stop: StopSignal) {
        let _end = End { board: Arc::clone(&self.worker.board), stop: stop.clone() };
        let mut work = Work { jobs: FuturesUnordered::new(), messages: 0, bytes: 0 };
        let mut receiving: Option<Local<Result<Deliveries, GatewayError>>> = None;
        let (mut not_before, mut failures) = (Instant::now(), 0_u32);
        let worker = Rc::clone(&self.worker);
        loop {
            if self.worker.turns.stop().is_some() {
                receiving = None;
            }
            let wake_at = if receiving.is_none() { self.when_to_receive(&work, not_before) } else { None };
            if receiving.is_none() && wake_at.is_some_and(|at| at <= Instant::now()) {
                receiving = Some(self.receive(&work));
            }
            // Before anything is polled that may change something.
            let changed = worker.turns.changed();
            tokio::select! {
                () = stop.given() => break,
                Some((messages, bytes)) = work.jobs.next(), if !work.jobs.is_empty() => {
                    work.messages = work.messages.saturating_sub(messages);
                    work.bytes = work.bytes.saturating_sub(bytes);
                }
                received = async { match &mut receiving { Some(poll) => poll.await, None => std::future::pending().await } } => {
                    receiving = None;
                    match received {
                        Ok(deliveries) => {
                            failures = 0;
                            self.worker.board.note_receive(None);
                            self.take(&mut work, deliveries);
                        }
                        Err(error) => {
                            not_before = Instant::now() + self.receive_failed(&error, failures);
                            failures = failures.saturating_add(1);
                        }
                    }
                }
                Some(command) = self.commands.recv() => {
                    let worker = Rc::clone(&self.worker);
                    work.jobs.push(Box::pin(async move {
                        // Whoever asked learns of a panic by the answer that is dropped.
                        survive(&worker, deliver_once(&worker, command)).await;
                        (0, 0)
                    }));
                }
                () = changed => {}
                _ = self.stage.changed() => {}
                _ = self.paused.changed() => {
                    if !*self.paused.borrow() {
                        self.worker.turns.lift();
                    }
                }
                () = sleep_until(wake_at.unwrap_or_else(Instant::now)), if wake_at.is_some() && receiving.is_none() => {}
            }
        }
        drop(receiving);
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            // Whoever asked may be gone.
            drop(command.answer.send(Err(NotDelivered::Stopped)));
        }
        // What waits lets go of its messages by itself; what is under way comes to its end.
        while work.jobs.next().await.is_some() {}
    }

    /// When the next receive may begin; `None` while nothing changes by time alone.
    fn when_to_receive(&self, work: &Work, not_before: Instant) -> Option<Instant> {
        if self.worker.turns.stop().is_some() || self.wanted(work) == 0 {
            return None;
        }
        let now = Instant::now();
        let receives_from = self.worker.turns.pace.borrow().receives_from(now);
        Some(receives_from.map_or(not_before, |at| at.max(not_before)))
    }

    /// How many messages there is room for.
    fn wanted(&self, work: &Work) -> usize {
        let allowed = self.worker.turns.pace.borrow().allowed();
        let waiting = self.worker.turns.waiting();
        let free = allowed.saturating_sub(work.messages.saturating_sub(waiting));
        let most = self.worker.config.concurrency.saturating_mul(WAITING_FOR_EACH + 1);
        let by_number = free.min(most.saturating_sub(work.messages)).min(MOST_AT_ONCE);
        let room = Room { most: self.most_bytes, held: work.bytes, one: self.worker.bytes_of_one() };
        let by_bytes = room.messages(work.messages == waiting);
        by_number.min(by_bytes)
    }

    fn receive(&self, work: &Work) -> Local<Result<Deliveries, GatewayError>> {
        let worker = Rc::clone(&self.worker);
        let request = ReceiveRequest {
            max_messages: u32::try_from(self.wanted(work)).unwrap_or(1),
            wait: WAIT.min(worker.capabilities.limits.max_wait),
            tags: worker.config.tags.clone(),
            ordered: worker.config.ordered,
            visibility_timeout: worker.visibility_timeout(),
            says_no_wait: false,
        };
        Box::pin(async move {
            let context = RequestContext::shared(Instant::now() + request.wait + RECEIVE_MARGIN);
            let received = worker.gateway.receive_deliveries(&context, &worker.route, &request);
            let panicked = Err(GatewayError::Internal("receiving panicked"));
            survive(&worker, received).await.unwrap_or(panicked)
        })
    }

    /// Notes that a receive failed; how long until the next one.
    fn receive_failed(&self, error: &GatewayError, failures: u32) -> Duration {
        let worker = &self.worker;
        worker.board.note_receive(Some(error.label()));
        worker.log_failure(Operation::Receive, worker.config.topic.as_str(), error);
        let pause = FIRST_PAUSE.saturating_mul(1 << failures.min(5)).min(LONGEST_PAUSE);
        error.upstream().and_then(|error| error.retry_after).map_or(pause, |asked| asked.clamp(pause, LONGEST_PAUSE))
    }

    /// Begins what is to be done with messages.
    fn take(&self, work: &mut Work, deliveries: Deliveries) {
        let Deliveries { messages, mut memory, .. } = deliveries;
        let bodies: usize = messages.iter().map(|delivery| delivery.body.len()).sum();
        let charged = memory.bytes();
        for chain in chains(messages, self.worker.config.ordered) {
            let of_chain: usize = chain.iter().map(|delivery| delivery.body.len()).sum();
            let bytes = of_chain.saturating_mul(charged) / bodies.max(1);
            let held: Vec<Held> = chain
                .into_iter()
                .map(|delivery| {
                    let share = delivery.body.len().saturating_mul(charged) / bodies.max(1);
                    let hidden_for = self.worker.hidden_for(&delivery);
                    Held::new(delivery, memory.split_off(share), hidden_for)
                })
                .collect();
            let count = held.len();
            work.messages += count;
            work.bytes += bytes;
            let worker = Rc::clone(&self.worker);
            work.jobs.push(Box::pin(async move {
                survive(&worker, carry_all(&worker, held)).await;
                (count, bytes)
            }));
        }
    }
}

/// Tells when a loop ends that was not asked to, as by a panic.
struct End {
    board: Arc<Board>,
    stop: StopSignal,
}

impl Drop for End {
    fn drop(&mut self) {
        if !self.stop.is_given() {
            self.board.note_end();
        }
    }
}

/// Does a part of the work, whose panic is its own matter: `None` then. The messages in it are left to the MQ.
async fn survive<T>(worker: &Worker, work: impl Future<Output = T>) -> Option<T> {
    let done = AssertUnwindSafe(work).catch_unwind().await;
    if done.is_err() {
        let subscription = worker.board.name();
        tracing::error!(subscription, "a part of a subscription panicked: its messages are left to the MQ");
    }
    done.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::model::UnixMillis;
    use crate::push::tests::subscription;
    use crate::tasks::{Phase, Service, Services, block_on};
    use crate::telemetry::Metrics;

    /// What the board says after a service's end, that of a loop which does this, and what the metric shows.
    fn stopped<F: Future<Output = ()> + 'static>(work: impl FnOnce(StopSignal) -> F) -> (Option<UnixMillis>, i64) {
        let (metrics, clock) = (Metrics::new().unwrap(), Clock::manual(UnixMillis(7)));
        let board = Arc::new(Board::new(&subscription(""), false, clock, metrics.subscriptions.of("billing")));
        let of_loop = Arc::clone(&board);
        block_on(async move {
            let service = Service::start_local("push billing", |stop| {
                let (end, work) = (End { board: of_loop, stop: stop.clone() }, work(stop));
                async move {
                    let _end = end;
                    work.await;
                }
            });
            let mut services = Services::default();
            services.add(Phase::Intake, service);
            // Whatever it does by itself, it does before it is asked to stop.
            tokio::task::yield_now().await;
            services.stop(Instant::now() + Duration::from_secs(5)).await;
        });
        (board.status().stopped_since, board.metrics.stopped.get())
    }

    #[test]
    fn a_loop_that_ends_by_itself_is_seen() {
        assert_eq!(stopped(|_| async { panic!("in the loop") }), (Some(UnixMillis(7)), 1));
        assert_eq!(stopped(|_| async {}), (Some(UnixMillis(7)), 1));
        assert_eq!(stopped(|mut stop| async move { stop.given().await }), (None, 0));
    }
}
