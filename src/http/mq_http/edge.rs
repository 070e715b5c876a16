//! From an HTTP request to the protocol's types, who may call, and answers as HTTP responses (protocol notes MQ HTTP 2 and
//! 5). What a request does is not decided here.

use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, DATE, HOST, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

use crate::http::body::BodyError;
use crate::http::callers::{Caller, Callers};
use crate::http::vendor::{METHODS, X_MQ};
use crate::http_message::Method;
use crate::model::{ConsumerGroup, Message, NameError, UnixMillis};
use crate::protocol::mq_http::{
    self, CONTENT_TYPE as TEXT_XML, Refusal, Target, VERSION, decode_authorization, decode_date, decode_target,
};
use crate::signature::mq_http::{content_md5_matches, string_to_sign};

/// What a document takes besides its message.
pub(in crate::http) const ENVELOPE_BYTES: usize = 64 << 10;

const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
/// In lower case on the wire: Python looks for it with case (protocol notes MQ HTTP 5, item 1).
const REQUEST_ID: HeaderName = HeaderName::from_static("x-mq-request-id");
const X_MQ_VERSION: HeaderName = HeaderName::from_static("x-mq-version");

/// What the request line asks for.
pub(in crate::http) fn target(request: &HttpRequest, method: Method) -> Result<Target<'_>, Refusal> {
    decode_target(method, request.uri().path(), request.uri().query().unwrap_or_default())
}

/// Key, signature, clock. The head is all that is signed, so a caller is known before its body is read.
pub(in crate::http) fn identify<'a>(
    callers: &'a Callers,
    request: &HttpRequest,
    method: Method,
    window: Duration,
    now: UnixMillis,
) -> Result<&'a Caller, Refusal> {
    let authorization = text(request, &AUTHORIZATION).ok_or(Refusal::MissingAuthorizationHeader)?;
    let authorization = decode_authorization(authorization)?;
    let date = text(request, &DATE).ok_or(Refusal::MissingDateHeader)?;
    let time = decode_date(date)?;
    let caller = callers.find(authorization.access_key).ok_or(Refusal::InvalidAccessKeyId)?;
    let signing = &caller.keys.current().signing;
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    let matches = |target: &str| {
        let text = string_to_sign(
            method.as_str(),
            text(request, &CONTENT_MD5).unwrap_or_default(),
            text(request, &CONTENT_TYPE).unwrap_or_default(),
            date,
            &signed_headers(request),
            target,
        );
        signing.sign(&text).matches(authorization.signature.as_bytes())
    };
    // An endpoint that was configured with a slash at its end makes Node and Go send `//topics` and sign `/topics`.
    let collapsed = target.strip_prefix("//").map(|rest| format!("/{}", rest.trim_start_matches('/')));
    if !matches(target) && !collapsed.is_some_and(|target| matches(&target)) {
        return Err(Refusal::SignatureDoesNotMatch);
    }
    if now.since(time) > window || time.since(now) > window {
        return Err(Refusal::TimeExpired);
    }
    Ok(caller)
}

/// Whether the body is the one that `Content-MD5` names, where it names one.
pub(in crate::http) fn check_digest(request: &HttpRequest, body: &[u8]) -> Result<(), Refusal> {
    match text(request, &CONTENT_MD5) {
        Some(digest) if !content_md5_matches(digest, body) => Err(Refusal::InvalidDigest),
        Some(_) | None => Ok(()),
    }
}

/// A consumer group as an operator may configure it.
pub(in crate::http) fn group(name: &str) -> Result<ConsumerGroup, Refusal> {
    ConsumerGroup::parse_configured(name).map_err(|error| invalid_name("consumer", error))
}

/// A name that cannot be one.
pub(in crate::http) fn invalid_name(parameter: &str, error: NameError) -> Refusal {
    Refusal::InvalidArgument(format!("The value of {parameter} {error}.").into())
}

/// How large the document of a message of so many bytes may be: escapes take up to six bytes each.
pub(in crate::http) fn document_bytes(message: usize) -> usize {
    message.saturating_mul(6).saturating_add(ENVELOPE_BYTES)
}

