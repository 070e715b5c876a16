//! One thread's client of one profile: the operations, as every upstream has them. Those on deliveries are in `deliveries`.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::held::kept_for;
use super::link::Errand;
use super::outcome::{Asked, code, refusal};
use super::plan::RocketMqPlan;
use super::poll::Subject;
use super::topic_type;
use crate::config::OnUnknown;
use crate::context::RequestContext;
use crate::model::{Durability, Message, MessageId, Operation, Published, UnixMillis, UpstreamHandle};
use crate::protocol::Objection;
use crate::protocol::rocketmq::wire::{SendMessageRequest, SendMessageResponse};
use crate::protocol::rocketmq::{self, Code, Method, encode_message};
use crate::upstream::attempts::AttemptPolicy;
use crate::upstream::profile::Profile;
use crate::upstream::{Attempted, PollRequest, Polled, UpstreamError, UpstreamErrorKind};

/// The whole of a receive ends this long after its wait.
const RECEIVE_MARGIN: Duration = Duration::from_secs(5);
/// A receive that does not wait has this long to find out that there is something: the server tells that there is nothing only
/// seconds later.
const GLANCE: Duration = Duration::from_millis(500);

/// One thread's client.
#[derive(Debug)]
pub struct RocketMq {
    pub(super) plan: Arc<RocketMqPlan>,
    in_flight: Cell<usize>,
}

/// One call under way.
pub(super) struct Slot<'a>(&'a Cell<usize>);

impl RocketMq {
    pub(in crate::upstream) fn new(plan: &Arc<RocketMqPlan>) -> Self {
        Self { plan: Arc::clone(plan), in_flight: Cell::new(0) }
    }

    pub(in crate::upstream) fn profile(&self) -> &Profile {
        &self.plan.link.profile
    }

    pub(in crate::upstream) fn objection(&self, message: &Message) -> Option<Objection> {
        let able = &self.profile().capabilities;
        rocketmq::objection(message, able, self.profile().clock.now() + able.limits.max_delay)
    }

    pub(in crate::upstream) async fn publish(
        &self,
        context: &RequestContext,
        message: &Message,
        on_unknown: OnUnknown,
    ) -> Attempted<Result<Published, UpstreamError>> {
        let tried = AtomicU32::new(0);
        let now = self.profile().clock.now();
        // The same for every attempt: consumers can tell by it what was stored twice.
        let Some(id) = self.plan.message_ids.next(now) else {
            let error = UpstreamError::new(UpstreamErrorKind::Overloaded, "no message id could be made");
            return Attempted { attempts: 0, result: Err(error) };
        };
        // The gRPC library writes the whole request into a buffer that doubles as it grows.
        let _request = match self.plan.memory.charge_for_copies(message.body.len(), || message.body.len() * 2) {
            Ok(charges) => charges,
            Err(full) => return Attempted { attempts: 0, result: Err(full.into()) },
        };
        let mut encoded = encode_message(message, &id, self.plan.link.namespace(), now);
        if let (true, Some(system)) = (self.profile().propagates_trace, &mut encoded.system_properties) {
            system.trace_context = context.trace().map(|trace| trace.to_string());
        }
        let request = SendMessageRequest { messages: vec![encoded] };
        let policy = AttemptPolicy::publish(&message.topic, context, on_unknown);
        let attempt = || self.publish_once(context, message, &request, &id, &tried);
        let result = self.profile().attempts.perform(&policy, attempt).await;
        Attempted { attempts: tried.load(Ordering::Relaxed), result }
    }

    async fn publish_once(
        &self,
        context: &RequestContext,
        message: &Message,
        request: &SendMessageRequest,
        id: &MessageId,
        tried: &AtomicU32,
    ) -> Result<Published, UpstreamError> {
        let _slot = self.slot()?;
        let (link, topic) = (&*self.plan.link, &message.topic);
        let route = self.plan.routes.route(link, topic, context).await?;
        topic_type::check(message, &route.accepted)?;
        let places = route.places_for(message.message_group.as_ref());
        let errand = Errand { topic, context, tried, places: &places, group: None };
        let answer = link.call(Method::SendMessage, errand, |_| request.clone()).await;
        let (answer, exchange) = answer.inspect_err(|error| self.plan.routes.doubt_after(topic, error))?;
        let published = exchange.came_to(published(&answer, id));
        if published.as_ref().is_err_and(|error| error.kind == UpstreamErrorKind::WrongTopicType) {
            // The topic was made anew with another type, or is gone.
            self.plan.routes.doubt(topic);
        }
        published
    }

