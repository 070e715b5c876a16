//! `POST …/messages:receive` and its alias `GET …/messages`.

use std::borrow::Cow;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use serde::Deserialize;

use super::json::APPLICATION_JSON;
use super::json_body::{Presence, json_body};
use super::received_body::{Format, ReceivedBody, applied};
use super::shape::{Field, FieldKind, TWICE, object, whole_number};
use super::unknown_field::is_unknown;
use crate::counted::CountedList;
use crate::gateway::{GroupRoute, ReceiveRequest};
use crate::http::accept::prefers;
use crate::http::context::HttpContext;
use crate::http::handover::Handover;
use crate::http::problem::{FieldError, Problem, note};
use crate::http::shown::shown_name;
use crate::model::{MAX_FILTER_TAGS, Tag, TagFilter};
use crate::protocol::cloud_events::BATCH_TYPE;
use crate::protocol::form;

const SHAPE: &[Field] = &[
    Field::optional("max_messages", FieldKind::Number { least: 1, most: MAX_MESSAGES }),
    Field::optional("wait_seconds", FieldKind::Number { least: 0, most: MAX_WAIT }),
    Field::optional("visibility_timeout_seconds", FieldKind::Number { least: 1, most: MAX_VISIBILITY_TIMEOUT }),
    Field::optional("tags", FieldKind::Texts),
];
/// What the request was lowered to, where the answer's body has no place for it.
const X_APPLIED: HeaderName = HeaderName::from_static("x-mq-gateway-applied");
const JSON: &str = "application/json";
const MAX_MESSAGES: u64 = 32;
const MAX_WAIT: u64 = 30;
/// The longest time that a delivery may be hidden for, in seconds.
pub(super) const MAX_VISIBILITY_TIMEOUT: u64 = 43_200;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Request {
    max_messages: Option<u64>,
    wait_seconds: Option<u64>,
    visibility_timeout_seconds: Option<u64>,
    tags: Option<CountedList<String, MAX_FILTER_TAGS>>,
}

/// Receives, perhaps waiting.
pub(in crate::http) async fn receive(context: HttpContext) -> Result<HttpResponse, Problem> {
    let route = context.group_route()?;
    let body = json_body(&context, Presence::Optional).await?;
    let request = asked(&body, context.limits().json_depth)?;
    poll(&context, &route, request, false).await
}

/// As [`receive`], with options in the query.
pub(in crate::http) async fn receive_by_query(context: HttpContext) -> Result<HttpResponse, Problem> {
    let route = context.group_route()?;
    let request = asked_by_query(context.request.uri().query().unwrap_or_default())?;
    poll(&context, &route, request, true).await
}

async fn poll(
    context: &HttpContext,
    route: &GroupRoute,
    request: ReceiveRequest,
    by_query: bool,
) -> Result<HttpResponse, Problem> {
    context.takes(request.wait);
    let received = context.gateway().receive(&context.request_context, route, &request).await;
    let mut received = received.map_err(|error| {
        let problem = Problem::from(error);
        if by_query { problem.in_query(str::to_owned) } else { problem }
    })?;
    let mut response = HttpResponse::Ok();
    let (format, content_type) = if prefers(context.request.headers(), BATCH_TYPE, JSON) {
        let applied: Vec<String> = applied(&received).iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !applied.is_empty() {
            response.insert_header((X_APPLIED, applied.join(", ")));
        }
        (Format::CloudEvents(route.clone()), HeaderValue::from_static(BATCH_TYPE))
    } else {
        (Format::Own, APPLICATION_JSON)
    };
    if by_query {
        response.insert_header((CACHE_CONTROL, "no-store"));
    }
    let recall = received.recall.take();
    let body = Handover::recalled(ReceivedBody::new(received, format), recall, &context.request);
    Ok(response.content_type(content_type).body(body))
}

/// What a body nested at most `depth` deep asks for; none at all asks for what is usual.
///
/// # Errors
/// 400 and 422.
pub(super) fn asked(body: &[u8], depth: usize) -> Result<ReceiveRequest, Problem> {
    let request = if body.is_empty() { Request::default() } else { object(body, SHAPE, depth)? };
    validate(request, false)
}

