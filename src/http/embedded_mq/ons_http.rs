//! The ONS HTTP protocol as a server: every decision of the protocol notes ONS, section 7.

use std::borrow::Cow;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;

use super::EndpointService;
use crate::embedded::{Acknowledgement, Engine, EngineError, ReceiveRequest};
use crate::model::{
    ConsumerGroup, Key, MAX_DELAY, Message, MessageGroup, NameError, Tag, Topic, UnixMillis, UpstreamHandle,
};
use crate::protocol::ons_http::{
    self, Acknowledge, CONTENT_TYPE as TEXT_HTML, Consume, ForbiddenReason, Header, MAX_CONSUME, MAX_TIMEOUT_MILLIS,
    Method, Publish, Refusal, Request,
};
use crate::tasks::Stage;

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

/// Answers one request whose body is there.
pub(super) async fn answer(
    service: &EndpointService,
    method: Method,
    request: &HttpRequest,
    body: Bytes,
) -> HttpResponse {
    match perform(service, method, request, body).await {
        Ok(response) => response,
        Err(failure) => {
            if method == Method::Get {
                // The vendor's sample consumer asks again at once after an error: hold the answer (item 14).
                let mut stage = service.stage.clone();
                // Whichever comes first.
                drop(
                    tokio::time::timeout(
                        service.settings.error_hold,
                        stage.wait_for(|stage| *stage == Stage::Stopping),
                    )
                    .await,
                );
            }
            refuse(service, &failure)
        }
    }
}

/// The refusal of a body that is too big, told by its length alone.
pub(super) fn too_big(service: &EndpointService) -> HttpResponse {
    let limit_bytes = service.settings.max_message_bytes;
    refuse(service, &Failure::Refused(Refusal::BodyTooBig { limit_bytes }))
}

async fn perform(
    service: &EndpointService,
    method: Method,
    request: &HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Failure> {
    let header = |header: Header| {
        let value = request.headers().get(header.name())?;
        Some(match std::str::from_utf8(value.as_bytes()) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(value.as_bytes().iter().map(|byte| char::from(*byte)).collect()),
        })
    };
    let query = request.uri().query().unwrap_or_default();
    let signed = ons_http::decode(method, query, header, body)?;
    check_identity(service, &signed)?;
    match signed.request {
        Request::Publish(publish) => publish_one(service, request, publish).await,
        Request::Consume(consume) => consume_some(service, consume).await,
        Request::Acknowledge(acknowledge) => acknowledge_one(service, acknowledge).await,
    }
}

/// Key, signature, clock: checked once on arrival, never after a long poll; there is no replay cache (item 6).
fn check_identity(service: &EndpointService, signed: &ons_http::Signed<'_>) -> Result<(), Refusal> {
    let settings = &service.settings;
    if signed.access_key != *settings.access_key {
        return Err(Refusal::Forbidden(ForbiddenReason::AccessKey));
    }
    let expected = settings.signing.sign(&signed.request.string_to_sign());
    if !expected.matches(signed.signature.as_bytes()) {
        return Err(Refusal::Forbidden(ForbiddenReason::Signature));
    }
    let now = service.clock.now();
    let time = UnixMillis(signed.request.time().parse().unwrap_or(0));
    if now.since(time) > settings.clock_past || time.since(now) > settings.clock_future {
        return Err(Refusal::Forbidden(ForbiddenReason::Clock));
    }
    Ok(())
}

async fn publish_one(
    service: &EndpointService,
    request: &HttpRequest,
    publish: Publish<'_>,
) -> Result<HttpResponse, Failure> {
    let now = service.clock.now();
    let mut message = Message::new(topic(&publish.topic)?, in_utf8(request, publish.body));
    message.tag = publish.tag.as_deref().map(Tag::parse).transpose().map_err(|error| invalid("Tag", error))?;
    let keys = publish.key.as_deref().unwrap_or_default().split(' ').filter(|key| !key.is_empty());
    message.keys = keys.map(Key::parse).collect::<Result<_, _>>().map_err(|error| invalid("Key", error))?;
    let group = publish.sharding_key.as_deref().map(MessageGroup::parse).transpose();
    message.message_group = group.map_err(|error| invalid("ShardingKey", error))?;
    message.deliver_at = publish.start_deliver_time.map(UnixMillis).filter(|time| *time > now);
    if message.deliver_at.is_some_and(|time| time > now + MAX_DELAY) {
        return Err(Refusal::Invalid("StartDeliverTime", "must be at most 40 days ahead").into());
    }
    let message_id = service.engine.publish(message).await.map_err(Failure::Engine)?;
    Ok(HttpResponse::Created().insert_header((CONTENT_TYPE, TEXT_HTML)).body(ons_http::encode_published(&message_id)))
}

