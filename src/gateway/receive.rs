//! Receive: poll, or long-poll until something comes, the time is over, or the process stops.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::polls::{LateMessages, PollLines, SharedPoll, Turn};
use super::recall::{GiveBack, Recall};
use super::received::{Deliveries, ReceiveRequest, Received};
use super::traces::Receiving;
use super::{Gateway, GatewayError, GroupRoute, ReceiptHandle, TopicRoute};
use crate::context::RequestContext;
use crate::model::{Delivery, Flaw, Protocol, RequestField, TagFilter};
use crate::tasks::{Stage, Work};
use crate::upstream::{PollRequest, Polled, Upstream, UpstreamError};

/// How many times a message is held at once: as it came, decoded, and as it is written.
const COPIES: usize = 3;
/// What is held of a message besides its body, in bytes.
const ENVELOPE_BYTES: usize = 1024;
/// A receive waits in line for memory for as long as it waits for messages, plus this.
const MEMORY_WAIT: Duration = Duration::from_secs(5);
/// A receive whose time is over and that had no poll of its own waits this long for the answer to the last question, which takes
/// less.
const TURN_WAIT: Duration = Duration::from_secs(9);

/// The tags to receive by. Where a filter consumes, they are the group's own: two callers of one group with different filters would
/// take each other's messages away.
fn filter<'a>(
    route: &'a GroupRoute,
    request: &'a ReceiveRequest,
    protocol: Protocol,
) -> Result<Option<&'a TagFilter>, GatewayError> {
    if !protocol.filters_consume() {
        return Ok(request.tags.as_ref());
    }
    let (flaw, advice) = match (&request.tags, &route.tags) {
        (None, own) => return Ok(own.as_ref()),
        (Some(asked), Some(own)) if asked.is_same_as(own) => return Ok(Some(own)),
        (Some(_), Some(_)) => (
            Flaw::OtherTags,
            "this group has other tags in its configuration, which `/v1/topics` shows: leave tags out, or receive for a group with these",
        ),
        (Some(_), None) => (
            Flaw::GroupWithoutTags,
            "this group's configuration has no tags: leave them out, or have `tags` configured for a group of its own",
        ),
    };
    let why = format!(
        "on {protocol} a tag filter acknowledges for the whole group what it leaves out, so it belongs to the group"
    );
    Err(GatewayError::UnsupportedField { field: RequestField::TAGS.name, flaw, detail: format!("{why}; {advice}") })
}

