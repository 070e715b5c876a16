//! One message's way: sent, and acknowledged only after its target has taken it; else again by the schedule, or given up.
//!
//! Whatever ends here without an acknowledgement comes again: the MQ is the only store. A message is never acknowledged before what
//! becomes of it is certain.

use std::time::Duration;

use tokio::time::Instant;

use super::AttemptResult;
use super::ending::{Attempted, Ending};
use super::give_up::GivenUp;
use super::request::{Attempt, NotWritable};
use super::status::PauseReason;
use super::target::Answered;
use super::verdict::{Answer, FinalReason, Verdict};
use super::worker::{Held, Stop, Worker};
use crate::context::RequestContext;
use crate::gateway::Acknowledged;
use crate::model::{Feature, UnixMillis, Verb, VisibilityChange};
use crate::outbound;
use crate::retry_schedule::{Arrival, Next, seed_of};
use crate::signature::standard_webhooks::webhook_id;
use crate::spans::{Link, Scope, Span, SpanKind, Value};
use crate::trace_context::{TRACEPARENT, TraceContext};

/// How long one request to the MQ about a delivery may take.
const SETTLE_LIMIT: Duration = Duration::from_secs(10);
/// Acknowledgements of one delivery, and the pause between two.
const ACKNOWLEDGEMENTS: u32 = 3;
const ACKNOWLEDGE_PAUSE: Duration = Duration::from_secs(1);
/// Why an answer without its body is no success.
const INCOMPLETE: &str =
    "the answer's body, which decides, did not come whole: it broke off, is larger than 64 KiB, or took too long";
/// A change of a delivery's visibility goes out so long before it would be too late.
const NO_TIME: Duration = Duration::from_millis(1);

impl Worker {
    /// Takes a delivery to its end.
    pub(super) async fn carry(&self, mut held: Held) -> Ending {
        let _held = self.board.metrics.held.guard();
        let message = self.schedule.of_message(seed_of(held.delivery.message_id.as_str()));
        let at = self.gateway.delivered_at(&self.route, &held.delivery);
        let arrival = Arrival::of(&held.delivery, &self.schedule, at, held.hidden_for());
        let mut last: Option<Attempted> = None;
        let mut next = message.on_delivery(&arrival);
        loop {
            next = match next {
                Next::AttemptNow { attempt, hidden_for } => {
                    if let Some(hidden_for) = hidden_for
                        && !self.extend(&mut held, hidden_for).await
                    {
                        return self.leave();
                    }
                    let (attempted, verdict) = match self.attempt(&mut held, attempt).await {
                        Ok(attempted) => attempted,
                        Err(stop) => return self.let_go(&held, stop, Duration::ZERO).await,
                    };
                    last = Some(attempted.clone());
                    match verdict {
                        Verdict::Acknowledge => return self.acknowledge(&held, "acknowledged").await,
                        Verdict::Final(FinalReason::Dropped) if self.dead_letter.is_none() => {
                            return self.acknowledge(&held, "dropped").await;
                        }
                        Verdict::Final(reason) => {
                            return self.give_up(&mut held, GivenUp::new(reason.as_str(), attempted)).await;
                        }
                        Verdict::PauseSubscription => {
                            self.board.pause(PauseReason::Gone);
                            return self.let_go(&held, Stop::Paused, Duration::ZERO).await;
                        }
                        Verdict::Retry { not_before, .. } => {
                            message.after_failure(attempt, arrival.delivery, held.hidden_for(), not_before)
                        }
                    }
                }
                Next::WaitInside { pause, attempt, hidden_for } => {
                    if let Some(hidden_for) = hidden_for
                        && !self.extend(&mut held, hidden_for).await
                    {
                        return self.put_off(&held, pause).await;
                    }
                    if let Err((stop, rest)) = self.turns.pause(pause).await {
                        return self.let_go(&held, stop, rest).await;
                    }
                    Next::AttemptNow { attempt, hidden_for: None }
                }
                Next::NackWithDelay(pause) => return self.put_off(&held, pause).await,
                Next::LeaveToRedelivery => return self.leave(),
                Next::GiveUp => match last {
                    Some(attempted) => {
                        return self.give_up(&mut held, GivenUp::new("schedule_over", attempted)).await;
                    }
                    None => return self.leave(),
                },
            };
        }
    }

