//! The answer to a list of receipt handles: a result for each, in the order of the request.

use actix_web::HttpResponse;

use super::json::{self, APPLICATION_JSON, Sink};
use super::shape::wrong_count;
use crate::config::LimitsConfig;
use crate::counted::CountedList;
use crate::gateway::GatewayError;
use crate::http::context::HttpContext;
use crate::http::problem::{FieldError, Problem};
use crate::model::Operation;

/// What one handle's part of the answer takes besides the handle, about.
const ITEM_BYTES: usize = 48;

/// What is told of a handle that did what was asked of it.
#[derive(Default)]
pub(super) struct Done<'a> {
    /// What stands for the delivery from here on, where that is not the handle of the request.
    pub(super) new_handle: Option<&'a str>,
    pub(super) visible_again_at: Option<String>,
    /// It was done after its time, and the MQ does not tell whether to any effect.
    pub(super) late: bool,
}

/// The handles of a request.
pub(super) type Handles = CountedList<String, { LimitsConfig::MOST_ACK_HANDLES }>;

/// Refuses a list of handles that is empty or too long.
pub(super) fn checked(context: &HttpContext, handles: Handles) -> Result<Vec<String>, Problem> {
    let (limit, count) = (context.limits().ack_handles, handles.count);
    if (1..=limit).contains(&count) {
        return Ok(handles.first);
    }
    let detail = wrong_count("handles", limit, count);
    Err(Problem::invalid(vec![FieldError::at("/receipt_handles", detail)]).counted(limit, count))
}

/// 200 where all succeeded, else 207. `applied` is a field and the number that was taken instead of the caller's.
pub(super) fn answer<'a, T: 'a>(
    context: &HttpContext,
    operation: Operation,
    handles: &'a [String],
    results: &'a [Result<T, GatewayError>],
    applied: Option<(&str, u64)>,
    done: impl Fn(&'a T) -> Done<'a>,
) -> HttpResponse {
    let failures = results.iter().filter_map(|result| result.as_ref().err());
    failures.for_each(|error| context.failed(operation, &context.path.topic, error));
    let all_done = results.iter().all(Result::is_ok);
    let handle_bytes: usize = handles.iter().map(String::len).sum();
    let mut json = Vec::with_capacity(handle_bytes + handles.len() * ITEM_BYTES + ITEM_BYTES);
    json.extend_from_slice(b"{\"results\":[");
    json::list(&mut json, handles.iter().zip(results), |json, (given, result)| match result {
        Ok(result) => write_done(json, given, &done(result)),
        Err(error) => write_failed(json, given, error, context.id()),
    });
    json.extend_from_slice(b"]");
    if let Some((name, number)) = applied {
        json.extend_from_slice(b",\"applied\":{");
        json::plain(&mut json, name);
        json.push(b':');
        json::number(&mut json, number);
        json.push(b'}');
    }
    json.push(b'}');
    let mut response = if all_done { HttpResponse::Ok() } else { HttpResponse::MultiStatus() };
    response.content_type(APPLICATION_JSON).body(json)
}

fn write_done(json: &mut impl Sink, given: &str, done: &Done<'_>) {
    json.push(b"{\"receipt_handle\":");
    json::string(json, done.new_handle.unwrap_or(given));
    json.push(b",\"status\":204");
    if let Some(time) = &done.visible_again_at {
        json.push(b",\"visible_again_at\":");
        json::plain(json, time);
    }
    if done.late {
        json.push(b",\"late\":true");
    }
    json.push(b"}");
}

fn write_failed(json: &mut impl Sink, given: &str, error: &GatewayError, request_id: &str) {
    let mut problem = Problem::from(error.clone());
    problem.outcome = None;
    json.push(b"{\"receipt_handle\":");
    json::string(json, given);
    json.push(b",");
    json::failure(json, &problem, request_id);
    json.push(b"}");
}
