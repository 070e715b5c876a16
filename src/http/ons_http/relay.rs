//! The drop-in relay for the protocol's clients.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;
use tokio::time::timeout;

use super::edge;
use crate::gateway::{Deliveries, GatewayError, ReceiveRequest};
use crate::http::charged_body::ChargedBody;
use crate::http::context::HttpContext;
use crate::http::failures::{self, Reason};
use crate::http::handover::Handover;
use crate::http::head::HeadError;
use crate::http::identity::{Denied, Identity};
use crate::http::problem::Code;
use crate::http::vendor::{method, operation};
use crate::http_message::Method;
use crate::model::{Operation, UpstreamHandle};
use crate::protocol::mq_http::ErrorCode as MqErrorCode;
use crate::protocol::ons_http::{
    self, Acknowledge, Authentication, CONTENT_TYPE as TEXT_HTML, Consume, ErrorCode, ForbiddenReason, MAX_BODY_BYTES,
    MAX_CONSUME, MAX_TIMEOUT_MILLIS, Publish, Refusal, Request,
};
use crate::upstream::UpstreamErrorKind;

/// What a publish may take unless it says otherwise, and what it may say (protocol notes ONS 3.2).
const PUBLISH_MILLIS: u64 = 3000;
const SHORTEST_PUBLISH_MILLIS: u64 = 1000;

/// A client of this protocol that was refused.
type Refused = failures::Refused<Refusal>;

/// Answers one request.
pub(in crate::http) async fn answer(context: HttpContext) -> HttpResponse {
    let Some(method) = method(&context.request) else { return edge::no_such_method() };
    let mut identity = None;
    let result = perform(&context, method, &mut identity).await;
    let caller = Identity::label(identity);
    let label = result.as_ref().map_or_else(|refused| refused.refusal.label(), |_| "ok");
    let operation = operation(&context.request).map_or("other", Operation::as_str);
    context.metrics().drop_in.request(caller, "ons-http", operation, label);
    match result {
        Ok(response) => response,
        Err(refused) => {
            context.refused(&refused);
            if method == Method::Get {
                // Clients ask again at once after an error: an error answer to a poll is held (protocol notes ONS 7, item 14).
                // Whichever comes first.
                context.takes(context.drop_in().error_hold);
                drop(timeout(context.drop_in().error_hold, context.until_stopping()).await);
            }
            edge::refused(&refused.refusal)
        }
    }
}

/// What a refusal counts as; the gateway's own errors bring their reason along.
impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let reason = match &refusal {
            Refusal::Forbidden(ForbiddenReason::Origin) => Code::OriginNotAllowed.into(),
            Refusal::Forbidden(ForbiddenReason::Topic) => Code::UnknownTopic.into(),
            Refusal::Forbidden(_) => Reason::ACCESS_DENIED,
            Refusal::Missing(_) | Refusal::Invalid(..) | Refusal::Rejected { .. } => Code::ValidationFailed.into(),
            Refusal::BodyTooBig { .. } => Code::MessageTooLarge.into(),
            // The gateway's own failures bring their reason along: what is left is a body that did not come, or a bug.
            Refusal::Timeout => Code::RequestTimeout.into(),
            Refusal::Busy(_) => Code::Overloaded.into(),
            Refusal::Unavailable(_) => Code::InternalError.into(),
        };
        Self { refusal, reason: Some(reason), detail: None }
    }
}

async fn perform<'a>(
    context: &'a HttpContext,
    method: Method,
    known: &mut Option<Identity<'a>>,
) -> Result<HttpResponse, Refused> {
    let drop_in = context.drop_in();
    let authentication = if drop_in.is_open() { Authentication::NotRequired } else { Authentication::Required };
    let mut signed = edge::decode(&context.request, method, authentication)?;
    let found = if drop_in.is_open() {
        Identity::Anyone
    } else if drop_in.callers.is_empty() {
        return Err(denied(Denied::NoClientAuth));
    } else {
        Identity::Caller(edge::identify(&drop_in.callers, &signed, drop_in.clock, context.now())?)
    };
    // Only a publish has a body that means anything; none uploads more than its topic takes.
    if let Request::Publish(publish) = &mut signed.request {
        let gateway = context.gateway();
        let limit_bytes = gateway.topic(&publish.topic).and_then(|route| gateway.max_message_bytes(&route));
        let limit_bytes = limit_bytes.unwrap_or(MAX_BODY_BYTES);
        let limit_bytes = limit_bytes.min(context.limits().body_bytes);
        publish.body = context.body(limit_bytes).await.map_err(edge::unread)?;
    }
    if let Identity::Caller(caller) = found {
        edge::digest_body(&mut signed);
        edge::check_signature(caller, &signed)?;
    }
    let identity = *known.insert(found);
    if method != Method::Post {
        // A body that means nothing would end the connection if it were not read.
        context.discard_body().await;
    }
    match signed.into_request()? {
        Request::Publish(publish) => publish_one(context, identity, &publish).await,
        Request::Consume(consume) => consume_some(context, identity, &consume).await,
        Request::Acknowledge(acknowledge) => acknowledge_one(context, identity, &acknowledge).await,
        // No method of a vendor's client.
        Request::ChangeVisibility(_) => Err(Refusal::Unavailable("internal").into()),
    }
}

