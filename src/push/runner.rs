//! The loop of one subscription: receives as many messages as may be sent at once, and takes each to its end.
//!
//! All of it is one task: a message waits for nothing of another subscription. What is in hand is bounded in number and in bytes.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::AttemptResult;
use super::board::PauseReason;
use super::ending::Ending;
use super::subscriptions::{Commands, DeliverOnce, Delivered, NotDelivered};
use super::target::Answered;
use super::worker::{Held, Stop, Worker};
use crate::context::RequestContext;
use crate::gateway::{Deliveries, GatewayError, ReceiveRequest};
use crate::model::{Delivery, Feature, MessageGroup, Operation};
use crate::signature::standard_webhooks::webhook_id;
use crate::tasks::{Stage, StopSignal};

/// Longest long poll.
const WAIT: Duration = Duration::from_secs(30);
/// What a receive may take besides.
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
    /// The largest message so far.
    largest: usize,
}

impl Runner {
    /// Receives and sends until `stop` is given; ends when nothing is in hand any more.
    pub(super) async fn run(mut self, mut stop: StopSignal) {
        let mut work = Work { jobs: FuturesUnordered::new(), messages: 0, bytes: 0, largest: 0 };
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
                        deliver_once(&worker, command).await;
                        (0, 0)
                    }));
                }
                () = changed => {}
                _ = self.stage.changed() => {}
                _ = self.paused.changed() => {}
                () = sleep_until(wake_at.unwrap_or_else(Instant::now)), if wake_at.is_some() && receiving.is_none() => {}
            }
        }
        drop(receiving);
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
        let by_bytes = match self.most_bytes.saturating_sub(work.bytes) / work.largest.max(1024) {
            // One at least, whatever its size.
            0 if work.messages == 0 => 1,
            number => number,
        };
        by_number.min(by_bytes)
    }

    fn receive(&self, work: &Work) -> Local<Result<Deliveries, GatewayError>> {
        let worker = Rc::clone(&self.worker);
        let has_visibility = worker.capabilities.has(Feature::VisibilityTimeout);
        let request = ReceiveRequest {
            max_messages: u32::try_from(self.wanted(work)).unwrap_or(1),
            wait: WAIT.min(worker.capabilities.limits.max_wait),
            tags: worker.config.tags.clone(),
            ordered: worker.config.ordered,
            visibility_timeout: worker.config.visibility_timeout.filter(|_| has_visibility),
            says_no_wait: false,
        };
        Box::pin(async move {
            let context = RequestContext::shared(Instant::now() + request.wait + RECEIVE_MARGIN);
            worker.gateway.receive_deliveries(&context, &worker.route, &request).await
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
            work.largest = chain.iter().map(|it| it.body.len().saturating_mul(2)).max().unwrap_or(0).max(work.largest);
            let held: Vec<Held> = chain
                .into_iter()
                .map(|delivery| {
                    let share = delivery.body.len().saturating_mul(charged) / bodies.max(1);
                    Held { delivery, _memory: memory.split_off(share), was_sent: false }
                })
                .collect();
            let count = held.len();
            work.messages += count;
            work.bytes += bytes;
            let worker = Rc::clone(&self.worker);
            work.jobs.push(Box::pin(async move {
                let name = worker.board.name().to_owned();
                if AssertUnwindSafe(carry_all(&worker, held)).catch_unwind().await.is_err() {
                    tracing::error!(subscription = name, "pushing a message panicked: it is left to the MQ");
                }
                (count, bytes)
            }));
        }
    }
}

/// Takes messages to their ends, one after the other. Behind one that comes again none is sent: they keep their order.
async fn carry_all(worker: &Worker, messages: Vec<Held>) {
    let mut is_blocked = false;
    for held in messages {
        if is_blocked {
            worker.let_go(&held, Stop::Paused, Duration::ZERO).await;
        } else {
            is_blocked = worker.carry(held).await == Ending::ComesAgain;
        }
    }
}

