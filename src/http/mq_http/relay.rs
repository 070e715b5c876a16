//! The drop-in relay for the protocol's clients.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::edge;
use crate::gateway::{Deliveries, GatewayError, ReceiveRequest, TopicRoute};
use crate::http::charged_body::ChargedBody;
use crate::http::context::HttpContext;
use crate::http::failures::{self, Reason};
use crate::http::handover::Handover;
use crate::http::head::HeadError;
use crate::http::identity::{Denied, Identity};
use crate::http::problem::Code;
use crate::http::vendor;
use crate::model::{Operation, Published, UpstreamHandle};
use crate::protocol::mq_http::{self, AckError, ConsumeQuery, Refusal, Target, decode_message, decode_receipt_handles};
use crate::upstream::UpstreamErrorKind;

/// `HostId` of an answer to a request that was not looked at.
const NO_HOST: &str = "http://localhost";

/// A client of this protocol that was refused.
type Refused = failures::Refused<Refusal>;

/// Answers one request.
pub(in crate::http) async fn answer(context: HttpContext) -> HttpResponse {
    let id = edge::request_id(context.id());
    let mut identity = None;
    let result = perform(&context, &id, &mut identity).await;
    let caller = Identity::label(identity);
    let label = match &result {
        Ok(answer) => answer.label,
        // The normal answer of an empty poll.
        Err(Refused { refusal: Refusal::MessageNotExist, .. }) => "ok",
        Err(refused) => refused.refusal.label(),
    };
    let operation = vendor::operation(&context.request).map_or("other", Operation::as_str);
    context.metrics().drop_in.request(caller, "mq-http", operation, label);
    match result {
        Ok(answer) => answer.response,
        Err(refused) => {
            context.refused(&refused);
            let refusal = refused.refusal;
            let whole = refusal != Refusal::IncompleteBody && context.discard_body().await;
            edge::refused(&refusal, &edge::host(&context.request), &id, whole)
        }
    }
}

/// What a refusal counts as; the gateway's own errors bring their reason along.
impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let code = match &refusal {
            Refusal::MissingAuthorizationHeader
            | Refusal::InvalidAuthorizationHeader
            | Refusal::MissingDateHeader
            | Refusal::InvalidDateHeader
            | Refusal::TimeExpired
            | Refusal::InvalidAccessKeyId
            | Refusal::SignatureDoesNotMatch
            | Refusal::AccessDenied(_) => {
                return Self { refusal, reason: Some(Reason::ACCESS_DENIED), detail: None };
            }
            // The normal answer of an empty poll.
            Refusal::MessageNotExist => return Self::counted(refusal),
            Refusal::InvalidDigest
            | Refusal::MalformedXml
            | Refusal::InvalidArgument(_)
            | Refusal::InvalidRequestUrl
            | Refusal::InvalidQueryString(_)
            | Refusal::MissingReceiptHandle => Code::ValidationFailed,
            Refusal::UrlTooLong { .. } => Code::UriTooLong,
            Refusal::TopicNotExist => Code::UnknownTopic,
            Refusal::SubscriptionNotExist => Code::UnknownGroup,
            Refusal::QpsLimitExceeded => Code::Overloaded,
            Refusal::InternalError => Code::InternalError,
            Refusal::MethodNotAllowed => Code::MethodNotAllowed,
            Refusal::IncompleteBody => Code::RequestTimeout,
        };
        Self { refusal, reason: Some(code.into()), detail: None }
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
) -> Result<Answered, Refused> {
    let drop_in = context.drop_in();
    let method = vendor::method(&context.request).ok_or(Refusal::MethodNotAllowed)?;
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
        mq_http::Operation::Publish => publish_one(context, identity, &topic, id).await,
        mq_http::Operation::Consume(query) => consume_some(context, identity, &topic, query, id).await,
        mq_http::Operation::Acknowledge { group } => acknowledge_some(context, identity, &topic, &group, id).await,
    }
}