    /// Makes one attempt in its turn, and says what it means.
    async fn attempt(&self, held: &mut Held, attempt: usize) -> Result<(Attempted, Verdict), Stop> {
        let turn = loop {
            let needed = self.schedule.hidden_for_attempt();
            let spare = held.hidden_for().saturating_sub(needed);
            match self.turns.take(Instant::now() + spare).await {
                Ok(turn) => break turn,
                // It waited for its turn: kept longer where that can be.
                Err(Stop::NoTime) if self.extend(held, needed.max(self.schedule.means().visibility_timeout)).await => {}
                Err(stop) => return Err(stop),
            }
        };
        held.tries = held.tries.saturating_add(1);
        let number = attempt.saturating_add(1);
        let id = webhook_id(&self.config.name, self.config.topic.as_str(), held.delivery.message_id.as_str());
        let began = Instant::now();
        let (attempted, verdict) = self.send(held, &id, number).await;
        drop(turn);
        let took = began.elapsed();
        self.pace(&attempted, &verdict, began);
        Ok((attempted.told(self, took), verdict))
    }

    /// Sends a message once, and says what came of it and what that means.
    pub(super) async fn send(&self, held: &Held, id: &str, number: usize) -> (Told, Verdict) {
        let _in_flight = self.board.metrics.in_flight.guard();
        let now = self.clock.now();
        let (scope, span) = self.span(held, number);
        let attempt = Attempt {
            webhook_id: id,
            number,
            now,
            traceparent: scope.as_ref().map(|scope| scope.context().to_string()),
        };
        let handle = || self.gateway.seal(&self.route, &held.delivery).map(|handle| handle.as_str().to_owned());
        let answered = match self.format.request(&held.delivery, &attempt, &self.files, handle) {
            Ok(outgoing) => Ok(self.target.send(&outgoing).await),
            Err(error) => Err(error),
        };
        let (told, verdict) = self.read(answered, now, number, number.min(held.all_tries()));
        if let Some(mut span) = span {
            let Told(Attempted { result, status, .. }, _) = &told;
            if let Some(status) = *status {
                span.set("http.response.status_code", status);
            }
            if !result.is_success() {
                span.fail(result.as_str());
            }
            span.end();
        }
        (told, verdict)
    }

    fn span(&self, held: &Held, number: usize) -> (Option<std::sync::Arc<Scope>>, Option<Span>) {
        let Some(tracer) = &self.tracer else { return (None, None) };
        let (scope, span) = tracer.originate(SpanKind::Client, || format!("push {}", self.config.name));
        let span = span.map(|mut span| {
            span.set("http.request.method", "POST");
            span.set("server.address", Value::text(self.config.url.host()));
            span.set("server.port", self.config.url.port());
            span.set("messaging.system", "rocketmq");
            span.set("messaging.destination.name", Value::text(self.config.topic.as_str()));
            span.set("messaging.consumer.group.name", Value::text(self.config.group.as_str()));
            span.set("messaging.message.id", Value::text(held.delivery.message_id.as_str()));
            span.set("mq_gateway.subscription", Value::text(&self.config.name));
            span.set("mq_gateway.attempt", number);
            let text = held.delivery.properties.iter().find(|(name, _)| name == TRACEPARENT);
            if let Some(to) = text.and_then(|(_, text)| TraceContext::parse(text)) {
                span.link(Link { to, attributes: Vec::new() });
            }
            span
        });
        (Some(scope), span)
    }