/// A body over the limit.
pub(in crate::http) fn too_big(limit: usize) -> Refusal {
    Refusal::InvalidArgument(format!("The value of MessageBody should between 1 and {limit} bytes.").into())
}

/// A body that was not read to its end.
pub(in crate::http) fn unread(error: BodyError) -> Refusal {
    match error {
        BodyError::TooLarge { limit, .. } => {
            Refusal::InvalidArgument(format!("The XML you provided should be at most {limit} bytes.").into())
        }
        BodyError::EncodingNotSupported => {
            Refusal::InvalidArgument("The body must come without Content-Encoding.".into())
        }
        BodyError::TooMuchFraming { .. } => {
            Refusal::InvalidArgument("The body must come in larger chunks, or with Content-Length.".into())
        }
        BodyError::Late(_) | BodyError::Slow(_) | BodyError::Broken => Refusal::IncompleteBody,
        BodyError::NoMemory(_) => Refusal::QpsLimitExceeded,
    }
}

/// Refuses a time that is too far ahead; a past one is at once.
pub(in crate::http) fn check_delivery_time(message: &Message, now: UnixMillis) -> Result<(), Refusal> {
    match message.deliver_at {
        Some(time) if time > now + crate::model::MAX_DELAY => {
            Err(Refusal::InvalidArgument("The value of __STARTDELIVERTIME should be at most 40 days ahead.".into()))
        }
        Some(_) | None => Ok(()),
    }
}

/// A document with a status.
pub(in crate::http) fn document(
    status: StatusCode,
    body: impl MessageBody + 'static,
    request_id: &str,
) -> HttpResponse {
    let mut response = with_headers(status, request_id);
    response.insert_header((CONTENT_TYPE, HeaderValue::from_static(TEXT_XML))).body(body)
}

/// 204: an acknowledgement that succeeded has no body.
pub(in crate::http) fn acknowledged(request_id: &str) -> HttpResponse {
    with_headers(StatusCode::NO_CONTENT, request_id).finish()
}

/// 404 with the handles that were not taken.
pub(in crate::http) fn not_acknowledged(errors: &[mq_http::AckError], request_id: &str) -> HttpResponse {
    document(StatusCode::NOT_FOUND, mq_http::encode_ack_errors(errors), request_id)
}

/// An answer that is no success. `whole`: the request was read to its end, so that its connection can be kept.
pub(in crate::http) fn refused(refusal: &Refusal, host: &str, request_id: &str, whole: bool) -> HttpResponse {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = with_headers(status, request_id);
    response.insert_header((CONTENT_TYPE, TEXT_XML));
    if *refusal == Refusal::QpsLimitExceeded {
        response.insert_header((RETRY_AFTER, "1"));
    }
    if *refusal == Refusal::MethodNotAllowed {
        response.insert_header((ALLOW, METHODS));
    }
    if !whole {
        response.force_close();
    }
    response.body(refusal.body(request_id, host))
}

/// The vendor's ids are in capitals; a caller's own stays as it is.
pub(in crate::http) fn request_id(id: &str) -> String {
    let ours = id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if ours { id.to_ascii_uppercase() } else { id.to_owned() }
}

/// `HostId` of an error: where the caller thinks it is.
pub(in crate::http) fn host(request: &HttpRequest) -> String {
    format!("http://{}", text(request, &HOST).unwrap_or("localhost"))
}

fn with_headers(status: StatusCode, request_id: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header((X_MQ_VERSION, HeaderValue::from_static(VERSION)));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.insert_header((REQUEST_ID, id));
    }
    response
}

/// A header as text; an empty one is as good as none.
fn text<'a>(request: &'a HttpRequest, name: &HeaderName) -> Option<&'a str> {
    let value = request.headers().get(name)?;
    std::str::from_utf8(value.as_bytes()).ok().filter(|text| !text.is_empty())
}

fn signed_headers(request: &HttpRequest) -> Vec<(&str, &str)> {
    let signed = request.headers().iter().filter(|(name, _)| name.as_str().starts_with(X_MQ));
    signed.filter_map(|(name, value)| Some((name.as_str(), std::str::from_utf8(value.as_bytes()).ok()?))).collect()
}
