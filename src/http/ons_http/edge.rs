//! From an HTTP request to the protocol's types, who may call, and answers as HTTP responses (protocol notes ONS 7). What a
//! request does is not decided here.

use std::borrow::Cow;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;

use crate::http::body::BodyError;
use crate::http::callers::{Caller, Callers};
use crate::http::vendor::METHODS;
use crate::http_message::Method;
use crate::model::{
    ConsumerGroup, Key, MAX_DELAY, Message, MessageGroup, MessageId, NameError, Tag, Topic, UnixMillis,
};
use crate::protocol::VISIBILITY_MARK;
use crate::protocol::ons_http::{
    self, Authentication, CONTENT_TYPE as TEXT_HTML, ErrorCode, ForbiddenReason, Header, Publish, Refusal, Request,
    Signed,
};
use crate::signature::body_md5_hex;

/// Reads a request's head; a publish's body is still to come.
pub(in crate::http) fn decode(
    request: &HttpRequest,
    method: Method,
    authentication: Authentication,
) -> Result<Signed<'_>, Refusal> {
    let header = |header: Header| {
        let value = request.headers().get(name_of(header))?;
        Some(match std::str::from_utf8(value.as_bytes()) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(value.as_bytes().iter().map(|byte| char::from(*byte)).collect()),
        })
    };
    ons_http::decode(method, request.uri().query().unwrap_or_default(), header, Bytes::new(), authentication)
}

/// A header's name in the HTTP library's type.
fn name_of(header: Header) -> HeaderName {
    match header {
        Header::Signature => HeaderName::from_static("signature"),
        Header::AccessKey => HeaderName::from_static("accesskey"),
        Header::ProducerId => HeaderName::from_static("producerid"),
        Header::ConsumerId => HeaderName::from_static("consumerid"),
        Header::IsOrder => HeaderName::from_static("isorder"),
        Header::ShardingKey => HeaderName::from_static("shardingkey"),
        Header::ContentType => CONTENT_TYPE,
        Header::Visibility => HeaderName::from_static(VISIBILITY_MARK),
    }
}

/// How far a request's time may be from ours.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct ClockWindow {
    pub(in crate::http) past: Duration,
    pub(in crate::http) future: Duration,
}

/// Key and clock, of a request whose body need not be there: checked once on arrival, never after a long poll or a long
/// upload; there is no replay cache (item 6).
pub(in crate::http) fn identify<'a>(
    callers: &'a Callers,
    signed: &Signed<'_>,
    window: ClockWindow,
    now: UnixMillis,
) -> Result<&'a Caller, Refusal> {
    let caller = callers.find(&signed.access_key).ok_or(Refusal::Forbidden(ForbiddenReason::AccessKey))?;
    // One that is no time is refused as such, once the signature is known to be good.
    let Ok(time) = signed.request.time().parse().map(UnixMillis) else { return Ok(caller) };
    if now.since(time) > window.past || time.since(now) > window.future {
        return Err(Refusal::Forbidden(ForbiddenReason::Clock));
    }
    Ok(caller)
}

/// Computes the digest of a publish's body, for the signature here and for the one towards the MQ.
pub(in crate::http) fn digest_body(signed: &mut Signed<'_>) {
    if let Request::Publish(publish) = &mut signed.request {
        publish.body_md5 = Some(body_md5_hex(&publish.body));
    }
}

/// The signature, which covers the body.
pub(in crate::http) fn check_signature(caller: &Caller, signed: &Signed<'_>) -> Result<(), Refusal> {
    let expected = caller.keys.current().signing.sign(&signed.request.string_to_sign());
    if expected.matches(signed.signature.as_bytes()) {
        Ok(())
    } else {
        Err(Refusal::Forbidden(ForbiddenReason::Signature))
    }
}