async fn publish_one(
    context: &HttpContext,
    identity: Identity<'_>,
    publish: &Publish<'_>,
) -> Result<HttpResponse, Refused> {
    let gateway = context.gateway();
    let route = identity.topic_to_publish(context, &publish.topic).map_err(denied)?;
    let message = edge::message(route.topic.clone(), publish, context.now())?;
    let millis = publish.timeout.unwrap_or(PUBLISH_MILLIS).clamp(SHORTEST_PUBLISH_MILLIS, PUBLISH_MILLIS);
    let published =
        gateway.publish(&context.request_context, &route, message, Some(Duration::from_millis(millis))).await;
    let accepted = published.map_err(|error| failed(&error))?;
    Ok(edge::published(&accepted.published.message_id))
}

async fn consume_some(
    context: &HttpContext,
    identity: Identity<'_>,
    consume: &Consume<'_>,
) -> Result<HttpResponse, Refused> {
    let gateway = context.gateway();
    let route = identity.group(context, &consume.topic, &consume.consumer_group).map_err(denied)?;
    let wait = match consume.timeout {
        Some(millis) => Duration::from_millis(millis.min(MAX_TIMEOUT_MILLIS)),
        None => context.drop_in().default_wait,
    };
    let max_messages = consume.num.unwrap_or(MAX_CONSUME).clamp(1, MAX_CONSUME);
    let says_no_wait = consume.timeout == Some(0);
    let request =
        ReceiveRequest { max_messages, wait, tags: None, ordered: false, visibility_timeout: None, says_no_wait };
    context.takes(wait);
    let received = gateway.receive_deliveries(&context.request_context, &route, &request).await;
    let received = received.map_err(|error| failed(&error))?;
    let Deliveries { messages, memory, recall, .. } = received;
    let json = ons_http::encode_consumed(&messages);
    drop(messages);
    let body = Handover::recalled(ChargedBody::new(json, memory), recall, &context.request);
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, TEXT_HTML)).body(body))
}

async fn acknowledge_one(
    context: &HttpContext,
    identity: Identity<'_>,
    acknowledge: &Acknowledge<'_>,
) -> Result<HttpResponse, Refused> {
    let gateway = context.gateway();
    let route = identity.group(context, &acknowledge.topic, &acknowledge.consumer_group).map_err(denied)?;
    let handle = UpstreamHandle::parse(&acknowledge.handle).map_err(|error| edge::invalid("MsgHandle", error))?;
    let results = gateway.acknowledge_deliveries(&context.request_context, &route, &[handle]).await;
    match results.map(|results| results.into_iter().next()) {
        Ok(Some(Ok(()))) => Ok(HttpResponse::NoContent().finish()),
        // A stale handle in the other protocol's words. Clients of this one repeat a failed DELETE of it for ever and take
        // no further message (item 15).
        Ok(Some(Err(error))) if is_stale(&error) => Ok(HttpResponse::NoContent().finish()),
        Ok(Some(Err(error))) | Err(error) => Err(failed(&error)),
        Ok(None) => Err(Refusal::Unavailable("internal").into()),
    }
}

fn denied(why: Denied) -> Refused {
    match why {
        Denied::OtherTopics => Refusal::Forbidden(ForbiddenReason::Caller).into(),
        Denied::NoClientAuth => Refusal::Forbidden(ForbiddenReason::NoClientAuth).into(),
        Denied::Unknown(error) => failed(&error),
    }
}