    pub(in crate::upstream) async fn receive(
        &self,
        context: &RequestContext,
        poll: &PollRequest<'_>,
    ) -> Result<Polled, UpstreamError> {
        let end = Instant::now() + poll.wait.max(GLANCE);
        let context = &context.lasting_until(end + RECEIVE_MARGIN);
        let policy = AttemptPolicy::of_group(Operation::Receive, poll.topic, poll.group, context);
        let attempt = || self.receive_once(context, poll, end);
        self.profile().attempts.perform(&policy, attempt).await
    }

    /// What the broker's clock showed when it made a delivery.
    pub(in crate::upstream) fn delivered_at(handle: &UpstreamHandle) -> Option<UnixMillis> {
        rocketmq::Handle::decode(handle.as_str()).ok().map(|handle| handle.delivered_at())
    }

    /// How long a delivery that has just come is hidden from others: it may have been kept for a while.
    pub(in crate::upstream) fn hidden_for(&self, asked: Option<Duration>) -> Duration {
        let asked = asked.unwrap_or(self.plan.settings.visibility_timeout);
        asked.saturating_sub(kept_for(asked))
    }

    async fn receive_once(
        &self,
        context: &RequestContext,
        poll: &PollRequest<'_>,
        end: Instant,
    ) -> Result<Polled, UpstreamError> {
        let plan = &self.plan;
        let route = {
            // Who stands in line at a desk uses no connection, and takes none from a publish.
            let _slot = self.slot()?;
            plan.routes.route(&plan.link, poll.topic, context).await?
        };
        let subject = Subject {
            topic: poll.topic.clone(),
            group: poll.group.clone(),
            visibility_timeout: poll.visibility_timeout.unwrap_or(plan.settings.visibility_timeout),
            ordered: poll.ordered,
            tags: poll.tags.cloned(),
        };
        let desk = plan.polls.desk(subject)?;
        let in_line = plan.polls.line_up(desk, poll.max_messages, &route);
        let handed = in_line.handed(end).await.inspect_err(|_| plan.routes.doubt(poll.topic))?;
        let mut memory = plan.memory.charge();
        let mut deliveries = Vec::with_capacity(handed.len());
        for held in handed {
            memory.absorb(held.charge);
            deliveries.push(held.delivery);
        }
        Ok(Polled { deliveries, memory })
    }

    /// Our own limit on calls of this thread.
    pub(super) fn slot(&self) -> Result<Slot<'_>, UpstreamError> {
        let limit = self.plan.in_flight;
        if self.in_flight.get() >= limit {
            let detail = format!("{limit} requests to the MQ are under way, which is the limit");
            return Err(UpstreamError::new(UpstreamErrorKind::Overloaded, detail));
        }
        self.in_flight.set(self.in_flight.get() + 1);
        Ok(Slot(&self.in_flight))
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// What the answer to a publish says. The entry of the one message counts; the answer's own status where there is none.
fn published(answer: &SendMessageResponse, id: &MessageId) -> Result<Published, UpstreamError> {
    let entry = answer.entries.first();
    let status = entry.and_then(|entry| entry.status.as_ref()).or(answer.status.as_ref());
    let code = code(status)?;
    // The broker has the message, and a disk or a replica was late. It says so of a message, in an entry (which has no id then);
    // the same code without one comes from somebody who does not know.
    let is_late = matches!(code, Code::MasterPersistenceTimeout | Code::SlavePersistenceTimeout | Code::HaNotAvailable);
    let is_weak = is_late && entry.is_some();
    if code == Code::Ok && entry.is_none() {
        let detail = "the MQ's answer could not be used: it says that it is done, and of no message";
        return Err(UpstreamError::new(UpstreamErrorKind::BadResponse, detail));
    }
    if code != Code::Ok && !is_weak {
        return Err(refusal(status, Asked::Publish));
    }
    let durability = if is_weak { Durability::Degraded } else { Durability::Full };
    let named = entry.and_then(|entry| MessageId::parse(&entry.message_id).ok());
    Ok(Published { message_id: named.unwrap_or_else(|| id.clone()), durability, body_md5: None })
}