/// The message that a publish carries.
pub(in crate::http) fn message(topic: Topic, publish: &Publish<'_>, now: UnixMillis) -> Result<Message, Refusal> {
    let mut message = match in_utf8(publish.content_type.as_deref(), &publish.body) {
        Some(body) => Message::new(topic, body),
        None => Message { body_md5: publish.body_md5, ..Message::new(topic, publish.body.clone()) },
    };
    message.tag = publish.tag.as_deref().map(Tag::parse).transpose().map_err(|error| invalid("Tag", error))?;
    let keys = publish.key.as_deref().unwrap_or_default().split(' ').filter(|key| !key.is_empty());
    message.keys = keys.map(Key::parse).collect::<Result<_, _>>().map_err(|error| invalid("Key", error))?;
    let group = publish.sharding_key.as_deref().map(MessageGroup::parse).transpose();
    message.message_group = group.map_err(|error| invalid("ShardingKey", error))?;
    message.deliver_at = publish.start_deliver_time.map(UnixMillis).filter(|time| *time > now);
    if message.deliver_at.is_some_and(|time| time > now + MAX_DELAY) {
        return Err(Refusal::Invalid("StartDeliverTime", "must be at most 40 days ahead".into()));
    }
    if message.message_group.is_some() {
        // A time is ignored for ordered messages (item 20).
        message.deliver_at = None;
    }
    Ok(message)
}

/// A topic as an operator may configure it.
pub(in crate::http) fn topic(name: &str) -> Result<Topic, Refusal> {
    Topic::parse_configured(name).map_err(|error| invalid("Topic", error))
}

/// A group as an operator may configure it.
pub(in crate::http) fn group(name: &str) -> Result<ConsumerGroup, Refusal> {
    ConsumerGroup::parse_configured(name).map_err(|error| invalid("ConsumerId", error))
}

/// What is wrong with a name, in the vendor's manner.
pub(in crate::http) fn invalid(parameter: &'static str, error: NameError) -> Refusal {
    Refusal::Invalid(parameter, format!("it {error}").into())
}

/// Something is wrong with the request that the protocol has no word for.
pub(in crate::http) fn rejected(info: String) -> Refusal {
    Refusal::Rejected { code: ErrorCode::BadRequest, info }
}

/// A body that was not read to its end.
pub(in crate::http) fn unread(error: BodyError) -> Refusal {
    match error {
        BodyError::TooLarge { limit, .. } => Refusal::BodyTooBig { limit_bytes: limit },
        BodyError::Late(_) | BodyError::Slow(_) => Refusal::Timeout,
        BodyError::NoMemory(_) => Refusal::Busy("overloaded"),
        BodyError::Broken | BodyError::EncodingNotSupported | BodyError::TooMuchFraming { .. } => {
            rejected(error.to_string())
        }
    }
}

/// 201.
pub(in crate::http) fn published(message_id: &MessageId) -> HttpResponse {
    let mut response = HttpResponse::Created();
    response.insert_header((CONTENT_TYPE, HeaderValue::from_static(TEXT_HTML)));
    response.body(ons_http::encode_published(message_id))
}

/// An answer that is no success.
pub(in crate::http) fn refused(refusal: &Refusal) -> HttpResponse {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = HttpResponse::build(status);
    // A client that leaves an error's body unread must not find its rest on the connection (item 14).
    response.force_close();
    match refusal {
        // With any body a client takes it for a success (item 12).
        Refusal::Forbidden(_) | Refusal::Timeout => response.finish(),
        // No client knows it, all take it for a failure; the header says that nothing was stored (item 21).
        Refusal::Busy(_) => response.insert_header((RETRY_AFTER, "1")).finish(),
        Refusal::Unavailable(_) => response.finish(),
        Refusal::Missing(_) | Refusal::Invalid(..) | Refusal::BodyTooBig { .. } | Refusal::Rejected { .. } => {
            response.insert_header((CONTENT_TYPE, TEXT_HTML)).body(refusal.body())
        }
    }
}

/// 405.
pub(in crate::http) fn no_such_method() -> HttpResponse {
    HttpResponse::MethodNotAllowed().insert_header((ALLOW, METHODS)).force_close().finish()
}

/// The body in UTF-8, where it came in another charset that was named; bytes that do not fit it stay as they are (item 18).
fn in_utf8(content_type: Option<&str>, body: &[u8]) -> Option<Bytes> {
    // What the protocol's clients say.
    let content_type = content_type.filter(|it| *it != TEXT_HTML)?;
    let charset = content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    let charset = charset.filter(|name| !name.eq_ignore_ascii_case("utf-8"))?;
    let encoding = encoding_rs::Encoding::for_label(charset.as_bytes()).filter(|it| *it != encoding_rs::UTF_8)?;
    match encoding.decode_without_bom_handling_and_without_replacement(body) {
        Some(Cow::Owned(text)) => Some(Bytes::from(text)),
        Some(Cow::Borrowed(_)) | None => None,
    }
}
