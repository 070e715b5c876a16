//! `GET …/messages:stream`: a message after the other as server-sent events, with at most so many unacknowledged.

use std::borrow::Cow;
use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName};
use actix_web::http::{ConnectionType, Version};
use actix_web::{HttpResponse, HttpResponseBuilder};

use super::receive::MAX_VISIBILITY_TIMEOUT;
use super::shape::{TWICE, whole_number};
use super::stream_body::{StreamBody, StreamOptions};
use super::stream_item::ItemFormat;
use super::unknown_field::is_unknown;
use crate::gateway::ReceiveRequest;
use crate::http::accept::names;
use crate::http::context::HttpContext;
use crate::http::event_stream::{EVENT_STREAM, retry};
use crate::http::problem::{Code, FieldError, Problem, note};
use crate::http::shown::shown_name;
use crate::listener::connection_of;
use crate::model::{MAX_FILTER_TAGS, Operation, Tag, TagFilter};
use crate::protocol::form;
use crate::random::Random;
use crate::tasks::Stage;

const NAMES: &[&str] = &["max_in_flight", "visibility_timeout_seconds", "tags", "format"];
/// Most messages that one stream may have unacknowledged.
pub(super) const MAX_IN_FLIGHT: u64 = 1000;
/// As many as a receive brings.
const DEFAULT_IN_FLIGHT: u64 = 32;
/// When a client comes back whose stream was cut, in milliseconds: so many, and up to so many more.
const RETRY: u32 = 2000;
const RETRY_SPREAD: u32 = 3000;
/// When one comes back who was turned away.
const RETRY_LATER: u32 = 10_000;
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What the query asks for.
pub(super) struct Asked {
    pub(super) max_in_flight: u64,
    pub(super) visibility_timeout: Option<Duration>,
    pub(super) tags: Option<TagFilter>,
    pub(super) format: ItemFormat,
}

/// Streams messages.
pub(in crate::http) fn stream(context: HttpContext) -> Ready<Result<HttpResponse, Problem>> {
    ready(answer(&context))
}

fn answer(context: &HttpContext) -> Result<HttpResponse, Problem> {
    let route = context.group_route()?;
    let Asked { max_in_flight, visibility_timeout, tags, format } =
        asked(context.request.uri().query().unwrap_or_default())?;
    let request = ReceiveRequest {
        max_messages: 1,
        wait: Duration::ZERO,
        tags,
        ordered: false,
        visibility_timeout,
        says_no_wait: false,
    };
    let is_refused = |error| Problem::from(error).in_query(str::to_owned);
    context.gateway().check_receive(&route, &request).map_err(is_refused)?;
    if context.stage() != Stage::Serving {
        return turned_away(
            context,
            Code::Draining,
            "the gateway is about to stop: ask again, another replica answers",
        );
    }
    let connection = connection_of(&context.request).cloned();
    let reader = connection.clone();
    let is_blocked = Box::new(move || reader.as_ref().is_some_and(|connection| connection.is_blocked()));
    let on_failure = Box::new(context.shared_failures(Operation::Receive));
    let max_in_flight = usize::try_from(max_in_flight).unwrap_or(usize::MAX);
    let Ok(stream) = context.gateway().stream(&route, (request, max_in_flight), is_blocked, on_failure) else {
        let detail =
            "there are as many streams as there may be: come back after Retry-After, ask another replica, or poll";
        return turned_away(context, Code::Overloaded, detail);
    };
    if let Some(connection) = &connection {
        connection.begin_stream();
    }
    let is_chunked = context.request.version() != Version::HTTP_10;
    let options = StreamOptions { format: format.of(&route), is_chunked, request_id: context.id().into() };
    let mut response = head().body(StreamBody::new(stream, retry(soon(context.random())), options, connection));
    response.head_mut().no_chunking(!is_chunked);
    // Whoever comes back comes on a new connection, perhaps to another replica.
    response.head_mut().set_connection_type(ConnectionType::Close);
    Ok(response)
}

