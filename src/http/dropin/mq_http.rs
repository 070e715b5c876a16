//! The MQ HTTP protocol as a relay.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use bytes::Bytes;

use super::{Denied, Identity};
use crate::gateway::{GatewayError, ReceiveRequest, TopicRoute};
use crate::http::data::Exchange;
use crate::http::problem::Problem;
use crate::http::vendor::mq_http as edge;
use crate::model::UpstreamHandle;
use crate::protocol::mq_http::{
    self, AckError, ConsumeQuery, Operation, Refusal, Target, decode_message, decode_receipt_handles,
};
use crate::upstream::UpstreamErrorKind;

/// Answers one request.
pub(super) async fn answer(exchange: &Exchange) -> HttpResponse {
    let id = edge::request_id(&exchange.id);
    let mut seen = Seen { identity: None, operation: "other" };
    let result = perform(exchange, &id, &mut seen).await;
    let caller = seen.identity.map_or(super::UNKNOWN, Identity::label);
    let label = match &result {
        Ok(answer) => answer.label,
        // The normal answer of an empty poll.
        Err(Refusal::MessageNotExist) => "ok",
        Err(refusal) => refusal.label(),
    };
    exchange.gateway().metrics().drop_in.request(caller, "mq-http", seen.operation, label);
    match result {
        Ok(answer) => answer.response,
        Err(refusal) => {
            tracing::debug!(request_id = exchange.id, caller, reason = refusal.label(), "refused a vendor's client");
            edge::refused(&refusal, &edge::host(&exchange.request), &id)
        }
    }
}

/// What became known of a request on its way, for the metrics.
struct Seen<'a> {
    identity: Option<Identity<'a>>,
    operation: &'static str,
}

/// An answer, and the word for it in metrics.
struct Answer {
    response: HttpResponse,
    label: &'static str,
}

impl From<HttpResponse> for Answer {
    fn from(response: HttpResponse) -> Self {
        Self { response, label: "ok" }
    }
}

async fn perform<'a>(exchange: &'a Exchange, id: &str, seen: &mut Seen<'a>) -> Result<Answer, Refusal> {
    let dropin = exchange.drop_in();
    let method = edge::method(&exchange.request)?;
    let Target { topic, operation } = edge::target(&exchange.request, method)?;
    seen.operation = match operation {
        Operation::Publish => "publish",
        Operation::Consume(_) => "receive",
        Operation::Acknowledge { .. } => "ack",
    };
    let identity = if dropin.asks_nobody() {
        Identity::Anyone
    } else {
        if dropin.callers.is_empty() {
            return Err(denied(Denied::NoClientAuth));
        }
        let now = exchange.gateway().clock().now();
        let caller = edge::identify(&dropin.callers, &exchange.request, method, dropin.clock_window, now)?;
        Identity::Caller(caller)
    };
    let identity = *seen.identity.insert(identity);
    match operation {
        Operation::Publish => publish_one(exchange, identity, &topic, id).await,
        Operation::Consume(query) => consume_some(exchange, identity, &topic, query, id).await,
        Operation::Acknowledge { group } => acknowledge_some(exchange, identity, &topic, &group, id).await,
    }
}

async fn publish_one(exchange: &Exchange, identity: Identity<'_>, topic: &str, id: &str) -> Result<Answer, Refusal> {
    let gateway = exchange.gateway();
    let route = super::topic_to_publish(exchange, identity, topic).map_err(denied)?;
    let limit_bytes = document_bytes(exchange, identity, &route).map_err(|error| logged(exchange, topic, &error))?;
    let body = read(exchange, limit_bytes).await?;
    edge::check_digest(&exchange.request, &body)?;
    let message = decode_message(route.topic.clone(), &body)?;
    edge::check_delivery_time(&message, gateway.clock().now())?;
    let sent = message.body.clone();
    let published = gateway.publish(&exchange.context, &route, message, None).await;
    let accepted = published.map_err(|error| logged(exchange, topic, &error))?;
    let answer = mq_http::encode_published(&accepted.published.message_id, &sent);
    Ok(edge::document(StatusCode::CREATED, answer, id).into())
}

async fn consume_some(
    exchange: &Exchange,
    identity: Identity<'_>,
    topic: &str,
    query: ConsumeQuery,
    id: &str,
) -> Result<Answer, Refusal> {
    let gateway = exchange.gateway();
    let route = super::group(exchange, identity, topic, &query.group).map_err(denied)?;
    let wait = Duration::from_secs(query.wait_seconds);
    let request = ReceiveRequest { max_messages: query.num, wait, tags: query.tags, ordered: query.ordered };
    let received =
        gateway.receive(&exchange.context, &route, &request).await.map_err(|error| logged(exchange, topic, &error))?;
    if received.deliveries.is_empty() {
        return Err(Refusal::MessageNotExist);
    }
    Ok(edge::document(StatusCode::OK, mq_http::encode_consumed(&received.deliveries), id).into())
}