    /// What an answer, or none, means.
    fn read(
        &self,
        answered: Result<Answered, NotWritable>,
        at: UnixMillis,
        number: usize,
        tries: usize,
    ) -> (Told, Verdict) {
        let attempted = |result, status, excerpt| Attempted { result, status, excerpt, at, number };
        match answered {
            Ok(Answered::Status(answer)) => {
                let body = answer.is_whole.then_some(&answer.body[..]);
                let said = Answer::Status { status: answer.status, retry_after: answer.retry_after_text(), body };
                let verdict = self.judge.verdict(&said, tries, self.clock.now());
                let result = match (AttemptResult::of_status(answer.status), &verdict) {
                    (AttemptResult::Delivered, Verdict::Retry { .. }) if !answer.is_whole => AttemptResult::Incomplete,
                    (AttemptResult::Delivered, Verdict::Retry { .. }) => AttemptResult::AskedAgain,
                    (AttemptResult::Delivered, Verdict::Final(_)) => AttemptResult::Dropped,
                    (result, _) => result,
                };
                let detail = if result == AttemptResult::Incomplete { INCOMPLETE } else { "" };
                (Told(attempted(result, Some(answer.status), excerpt(&answer)), detail.to_owned()), verdict)
            }
            Ok(Answered::Nothing { result, detail }) => {
                let verdict = self.judge.verdict(&Answer::None, tries, self.clock.now());
                (Told(attempted(result, None, String::new()), detail), verdict)
            }
            Err(error) => {
                let verdict = match error {
                    // Somebody may add a secret.
                    NotWritable::NoSecret(_) => Verdict::Retry { not_before: None, holds_all: false },
                    NotWritable::Data(_) | NotWritable::SignedBytes | NotWritable::Handle => {
                        Verdict::Final(FinalReason::NotUnderstood)
                    }
                };
                (Told(attempted(AttemptResult::NotWritable, None, String::new()), error.to_string()), verdict)
            }
        }
    }

    /// Keeps the pace that an attempt suggests.
    pub(super) fn pace(&self, Told(attempted, _): &Told, verdict: &Verdict, began: Instant) {
        let now = Instant::now();
        let closed = {
            let mut pace = self.turns.pace.borrow_mut();
            let pause = match verdict {
                Verdict::Retry { not_before, holds_all: true } => *not_before,
                Verdict::Retry { .. } | Verdict::Acknowledge | Verdict::Final(_) | Verdict::PauseSubscription => None,
            };
            if attempted.result == AttemptResult::Throttled {
                pace.throttled(began, now, pause);
            } else if attempted.result.is_strain() {
                pace.not_answered(began, now);
            } else if attempted.result.is_success() {
                pace.succeeded();
            }
            let closed_for = pace.closed_until(now).map(|until| until.saturating_duration_since(now));
            self.board.show_pace(pace.allowed(), closed_for);
            closed_for
        };
        if closed.is_some() {
            self.turns.wake();
        }
    }

    /// Acknowledges a message whose end is certain.
    pub(super) async fn acknowledge(&self, held: &Held, how: &'static str) -> Ending {
        for number in 1..=ACKNOWLEDGEMENTS {
            let context = RequestContext::shared(Instant::now() + SETTLE_LIMIT);
            let late = held.hidden_for().is_zero();
            match self.gateway.acknowledge_delivery(&context, &self.route, &held.delivery, late).await {
                // It may have been delivered again: what comes behind it in its group waits until it is known to be done with.
                Ok(Acknowledged { late: true }) => {
                    self.board.metrics.settled("late");
                    return Ending::ComesAgain;
                }
                Ok(Acknowledged { late: false }) => {
                    self.board.metrics.settled(how);
                    return Ending::Done;
                }
                Err(error) => {
                    self.log_failure(crate::model::Operation::Acknowledge, self.config.topic.as_str(), &error);
                    // A handle that is not good any more will not be again.
                    let is_stale =
                        error.upstream().is_some_and(|it| it.kind == crate::upstream::UpstreamErrorKind::StaleHandle);
                    if is_stale || number == ACKNOWLEDGEMENTS || self.turns.pause(ACKNOWLEDGE_PAUSE).await.is_err() {
                        break;
                    }
                }
            }
        }
        self.board.metrics.settled("not_acknowledged");
        // The target has it, and gets it again: its next attempt has the same id. What comes behind it must not go before that.
        Ending::ComesAgain
    }

