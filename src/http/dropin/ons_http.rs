//! The ONS HTTP protocol as a relay.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;

use super::{Denied, Identity, group, hold, topic_to_publish};
use crate::gateway::{GatewayError, ReceiveRequest};
use crate::http::data::Exchange;
use crate::http::problem::Problem;
use crate::http::vendor::ons_http as edge;
use crate::http_message::Method;
use crate::model::UpstreamHandle;
use crate::protocol::mq_http;
use crate::protocol::ons_http::{
    self, Acknowledge, CONTENT_TYPE as TEXT_HTML, Consume, Demand, ForbiddenReason, MAX_BODY_BYTES, MAX_CONSUME,
    MAX_TIMEOUT_MILLIS, Publish, Refusal, Request,
};
use crate::upstream::UpstreamErrorKind;

/// What a publish may take unless it says otherwise, and what it may say (protocol notes ONS 3.2).
const PUBLISH_MILLIS: u64 = 3000;
const SHORTEST_PUBLISH_MILLIS: u64 = 1000;

/// Answers one request.
pub(super) async fn answer(exchange: &Exchange) -> HttpResponse {
    let Some(method) = edge::method(&exchange.request) else { return edge::no_such_method() };
    let mut identity = None;
    let result = perform(exchange, method, &mut identity).await;
    let caller = identity.map_or(super::UNKNOWN, Identity::label);
    let label = result.as_ref().map_or_else(Refusal::label, |_| "ok");
    exchange.gateway().metrics().drop_in.request(caller, "ons-http", operation(method), label);
    match result {
        Ok(response) => response,
        Err(refusal) => {
            tracing::debug!(request_id = exchange.id, caller, reason = refusal.label(), "refused a vendor's client");
            if method == Method::Get {
                hold(exchange).await;
            }
            edge::refused(&refusal)
        }
    }
}

const fn operation(method: Method) -> &'static str {
    match method {
        Method::Post => "publish",
        Method::Get => "receive",
        Method::Delete => "ack",
    }
}

async fn perform<'a>(
    exchange: &'a Exchange,
    method: Method,
    identity: &mut Option<Identity<'a>>,
) -> Result<HttpResponse, Refusal> {
    let dropin = exchange.drop_in();
    let demand = if dropin.asks_nobody() { Demand::Anyone } else { Demand::Signed };
    let mut signed = edge::decode(&exchange.request, method, demand)?;
    let found = if dropin.asks_nobody() {
        Identity::Anyone
    } else if dropin.callers.is_empty() {
        return Err(Refusal::Forbidden(ForbiddenReason::NoClientAuth));
    } else {
        Identity::Caller(edge::identify(&dropin.callers, &signed, dropin.clock, exchange.gateway().clock().now())?)
    };
    // Only a publish has a body that means anything; nobody uploads more than its topic takes.
    if let Request::Publish(publish) = &mut signed.request {
        let gateway = exchange.gateway();
        let limit_bytes = gateway.topic(&publish.topic).and_then(|route| gateway.max_message_bytes(&route));
        let limit_bytes = limit_bytes.unwrap_or(MAX_BODY_BYTES);
        let limit_bytes = limit_bytes.min(exchange.limits().body_bytes);
        publish.body = exchange.body(limit_bytes).await.map_err(|problem| unread(&problem, limit_bytes))?;
    }
    if let Identity::Caller(caller) = found {
        edge::check_signature(caller, &signed)?;
    }
    let identity = *identity.insert(found);
    match signed.request {
        Request::Publish(publish) => publish_one(exchange, identity, &publish).await,
        Request::Consume(consume) => consume_some(exchange, identity, &consume).await,
        Request::Acknowledge(acknowledge) => acknowledge_one(exchange, identity, &acknowledge).await,
    }
}

async fn publish_one(
    exchange: &Exchange,
    identity: Identity<'_>,
    publish: &Publish<'_>,
) -> Result<HttpResponse, Refusal> {
    let gateway = exchange.gateway();
    let route = topic_to_publish(exchange, identity, &publish.topic).map_err(denied)?;
    let message = edge::message(&exchange.request, route.topic.clone(), publish, gateway.clock().now())?;
    let millis = publish.timeout.unwrap_or(PUBLISH_MILLIS).clamp(SHORTEST_PUBLISH_MILLIS, PUBLISH_MILLIS);
    let published = gateway.publish(&exchange.context, &route, message, Some(Duration::from_millis(millis))).await;
    let accepted = published.map_err(|error| logged(exchange, route.topic.as_str(), &error))?;
    Ok(edge::published(&accepted.published.message_id))
}

async fn consume_some(
    exchange: &Exchange,
    identity: Identity<'_>,
    consume: &Consume<'_>,
) -> Result<HttpResponse, Refusal> {
    let gateway = exchange.gateway();
    let route = group(exchange, identity, &consume.topic, &consume.consumer_group).map_err(denied)?;
    let wait = match consume.timeout {
        Some(millis) => Duration::from_millis(millis.min(MAX_TIMEOUT_MILLIS)),
        None => exchange.drop_in().default_wait,
    };
    let max_messages = consume.num.unwrap_or(MAX_CONSUME).clamp(1, MAX_CONSUME);
    let request = ReceiveRequest { max_messages, wait, tags: None, ordered: false };
    let received = gateway.receive(&exchange.context, &route, &request).await;
    let received = received.map_err(|error| logged(exchange, route.topic.topic.as_str(), &error))?;
    let json = ons_http::encode_consumed(&received.deliveries);
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, TEXT_HTML)).body(json))
}

