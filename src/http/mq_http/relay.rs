//! The drop-in relay for the protocol's clients.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::edge;
use crate::gateway::{Deliveries, GatewayError, ReceiveRequest, TopicRoute};
use crate::http::charged_body::ChargedBody;
use crate::http::context::HttpContext;
use crate::http::handover::Handover;
use crate::http::head::HeadError;
use crate::http::identity::{Denied, Identity};
use crate::http::vendor::method;
use crate::http_message::Method;
use crate::model::{Published, UpstreamHandle};
use crate::protocol::mq_http::{
    self, AckError, ConsumeQuery, Operation, Refusal, Target, decode_message, decode_receipt_handles,
};
use crate::upstream::UpstreamErrorKind;

/// Answers one request.
pub(in crate::http) async fn answer(context: HttpContext) -> HttpResponse {
    let id = edge::request_id(context.id());
    let mut identity = None;
    let result = perform(&context, &id, &mut identity).await;
    let caller = Identity::label(identity);
    let label = match &result {
        Ok(answer) => answer.label,
        // The normal answer of an empty poll.
        Err(Refusal::MessageNotExist) => "ok",
        Err(refusal) => refusal.label(),
    };
    context.metrics().drop_in.request(caller, "mq-http", operation(&context), label);
    match result {
        Ok(answer) => answer.response,
        Err(refusal) => {
            tracing::debug!(request_id = context.id(), caller, reason = refusal.label(), "refused a vendor's client");
            let whole = refusal != Refusal::IncompleteBody && context.discard_body().await;
            edge::refused(&refusal, &edge::host(&context.request), &id, whole)
        }
    }
}

/// The word for what is asked, whether or not the rest of it can be read.
fn operation(context: &HttpContext) -> &'static str {
    match method(&context.request) {
        Some(Method::Post) => "publish",
        Some(Method::Get) => "receive",
        Some(Method::Delete) => "ack",
        Some(Method::Put) | None => "other",
    }
}

/// An answer, and the word for it in metrics.
struct Answered {
    response: HttpResponse,
    label: &'static str,
}

impl From<HttpResponse> for Answered {
    fn from(response: HttpResponse) -> Self {
        Self { response, label: "ok" }
    }
}

async fn perform<'a>(
    context: &'a HttpContext,
    id: &str,
    known: &mut Option<Identity<'a>>,
) -> Result<Answered, Refusal> {
    let drop_in = context.drop_in();
    let method = method(&context.request).ok_or(Refusal::MethodNotAllowed)?;
    let identity = if drop_in.is_open() {
        Identity::Anyone
    } else {
        if drop_in.callers.is_empty() {
            return Err(denied(Denied::NoClientAuth));
        }
        let caller = edge::identify(&drop_in.callers, &context.request, method, drop_in.clock_window, context.now())?;
        Identity::Caller(caller)
    };
    // Before anything else is read: whatever is wrong with the rest is this caller's.
    let identity = *known.insert(identity);
    let Target { topic, operation } = edge::target(&context.request, method)?;
    match operation {
        Operation::Publish => publish_one(context, identity, &topic, id).await,
        Operation::Consume(query) => consume_some(context, identity, &topic, query, id).await,
        Operation::Acknowledge { group } => acknowledge_some(context, identity, &topic, &group, id).await,
    }
}

async fn publish_one(
    context: &HttpContext,
    identity: Identity<'_>,
    topic: &str,
    id: &str,
) -> Result<Answered, Refusal> {
    let gateway = context.gateway();
    let route = identity.topic_to_publish(context, topic).map_err(denied)?;
    let limit_bytes = document_bytes(context, identity, &route).map_err(|error| logged(context, topic, &error))?;
    let body = context.body(limit_bytes).await.map_err(edge::unread)?;
    edge::check_digest(&context.request, &body)?;
    let message = decode_message(route.topic.clone(), &body)?;
    edge::check_delivery_time(&message, context.now())?;
    // The message is not longer than its document, which is not held beside it.
    drop(body);
    let sent = message.body.clone();
    let published = gateway.publish(&context.request_context, &route, message, None).await;
    let accepted = published.map_err(|error| logged(context, topic, &error))?;
    let Published { message_id, body_md5, .. } = accepted.published;
    let body_md5 = body_md5.unwrap_or_else(|| mq_http::body_md5(&sent));
    let answer = mq_http::encode_published(&message_id, &body_md5);
    Ok(edge::document(StatusCode::CREATED, answer, id).into())
}