/// What is to be sent one after the other: each message by itself, or those of a message group together.
fn chains(messages: Vec<Delivery>, ordered: bool) -> Vec<Vec<Delivery>> {
    if !ordered {
        return messages.into_iter().map(|delivery| vec![delivery]).collect();
    }
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut chains: Vec<Vec<Delivery>> = Vec::new();
    for delivery in messages {
        let Some(group) = delivery.message_group.as_ref().map(MessageGroup::as_str).map(str::to_owned) else {
            chains.push(vec![delivery]);
            continue;
        };
        let place = *places.entry(group).or_insert(chains.len());
        match chains.get_mut(place) {
            Some(chain) => chain.push(delivery),
            None => chains.push(vec![delivery]),
        }
    }
    chains
}

/// Sends a message once, outside every schedule; nothing is acknowledged.
async fn deliver_once(worker: &Worker, command: DeliverOnce) {
    let DeliverOnce { message, new_id, turn_by, memory, answer } = command;
    let turn = match worker.turns.take(turn_by).await {
        Ok(turn) => turn,
        Err(stop) => {
            let refused = match stop {
                Stop::Draining => NotDelivered::Busy,
                Stop::Paused => NotDelivered::Paused(worker.board.paused().unwrap_or(PauseReason::Operator)),
                Stop::Closed(_) | Stop::NoTime => NotDelivered::NoTurn,
            };
            // Whoever asked may be gone.
            drop(answer.send(Err(refused)));
            return;
        }
    };
    if answer.is_closed() {
        // Nobody would acknowledge it.
        return;
    }
    let mut id = webhook_id(&worker.config.name, worker.config.topic.as_str(), message.message_id.as_str());
    if new_id && let Ok(more) = worker.random.letters_and_digits(10) {
        id.push_str("-again-");
        id.push_str(&more);
    }
    let held = Held { delivery: message, _memory: memory, was_sent: false };
    let began = Instant::now();
    let number = usize::try_from(held.delivery.delivery_attempt).unwrap_or(usize::MAX).saturating_add(1);
    let (answered, _) = worker.send(&held, &id, number).await;
    drop(turn);
    let (result, status, detail) = match &answered {
        Ok(Answered::Status(it)) => (AttemptResult::of_status(it.status), Some(it.status), String::new()),
        Ok(Answered::Nothing { result, detail }) => (*result, None, detail.clone()),
        Err(error) => (AttemptResult::NotWritable, None, error.to_string()),
    };
    worker.board.note(result, status, &detail, began.elapsed());
    let delivered = match (result, status) {
        (AttemptResult::Delivered, Some(status)) => Ok(Delivered { status }),
        (result, status) => Err(NotDelivered::Attempted { result, status }),
    };
    drop(answer.send(delivered));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(id: &str, group: Option<&str>) -> Delivery {
        let message_group = group.map(|group| MessageGroup::parse(group).unwrap());
        Delivery { message_group, ..Delivery::for_tests(id) }
    }

    #[test]
    fn messages_of_a_group_go_one_after_the_other_and_the_rest_side_by_side() {
        let messages =
            [("1", Some("a")), ("2", Some("b")), ("3", None), ("4", Some("a")), ("5", None), ("6", Some("b"))];
        let made = |ordered| -> Vec<Vec<String>> {
            let messages = messages.iter().map(|(id, group)| delivery(id, *group)).collect();
            let ids = |chain: Vec<Delivery>| chain.iter().map(|it| it.message_id.as_str().to_owned()).collect();
            chains(messages, ordered).into_iter().map(ids).collect()
        };
        assert_eq!(made(true), [vec!["1", "4"], vec!["2", "6"], vec!["3"], vec!["5"]]);
        assert_eq!(made(false), [["1"], ["2"], ["3"], ["4"], ["5"], ["6"]]);
    }
}