/// The answer of a stream: no cache and no proxy keeps it, changes it, or waits for more of it.
fn head() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, EVENT_STREAM))
        .insert_header((CACHE_CONTROL, "no-cache, no-transform"))
        .insert_header((CONTENT_ENCODING, "identity"))
        .insert_header((X_ACCEL_BUFFERING, "no"));
    response
}

/// Browsers never come back after an error status: who asks as they do is told when to come back.
fn turned_away(context: &HttpContext, code: Code, detail: &str) -> Result<HttpResponse, Problem> {
    if let Some(response) = come_back_later(context.request.headers()) {
        context.metrics().http_server.shed(code.row().code);
        return Ok(response);
    }
    Err(Problem::new(code, detail))
}

/// The answer to who is turned away and named the type, as an `EventSource` does.
pub(in crate::http) fn come_back_later(headers: &HeaderMap) -> Option<HttpResponse> {
    names(headers, EVENT_STREAM).then(|| {
        let mut response = head().body(retry(RETRY_LATER));
        response.head_mut().set_connection_type(ConnectionType::Close);
        response
    })
}

/// When a client comes back; each at another time.
fn soon(random: &Random) -> u32 {
    let spread = random.bytes16().ok().and_then(|bytes| bytes.first_chunk().copied()).map_or(0, u32::from_le_bytes);
    RETRY + spread % (RETRY_SPREAD + 1)
}

/// What a query asks for.
///
/// # Errors
/// 422.
pub(super) fn asked(query: &str) -> Result<Asked, Problem> {
    let (mut max_in_flight, mut visibility_timeout, mut format) = (None, None, None);
    let (mut tags, mut errors) = (Vec::new(), Vec::new());
    let mut wrong = |name: &str, detail: String| note(&mut errors, || FieldError::parameter(shown_name(name), detail));
    for (name, value) in form::pairs(query) {
        // A value that is no UTF-8 becomes one that nothing may be.
        let value = value.map_or_else(|_| "\u{0}".to_owned(), Cow::into_owned);
        match name.as_ref() {
            "max_in_flight" => {
                number(&name, &value, (&mut max_in_flight, 1, MAX_IN_FLIGHT), &mut wrong);
            }
            "visibility_timeout_seconds" => {
                number(&name, &value, (&mut visibility_timeout, 1, MAX_VISIBILITY_TIMEOUT), &mut wrong);
            }
            "tags" => match Tag::parse(&value) {
                Ok(tag) => tags.push(tag),
                Err(error) => wrong(&name, error.to_string()),
            },
            "format" => match ItemFormat::named(&value) {
                Some(_) if format.is_some() => wrong(&name, TWICE.to_owned()),
                Some(known) => format = Some(known),
                None => wrong(&name, ItemFormat::expected()),
            },
            other => wrong(other, is_unknown(other, NAMES, |_| false)),
        }
    }
    if tags.len() > MAX_FILTER_TAGS {
        wrong("tags", format!("must hold at most {MAX_FILTER_TAGS} tags: leave some out"));
    }
    if !errors.is_empty() {
        return Err(Problem::invalid(errors));
    }
    Ok(Asked {
        max_in_flight: max_in_flight.unwrap_or(DEFAULT_IN_FLIGHT),
        visibility_timeout: visibility_timeout.map(Duration::from_secs),
        tags: TagFilter::new(tags),
        format: format.unwrap_or_default(),
    })
}

fn number(
    name: &str,
    value: &str,
    (slot, least, most): (&mut Option<u64>, u64, u64),
    wrong: &mut impl FnMut(&str, String),
) {
    match value.parse().ok().filter(|number| (least..=most).contains(number)) {
        _ if slot.is_some() => wrong(name, TWICE.to_owned()),
        Some(number) => *slot = Some(number),
        None => wrong(name, whole_number(least, most)),
    }
}