async fn consume_some(
    context: &HttpContext,
    identity: Identity<'_>,
    topic: &str,
    query: ConsumeQuery,
    id: &str,
) -> Result<Answered, Refusal> {
    let gateway = context.gateway();
    let route = identity.group(context, topic, &query.group).map_err(denied)?;
    // C# polls with a body of one byte: unread, it would end the connection.
    context.discard_body().await;
    let wait = Duration::from_secs(query.wait_seconds);
    let (max_messages, tags, ordered) = (query.num, query.tags, query.ordered);
    let request = ReceiveRequest { max_messages, wait, tags, ordered, visibility_timeout: None, says_no_wait: false };
    let received = gateway.receive_deliveries(&context.request_context, &route, &request).await;
    let Deliveries { messages, memory, recall, .. } = received.map_err(|error| logged(context, topic, &error))?;
    if messages.is_empty() {
        return Err(Refusal::MessageNotExist);
    }
    let text = mq_http::encode_consumed(&messages);
    drop(messages);
    let body = Handover::recalled(ChargedBody::new(text, memory), recall, &context.request);
    Ok(edge::document(StatusCode::OK, body, id).into())
}

async fn acknowledge_some(
    context: &HttpContext,
    identity: Identity<'_>,
    topic: &str,
    group: &str,
    id: &str,
) -> Result<Answered, Refusal> {
    let gateway = context.gateway();
    let route = identity.group(context, topic, group).map_err(denied)?;
    let body = context.body(edge::ENVELOPE_BYTES).await.map_err(edge::unread)?;
    edge::check_digest(&context.request, &body)?;
    let texts = decode_receipt_handles(&body)?;
    let mut handles = Vec::with_capacity(texts.len());
    for text in &texts {
        handles.push(UpstreamHandle::parse(text).map_err(|_| Refusal::MissingReceiptHandle)?);
    }
    let results = gateway.acknowledge_deliveries(&context.request_context, &route, &handles).await;
    let results = results.map_err(|error| logged(context, topic, &error))?;
    context.log_failures(topic, results.iter().filter_map(|result| result.as_ref().err()));
    let acknowledged = results.iter().any(Result::is_ok);
    let mut errors = Vec::new();
    for (text, result) in texts.into_iter().zip(results) {
        let Err(error) = result else { continue };
        let refusal = refusal(&error);
        let of_the_handle = |kind| matches!(kind, UpstreamErrorKind::RejectedMessage | UpstreamErrorKind::StaleHandle);
        if error.upstream().is_some_and(|error| of_the_handle(error.kind)) {
            errors.push(AckError::invalid_handle(text));
        } else if acknowledged || !errors.is_empty() {
            errors.push(AckError { handle: text, code: refusal.code(), message: refusal.to_string() });
        } else {
            // Nothing was acknowledged, and not for the handles' sake.
            return Err(refusal);
        }
    }
    if errors.is_empty() {
        return Ok(edge::acknowledged(id).into());
    }
    Ok(Answered { response: edge::not_acknowledged(&errors, id), label: "not_acknowledged" })
}

/// A client gets the same answer to the first two; metrics and logs tell them apart.
fn denied(why: Denied) -> Refusal {
    match why {
        Denied::OtherTopics => Refusal::AccessDenied("caller_topic"),
        Denied::NoClientAuth => Refusal::AccessDenied("no_client_auth"),
        Denied::Unknown(error) => refusal(&error),
    }
}