async fn publish_one(
    context: &HttpContext,
    identity: Identity<'_>,
    topic: &str,
    id: &str,
) -> Result<Answered, Refused> {
    let gateway = context.gateway();
    let route = identity.topic_to_publish(context, topic).map_err(denied)?;
    let limit_bytes = document_bytes(context, identity, &route).map_err(|error| failed(&error))?;
    let body = context.body(limit_bytes).await.map_err(edge::unread)?;
    edge::check_digest(&context.request, &body)?;
    let message = decode_message(route.topic.clone(), &body)?;
    edge::check_delivery_time(&message, context.now())?;
    // The message is not longer than its document, which is not held beside it.
    drop(body);
    let sent = message.body.clone();
    let published = gateway.publish(&context.request_context, &route, message, None).await;
    let accepted = published.map_err(|error| failed(&error))?;
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
) -> Result<Answered, Refused> {
    let gateway = context.gateway();
    let route = identity.group(context, topic, &query.group).map_err(denied)?;
    // C# polls with a body of one byte: unread, it would end the connection.
    context.discard_body().await;
    let wait = Duration::from_secs(query.wait_seconds);
    let (max_messages, tags, ordered) = (query.num, query.tags, query.ordered);
    let request = ReceiveRequest { max_messages, wait, tags, ordered, visibility_timeout: None, says_no_wait: false };
    context.takes(wait);
    let received = gateway.receive_deliveries(&context.request_context, &route, &request).await;
    let Deliveries { messages, memory, recall, .. } = received.map_err(|error| failed(&error))?;
    if messages.is_empty() {
        return Err(Refusal::MessageNotExist.into());
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
) -> Result<Answered, Refused> {
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
    let results = results.map_err(|error| failed(&error))?;
    let failures = results.iter().filter_map(|result| result.as_ref().err());
    failures.for_each(|error| context.failed(Operation::Acknowledge, topic, error));
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
            return Err(Refused::counted(refusal));
        }
    }
    if errors.is_empty() {
        return Ok(edge::acknowledged(id).into());
    }
    Ok(Answered { response: edge::not_acknowledged(&errors, id), label: "not_acknowledged" })
}

/// A client gets the same answer to the first two; metrics and logs tell them apart.
fn denied(why: Denied) -> Refused {
    match why {
        Denied::OtherTopics => Refusal::AccessDenied("caller_topic").into(),
        Denied::NoClientAuth => Refusal::AccessDenied("no_client_auth").into(),
        Denied::Unknown(error) => failed(&error),
    }
}

