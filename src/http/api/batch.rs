//! `POST /v1/topics/{topic}/messages:batch`.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::envelope::{Envelope, FIELDS};
use super::publish::PublishResponse;
use super::shape::{Field, FieldKind, MOST_ERRORS, object, object_within_depth};
use super::{content_type, prefer};
use crate::gateway::BatchItem;
use crate::http::context::HttpContext;
use crate::http::problem::{FieldError, Problem};
use crate::model::Message;

const SHAPE: &[Field] = &[Field::required("messages", FieldKind::Objects(FIELDS))];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request<'a> {
    #[serde(borrow)]
    messages: Vec<&'a RawValue>,
}

#[derive(Serialize)]
struct BatchResponse<'a> {
    results: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    index: usize,
    status: u16,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    stored: Option<PublishResponse<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Box<RawValue>>,
}

/// Publishes every message; nothing at all when the shape of any is wrong.
pub(in crate::http) async fn batch(context: HttpContext) -> Result<HttpResponse, Problem> {
    let route = context.topic_to_publish()?;
    let body = context.body(context.limits().body_bytes).await?;
    content_type::require_json(context.request.headers(), false)?;
    context.no_query()?;
    let limits = context.limits();
    // The list and the batch around it are two levels more than an envelope alone.
    let request: Request<'_> = object(&body, SHAPE, limits.json_depth)?;
    let limit = limits.batch_messages;
    let count = request.messages.len();
    if count == 0 || count > limit {
        let detail = format!("must hold 1 to {limit} messages, has {count}: split the batch");
        return Err(Problem::invalid(vec![FieldError::at("/messages", detail)]).counted(limit, count));
    }
    let now = context.now();
    let mut messages: Vec<Message> = Vec::with_capacity(count);
    let mut errors = Vec::new();
    for (index, raw) in request.messages.iter().enumerate() {
        let at = format!("/messages/{index}");
        let envelope: Envelope<'_> = match object_within_depth(raw.get().as_bytes(), FIELDS) {
            Ok(envelope) => envelope,
            Err(problem) => {
                problem.below(&at).errors().iter().for_each(|error| errors.push(error.clone()));
                continue;
            }
        };
        match envelope.into_message(route.topic.clone(), now, &body, &at) {
            Ok(message) => messages.push(message),
            Err(wrong) => errors.extend(wrong),
        }
    }
    // What was decoded is not longer than what it was decoded from, which is not held beside it.
    drop(request);
    drop(body);
    if !errors.is_empty() {
        errors.truncate(MOST_ERRORS);
        return Err(Problem::invalid(errors));
    }
    let wait = prefer::wait(context.request.headers());
    let results = context.gateway().publish_batch(&context.request_context, &route, messages, wait).await;
    context.log_failures(&context.path.topic, results.iter().filter_map(|result| result.as_ref().err()));
    let all_stored = results.iter().all(Result::is_ok);
    let items = results.iter().enumerate();
    let results = items.map(|(index, result)| item(index, result, route.topic.as_str(), context.id())).collect();
    let mut response = if all_stored { HttpResponse::Ok() } else { HttpResponse::MultiStatus() };
    Ok(response.json(BatchResponse { results }))
}

fn item<'a>(index: usize, result: &'a BatchItem, topic: &'a str, request_id: &str) -> Item<'a> {
    match result {
        Ok(accepted) => Item { index, status: 201, stored: Some(PublishResponse::new(accepted, topic)), problem: None },
        Err(error) => {
            let problem = Problem::from(error.clone()).below(&format!("/messages/{index}"));
            Item { index, status: problem.status(), stored: None, problem: problem.embedded(request_id) }
        }
    }
}