    /// Has the MQ deliver the message again after `pause`, or when its visibility timeout is over where it knows no other time.
    async fn put_off(&self, held: &Held, pause: Duration) -> Ending {
        if self.capabilities.has(Feature::Nack) && self.change(held, Verb::Nack, pause).await.is_some() {
            self.board.metrics.settled("put_off");
            return Ending::ComesAgain;
        }
        self.leave()
    }

    /// The MQ delivers it again by itself.
    pub(super) fn leave(&self) -> Ending {
        self.board.metrics.settled("left");
        Ending::ComesAgain
    }

    /// Lets go of a message in hand; `rest` is what is left of its pause.
    pub(super) async fn let_go(&self, held: &Held, stop: Stop, rest: Duration) -> Ending {
        let pause = match stop {
            Stop::Draining | Stop::Paused => rest,
            Stop::Closed(pause) => pause.max(rest),
            Stop::NoTime => {
                self.turns.note_no_time(self.board.name());
                self.board.metrics.settled("no_time");
                return Ending::ComesAgain;
            }
        };
        // After a pause of the subscription it begins again where this delivery began, where the MQ does not count it.
        if matches!(stop, Stop::Closed(_)) || (held.tries > 0 && stop != Stop::Paused) {
            return self.put_off(held, pause).await;
        }
        if self.gateway.give_back_delivery(&self.route, &held.delivery.handle) {
            self.board.metrics.settled("given_back");
            return Ending::ComesAgain;
        }
        self.put_off(held, pause).await
    }

    /// Keeps a message hidden for `hidden_for` from now on, where the MQ can.
    pub(super) async fn extend(&self, held: &mut Held, hidden_for: Duration) -> bool {
        if !self.capabilities.has(Feature::Extend) || held.hidden_for() < NO_TIME {
            return false;
        }
        let wanted = VisibilityChange { verb: Verb::Extend, hidden_for };
        let hidden_for = self.gateway.possible_change(&self.route, wanted).map_or(hidden_for, |it| it.hidden_for);
        let asked_at = Instant::now();
        let Some(changed) = self.change(held, Verb::Extend, hidden_for).await else { return false };
        held.hidden_until = asked_at + hidden_for;
        held.delivery.visible_again_at = changed.visible_again_at;
        if let Some(handle) = changed.new_handle {
            held.delivery.handle = handle;
        }
        held.hidden_for() >= self.schedule.hidden_for_attempt().min(hidden_for)
    }

    async fn change(&self, held: &Held, verb: Verb, hidden_for: Duration) -> Option<crate::model::ChangedDelivery> {
        let context = RequestContext::shared(Instant::now() + SETTLE_LIMIT);
        let change = VisibilityChange { verb, hidden_for };
        let changed = self.gateway.change_delivery(&context, &self.route, &held.delivery.handle, change).await;
        changed.inspect_err(|error| self.log_failure(verb.into(), self.config.topic.as_str(), error)).ok()
    }
}

/// An attempt, and what is to be said of it to people.
pub(super) struct Told(Attempted, String);

impl Told {
    /// Notes it on the board.
    pub(super) fn told(self, worker: &Worker, took: Duration) -> Attempted {
        let Self(attempted, detail) = self;
        worker.board.note(attempted.result, attempted.status, &detail, took);
        attempted
    }
}

fn excerpt(answer: &outbound::Answer) -> String {
    crate::protocol::dead_letter::answer_excerpt(&answer.body)
}