fn failed(error: &GatewayError) -> Refused {
    Refused::by(error, refusal(error))
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
        GatewayError::UnsupportedField { flaw, .. } | GatewayError::Invalid { flaw, .. } => flaw.into(),
        GatewayError::RateLimited { .. }
        | GatewayError::TopicFull { .. }
        | GatewayError::OutOfTime
        | GatewayError::NoMemory(_) => Refusal::QpsLimitExceeded,
        GatewayError::Upstream(error) => match error.kind {
            UpstreamErrorKind::WrongTopicType => mq_http::wrong_topic_type(),
            UpstreamErrorKind::RejectedMessage | UpstreamErrorKind::StaleHandle => {
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
        HeadError::UriTooLong { limit, actual } => Refusal::UrlTooLong { limit, actual },
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
        let incomplete = "The body of the request did not arrive in full.";
        for (error, expected) in [
            (BodyError::TooLarge { limit: 7, actual: None }, "The XML you provided should be at most 7 bytes."),
            (BodyError::EncodingNotSupported, "The body must come without Content-Encoding."),
            (
                BodyError::TooMuchFraming { limit: 7, actual: 8 },
                "The body must come in larger chunks, or with Content-Length.",
            ),
            (BodyError::Late(Duration::ZERO), incomplete),
            (BodyError::Slow(1), incomplete),
            (BodyError::Broken, incomplete),
            (BodyError::NoMemory(memory), "The qps limit of the queue is exceeded"),
        ] {
            assert_eq!(edge::unread(error).to_string(), expected, "{error:?}");
        }
    }

    /// Every failure, with the whole text that the client reads.
    #[test]
    fn every_failure_has_the_vendors_words() {
        use UpstreamErrorKind as Kind;
        let name = NameError::TooLong { limit: 64, actual: 65 };
        let memory = MemoryBudget::new(0).charge().grow(1).unwrap_err();
        let field = |flaw| GatewayError::Invalid { field: "keys", flaw, detail: "of /v1".to_owned() };
        let lacking = |flaw| GatewayError::UnsupportedField { field: "tags", flaw, detail: "of /v1".to_owned() };
        let verb = GatewayError::UnsupportedVerb { verb: Verb::Nack, protocol: Protocol::MqHttp };
        let (qps, bug) =
            ("503 QpsLimitExceeded: The qps limit of the queue is exceeded", "500 InternalError: Internal error.");
        let wrong_type = "400 InvalidArgument: The topic takes messages of another type: a FIFO topic takes those with a \
                          __SHARDINGKEY, a DELAY topic those with a __STARTDELIVERTIME, a NORMAL topic those with neither.";
        for (error, expected) in [
            (
                GatewayError::IllegalName { what: "topic", error: name },
                "400 InvalidArgument: The value of topic has 65 characters, the limit is 64: shorten it.",
            ),
            (
                GatewayError::IllegalName { what: "group", error: name },
                "400 InvalidArgument: The value of consumer has 65 characters, the limit is 64: shorten it.",
            ),
            (GatewayError::UnknownTopic, "404 TopicNotExist: The topic name you provided is not exist."),
            (GatewayError::UnknownGroup, "404 SubscriptionNotExist: The consumer group you provided is not exist."),
            (
                GatewayError::TooLarge { limit: 7, actual: 8 },
                "400 InvalidArgument: The value of MessageBody should between 1 and 7 bytes.",
            ),
            (
                field(Flaw::Key("must not be so")),
                "400 InvalidArgument: The value of KEYS is invalid: a key must not be so: leave that out.",
            ),
            (
                lacking(Flaw::NoDelay),
                "400 InvalidArgument: The value of __STARTDELIVERTIME is invalid: the MQ behind this topic delays no messages: \
                 leave it out.",
            ),
            (GatewayError::RateLimited { per_second: 1, retry_after: Duration::ZERO }, qps),
            (GatewayError::TopicFull { limit: 1 }, qps),
            (GatewayError::OutOfTime, qps),
            (GatewayError::NoMemory(memory), qps),
            (GatewayError::EarlierMessageFailed, bug),
            (verb, bug),
            (GatewayError::InvalidReceiptHandle, bug),
            (GatewayError::ForeignReceiptHandle, bug),
            (GatewayError::Internal("x"), bug),
            (of_the_mq(Kind::RejectedMessage), "400 InvalidArgument: the MQ refused the request with 400 (SOME_CODE)."),
            (of_the_mq(Kind::WrongTopicType), wrong_type),
            (of_the_mq(Kind::StaleHandle), "400 InvalidArgument: the MQ refused the request with 400 (SOME_CODE)."),
            (of_the_mq(Kind::Overloaded), qps),
            (of_the_mq(Kind::Throttled), qps),
            (of_the_mq(Kind::Timeout), bug),
            (of_the_mq(Kind::Unreachable), bug),
            (of_the_mq(Kind::CircuitOpen), bug),
            (of_the_mq(Kind::BadResponse), bug),
            (of_the_mq(Kind::ServerError), bug),
            (of_the_mq(Kind::AuthRejected), bug),
            (of_the_mq(Kind::Misconfigured), bug),
        ] {
            let refusal = refusal(&error);
            let shown = format!("{} {}: {refusal}", refusal.status(), refusal.code().as_str().unwrap());
            assert_eq!(shown, expected, "{error:?}");
        }
    }
}
