//! The embedded endpoint for the protocol's clients (protocol notes MQ HTTP).

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};

use super::edge;
use crate::embedded::{Acknowledgement, ConsumeRequest, EngineError};
use crate::http::body::{self, BodyError};
use crate::http::context::takes;
use crate::http::embedded_mq::ChaosError;
use crate::http::embedded_mq::service::{EndpointRequest, MAX_CONSUMED_BYTES, STORE_RETRY_AFTER};
use crate::http::vendor::method;
use crate::model::Topic;
use crate::protocol::DELAY_MARK;
use crate::protocol::mq_http::{
    self, AckError, ConsumeQuery, Operation, Refusal, decode_message, decode_receipt_handles,
};

/// Why a request got no success.
enum Failure {
    Refused(Refusal),
    /// The store certainly did not do it: the one answer that tells a client to come back.
    Store(&'static str),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Answers one request.
pub(in crate::http) async fn answer(context: &EndpointRequest<'_>, payload: &mut Payload) -> HttpResponse {
    let id = edge::request_id(context.id());
    let (refusal, retry_after) = match perform(context, payload, &id).await {
        Ok(response) => return response,
        Err(Failure::Refused(refusal)) => {
            if refusal != Refusal::MessageNotExist {
                context.refused(refusal.label());
            }
            (refusal, None)
        }
        Err(Failure::Store(reason)) => {
            context.refused(reason);
            (Refusal::QpsLimitExceeded, Some(HeaderValue::from_static(STORE_RETRY_AFTER)))
        }
    };
    let whole = refusal != Refusal::IncompleteBody && body::discard(context.request, payload).await;
    let mut response = edge::refused(&refusal, &edge::host(context.request), &id, whole);
    if let Some(time) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, time);
    }
    response
}

/// An error in place of an answer, on purpose.
pub(in crate::http) async fn chaos(
    context: &EndpointRequest<'_>,
    payload: &mut Payload,
    error: ChaosError,
) -> HttpResponse {
    let refusal = match error {
        ChaosError::Certain => Refusal::QpsLimitExceeded,
        ChaosError::Open => Refusal::InternalError,
    };
    context.refused("chaos");
    let whole = body::discard(context.request, payload).await;
    edge::refused(&refusal, &edge::host(context.request), &edge::request_id(context.id()), whole)
}

/// The answer of a request that met a bug of ours.
pub(in crate::http) fn internal_error(context: &EndpointRequest<'_>) -> HttpResponse {
    let id = edge::request_id(context.id());
    edge::refused(&Refusal::InternalError, &edge::host(context.request), &id, false)
}

async fn perform(context: &EndpointRequest<'_>, payload: &mut Payload, id: &str) -> Result<HttpResponse, Failure> {
    let EndpointRequest { service, request, .. } = *context;
    let method = method(request).ok_or(Refusal::MethodNotAllowed)?;
    let settings = &service.settings;
    // First, as in the relay: what is wrong with the rest is told to those with a key.
    edge::identify(&settings.callers, request, method, settings.clock_window, service.now())?;
    let target = edge::target(request, method)?;
    let topic = Topic::parse_configured(&target.topic).map_err(|error| edge::invalid_name("topic", error))?;
    let limit = settings.mq_message_bytes;
    let body = context.body(payload, edge::document_bytes(limit)).await.map_err(|error| {
        if matches!(error, BodyError::TooLarge { .. }) { edge::too_big(limit) } else { edge::unread(error) }
    })?;
    edge::check_digest(request, &body)?;
    match target.operation {
        Operation::Publish => {
            let mut message = decode_message(topic, &body)?;
            message.deliver_at_is_delay = request.headers().contains_key(DELAY_MARK);
            if message.body.len() > limit {
                return Err(edge::too_big(limit).into());
            }
            edge::check_delivery_time(&message, service.now())?;
            // The message is not longer than its document, which is not held beside it.
            drop(body);
            let stored = message.body.clone();
            let message_id = service.engine.publish(message).await.map_err(|error| failed(context, &error))?;
            Ok(edge::document(
                StatusCode::CREATED,
                mq_http::encode_published(&message_id, &mq_http::body_md5(&stored)),
                id,
            ))
        }
        Operation::Consume(query) => consume(context, topic, query, id).await,
        Operation::Acknowledge { group } => {
            let group = edge::group(&group)?;
            let handles = decode_receipt_handles(&body)?;
            let results = service
                .engine
                .acknowledge_many(&topic, &group, &handles)
                .await
                .map_err(|error| failed(context, &error))?;
            let errors: Vec<AckError> = handles
                .into_iter()
                .zip(results)
                .filter(|(_, result)| match result {
                    // Python repeats a request whose connection broke, and must not hear that it failed.
                    Acknowledgement::Done | Acknowledgement::AlreadyDone => false,
                    Acknowledgement::Stale | Acknowledgement::Malformed => true,
                })
                .map(|(handle, _)| AckError::invalid_handle(handle))
                .collect();
            Ok(if errors.is_empty() { edge::acknowledged(id) } else { edge::not_acknowledged(&errors, id) })
        }
    }
}

async fn consume(
    context: &EndpointRequest<'_>,
    topic: Topic,
    query: ConsumeQuery,
    id: &str,
) -> Result<HttpResponse, Failure> {
    let service = context.service;
    let request = ConsumeRequest {
        topic,
        group: edge::group(&query.group)?,
        max_messages: query.num,
        max_bytes: MAX_CONSUMED_BYTES,
        wait: Duration::from_secs(query.wait_seconds),
        tags: query.tags,
        ordered: query.ordered,
        visibility_timeout: None,
    };
    takes(context.request, request.wait);
    let (deliveries, memory) = service.consume(request).await.map_err(|error| failed(context, &error))?;
    if deliveries.is_empty() {
        return Err(Refusal::MessageNotExist.into());
    }
    let text = mq_http::encode_consumed(&deliveries);
    Ok(edge::document(StatusCode::OK, context.handover(text, deliveries, memory), id))
}

fn failed(context: &EndpointRequest<'_>, error: &EngineError) -> Failure {
    context.log_failure(error);
    match error {
        EngineError::UnknownTopic { .. } => Refusal::TopicNotExist.into(),
        EngineError::Overloaded => Refusal::QpsLimitExceeded.into(),
        EngineError::Full => Failure::Store("full"),
        EngineError::Closed | EngineError::Open(_) | EngineError::Storage(_) | EngineError::Random(_) => {
            Failure::Store("storage")
        }
        EngineError::InDoubt(_) => Refusal::InternalError.into(),
    }
}