fn logged(context: &HttpContext, topic: &str, error: &GatewayError) -> Refusal {
    context.log_failures(topic, std::iter::once(error));
    refusal(error)
}

/// What the vendor's clients get when the gateway fails: matched without a wildcard, so that a new failure does not
/// compile until it has an answer.
fn refusal(error: &GatewayError) -> Refusal {
    match error {
        GatewayError::IllegalName { what: "topic", error } => edge::invalid_name("topic", *error),
        GatewayError::IllegalName { error, .. } => edge::invalid_name("consumer", *error),
        GatewayError::UnknownTopic => Refusal::TopicNotExist,
        GatewayError::UnknownGroup => Refusal::SubscriptionNotExist,
        GatewayError::TooLarge { limit, .. } => edge::too_big(*limit),
        GatewayError::UnsupportedField { field, detail } | GatewayError::Invalid { field, detail } => {
            Refusal::InvalidArgument(format!("The value of {field} is invalid: {detail}.").into())
        }
        GatewayError::RateLimited { .. }
        | GatewayError::TopicFull { .. }
        | GatewayError::OutOfTime
        | GatewayError::NoMemory(_) => Refusal::QpsLimitExceeded,
        GatewayError::Upstream(error) => match error.kind {
            UpstreamErrorKind::RejectedMessage | UpstreamErrorKind::WrongTopicType | UpstreamErrorKind::StaleHandle => {
                Refusal::InvalidArgument(format!("{}.", error.detail).into())
            }
            UpstreamErrorKind::Overloaded | UpstreamErrorKind::Throttled => Refusal::QpsLimitExceeded,
            UpstreamErrorKind::Timeout
            | UpstreamErrorKind::Unreachable
            | UpstreamErrorKind::CircuitOpen
            | UpstreamErrorKind::BadResponse
            | UpstreamErrorKind::ServerError
            | UpstreamErrorKind::AuthRejected
            | UpstreamErrorKind::Misconfigured => Refusal::InternalError,
        },
        GatewayError::EarlierMessageFailed
        | GatewayError::UnsupportedVerb { .. }
        | GatewayError::InvalidReceiptHandle
        | GatewayError::ForeignReceiptHandle
        | GatewayError::Internal(_) => Refusal::InternalError,
    }
}

/// How large a publish's document may be. Escapes make it larger than the message in it: who has signed may use all of that
/// room, others get that of every HTTP body.
fn document_bytes(context: &HttpContext, identity: Identity<'_>, route: &TopicRoute) -> Result<usize, GatewayError> {
    match identity {
        Identity::Caller(_) => context.gateway().max_message_bytes(route).map(edge::document_bytes),
        Identity::Anyone => Ok(context.limits().body_bytes.saturating_add(edge::ENVELOPE_BYTES)),
    }
}

/// A head that was not admitted: matched without a wildcard, as [`refusal`] is.
pub(in crate::http) fn refuse(error: HeadError, id: &str) -> HttpResponse {
    let refusal = match error {
        HeadError::HostNotAllowed { .. } | HeadError::OriginNotAllowed | HeadError::SiteNotAllowed => {
            Refusal::AccessDenied("origin")
        }
        HeadError::Stopping => Refusal::QpsLimitExceeded,
        HeadError::MethodNotAllowed { .. } => Refusal::MethodNotAllowed,
        HeadError::UriTooLong { .. } => Refusal::InvalidRequestUrl,
        HeadError::TooManyHeaders { .. }
        | HeadError::HeadersTooLarge { .. }
        | HeadError::WebSocket
        | HeadError::NotAcceptable { .. } => Refusal::InvalidArgument(error.to_string().into()),
    };
    edge::refused(&refusal, NO_HOST, &edge::request_id(id), false)
}

/// A bug of ours.
pub(in crate::http) fn internal_error(id: &str) -> HttpResponse {
    edge::refused(&Refusal::InternalError, NO_HOST, &edge::request_id(id), false)
}

/// `HostId` of an answer to a request that was not looked at.
const NO_HOST: &str = "http://localhost";