fn is_stale(error: &GatewayError) -> bool {
    let code = error.upstream().and_then(|error| error.vendor_code.as_deref());
    error.upstream().is_some_and(|error| error.kind == UpstreamErrorKind::StaleHandle)
        || matches!(code.map(MqErrorCode::parse), Some(MqErrorCode::ReceiptHandleError | MqErrorCode::MessageNotExist))
}

fn failed(error: &GatewayError) -> Refused {
    Refused::by(error, refusal(error))
}

/// What the vendor's clients get when the gateway fails: matched without a wildcard, so that a new failure does not
/// compile until it has an answer.
fn refusal(error: &GatewayError) -> Refusal {
    match error {
        GatewayError::IllegalName { what: "topic", error } => edge::invalid("Topic", *error),
        GatewayError::IllegalName { error, .. } => edge::invalid("ConsumerId", *error),
        GatewayError::UnknownTopic | GatewayError::UnknownGroup => Refusal::Forbidden(ForbiddenReason::Topic),
        GatewayError::TooLarge { limit, .. } => Refusal::BodyTooBig { limit_bytes: *limit },
        GatewayError::UnsupportedField { flaw, .. } | GatewayError::Invalid { flaw, .. } => flaw.into(),
        GatewayError::RateLimited { .. }
        | GatewayError::TopicFull { .. }
        | GatewayError::OutOfTime
        | GatewayError::NoMemory(_) => Refusal::Busy("overloaded"),
        GatewayError::Upstream(error) => match error.kind {
            UpstreamErrorKind::Timeout => Refusal::Timeout,
            UpstreamErrorKind::WrongTopicType => ons_http::wrong_topic_type(),
            UpstreamErrorKind::RejectedMessage | UpstreamErrorKind::StaleHandle => Refusal::Rejected {
                code: error.vendor_code.as_deref().map_or(ErrorCode::BadRequest, ErrorCode::parse),
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

/// A head that was not admitted: matched without a wildcard, as [`refusal`] is.
pub(in crate::http) fn refuse(error: HeadError) -> HttpResponse {
    edge::refused(&match error {
        HeadError::HostNotAllowed { .. } | HeadError::OriginNotAllowed | HeadError::SiteNotAllowed => {
            Refusal::Forbidden(ForbiddenReason::Origin)
        }
        HeadError::Stopping => Refusal::Busy("overloaded"),
        HeadError::MethodNotAllowed { .. } => return edge::no_such_method(),
        HeadError::UriTooLong { limit, actual } => edge::rejected(format!(
            "the request target has {actual} bytes, the limit is {limit}: send shorter values, or fewer keys"
        )),
        HeadError::TooManyHeaders { .. }
        | HeadError::HeadersTooLarge { .. }
        | HeadError::WebSocket
        | HeadError::NotAcceptable { .. } => edge::rejected(error.to_string()),
    })
}

/// A bug of ours.
pub(in crate::http) fn internal_error() -> HttpResponse {
    edge::refused(&Refusal::Unavailable("internal"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::http::body::BodyError;
    use crate::memory::MemoryBudget;
    use crate::model::{Flaw, NameError, Protocol, Verb};
    use crate::upstream::UpstreamError;

    fn of_the_mq(kind: UpstreamErrorKind) -> GatewayError {
        let error = UpstreamError::new(kind, "the MQ refused the request with 400 (SOME_CODE)");
        UpstreamError { vendor_code: Some("SOME_CODE".to_owned()), ..error }.into()
    }

    #[test]
    fn a_body_that_was_not_read_in_the_vendors_words() {
        let memory = MemoryBudget::new(0).charge().grow(1).unwrap_err();
        let bad = |info: &str| (400, format!(r#"{{"code":"SC_BAD_REQUEST","info":"{info}"}}"#));
        let encoding = "Content-Encoding is not supported: send the body as it is, without this header";
        let framing = "the chunks of the request body have 8 bytes of sizes, extensions and trailers, the limit for this body is 7: \
                       send larger chunks, or Content-Length";
        let too_big = r#"{"code":"BODY_TOO_BIG","info":"Message body size exceeds the upper limit of 7 bytes"}"#;
        for (error, expected) in [
            (BodyError::TooLarge { limit: 7, actual: None }, (400, too_big.to_owned())),
            (BodyError::EncodingNotSupported, bad(encoding)),
            (BodyError::TooMuchFraming { limit: 7, actual: 8 }, bad(framing)),
            (BodyError::Late(Duration::ZERO), (408, String::new())),
            (BodyError::Slow(1), (408, String::new())),
            (BodyError::Broken, bad("the body broke off or is framed wrongly")),
            (BodyError::NoMemory(memory), (503, String::new())),
        ] {
            let refusal = edge::unread(error);
            assert_eq!((refusal.status(), refusal.body()), expected, "{error:?}");
        }
    }

    /// Every failure, with the whole body that the client reads.
    #[test]
    fn every_failure_has_the_vendors_words() {
        use UpstreamErrorKind as Kind;
        let name = NameError::TooLong { limit: 64, actual: 65 };
        let memory = MemoryBudget::new(0).charge().grow(1).unwrap_err();
        let field = |flaw| GatewayError::Invalid { field: "keys", flaw, detail: "of /v1".to_owned() };
        let lacking = |flaw| GatewayError::UnsupportedField { field: "body", flaw, detail: "of /v1".to_owned() };
        let verb = GatewayError::UnsupportedVerb { verb: Verb::Nack, protocol: Protocol::OnsHttp };
        let bad = |info: &str| (400, format!(r#"{{"code":"SC_BAD_REQUEST","info":"{info}"}}"#));
        let empty = |status| (status, String::new());
        let of_type = "parameter:Topic is invalid,it takes messages of another type: a FIFO topic takes those with isOrder and a \
                       ShardingKey, a DELAY topic those with a StartDeliverTime, a NORMAL topic those with neither";
        let rejected = r#"{"code":"SOME_CODE","info":"the MQ refused the request with 400 (SOME_CODE)"}"#;
        let too_big = r#"{"code":"BODY_TOO_BIG","info":"Message body size exceeds the upper limit of 64KB"}"#;
        for (error, expected) in [
            (
                GatewayError::IllegalName { what: "topic", error: name },
                bad("parameter:Topic is invalid,it has 65 characters, the limit is 64: shorten it"),
            ),
            (
                GatewayError::IllegalName { what: "group", error: name },
                bad("parameter:ConsumerId is invalid,it has 65 characters, the limit is 64: shorten it"),
            ),
            (GatewayError::UnknownTopic, empty(403)),
            (GatewayError::UnknownGroup, empty(403)),
            (GatewayError::TooLarge { limit: 65_536, actual: 65_537 }, (400, too_big.to_owned())),
            (
                field(Flaw::KeysTooLong { limit: 128, actual: 129 }),
                bad("parameter:Key is invalid,it has 129 characters, the limit is 128: shorten it"),
            ),
            (
                lacking(Flaw::EmptyBody),
                bad("parameter:Body is invalid,the MQ behind this topic takes no empty body: send something"),
            ),
            (GatewayError::RateLimited { per_second: 1, retry_after: Duration::ZERO }, empty(503)),
            (GatewayError::TopicFull { limit: 1 }, empty(503)),
            (GatewayError::OutOfTime, empty(503)),
            (GatewayError::NoMemory(memory), empty(503)),
            (GatewayError::EarlierMessageFailed, empty(503)),
            (verb, empty(503)),
            (GatewayError::InvalidReceiptHandle, empty(503)),
            (GatewayError::ForeignReceiptHandle, empty(503)),
            (GatewayError::Internal("x"), empty(503)),
            (of_the_mq(Kind::RejectedMessage), (400, rejected.to_owned())),
            (of_the_mq(Kind::WrongTopicType), bad(of_type)),
            (of_the_mq(Kind::StaleHandle), (400, rejected.to_owned())),
            (of_the_mq(Kind::Overloaded), empty(503)),
            (of_the_mq(Kind::Throttled), empty(503)),
            (of_the_mq(Kind::Timeout), empty(408)),
            (of_the_mq(Kind::Unreachable), empty(503)),
            (of_the_mq(Kind::CircuitOpen), empty(503)),
            (of_the_mq(Kind::BadResponse), empty(503)),
            (of_the_mq(Kind::ServerError), empty(503)),
            (of_the_mq(Kind::AuthRejected), empty(503)),
            (of_the_mq(Kind::Misconfigured), empty(503)),
        ] {
            let refusal = refusal(&error);
            assert_eq!((refusal.status(), refusal.body()), expected, "{error:?}");
        }
    }
}
