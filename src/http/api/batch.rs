//! `POST /v1/topics/{topic}/messages:batch`.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::envelope::{Envelope, FIELDS};
use super::publish::Stored;
use super::shape::{Field, Kind, MOST_ERRORS, object, object_within_depth};
use super::{content_type, prefer};
use crate::gateway::BatchItem;
use crate::http::data::Exchange;
use crate::http::problem::{FieldError, Problem};
use crate::model::Message;

const SHAPE: &[Field] = &[Field::required("messages", Kind::Objects(FIELDS))];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request<'a> {
    #[serde(borrow)]
    messages: Vec<&'a RawValue>,
}

#[derive(Serialize)]
struct Answer<'a> {
    results: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    index: usize,
    status: u16,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    stored: Option<Stored<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Box<RawValue>>,
}

/// Publishes every message; nothing at all when the shape of any is wrong.
pub(in crate::http) async fn batch(exchange: &Exchange) -> Result<HttpResponse, Problem> {
    let route =
        exchange.gateway().topic_to_publish(&exchange.found.topic).map_err(|error| Problem::from(error).closing())?;
    let body = exchange.body(exchange.limits().body_bytes).await?;
    content_type::require_json(exchange.request.headers(), false)?;
    exchange.no_query()?;
    let limits = exchange.limits();
    // The list and the batch around it are two levels more than an envelope alone.
    let request: Request<'_> = object(&body, SHAPE, limits.json_depth)?;
    let limit = limits.batch_messages;
    let count = request.messages.len();
    if count == 0 || count > limit {
        let detail = format!("must hold 1 to {limit} messages, has {count}: split the batch");
        return Err(Problem::invalid(vec![FieldError::at("/messages", detail)]).counted(limit, count));
    }
    let now = exchange.gateway().clock().now();
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
    if !errors.is_empty() {
        errors.truncate(MOST_ERRORS);
        return Err(Problem::invalid(errors));
    }
    let wait = prefer::wait(exchange.request.headers());
    let results = exchange.gateway().publish_batch(&exchange.context, &route, messages, wait).await;
    exchange.log_failures(&exchange.found.topic, results.iter().filter_map(|result| result.as_ref().err()));
    let all_stored = results.iter().all(Result::is_ok);
    let items = results.iter().enumerate();
    let results = items.map(|(index, result)| item(index, result, route.topic.as_str(), &exchange.id)).collect();
    let mut response = if all_stored { HttpResponse::Ok() } else { HttpResponse::MultiStatus() };
    Ok(response.json(Answer { results }))
}

fn item<'a>(index: usize, result: &'a BatchItem, topic: &'a str, request_id: &str) -> Item<'a> {
    match result {
        Ok(accepted) => Item { index, status: 201, stored: Some(Stored::new(accepted, topic)), problem: None },
        Err(error) => {
            let problem = Problem::from(error.clone()).below(&format!("/messages/{index}"));
            Item { index, status: problem.status(), stored: None, problem: problem.embedded(request_id) }
        }
    }
}