async fn consume_some(service: &EndpointService, consume: Consume<'_>) -> Result<HttpResponse, Failure> {
    let wait = match consume.timeout {
        Some(millis) => Duration::from_millis(millis.min(MAX_TIMEOUT_MILLIS)),
        None => service.settings.default_wait,
    };
    let request = ReceiveRequest {
        topic: topic(&consume.topic)?,
        group: group(&consume.consumer_group)?,
        tags: None,
        ordered: false,
        max_messages: consume.num.unwrap_or(MAX_CONSUME).clamp(1, MAX_CONSUME),
        wait,
    };
    let mut stage = service.stage.clone();
    let deliveries = tokio::select! {
        biased;
        deliveries = service.engine.receive(request) => deliveries.map_err(Failure::Engine)?,
        _ = stage.wait_for(|stage| *stage == Stage::Stopping), if !wait.is_zero() => Vec::new(),
    };
    let json = Bytes::from(ons_http::encode_consumed(&deliveries));
    let handles = deliveries.into_iter().map(|delivery| delivery.handle).collect();
    let body = Handover { json, handles, engine: service.engine.clone() };
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, TEXT_HTML)).body(body))
}

async fn acknowledge_one(service: &EndpointService, acknowledge: Acknowledge<'_>) -> Result<HttpResponse, Failure> {
    let topic = topic(&acknowledge.topic)?;
    let group = group(&acknowledge.consumer_group)?;
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

fn refuse(service: &EndpointService, failure: &Failure) -> HttpResponse {
    let refusal = match failure {
        Failure::Refused(refusal) => *refusal,
        Failure::Engine(EngineError::UnknownTopic { .. }) => Refusal::Forbidden(ForbiddenReason::Topic),
        Failure::Engine(EngineError::Overloaded) => {
            service.metrics.embedded_refused("overloaded");
            // No client knows it, all take it for a failure; the header says that nothing was stored (item 21).
            return HttpResponse::ServiceUnavailable().insert_header((RETRY_AFTER, "1")).force_close().finish();
        }
        Failure::Engine(
            error @ (EngineError::Closed | EngineError::Open(_) | EngineError::Storage(_) | EngineError::Random(_)),
        ) => {
            service.metrics.embedded_refused("storage");
            tracing::error!(%error, "the embedded endpoint could not store or read");
            return HttpResponse::ServiceUnavailable().force_close().finish();
        }
    };
    service.metrics.embedded_refused(refusal.label());
    tracing::debug!(reason = refusal.label(), "the embedded endpoint refused a request");
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = HttpResponse::build(status);
    // A client that leaves an error's body unread must not find its rest on the connection (item 14).
    response.force_close();
    match refusal {
        // With any body a client takes it for a success (item 12).
        Refusal::Forbidden(_) => response.finish(),
        Refusal::Missing(_) | Refusal::Invalid(..) | Refusal::BodyTooBig { .. } => {
            response.insert_header((CONTENT_TYPE, TEXT_HTML)).body(refusal.body())
        }
    }
}

fn topic(name: &str) -> Result<Topic, Refusal> {
    Topic::parse_configured(name).map_err(|error| invalid("Topic", error))
}

fn group(name: &str) -> Result<ConsumerGroup, Refusal> {
    ConsumerGroup::parse_configured(name).map_err(|error| invalid("ConsumerId", error))
}

fn invalid(parameter: &'static str, error: NameError) -> Refusal {
    let reason = match error {
        NameError::Empty => "it is empty",
        NameError::TooLong { .. } => "it is too long",
        NameError::Forbidden(_) => "it holds a character that is not allowed",
    };
    Refusal::Invalid(parameter, reason)
}

/// An explicit charset other than UTF-8 is honoured; bytes that do not fit it stay as they are (item 18).
fn in_utf8(request: &HttpRequest, body: Bytes) -> Bytes {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let charset = content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    let Some(encoding) = charset.and_then(|name| encoding_rs::Encoding::for_label(name.as_bytes())) else {
        return body;
    };
    if encoding == encoding_rs::UTF_8 {
        return body;
    }
    match encoding.decode_without_bom_handling_and_without_replacement(&body) {
        Some(Cow::Owned(text)) => Bytes::from(text),
        Some(Cow::Borrowed(_)) | None => body,
    }
}

/// A consume's answer: dropped before it was taken to be written, its messages are visible again at once (item 10).
struct Handover {
    json: Bytes,
    handles: Vec<UpstreamHandle>,
    engine: Engine,
}

impl MessageBody for Handover {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.json.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.handles.clear();
        let json = std::mem::take(&mut self.json);
        Poll::Ready(if json.is_empty() { None } else { Some(Ok(json)) })
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        if !self.handles.is_empty() {
            self.engine.give_back(std::mem::take(&mut self.handles));
        }
    }
}