/// The same of a query.
///
/// # Errors
/// 422.
pub(super) fn asked_by_query(query: &str) -> Result<ReceiveRequest, Problem> {
    let mut request = Request::default();
    let (mut tags, mut errors) = (Vec::new(), Vec::new());
    for (name, value) in form::pairs(query) {
        let number = || value.as_ref().ok().and_then(|value| value.parse().ok());
        let (slot, least, most) = match name.as_ref() {
            "max_messages" => (&mut request.max_messages, 1, MAX_MESSAGES),
            "wait_seconds" => (&mut request.wait_seconds, 0, MAX_WAIT),
            "visibility_timeout_seconds" => (&mut request.visibility_timeout_seconds, 1, MAX_VISIBILITY_TIMEOUT),
            "tags" => {
                // A value that is no UTF-8 becomes one that no tag may hold.
                let tag = value.map_or_else(|_| "\u{0}".to_owned(), Cow::into_owned);
                tags.push(tag);
                continue;
            }
            other => {
                let known: Vec<_> = SHAPE.iter().map(|field| field.name).collect();
                note(&mut errors, || FieldError::parameter(shown_name(other), is_unknown(other, &known, |_| false)));
                continue;
            }
        };
        match (number(), &slot) {
            (_, Some(_)) => {
                note(&mut errors, || FieldError::parameter(shown_name(&name), TWICE));
            }
            (None, None) => note(&mut errors, || FieldError::parameter(shown_name(&name), whole_number(least, most))),
            (number, None) => *slot = number,
        }
    }
    request.tags = (!tags.is_empty()).then(|| CountedList::from(tags));
    if errors.is_empty() { validate(request, true) } else { Err(Problem::invalid(errors)) }
}

fn validate(request: Request, by_query: bool) -> Result<ReceiveRequest, Problem> {
    let named = |name: &str, detail: String| {
        if by_query { FieldError::parameter(name, detail) } else { FieldError::at(format!("/{name}"), detail) }
    };
    let max_messages = request.max_messages.unwrap_or(MAX_MESSAGES);
    let wait_seconds = request.wait_seconds.unwrap_or(0);
    let mut errors = Vec::new();
    if !(1..=MAX_MESSAGES).contains(&max_messages) {
        errors.push(named("max_messages", whole_number(1, MAX_MESSAGES)));
    }
    if wait_seconds > MAX_WAIT {
        errors.push(named("wait_seconds", whole_number(0, MAX_WAIT)));
    }
    if request.visibility_timeout_seconds.is_some_and(|seconds| !(1..=MAX_VISIBILITY_TIMEOUT).contains(&seconds)) {
        errors.push(named("visibility_timeout_seconds", whole_number(1, MAX_VISIBILITY_TIMEOUT)));
    }
    let mut tags = Vec::new();
    let CountedList { first: given, count } = request.tags.unwrap_or_else(|| Vec::new().into());
    if count > MAX_FILTER_TAGS {
        errors.push(named("tags", format!("must hold at most {MAX_FILTER_TAGS} tags, has {count}: leave some out")));
    }
    for (index, tag) in given.iter().take(MAX_FILTER_TAGS).enumerate() {
        let name = if by_query { "tags".to_owned() } else { format!("tags/{index}") };
        tags.extend(Tag::parse(tag).map_err(|error| errors.push(named(&name, error.to_string()))));
    }
    if !errors.is_empty() {
        return Err(Problem::invalid(errors));
    }
    let max_messages = u32::try_from(max_messages).unwrap_or(u32::MAX);
    let wait = Duration::from_secs(wait_seconds);
    let visibility_timeout = request.visibility_timeout_seconds.map(Duration::from_secs);
    let tags = TagFilter::new(tags);
    Ok(ReceiveRequest { max_messages, wait, tags, ordered: false, visibility_timeout, says_no_wait: false })
}
