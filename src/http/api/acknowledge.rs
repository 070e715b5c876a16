//! `POST …/messages:ack`, and `:nack` and `:extend`, which no protocol of this version has.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::content_type;
use super::shape::{Field, FieldKind, object};
use crate::http::context::HttpContext;
use crate::http::problem::{Code, FieldError, Problem};

const SHAPE: &[Field] = &[Field::required("receipt_handles", FieldKind::Texts)];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    receipt_handles: Vec<String>,
}

#[derive(Serialize)]
struct AckResponse<'a> {
    results: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    receipt_handle: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Box<RawValue>>,
}

/// Acknowledges every handle.
pub(in crate::http) async fn acknowledge(context: HttpContext) -> Result<HttpResponse, Problem> {
    let route = context.group_route()?;
    let body = context.body(context.limits().body_bytes).await?;
    content_type::require_json(context.request.headers(), false)?;
    context.no_query()?;
    let request: Request = object(&body, SHAPE, context.limits().json_depth)?;
    let limit = context.limits().ack_handles;
    let count = request.receipt_handles.len();
    if count == 0 || count > limit {
        let detail = format!("must hold 1 to {limit} handles, has {count}: split the list");
        return Err(Problem::invalid(vec![FieldError::at("/receipt_handles", detail)]).counted(limit, count));
    }
    let results = context.gateway().acknowledge(&context.request_context, &route, &request.receipt_handles).await?;
    context.log_failures(&context.path.topic, results.iter().filter_map(|result| result.as_ref().err()));
    let all_done = results.iter().all(Result::is_ok);
    let items = request.receipt_handles.iter().zip(&results);
    let results = items
        .map(|(receipt_handle, result)| match result {
            Ok(()) => Item { receipt_handle, status: 204, problem: None },
            Err(error) => {
                let mut problem = Problem::from(error.clone());
                problem.outcome = None;
                Item { receipt_handle, status: problem.status(), problem: problem.embedded(context.id()) }
            }
        })
        .collect();
    let mut response = if all_done { HttpResponse::Ok() } else { HttpResponse::MultiStatus() };
    Ok(response.json(AckResponse { results }))
}

/// 501.
pub(in crate::http) fn nack(context: &HttpContext) -> Result<HttpResponse, Problem> {
    unsupported(context, "nack")
}

/// 501.
pub(in crate::http) fn extend(context: &HttpContext) -> Result<HttpResponse, Problem> {
    unsupported(context, "extend")
}

fn unsupported(context: &HttpContext, verb: &'static str) -> Result<HttpResponse, Problem> {
    let route = context.group_route()?;
    context.gateway().require_verb(&route, verb).map_err(|error| Problem::from(error).closing())?;
    // No protocol of this version gets here.
    Err(Problem::new(Code::InternalError, "a verb without its operation").closing())
}