async fn acknowledge_one(
    exchange: &Exchange,
    identity: Identity<'_>,
    acknowledge: &Acknowledge<'_>,
) -> Result<HttpResponse, Refusal> {
    let gateway = exchange.gateway();
    let route = group(exchange, identity, &acknowledge.topic, &acknowledge.consumer_group).map_err(denied)?;
    let handle = UpstreamHandle::parse(&acknowledge.handle).map_err(|error| edge::invalid("MsgHandle", error))?;
    let results = gateway.acknowledge_deliveries(&exchange.context, &route, &[handle]).await;
    let topic = route.topic.topic.as_str();
    match results.map(|results| results.into_iter().next()) {
        Ok(Some(Ok(()))) => Ok(HttpResponse::NoContent().finish()),
        // A stale handle in the other protocol's words. Clients of this one repeat a failed DELETE of it for ever and take
        // no further message (item 15).
        Ok(Some(Err(error))) if is_stale(&error) => Ok(HttpResponse::NoContent().finish()),
        Ok(Some(Err(error))) | Err(error) => Err(logged(exchange, topic, &error)),
        Ok(None) => Err(Refusal::Unavailable("internal")),
    }
}

fn denied(why: Denied) -> Refusal {
    match why {
        Denied::OtherTopics => Refusal::Forbidden(ForbiddenReason::Caller),
        Denied::NoClientAuth => Refusal::Forbidden(ForbiddenReason::NoClientAuth),
        Denied::Unknown(error) => refusal(&error),
    }
}

fn is_stale(error: &GatewayError) -> bool {
    let code = error.upstream().and_then(|error| error.vendor_code.as_deref());
    matches!(code, Some(mq_http::RECEIPT_HANDLE_ERROR | mq_http::MESSAGE_NOT_EXIST))
}

fn logged(exchange: &Exchange, topic: &str, error: &GatewayError) -> Refusal {
    exchange.log_failures(topic, std::iter::once(error));
    refusal(error)
}

/// What the vendor's clients get when the gateway fails: matched without a wildcard, so that a new failure does not
/// compile until it has an answer.
fn refusal(error: &GatewayError) -> Refusal {
    match error {
        GatewayError::IllegalName { what: "topic", error } => edge::invalid("Topic", *error),
        GatewayError::IllegalName { error, .. } => edge::invalid("ConsumerId", *error),
        GatewayError::UnknownTopic | GatewayError::UnknownGroup => Refusal::Forbidden(ForbiddenReason::Topic),
        GatewayError::TooLarge { limit, .. } => Refusal::BodyTooBig { limit_bytes: *limit },
        GatewayError::UnsupportedField { field, detail } | GatewayError::Invalid { field, detail } => {
            Refusal::Rejected { code: BAD_REQUEST.to_owned(), info: format!("parameter:{field} is invalid,{detail}") }
        }
        GatewayError::RateLimited { .. } | GatewayError::TopicFull { .. } | GatewayError::OutOfTime => {
            Refusal::Busy("overloaded")
        }
        GatewayError::Upstream(error) => match error.kind {
            UpstreamErrorKind::Timeout => Refusal::Timeout,
            UpstreamErrorKind::RejectedMessage => Refusal::Rejected {
                code: error.vendor_code.clone().unwrap_or_else(|| BAD_REQUEST.to_owned()),
                info: error.detail.clone(),
            },
            UpstreamErrorKind::Overloaded | UpstreamErrorKind::Throttled => Refusal::Busy("overloaded"),
            UpstreamErrorKind::Unreachable
            | UpstreamErrorKind::CircuitOpen
            | UpstreamErrorKind::AuthRejected
            | UpstreamErrorKind::Misconfigured => Refusal::Busy("upstream"),
            UpstreamErrorKind::BadResponse | UpstreamErrorKind::ServerError => Refusal::Unavailable("upstream"),
        },
        GatewayError::EarlierMessageFailed
        | GatewayError::UnsupportedVerb { .. }
        | GatewayError::InvalidReceiptHandle
        | GatewayError::ForeignReceiptHandle
        | GatewayError::Internal(_) => Refusal::Unavailable("internal"),
    }
}

const BAD_REQUEST: &str = "SC_BAD_REQUEST";

/// A body that did not come whole.
fn unread(problem: &Problem, limit_bytes: usize) -> Refusal {
    match problem.status() {
        413 => Refusal::BodyTooBig { limit_bytes },
        408 => Refusal::Timeout,
        _ => Refusal::Rejected { code: BAD_REQUEST.to_owned(), info: problem.detail.clone() },
    }
}

/// A failure that the protocol does not know.
pub(super) fn refuse(problem: &Problem) -> HttpResponse {
    edge::refused(&match problem.status() {
        403 => Refusal::Forbidden(ForbiddenReason::Origin),
        405 => return edge::no_such_method(),
        408 => Refusal::Timeout,
        400..=499 => Refusal::Rejected { code: BAD_REQUEST.to_owned(), info: problem.detail.clone() },
        503 => Refusal::Busy("overloaded"),
        _ => Refusal::Unavailable("internal"),
    })
}
