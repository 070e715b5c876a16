//! The ONS HTTP protocol as a server: every decision of the protocol notes ONS, section 7.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse};

use super::handover::Handover;
use super::service::{EndpointService, MAX_CONSUMED_BYTES, STORE_RETRY_AFTER, Unread};
use crate::embedded::{Acknowledgement, ConsumeRequest, EngineError};
use crate::http::vendor::ons_http as edge;
use crate::http_message::Method;
use crate::protocol::ons_http::{
    self, Acknowledge, CONTENT_TYPE as TEXT_HTML, Consume, Demand, ForbiddenReason, MAX_CONSUME, MAX_TIMEOUT_MILLIS,
    Publish, Refusal, Request,
};

/// Why a request got no success.
enum Failure {
    Refused(Refusal),
    Engine(EngineError),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Answers one request.
pub(super) async fn answer(service: &EndpointService, request: &HttpRequest, payload: &mut Payload) -> HttpResponse {
    let Some(method) = edge::method(request) else { return edge::no_such_method() };
    match perform(service, method, request, payload).await {
        Ok(response) => response,
        Err(failure) => {
            if method == Method::Get {
                // The vendor's sample consumer asks again at once after an error: hold the answer (item 14).
                // Whichever comes first.
                drop(tokio::time::timeout(service.settings.error_hold, service.until_stopping()).await);
            }
            refuse(service, failure)
        }
    }
}

async fn perform(
    service: &EndpointService,
    method: Method,
    request: &HttpRequest,
    payload: &mut Payload,
) -> Result<HttpResponse, Failure> {
    let mut signed = edge::decode(request, method, Demand::Signed)?;
    let caller = edge::identify(&service.settings.callers, &signed, service.settings.clock, service.clock.now())?;
    // Only a publish has a body that means anything.
    if let Request::Publish(publish) = &mut signed.request {
        let limit_bytes = service.settings.ons_message_bytes;
        publish.body = service.read(request, payload, limit_bytes).await.map_err(|unread| match unread {
            Unread::TooBig => Refusal::BodyTooBig { limit_bytes },
            Unread::TooSlow => Refusal::Timeout,
            Unread::Broken => Refusal::Invalid("Body", "it broke off or is framed wrongly"),
        })?;
    }
    edge::check_signature(caller, &signed)?;
    match signed.request {
        Request::Publish(publish) => publish_one(service, request, &publish).await,
        Request::Consume(consume) => consume_some(service, consume).await,
        Request::Acknowledge(acknowledge) => acknowledge_one(service, acknowledge).await,
    }
}

async fn publish_one(
    service: &EndpointService,
    request: &HttpRequest,
    publish: &Publish<'_>,
) -> Result<HttpResponse, Failure> {
    let message = edge::message(request, edge::topic(&publish.topic)?, publish, service.clock.now())?;
    let message_id = service.engine.publish(message).await.map_err(Failure::Engine)?;
    Ok(edge::published(&message_id))
}

async fn consume_some(service: &EndpointService, consume: Consume<'_>) -> Result<HttpResponse, Failure> {
    let wait = match consume.timeout {
        Some(millis) => Duration::from_millis(millis.min(MAX_TIMEOUT_MILLIS)),
        None => service.settings.default_wait,
    };
    let request = ConsumeRequest {
        topic: edge::topic(&consume.topic)?,
        group: edge::group(&consume.consumer_group)?,
        max_messages: consume.num.unwrap_or(MAX_CONSUME).clamp(1, MAX_CONSUME),
        max_bytes: MAX_CONSUMED_BYTES,
        wait,
        tags: None,
        ordered: false,
    };
    let deliveries = tokio::select! {
        biased;
        deliveries = service.engine.receive(request) => deliveries.map_err(Failure::Engine)?,
        () = service.until_stopping(), if !wait.is_zero() => Vec::new(),
    };
    let text = ons_http::encode_consumed(&deliveries);
    let body = Handover::new(text, deliveries, service.engine.clone());
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, TEXT_HTML)).body(body))
}

async fn acknowledge_one(service: &EndpointService, acknowledge: Acknowledge<'_>) -> Result<HttpResponse, Failure> {
    let topic = edge::topic(&acknowledge.topic)?;
    let group = edge::group(&acknowledge.consumer_group)?;
    match service.engine.acknowledge(&topic, &group, &acknowledge.handle).await.map_err(Failure::Engine)? {
        // A client repeats a failed DELETE of a stale handle for ever: 204, and nothing is done (item 15).
        Acknowledgement::Done => Ok(HttpResponse::NoContent().finish()),
        Acknowledgement::AlreadyDone | Acknowledgement::Stale => {
            tracing::debug!(
                topic = topic.as_str(),
                group = group.as_str(),
                "a stale handle was acknowledged: nothing done"
            );
            Ok(HttpResponse::NoContent().finish())
        }
        Acknowledgement::Malformed => Err(Refusal::Invalid("MsgHandle", "it is no handle of this endpoint").into()),
    }
}

fn refuse(service: &EndpointService, failure: Failure) -> HttpResponse {
    // What goes wrong in the store is logged there, and seldom.
    let (refusal, retry_after) = match failure {
        Failure::Refused(refusal) => (refusal, None),
        Failure::Engine(EngineError::UnknownTopic { .. }) => (Refusal::Forbidden(ForbiddenReason::Topic), None),
        Failure::Engine(EngineError::Overloaded) => (Refusal::Busy("overloaded"), None),
        Failure::Engine(EngineError::Full) => (Refusal::Busy("full"), Some(STORE_RETRY_AFTER)),
        Failure::Engine(
            EngineError::Closed | EngineError::Open(_) | EngineError::Storage(_) | EngineError::Random(_),
        ) => (Refusal::Busy("storage"), Some(STORE_RETRY_AFTER)),
        Failure::Engine(EngineError::InDoubt(_)) => (Refusal::Unavailable("storage"), None),
    };
    service.refused(refusal.label());
    let mut response = edge::refused(&refusal);
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    }
    response
}
