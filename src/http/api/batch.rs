//! `POST /v1/topics/{topic}/messages:batch`.

use actix_web::HttpResponse;

use super::envelope::Place;
use super::json::{self, APPLICATION_JSON, Sink};
use super::json_body::{Presence, json_body};
use super::prefer::Patience;
use super::published::PublishResponse;
use super::read_envelope::read_batch;
use super::shape::wrong_count;
use crate::gateway::{BatchItem, GatewayError, TopicRoute};
use crate::http::context::HttpContext;
use crate::http::problem::{FieldError, Problem};
use crate::model::{Message, Operation, Outcome};

/// What nearly every message's part of the answer fits into.
const ITEM_BYTES: usize = 224;

/// Publishes every message; nothing at all when the shape of any is wrong.
pub(in crate::http) async fn batch(context: HttpContext) -> Result<HttpResponse, Problem> {
    let route = context.topic_to_publish()?;
    let body = json_body(&context, Presence::Required).await?;
    let limits = context.limits();
    let limit = limits.batch_messages;
    let elements = read_batch(&body, limits.json_depth, limit)?;
    let count = elements.len();
    if count == 0 || count > limit {
        let detail = wrong_count("messages", limit, count);
        return Err(Problem::invalid(vec![FieldError::at("/messages", detail)]).counted(limit, count));
    }
    let now = context.now();
    let mut messages: Vec<Message> = Vec::with_capacity(count);
    let mut errors = Vec::new();
    for (place, element) in elements.into_iter().enumerate().map(|(index, element)| (Place::InBatch(index), element)) {
        let envelope = match element.read() {
            Ok(envelope) => envelope,
            Err(problem) => {
                problem.below(&place.to_string()).errors().iter().for_each(|error| errors.push(error.clone()));
                continue;
            }
        };
        match envelope.into_message(route.topic.clone(), now, &body, place) {
            Ok(message) => messages.push(message),
            Err(wrong) => errors.extend(wrong),
        }
    }
    // What was decoded is not longer than what it was decoded from, which is not held beside it.
    drop(body);
    if !errors.is_empty() {
        return Err(Problem::invalid(errors));
    }
    let explain = |index, problem: Problem| problem.below(&Place::InBatch(index).to_string());
    publish_all(&context, &route, messages, NothingStored::IsMultiStatus, explain).await
}

/// How a batch is answered of which no message was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NothingStored {
    /// As one of which some were: 207, with a result for each.
    IsMultiStatus,
    /// With the first message's problem, for senders that take any 2xx for success of all.
    IsProblem,
}

/// Publishes messages and answers for each; `explain` says what a problem means for the message so far down.
pub(super) async fn publish_all(
    context: &HttpContext,
    route: &TopicRoute,
    messages: Vec<Message>,
    nothing_stored: NothingStored,
    explain: impl Fn(usize, Problem) -> Problem,
) -> Result<HttpResponse, Problem> {
    let patience = Patience::of(context.request.headers(), route.deadline());
    let results = context.gateway().publish_batch(&context.request_context, route, messages, patience.time()).await;
    let mut failures = results.iter().filter_map(|result| result.as_ref().err());
    let is_problem = nothing_stored == NothingStored::IsProblem && results.iter().all(Result::is_err);
    // The request's own problem is noted as any is.
    let first = if is_problem { failures.next() } else { None };
    failures.for_each(|error| context.failed(Operation::Publish, &context.path.topic, error));
    if let Some(error) = first {
        let mut problem = explain(0, Problem::from(error.clone()));
        let mut errors = results.iter().filter_map(|result| result.as_ref().err());
        let is_unknown = errors.any(|error| Problem::from(error.clone()).outcome == Some(Outcome::Unknown));
        problem.outcome = Some(if is_unknown { Outcome::Unknown } else { Outcome::NotPublished });
        return patience.tell(Err(problem));
    }
    let all_stored = results.iter().all(Result::is_ok);
    let mut json = Vec::with_capacity(results.len() * ITEM_BYTES);
    json.extend_from_slice(b"{\"results\":[");
    json::list(&mut json, results.iter().enumerate(), |json, (index, result)| {
        let explained = |error: &GatewayError| explain(index, Problem::from(error.clone()));
        write_item(json, (index, result), route.topic.as_str(), context.id(), explained);
    });
    json.extend_from_slice(b"]}");
    let mut response = if all_stored { HttpResponse::Ok() } else { HttpResponse::MultiStatus() };
    patience.tell(Ok(response.content_type(APPLICATION_JSON).body(json)))
}

/// One message's part of the answer.
fn write_item(
    json: &mut impl Sink,
    (index, result): (usize, &BatchItem),
    topic: &str,
    request_id: &str,
    explained: impl Fn(&GatewayError) -> Problem,
) {
    json.push(b"{\"index\":");
    json::number(json, index as u64);
    json.push(b",");
    match result {
        Ok(accepted) => {
            json.push(b"\"status\":201,");
            PublishResponse::new(accepted, topic).write(json);
        }
        Err(error) => json::failure(json, &explained(error), request_id),
    }
    json.push(b"}");
}
