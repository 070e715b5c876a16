//! The ONS HTTP protocol as a client (protocol notes ONS 7, items 23 to 27).

use std::time::Duration;

use tokio::time::Instant;

use super::HttpPlan;
use super::failover::{Failover, RECEIVE_MARGIN};
use super::refusal::{kind_of_status, refusal};
use crate::config::{OnUnknown, OnsHttpConfig};
use crate::context::RequestContext;
use crate::model::{
    ChangedDelivery, ConsumerGroup, Message, Operation, Published, Topic, UpstreamHandle, VisibilityChange,
};
use crate::outbound::Answer;
use crate::protocol::mark_delay;
use crate::protocol::ons_http::{
    self, Acknowledge, ChangeVisibility, Consume, Publish, Request, decode_changed, decode_consumed, decode_error,
    decode_published,
};
use crate::signature::Pair;
use crate::upstream::attempts::AttemptPolicy;
use crate::upstream::profile::Profile;
use crate::upstream::{Attempted, PollRequest, Polled, UpstreamError, UpstreamErrorKind};

/// A wait that every service keeps to, and nobody feels.
const BRIEF: Duration = Duration::from_millis(100);

/// One thread's client of one profile.
#[derive(Debug)]
pub struct OnsHttp {
    failover: Failover,
    settings: OnsHttpConfig,
}

impl OnsHttp {
    pub(in crate::upstream) fn new(profile: &Profile, plan: &HttpPlan, settings: &OnsHttpConfig) -> Self {
        // Six bytes of JSON escapes per byte of body at worst, and some room for the rest (contract section 4).
        let per_message = profile.capabilities.limits.max_message_bytes.saturating_mul(6);
        let max_answer_bytes = per_message.saturating_mul(32).saturating_add(1024 * 1024);
        Self { failover: Failover::new(profile, plan, max_answer_bytes), settings: settings.clone() }
    }

    pub(in crate::upstream) fn profile(&self) -> &Profile {
        &self.failover.profile
    }

    pub(in crate::upstream) fn briefest_wait(&self) -> Duration {
        if self.settings.zero_timeout { Duration::ZERO } else { BRIEF }
    }

    pub(in crate::upstream) async fn publish(
        &self,
        context: &RequestContext,
        message: &Message,
        on_unknown: OnUnknown,
    ) -> Attempted<Result<Published, UpstreamError>> {
        let sign = |pair: &Pair, now, _wait| {
            let OnsHttpConfig { producer_group, content_type, .. } = &self.settings;
            let request = Request::Publish(Publish::new(message, producer_group, content_type, now)).sign(pair);
            if self.profile().is_embedded { mark_delay(request, message) } else { request }
        };
        let read = |answer: Answer| {
            if answer.status != 201 {
                return Err(self.classify(&answer, Operation::Publish));
            }
            decode_published(&answer.body).map_err(bad_response)
        };
        let policy = AttemptPolicy::publish(&message.topic, context, on_unknown);
        self.failover.perform(&policy, sign, read).await
    }

    pub(in crate::upstream) fn their_now(&self) -> Option<crate::model::UnixMillis> {
        self.failover.their_now()
    }

    /// How long a delivery that has just come is hidden from others.
    pub(in crate::upstream) fn hidden_for(&self, asked: Option<Duration>) -> Duration {
        asked.unwrap_or(self.settings.visibility_timeout)
    }

