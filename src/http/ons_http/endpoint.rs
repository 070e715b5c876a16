//! The embedded endpoint for the protocol's clients: every decision of the protocol notes ONS, section 7.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::dev::Payload;
use actix_web::http::Method as HttpMethod;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};

use super::edge;
use crate::embedded::{Acknowledgement, ConsumeRequest, EngineError, VisibilityChanged};
use crate::http::body::{self, BodyError};
use crate::http::context::takes;
use crate::http::embedded_mq::ChaosError;
use crate::http::embedded_mq::service::{EndpointRequest, MAX_CONSUMED_BYTES, STORE_RETRY_AFTER};
use crate::http::vendor::method;
use crate::http_message::Method;
use crate::protocol::ons_http::{
    self, Acknowledge, Authentication, CONTENT_TYPE as TEXT_HTML, ChangeVisibility, Consume, ForbiddenReason,
    MAX_CONSUME, MAX_TIMEOUT_MILLIS, Publish, Refusal, Request,
};
use crate::protocol::{DELAY_MARK, VISIBILITY_MARK};

/// Longest time that a delivery is hidden for: the contract's own.
const LONGEST_HIDDEN: Duration = Duration::from_secs(12 * 3600);

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
pub(in crate::http) async fn answer(context: &EndpointRequest<'_>, payload: &mut Payload) -> HttpResponse {
    let Some(method) = method(context.request).or_else(|| own_method(context)) else { return edge::no_such_method() };
    match perform(context, method, payload).await {
        Ok(response) => response,
        Err(failure) => {
            if method == Method::Get {
                // The vendor's sample consumer asks again at once after an error: hold the answer (item 14).
                // Whichever comes first.
                let service = context.service;
                takes(context.request, service.settings.error_hold);
                drop(tokio::time::timeout(service.settings.error_hold, service.resources.until_stopping()).await);
            }
            refuse(context, failure)
        }
    }
}

/// An error in place of an answer, on purpose.
pub(in crate::http) fn chaos(context: &EndpointRequest<'_>, error: ChaosError) -> HttpResponse {
    let refusal = match error {
        ChaosError::Certain => Refusal::Busy("chaos"),
        ChaosError::Open => Refusal::Unavailable("chaos"),
    };
    context.refused(refusal.label());
    edge::refused(&refusal)
}

/// A method that is not the protocol's: to all but the gateway in this process it is none.
fn own_method(context: &EndpointRequest<'_>) -> Option<Method> {
    let is_own = context.request.method() == HttpMethod::PUT && context.request.headers().contains_key(VISIBILITY_MARK);
    is_own.then_some(Method::Put)
}

async fn perform(
    context: &EndpointRequest<'_>,
    method: Method,
    payload: &mut Payload,
) -> Result<HttpResponse, Failure> {
    let settings = &context.service.settings;
    let mut signed = edge::decode(context.request, method, Authentication::Required)?;
    let caller = edge::identify(&settings.callers, &signed, settings.clock, context.service.now())?;
    // Only a publish has a body that means anything.
    if let Request::Publish(publish) = &mut signed.request {
        publish.body = context.body(payload, settings.ons_message_bytes).await.map_err(|error| {
            let broken = Refusal::Invalid("Body", "it broke off or is framed wrongly".into());
            if error == BodyError::Broken { broken } else { edge::unread(error) }
        })?;
    }
    edge::check_signature(caller, &signed)?;
    if method != Method::Post {
        // A body that means nothing would end the connection if it were not read.
        body::discard(context.request, payload).await;
    }
    match signed.into_request()? {
        Request::Publish(publish) => publish_one(context, &publish).await,
        Request::Consume(consume) => consume_some(context, consume).await,
        Request::Acknowledge(acknowledge) => acknowledge_one(context, acknowledge).await,
        Request::ChangeVisibility(change) => change_visibility(context, change).await,
    }
}

async fn publish_one(context: &EndpointRequest<'_>, publish: &Publish<'_>) -> Result<HttpResponse, Failure> {
    let mut message = edge::message(edge::topic(&publish.topic)?, publish, context.service.now())?;
    message.deliver_at_is_delay = context.request.headers().contains_key(DELAY_MARK);
    let message_id = context.service.engine.publish(message).await.map_err(Failure::Engine)?;
    Ok(edge::published(&message_id))
}

async fn consume_some(context: &EndpointRequest<'_>, consume: Consume<'_>) -> Result<HttpResponse, Failure> {
    let service = context.service;
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
        visibility_timeout: consume.hidden_for.map(hidden_for),
    };
    takes(context.request, wait);
    let (deliveries, memory) = service.consume(request).await.map_err(Failure::Engine)?;
    let text = ons_http::encode_consumed(&deliveries);
    let body = context.handover(text, deliveries, memory);
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, TEXT_HTML)).body(body))
}

async fn acknowledge_one(context: &EndpointRequest<'_>, acknowledge: Acknowledge<'_>) -> Result<HttpResponse, Failure> {
    let topic = edge::topic(&acknowledge.topic)?;
    let group = edge::group(&acknowledge.consumer_group)?;
    match context.service.engine.acknowledge(&topic, &group, &acknowledge.handle).await.map_err(Failure::Engine)? {
        // A client repeats a failed DELETE of a stale handle for ever: 204, and nothing is done (item 15).
        Acknowledgement::Done => Ok(HttpResponse::NoContent().finish()),
        Acknowledgement::AlreadyDone | Acknowledgement::Stale => {
            tracing::debug!(
                request_id = context.id(),
                topic = topic.as_str(),
                group = group.as_str(),
                "a stale handle was acknowledged: nothing done"
            );
            Ok(HttpResponse::NoContent().finish())
        }
        Acknowledgement::Malformed => {
            Err(Refusal::Invalid("MsgHandle", "it is no handle of this endpoint".into()).into())
        }
    }
}

async fn change_visibility(
    context: &EndpointRequest<'_>,
    change: ChangeVisibility<'_>,
) -> Result<HttpResponse, Failure> {
    let ChangeVisibility { delivery, millis } = change;
    let topic = edge::topic(&delivery.topic)?;
    let group = edge::group(&delivery.consumer_group)?;
    let millis = millis.parse().map_err(|_| Refusal::Invalid("Visibility", "must be milliseconds as digits".into()))?;
    let changed = context.service.engine.change_visibility(&topic, &group, &delivery.handle, hidden_for(millis));
    match changed.await.map_err(Failure::Engine)? {
        VisibilityChanged::Until(time) => {
            Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, TEXT_HTML)).body(ons_http::encode_changed(time)))
        }
        // Only the gateway asks, and its caller learns it.
        VisibilityChanged::Stale => Ok(HttpResponse::Gone().finish()),
        VisibilityChanged::Malformed => {
            Err(Refusal::Invalid("MsgHandle", "it is no handle of this endpoint".into()).into())
        }
    }
}

/// A time that a delivery is hidden for, as far as there is one.
fn hidden_for(millis: u64) -> Duration {
    Duration::from_millis(millis).min(LONGEST_HIDDEN)
}

fn refuse(context: &EndpointRequest<'_>, failure: Failure) -> HttpResponse {
    if let Failure::Engine(error) = &failure {
        context.log_failure(error);
    }
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
    context.refused(refusal.label());
    let mut response = edge::refused(&refusal);
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    }
    response
}
