//! The ONS HTTP protocol as a client (protocol notes ONS 7, items 23 to 27).

use actix_web::http::StatusCode;
use tokio::time::Instant;

use super::exchange::{Exchange, How, Operation, RECEIVE_MARGIN, kind_of_status};
use super::{Attempted, Plan, ReceiveRequest, UpstreamError, UpstreamErrorKind};
use crate::config::OnUnknown;
use crate::context::RequestContext;
use crate::model::{ConsumerGroup, Delivery, Message, Published, Topic, UpstreamHandle};
use crate::outbound::Answer;
use crate::protocol::ons_http::{
    self, Acknowledge, Consume, Publish, Request, decode_consumed, decode_error, decode_published,
};
use crate::signature::Pair;

/// One thread's client of one profile.
#[derive(Debug)]
pub struct OnsHttp {
    exchange: Exchange,
}

impl OnsHttp {
    /// Builds the client.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        // Six bytes of JSON escapes per byte of body at worst, and some room for the rest (contract section 4).
        let per_message = plan.capabilities.max_message_bytes.saturating_mul(6);
        Self { exchange: Exchange::new(plan, per_message.saturating_mul(32).saturating_add(1024 * 1024)) }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.exchange.plan
    }

    pub(super) async fn publish(
        &self,
        context: &RequestContext,
        message: &Message,
        on_unknown: OnUnknown,
    ) -> Attempted<Result<Published, UpstreamError>> {
        let sign = |pair: &Pair, now| {
            let plan = self.plan();
            Request::Publish(Publish::new(message, &plan.producer_group, &plan.content_type, now)).sign(pair)
        };
        let read = |answer: &Answer| {
            if answer.status != StatusCode::CREATED {
                return Err(self.classify(answer, Operation::Publish));
            }
            decode_published(&answer.body).map_err(bad_response)
        };
        self.exchange
            .perform(How { operation: Operation::Publish, deadline: context.deadline(), on_unknown }, sign, read)
            .await
    }

    pub(super) async fn receive(
        &self,
        context: &RequestContext,
        asked: &ReceiveRequest<'_>,
    ) -> Result<Vec<Delivery>, UpstreamError> {
        let end_of_wait = Instant::now() + asked.wait;
        let sign = |pair: &Pair, now| {
            let timeout = if asked.wait.is_zero() {
                // Without `timeout` the vendor's service holds an empty poll as long as it likes.
                self.plan().zero_timeout.then_some(0)
            } else {
                // A repeated poll waits for what is left only.
                let left = end_of_wait.saturating_duration_since(Instant::now());
                Some(u64::try_from(left.as_micros().div_ceil(1000)).unwrap_or(u64::MAX))
            };
            let consume = Consume::new(asked.topic.as_str(), asked.group.as_str(), now);
            Request::Consume(Consume { num: Some(asked.max_messages), timeout, ..consume }).sign(pair)
        };
        let read = |answer: &Answer| {
            if answer.status != StatusCode::OK {
                return Err(self.classify(answer, Operation::Receive));
            }
            let plan = self.plan();
            let visible_again_at = plan.clock.now() + plan.visibility_timeout;
            let consumed = decode_consumed(&answer.body, visible_again_at).map_err(bad_response)?;
            plan.warn_unreadable(context, asked.topic, consumed.unreadable);
            Ok(consumed.deliveries)
        };
        let deadline = end_of_wait + RECEIVE_MARGIN;
        let how = How { operation: Operation::Receive, deadline, on_unknown: OnUnknown::Report };
        self.exchange.perform(how, sign, read).await.result
    }

    /// The protocol acknowledges one delivery at a time.
    pub(super) async fn acknowledge(
        &self,
        context: &RequestContext,
        topic: &Topic,
        group: &ConsumerGroup,
        handle: &UpstreamHandle,
    ) -> Result<(), UpstreamError> {
        let sign = |pair: &Pair, now| {
            Request::Acknowledge(Acknowledge::new(topic.as_str(), group.as_str(), handle.as_str(), now)).sign(pair)
        };
        let read = |answer: &Answer| match answer.status {
            StatusCode::NO_CONTENT => Ok(()),
            _ => Err(self.classify(answer, Operation::Acknowledge)),
        };
        let deadline = context.deadline();
        let how = How { operation: Operation::Acknowledge, deadline, on_unknown: OnUnknown::Report };
        self.exchange.perform(how, sign, read).await.result
    }

    /// The row of the contract's table for an answer that is no success.
    fn classify(&self, answer: &Answer, operation: Operation) -> UpstreamError {
        let body = decode_error(&answer.body);
        let says_why = body.is_some() || answer.retry_after.is_some();
        let kind = kind_of_status(answer.status.as_u16(), says_why, operation);
        self.exchange.refusal(kind, answer, body.as_ref().and_then(|body| body.code.as_str()), None)
    }
}

fn bad_response(error: ons_http::ResponseError) -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::BadResponse, format!("the MQ's answer could not be used: {error}"))
}
