//! A message that its target does not take: published to the topic of dead letters, and acknowledged only when the MQ has said that
//! it is there. Without such a topic it is left to the MQ, which has dead letters of its own.
//!
//! A publish of unknown outcome is repeated: there may be two dead letters of one message, never none.

use std::time::Duration;

use tokio::time::Instant;

use super::AttemptResult;
use super::ending::{Attempted, Ending};
use super::worker::{Held, Worker};
use crate::context::RequestContext;
use crate::gateway::{GatewayError, TopicRoute};
use crate::model::{Operation, Side, UnixMillis};
use crate::protocol::dead_letter::{DeadLetter, Form, wrap};
use crate::signature::standard_webhooks::webhook_id;
use crate::telemetry::Failure;
use crate::upstream::UpstreamErrorKind;

/// The first pause between two publishes of one dead letter; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Why a message is given up, and what its last attempt came to.
#[derive(Debug, Clone)]
pub(super) struct GivenUp {
    reason: &'static str,
    attempted: Attempted,
}

impl GivenUp {
    pub(super) fn new(reason: &'static str, attempted: Attempted) -> Self {
        // It was not the target who did not understand it.
        let reason = if attempted.result == AttemptResult::NotWritable { attempted.result.as_str() } else { reason };
        Self { reason, attempted }
    }
}

impl Worker {
    /// Makes a message a dead letter, confirmed, and acknowledges it then.
    pub(super) async fn give_up(&self, held: &mut Held, given_up: GivenUp) -> Ending {
        let Some((topic, has_properties)) = &self.dead_letter else {
            self.board.metrics.dead_letter("left_to_the_mq");
            return self.leave();
        };
        let letter = self.letter(held, &given_up);
        let mut pause = FIRST_PAUSE;
        loop {
            match self.publish(held, topic, *has_properties, &letter).await {
                Ok(()) => {
                    self.board.metrics.dead_letter(given_up.reason);
                    return self.acknowledge(held, "dead_lettered").await;
                }
                Err(error) => {
                    // At each of them, as long as it goes on: the message itself may stay in hand for hours.
                    self.board.metrics.dead_letter_failures.inc();
                    let topic = topic.topic.as_str();
                    self.log_failure(Operation::Publish, topic, &error);
                    // Once more where there is time for that, and it can make a difference.
                    let needed = pause + self.schedule.hidden_for_attempt();
                    let has_time = held.hidden_for() >= needed || self.extend(held, needed).await;
                    if misfits(&error) || !has_time || self.turns.pause(pause).await.is_err() {
                        self.board.metrics.dead_letter("not_published");
                        return self.leave();
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Publishes a dead letter in the first form that its topic takes.
    async fn publish(
        &self,
        held: &Held,
        topic: &TopicRoute,
        has_properties: bool,
        letter: &DeadLetter,
    ) -> Result<(), GatewayError> {
        let mut misfit = GatewayError::Internal("a dead letter that no form holds");
        for form in Form::in_order(has_properties) {
            let Some(message) = wrap(&topic.topic, &held.delivery, letter, form) else { continue };
            let context = RequestContext::shared(Instant::now() + topic.deadline());
            match self.gateway.publish(&context, topic, message, None).await {
                Ok(_) => return Ok(()),
                Err(error) if misfits(&error) => misfit = error,
                Err(error) => return Err(error),
            }
        }
        Err(misfit)
    }

    fn letter(&self, held: &Held, GivenUp { reason, attempted }: &GivenUp) -> DeadLetter {
        let delivery = &held.delivery;
        let means = self.schedule.means();
        // Where the MQ does not tell: as many visibility timeouts ago as there were redeliveries.
        let redeliveries = delivery.delivery_attempt.saturating_sub(1);
        let since = means.visibility_timeout.saturating_mul(redeliveries);
        let since = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let estimated = UnixMillis(attempted.at.0.saturating_sub(since)).max(delivery.published_at);
        DeadLetter {
            subscription: self.config.name.clone(),
            topic: self.config.topic.clone(),
            group: self.config.group.clone(),
            message_id: delivery.message_id.clone(),
            webhook_id: webhook_id(&self.config.name, self.config.topic.as_str(), delivery.message_id.as_str()),
            reason: (*reason).to_owned(),
            status: attempted.status,
            attempts: u32::try_from(attempted.number).unwrap_or(u32::MAX),
            first_attempt_at: delivery.first_delivered_at.unwrap_or(estimated).min(attempted.at),
            last_attempt_at: attempted.at,
            published_at: delivery.published_at,
            answer: attempted.excerpt.clone(),
            url: self.target.shown(),
        }
    }

    /// One failure of the MQ, as those of callers' requests are logged: a line, and summaries while it goes on.
    pub(super) fn log_failure(&self, operation: Operation, topic: &str, error: &GatewayError) {
        let (reason, side) = match error.upstream() {
            Some(error) => {
                let side = if error.kind == UpstreamErrorKind::Overloaded { Side::Gateway } else { Side::Mq };
                (error.kind.problem_code(), side)
            }
            None => (error.label(), Side::Gateway),
        };
        let detail = error.to_string();
        let request_id = self.board.request_id();
        let failure = Failure { topic, operation, reason, side, detail: &detail, request_id, trace_id: None };
        self.failures.note(&failure, std::time::Instant::now());
    }
}

/// Whether the message is wrong for its topic, which another attempt does not change.
fn misfits(error: &GatewayError) -> bool {
    match error {
        GatewayError::TooLarge { .. } | GatewayError::UnsupportedField { .. } | GatewayError::Invalid { .. } => true,
        GatewayError::Upstream(error) => error.kind == UpstreamErrorKind::RejectedMessage,
        GatewayError::IllegalName { .. }
        | GatewayError::UnknownTopic
        | GatewayError::UnknownGroup
        | GatewayError::UnsupportedVerb { .. }
        | GatewayError::RateLimited { .. }
        | GatewayError::TopicFull { .. }
        | GatewayError::EarlierMessageFailed
        | GatewayError::OutOfTime
        | GatewayError::NoMemory(_)
        | GatewayError::InvalidReceiptHandle
        | GatewayError::ForeignReceiptHandle
        | GatewayError::Internal(_) => false,
    }
}
