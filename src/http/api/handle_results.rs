//! The answer to a list of receipt handles: a result for each, in the order of the request.

use actix_web::HttpResponse;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::gateway::GatewayError;
use crate::http::context::HttpContext;
use crate::http::problem::{FieldError, Problem};

/// The whole answer.
#[derive(Serialize)]
struct HandleResults<'a> {
    results: Vec<Item<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    applied: Option<Box<RawValue>>,
}

/// One handle's part.
#[derive(Serialize)]
struct Item<'a> {
    receipt_handle: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    visible_again_at: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    late: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Box<RawValue>>,
}

/// What is told of a handle that did what was asked of it.
#[derive(Default)]
pub(super) struct Done<'a> {
    /// What stands for the delivery from here on, where that is not the handle of the request.
    pub(super) new_handle: Option<&'a str>,
    pub(super) visible_again_at: Option<String>,
    /// It was done after its time, and the MQ does not tell whether to any effect.
    pub(super) late: bool,
}

/// Refuses a list of handles that is empty or too long.
pub(super) fn check_count(context: &HttpContext, handles: &[String]) -> Result<(), Problem> {
    let (limit, count) = (context.limits().ack_handles, handles.len());
    if (1..=limit).contains(&count) {
        return Ok(());
    }
    let detail = format!("must hold 1 to {limit} handles, has {count}: split the list");
    Err(Problem::invalid(vec![FieldError::at("/receipt_handles", detail)]).counted(limit, count))
}

/// 200 where all succeeded, else 207. `applied` is a field and the number that was taken instead of the caller's.
pub(super) fn answer<'a, T: 'a>(
    context: &HttpContext,
    handles: &'a [String],
    results: &'a [Result<T, GatewayError>],
    applied: Option<(&str, u64)>,
    done: impl Fn(&'a T) -> Done<'a>,
) -> HttpResponse {
    context.log_failures(&context.path.topic, results.iter().filter_map(|result| result.as_ref().err()));
    let all_done = results.iter().all(Result::is_ok);
    let items = handles.iter().zip(results);
    let results = items
        .map(|(given, result)| match result {
            Ok(result) => {
                let Done { new_handle, visible_again_at, late } = done(result);
                Item { receipt_handle: new_handle.unwrap_or(given), status: 204, visible_again_at, late, problem: None }
            }
            Err(error) => {
                let mut problem = Problem::from(error.clone());
                problem.outcome = None;
                let (status, problem) = (problem.status(), problem.embedded(context.id()));
                Item { receipt_handle: given, status, visible_again_at: None, late: false, problem }
            }
        })
        .collect();
    let applied = applied.and_then(|(name, number)| RawValue::from_string(format!("{{\"{name}\":{number}}}")).ok());
    let mut response = if all_done { HttpResponse::Ok() } else { HttpResponse::MultiStatus() };
    response.json(HandleResults { results, applied })
}
