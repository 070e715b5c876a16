//! The MQ HTTP protocol as a server, on the same engine (protocol notes MQ HTTP).

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse};

use super::handover::Handover;
use super::service::{EndpointService, MAX_CONSUMED_BYTES, STORE_RETRY_AFTER, Unread};
use crate::embedded::{Acknowledgement, ConsumeRequest, EngineError};
use crate::http::vendor::mq_http as edge;
use crate::model::Topic;
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
pub(super) async fn answer(service: &EndpointService, request: &HttpRequest, payload: &mut Payload) -> HttpResponse {
    let id = edge::request_id(&service.request_ids.of(request.headers()));
    match perform(service, request, payload, &id).await {
        Ok(response) => response,
        Err(Failure::Refused(refusal)) => {
            if refusal != Refusal::MessageNotExist {
                service.refused(refusal.label());
            }
            edge::refused(&refusal, &edge::host(request), &id)
        }
        Err(Failure::Store(reason)) => {
            service.refused(reason);
            let mut response = edge::refused(&Refusal::QpsLimitExceeded, &edge::host(request), &id);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(STORE_RETRY_AFTER));
            response
        }
    }
}

/// The answer of a request that met a bug of ours.
pub(super) fn bug(service: &EndpointService, request: &HttpRequest) -> HttpResponse {
    let id = edge::request_id(&service.request_ids.of(request.headers()));
    edge::refused(&Refusal::InternalError, &edge::host(request), &id)
}

async fn perform(
    service: &EndpointService,
    request: &HttpRequest,
    payload: &mut Payload,
    id: &str,
) -> Result<HttpResponse, Failure> {
    let method = edge::method(request)?;
    let target = edge::target(request, method)?;
    let settings = &service.settings;
    edge::identify(&settings.callers, request, method, settings.clock_window, service.clock.now())?;
    let topic = Topic::parse_configured(&target.topic).map_err(|error| edge::invalid_name("topic", error))?;
    let limit = settings.mq_message_bytes;
    let body = service.read(request, payload, edge::document_bytes(limit)).await.map_err(|unread| match unread {
        Unread::TooBig => edge::too_big(limit),
        Unread::Broken | Unread::TooSlow => Refusal::IncompleteBody,
    })?;
    edge::check_digest(request, &body)?;
    match target.operation {
        Operation::Publish => {
            let message = decode_message(topic, &body)?;
            if message.body.len() > limit {
                return Err(edge::too_big(limit).into());
            }
            edge::check_delivery_time(&message, service.clock.now())?;
            let stored = message.body.clone();
            let message_id = service.engine.publish(message).await.map_err(failed)?;
            Ok(edge::document(StatusCode::CREATED, mq_http::encode_published(&message_id, &stored), id))
        }
        Operation::Consume(query) => consume(service, topic, query, id).await,
        Operation::Acknowledge { group } => {
            let group = edge::group(&group)?;
            let handles = decode_receipt_handles(&body)?;
            let results = service.engine.acknowledge_many(&topic, &group, &handles).await.map_err(failed)?;
            let errors: Vec<AckError> = handles
                .into_iter()
                .zip(results)
                .filter(|(_, result)| match result {
                    // Python repeats a request whose connection broke, and must not be told that it failed.
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
    service: &EndpointService,
    topic: Topic,
    query: ConsumeQuery,
    id: &str,
) -> Result<HttpResponse, Failure> {
    let wait = Duration::from_secs(query.wait_seconds);
    let request = ConsumeRequest {
        topic,
        group: edge::group(&query.group)?,
        max_messages: query.num,
        max_bytes: MAX_CONSUMED_BYTES,
        wait,
        tags: query.tags,
        ordered: query.ordered,
    };
    let deliveries = tokio::select! {
        biased;
        deliveries = service.engine.receive(request) => deliveries.map_err(failed)?,
        () = service.until_stopping(), if !wait.is_zero() => Vec::new(),
    };
    if deliveries.is_empty() {
        return Err(Refusal::MessageNotExist.into());
    }
    let text = mq_http::encode_consumed(&deliveries);
    Ok(edge::document(StatusCode::OK, Handover::new(text, deliveries, service.engine.clone()), id))
}

/// Why the engine refused. What goes wrong in the store is logged there, and seldom.
fn failed(error: EngineError) -> Failure {
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