impl Gateway {
    /// Receives for one caller, with receipt handles of ours. Dropping the future ends its poll upstream, unless others wait for
    /// the same.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub async fn receive(
        &self,
        context: &RequestContext,
        route: &GroupRoute,
        request: &ReceiveRequest,
    ) -> Result<Received, GatewayError> {
        self.receive_in(&self.shared.poll_lines, context, route, request).await
    }

    /// As [`Gateway::receive`], for streams, which wait for lanes among themselves.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub(super) async fn receive_for_streams(
        &self,
        context: &RequestContext,
        route: &GroupRoute,
        request: &ReceiveRequest,
    ) -> Result<Received, GatewayError> {
        self.receive_in(&self.shared.streams.poll_lines, context, route, request).await
    }

    async fn receive_in(
        &self,
        lines: &PollLines,
        context: &RequestContext,
        route: &GroupRoute,
        request: &ReceiveRequest,
    ) -> Result<Received, GatewayError> {
        let visibility_timeout = self.visibility_timeout(route, request.visibility_timeout)?;
        let applied_visibility_timeout = visibility_timeout.filter(|it| Some(*it) != request.visibility_timeout);
        let Deliveries { messages, max_messages, memory, recall } =
            self.receive_deliveries_in(lines, context, route, request).await?;
        let applied_max_messages = (max_messages < request.max_messages).then_some(max_messages);
        let with_handle = |delivery: Delivery| {
            let Delivery { message_id, handle, visible_again_at, .. } = &delivery;
            let sealed = ReceiptHandle::seal(route, message_id, handle, *visible_again_at);
            if sealed.is_none() {
                // Not acknowledged, so not lost; its neighbours are delivered.
                let (request_id, topic) = (context.id(), route.topic.topic.as_str());
                tracing::warn!(request_id, topic, "the MQ's receipt handle of a message is too long to be passed on");
            }
            sealed.map(|handle| (delivery, handle))
        };
        let messages = messages.into_iter().filter_map(with_handle).collect();
        Ok(Received { messages, applied_max_messages, applied_visibility_timeout, memory, recall })
    }

    /// The nearest visibility timeout that the profile has; as wanted where it has none at all, which is refused elsewhere.
    pub(super) fn visibility_timeout(
        &self,
        route: &GroupRoute,
        wanted: Option<Duration>,
    ) -> Result<Option<Duration>, GatewayError> {
        let bounds = self.upstream(&route.topic)?.capabilities().limits.visibility_timeouts;
        Ok(wanted.map(|wanted| bounds.map_or(wanted, |bounds| bounds.nearest(wanted))))
    }

    /// As [`Gateway::receive`], with the MQ's own handles.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub async fn receive_deliveries(
        &self,
        context: &RequestContext,
        route: &GroupRoute,
        request: &ReceiveRequest,
    ) -> Result<Deliveries, GatewayError> {
        self.receive_deliveries_in(&self.shared.poll_lines, context, route, request).await
    }

    async fn receive_deliveries_in(
        &self,
        lines: &PollLines,
        context: &RequestContext,
        route: &GroupRoute,
        request: &ReceiveRequest,
    ) -> Result<Deliveries, GatewayError> {
        let (receiving, context) = Receiving::begin(context, route);
        let received = self.receive_within(lines, &context, route, request).await;
        let links = self.upstream(&route.topic)?.propagates_trace();
        receiving.end(received.as_ref().map(|received| received.messages.as_slice()), links);
        received
    }

    /// Refuses what the profile's protocol cannot do; the tags to receive by.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub fn check_receive<'a>(
        &self,
        route: &'a GroupRoute,
        request: &'a ReceiveRequest,
    ) -> Result<Option<&'a TagFilter>, GatewayError> {
        let capabilities = self.upstream(&route.topic)?.capabilities();
        let ordered = request.ordered || route.ordered;
        let used = [
            (request.visibility_timeout.is_some(), &RequestField::VISIBILITY_TIMEOUT),
            (request.tags.is_some() && !capabilities.protocol.filters_consume(), &RequestField::TAGS),
            (ordered, &RequestField::ORDERED),
        ];
        if let Some(field) = RequestField::first_lacking(capabilities, &used) {
            let (flaw, detail) = (field.flaw.clone(), field.refusal(capabilities));
            return Err(GatewayError::UnsupportedField { field: field.name, flaw, detail });
        }
        filter(route, request, capabilities.protocol)
    }

    async fn receive_within(
        &self,
        lines: &PollLines,
        context: &RequestContext,
        route: &GroupRoute,
        request: &ReceiveRequest,
    ) -> Result<Deliveries, GatewayError> {
        let upstream = self.upstream(&route.topic)?;
        let capabilities = upstream.capabilities();
        let ordered = request.ordered || route.ordered;
        let tags = self.check_receive(route, request)?;
        let wait = request.wait.min(capabilities.limits.max_wait);
        let affordable = self.affordable_messages(&route.topic, capabilities.limits.max_message_bytes, wait).await?;
        let max_messages = request.max_messages.min(capabilities.limits.max_receive_messages).min(affordable);
        let asked = PollRequest {
            topic: &route.topic.topic,
            group: &route.group,
            max_messages,
            wait,
            tags,
            ordered,
            visibility_timeout: self.visibility_timeout(route, request.visibility_timeout)?,
            says_no_wait: request.says_no_wait,
        };
        let polled = if wait.is_zero() {
            self.ask(context, upstream, asked).await?
        } else {
            let mut stage = self.shared.stage.clone();
            tokio::select! {
                biased;
                // Waiting receives end when the process stops.
                _ = stage.wait_for(|stage| *stage == Stage::Stopping) => self.nothing(),
                polled = self.wait(lines, context, upstream, route, asked) => polled?,
            }
        };
        let Polled { deliveries: messages, memory } = polled;
        let metrics = route.metrics(&self.shared.metrics);
        let redelivered = messages.iter().filter(|delivery| delivery.delivery_attempt > 1).count();
        let bytes: usize = messages.iter().map(|delivery| delivery.body.len()).sum();
        metrics.received.inc_by(messages.len() as u64);
        metrics.redelivered.inc_by(redelivered as u64);
        route.topic.metrics(&self.shared.metrics).bytes_out.inc_by(bytes as u64);
        if let Some(largest) = messages.iter().map(|delivery| delivery.body.len()).max() {
            self.shared.message_sizes.note(&route.topic.topic, largest, Instant::now());
        }
        let recall = self.give_back(&route.topic).and_then(|give_back| Recall::of(give_back, &messages));
        Ok(Deliveries { messages, max_messages, memory, recall })
    }

    /// The largest message of a topic that came in the last minute or two, in bytes.
    #[must_use]
    pub fn largest_message(&self, topic: &TopicRoute) -> Option<usize> {
        self.shared.message_sizes.largest(&topic.topic, Instant::now())
    }

    /// How many messages of a topic there is memory for: at least one, for which it waits in line where there is none. A
    /// poll that waits holds nothing: its answer is charged when it comes.
    async fn affordable_messages(
        &self,
        topic: &TopicRoute,
        max_message_bytes: usize,
        wait: Duration,
    ) -> Result<u32, GatewayError> {
        let memory = &self.shared.memory;
        let now = Instant::now();
        let largest = self.shared.message_sizes.largest(&topic.topic, now).unwrap_or(max_message_bytes);
        let one = (largest + ENVELOPE_BYTES).saturating_mul(COPIES);
        let affordable = memory.free() / one;
        if affordable > 0 {
            return Ok(u32::try_from(affordable).unwrap_or(u32::MAX));
        }
        // Its turn is what it waits for: the room itself is taken when the answer comes.
        drop(memory.wait_for(one, now + wait + MEMORY_WAIT).await?);
        Ok(1)
    }

    fn nothing(&self) -> Polled {
        Polled { deliveries: Vec::new(), memory: self.shared.memory.charge() }
    }

    /// Polls until something comes or the time is over.
    async fn wait(
        &self,
        lines: &PollLines,
        context: &RequestContext,
        upstream: &Rc<Upstream>,
        route: &GroupRoute,
        asked: PollRequest<'_>,
    ) -> Result<Polled, GatewayError> {
        let _waiter = self.shared.metrics.messages.receive_waiters.guard();
        if upstream.shares_polls() {
            return self.ask(context, upstream, asked).await;
        }
        let end = Instant::now() + asked.wait;
        let (line, wish) = lines.of(&asked, || self.late_messages(route));
        loop {
            let place = line.line_up(wish.clone(), asked.max_messages);
            let lane = match timeout_at(end, place.turn()).await {
                Ok(Turn::Lane(lane)) => lane,
                Ok(Turn::Messages(polled)) => return Ok(polled),
                Err(_) => {
                    if let Some(polled) = place.take_messages() {
                        return Ok(polled);
                    }
                    // The others waited all the time; this one has not asked yet, and must not say "none" without.
                    drop(place);
                    let wait = upstream.briefest_wait();
                    let ask = async || self.ask(context, upstream, PollRequest { wait, ..asked }).await;
                    let polled = line.ask_at_the_end(&wish, end + TURN_WAIT, ask).await?;
                    return Ok(polled.unwrap_or_else(|| self.nothing()));
                }
            };
            let wait = end.saturating_duration_since(Instant::now());
            let poll = self.poll(context, upstream, PollRequest { wait, ..asked });
            let poll = SharedPoll::new(poll, lane, &place, self.shared.stage.clone(), self.shared.tasks.clone());
            let answer = tokio::select! {
                biased;
                answer = poll => answer,
                polled = place.messages() => return Ok(polled),
            };
            let remaining = end.saturating_duration_since(Instant::now());
            let came = answer.as_ref().is_ok_and(|polled| !polled.deliveries.is_empty());
            if !came && let Some(polled) = place.take_messages() {
                return Ok(polled);
            }
            let polled = answer?;
            if came || remaining.is_zero() {
                return Ok(polled);
            }
            // An empty answer before its time: the MQ's own long poll is shorter than ours. Others may ask meanwhile.
            let pause = upstream.empty_poll_pause();
            if let Ok(polled) = timeout(pause.min(remaining), place.messages()).await {
                return Ok(polled);
            }
            if pause >= remaining {
                return Ok(self.nothing());
            }
        }
    }

    /// A poll that borrows nothing of its caller's.
    fn poll(
        &self,
        context: &RequestContext,
        upstream: &Rc<Upstream>,
        asked: PollRequest<'_>,
    ) -> Work<Result<Polled, UpstreamError>> {
        let (context, upstream, metrics) = (context.clone(), Rc::clone(upstream), Arc::clone(&self.shared.metrics));
        let PollRequest { max_messages, wait, ordered, visibility_timeout, says_no_wait, .. } = asked;
        let (topic, group, tags) = (asked.topic.clone(), asked.group.clone(), asked.tags.cloned());
        Box::pin(async move {
            let (topic, group, tags) = (&topic, &group, tags.as_ref());
            let asked =
                PollRequest { topic, group, max_messages, wait, tags, ordered, visibility_timeout, says_no_wait };
            let _poll = metrics.upstream.polls.guard();
            upstream.receive(&context, &asked).await
        })
    }

    pub(super) fn late_messages(&self, route: &GroupRoute) -> LateMessages {
        let TopicRoute { topic, settings, .. } = &route.topic;
        let metrics = Arc::clone(&settings.late_messages);
        LateMessages { topic: topic.clone(), give_back: self.give_back(&route.topic).cloned(), metrics }
    }

    /// The way back to the MQ of a topic, where it is this process.
    pub(super) fn give_back(&self, topic: &TopicRoute) -> Option<&GiveBack> {
        self.shared.give_back.as_ref().filter(|_| topic.is_embedded())
    }

    async fn ask(
        &self,
        context: &RequestContext,
        upstream: &Upstream,
        asked: PollRequest<'_>,
    ) -> Result<Polled, GatewayError> {
        let _poll = self.shared.metrics.upstream.polls.guard();
        Ok(upstream.receive(context, &asked).await?)
    }
}
