//! `POST /v1/topics/{topic}/messages:batch`.

use actix_web::HttpResponse;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::envelope::{self, FIELDS};
use super::json::{self, APPLICATION_JSON, Sink};
use super::publish::PublishResponse;
use super::shape::{Field, FieldKind, MOST_ERRORS, object};
use super::{content_type, prefer};
use crate::gateway::BatchItem;
use crate::http::context::HttpContext;
use crate::http::problem::{FieldError, Problem};
use crate::model::Message;

/// What nearly every message's part of the answer fits into.
const ITEM_BYTES: usize = 224;

const SHAPE: &[Field] = &[Field::required("messages", FieldKind::Objects(FIELDS))];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request<'a> {
    #[serde(borrow)]
    messages: Vec<&'a RawValue>,
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
        let envelope = match envelope::read_within_depth(raw.get()) {
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
    let mut json = Vec::with_capacity(results.len() * ITEM_BYTES);
    json.extend_from_slice(b"{\"results\":[");
    json::list(&mut json, results.iter().enumerate(), |json, (index, result)| {
        write_item(json, index, result, route.topic.as_str(), context.id());
    });
    json.extend_from_slice(b"]}");
    let mut response = if all_stored { HttpResponse::Ok() } else { HttpResponse::MultiStatus() };
    Ok(response.content_type(APPLICATION_JSON).body(json))
}

/// One message's part of the answer.
fn write_item(json: &mut impl Sink, index: usize, result: &BatchItem, topic: &str, request_id: &str) {
    json.push(b"{\"index\":");
    json::number(json, index as u64);
    json.push(b",\"status\":");
    match result {
        Ok(accepted) => {
            json.push(b"201,");
            PublishResponse::new(accepted, topic).write(json);
        }
        Err(error) => {
            let problem = Problem::from(error.clone()).below(&format!("/messages/{index}"));
            json::number(json, problem.status().into());
            if let Some(problem) = problem.embedded(request_id) {
                json.push(b",\"problem\":");
                json::raw(json, &problem);
            }
        }
    }
    json.push(b"}");
}