    pub(in crate::upstream) async fn receive(
        &self,
        context: &RequestContext,
        poll: &PollRequest<'_>,
    ) -> Result<Polled, UpstreamError> {
        let sign = |pair: &Pair, now, wait: Duration| {
            let timeout = if poll.wait.is_zero() {
                // Without `timeout` the vendor's service holds an empty poll as long as it likes. Whether it takes a 0 the
                // profile says; a client of the protocol that sends one knows.
                (self.settings.zero_timeout || poll.says_no_wait).then_some(0)
            } else {
                Some(u64::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(u64::MAX))
            };
            let consume = Consume::new(poll.topic.as_str(), poll.group.as_str(), now);
            let hidden_for = poll.visibility_timeout.map(in_millis);
            Request::Consume(Consume { num: Some(poll.max_messages), timeout, hidden_for, ..consume }).sign(pair)
        };
        let read = |answer: Answer| {
            if answer.status != 200 {
                return Err(self.classify(&answer, Operation::Receive));
            }
            let visible_again_at = self.profile().clock.now() + self.hidden_for(poll.visibility_timeout);
            let consumed = decode_consumed(&answer.body, visible_again_at).map_err(bad_response)?;
            self.profile().warn_unreadable(context, poll.topic, consumed.unreadable);
            Ok(Polled::new(consumed.deliveries, answer.memory))
        };
        let end_of_wait = Instant::now() + poll.wait;
        let context = &context.lasting_until(end_of_wait + RECEIVE_MARGIN);
        let policy = AttemptPolicy::of_group(Operation::Receive, poll.topic, poll.group, context);
        let policy = AttemptPolicy { end_of_wait: Some(end_of_wait), ..policy };
        self.failover.perform(&policy, sign, read).await.result
    }

    /// The protocol acknowledges one delivery at a time.
    pub(in crate::upstream) async fn acknowledge(
        &self,
        context: &RequestContext,
        topic: &Topic,
        group: &ConsumerGroup,
        handle: &UpstreamHandle,
    ) -> Result<(), UpstreamError> {
        let sign = |pair: &Pair, now, _wait| {
            Request::Acknowledge(Acknowledge::new(topic.as_str(), group.as_str(), handle.as_str(), now)).sign(pair)
        };
        let read = |answer: Answer| match answer.status {
            204 => Ok(()),
            _ => Err(self.classify(&answer, Operation::Acknowledge)),
        };
        let policy = AttemptPolicy::of_group(Operation::Acknowledge, topic, group, context);
        self.failover.perform(&policy, sign, read).await.result
    }

    /// Keeps a delivery longer or gives it back: not of the protocol, but the embedded endpoint of this process has it.
    pub(in crate::upstream) async fn change_visibility(
        &self,
        context: &RequestContext,
        topic: &Topic,
        group: &ConsumerGroup,
        handle: &UpstreamHandle,
        change: VisibilityChange,
    ) -> Result<ChangedDelivery, UpstreamError> {
        let operation = Operation::from(change.verb);
        let sign = |pair: &Pair, now, _wait| {
            let millis = in_millis(change.hidden_for);
            let request = ChangeVisibility::new(topic.as_str(), group.as_str(), handle.as_str(), millis, now);
            Request::ChangeVisibility(request).sign(pair)
        };
        let read = |answer: Answer| match answer.status {
            200 => {
                let visible_again_at = decode_changed(&answer.body).map_err(bad_response)?;
                Ok(ChangedDelivery { new_handle: None, visible_again_at })
            }
            410 => {
                let detail = "the receipt handle is no longer valid: the message is done, or was delivered again";
                Err(UpstreamError::new(UpstreamErrorKind::StaleHandle, detail))
            }
            _ => Err(self.classify(&answer, operation)),
        };
        let policy = AttemptPolicy::of_group(operation, topic, group, context);
        self.failover.perform(&policy, sign, read).await.result
    }

    /// The row of the contract's table for an answer that is no success.
    fn classify(&self, answer: &Answer, operation: Operation) -> UpstreamError {
        let body = decode_error(&answer.body);
        let says_why = body.is_some() || answer.retry_after.is_some();
        let kind = kind_of_status(answer.status, says_why, operation);
        let code = body.as_ref().and_then(|body| body.code.as_str());
        refusal(kind, answer, code, None, &self.failover.plan.clock_skew)
    }
}

fn in_millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn bad_response(error: ons_http::ResponseError) -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::BadResponse, format!("the MQ's answer could not be used: {error}"))
}