async fn acknowledge_some(
    exchange: &Exchange,
    identity: Identity<'_>,
    topic: &str,
    group: &str,
    id: &str,
) -> Result<Answer, Refusal> {
    let gateway = exchange.gateway();
    let route = super::group(exchange, identity, topic, group).map_err(denied)?;
    let body = read(exchange, edge::ENVELOPE_BYTES).await?;
    edge::check_digest(&exchange.request, &body)?;
    let texts = decode_receipt_handles(&body)?;
    let mut handles = Vec::with_capacity(texts.len());
    for text in &texts {
        handles.push(UpstreamHandle::parse(text).map_err(|_| Refusal::MissingReceiptHandle)?);
    }
    let results = gateway.acknowledge_deliveries(&exchange.context, &route, &handles).await;
    let results = results.map_err(|error| logged(exchange, topic, &error))?;
    exchange.log_failures(topic, results.iter().filter_map(|result| result.as_ref().err()));
    let acknowledged = results.iter().any(Result::is_ok);
    let mut errors = Vec::new();
    for (text, result) in texts.into_iter().zip(results) {
        let Err(error) = result else { continue };
        let refusal = refusal(&error);
        if error.upstream().is_some_and(|error| error.kind == UpstreamErrorKind::RejectedMessage) {
            errors.push(AckError::invalid_handle(text));
        } else if acknowledged || !errors.is_empty() {
            errors.push(AckError { handle: text, code: refusal.code().to_owned(), message: refusal.to_string() });
        } else {
            // Nothing was acknowledged, and not for the handles' sake.
            return Err(refusal);
        }
    }
    if errors.is_empty() {
        return Ok(edge::acknowledged(id).into());
    }
    Ok(Answer { response: edge::not_acknowledged(&errors, id), label: "not_acknowledged" })
}

/// A client is told the same of the first two; metrics and logs tell them apart.
fn denied(why: Denied) -> Refusal {
    match why {
        Denied::OtherTopics => Refusal::AccessDenied("caller_topic"),
        Denied::NoClientAuth => Refusal::AccessDenied("no_client_auth"),
        Denied::Unknown(error) => refusal(&error),
    }
}

fn logged(exchange: &Exchange, topic: &str, error: &GatewayError) -> Refusal {
    exchange.log_failures(topic, std::iter::once(error));
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
        GatewayError::RateLimited { .. } | GatewayError::TopicFull { .. } | GatewayError::OutOfTime => {
            Refusal::QpsLimitExceeded
        }
        GatewayError::Upstream(error) => match error.kind {
            UpstreamErrorKind::RejectedMessage => Refusal::InvalidArgument(format!("{}.", error.detail).into()),
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
fn document_bytes(exchange: &Exchange, identity: Identity<'_>, route: &TopicRoute) -> Result<usize, GatewayError> {
    match identity {
        Identity::Caller(_) => exchange.gateway().max_message_bytes(route).map(edge::document_bytes),
        Identity::Anyone => Ok(exchange.limits().body_bytes.saturating_add(edge::ENVELOPE_BYTES)),
    }
}

/// The whole document.
async fn read(exchange: &Exchange, limit: usize) -> Result<Bytes, Refusal> {
    exchange.body(limit).await.map_err(|problem| match problem.status() {
        413 => Refusal::InvalidArgument(format!("The XML you provided should be at most {limit} bytes.").into()),
        415 => Refusal::InvalidArgument("The body must come without Content-Encoding.".into()),
        _ => Refusal::IncompleteBody,
    })
}

/// A failure that the protocol does not know.
pub(super) fn refuse(problem: &Problem, id: &str) -> HttpResponse {
    let refusal = match problem.status() {
        403 => Refusal::AccessDenied("origin"),
        405 => Refusal::MethodNotAllowed,
        408 => Refusal::IncompleteBody,
        414 => Refusal::InvalidRequestUrl,
        400..=499 => Refusal::InvalidArgument(problem.detail.clone().into()),
        503 => Refusal::QpsLimitExceeded,
        _ => Refusal::InternalError,
    };
    edge::refused(&refusal, "http://localhost", &edge::request_id(id))
}
