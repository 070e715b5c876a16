//! `POST …/messages:ack`, and `:nack` and `:extend`, which no protocol of this version has.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::content_type;
use super::shape::{Field, Kind, object};
use crate::http::data::Exchange;
use crate::http::problem::{FieldError, Problem};

const SHAPE: &[Field] = &[Field::required("receipt_handles", Kind::Texts)];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    receipt_handles: Vec<String>,
}

#[derive(Serialize)]
struct Answer<'a> {
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
pub(in crate::http) async fn acknowledge(exchange: &Exchange) -> Result<HttpResponse, Problem> {
    let route = exchange.gateway().group(&exchange.found.topic, &exchange.found.group);
    let route = route.map_err(|error| Problem::from(error).closing())?;
    let body = exchange.body(exchange.limits().body_bytes).await?;
    content_type::require_json(exchange.request.headers(), false)?;
    exchange.no_query()?;
    let request: Request = object(&body, SHAPE, exchange.limits().json_depth)?;
    let limit = exchange.limits().ack_handles;
    let count = request.receipt_handles.len();
    if count == 0 || count > limit {
        let detail = format!("must hold 1 to {limit} handles, has {count}: split the list");
        return Err(Problem::invalid(vec![FieldError::at("/receipt_handles", detail)]).counted(limit, count));
    }
    let results = exchange.gateway().acknowledge(&exchange.context, &route, &request.receipt_handles).await?;
    exchange.log_failures(&exchange.found.topic, results.iter().filter_map(|result| result.as_ref().err()));
    let all_done = results.iter().all(Result::is_ok);
    let items = request.receipt_handles.iter().zip(&results);
    let results = items
        .map(|(receipt_handle, result)| match result {
            Ok(()) => Item { receipt_handle, status: 204, problem: None },
            Err(error) => {
                let mut problem = Problem::from(error.clone());
                problem.outcome = None;
                Item { receipt_handle, status: problem.status(), problem: problem.embedded(&exchange.id) }
            }
        })
        .collect();
    let mut response = if all_done { HttpResponse::Ok() } else { HttpResponse::MultiStatus() };
    Ok(response.json(Answer { results }))
}

/// 501, since the protocol behind the topic has no such verb.
pub(in crate::http) fn unsupported(exchange: &Exchange, verb: &'static str) -> Result<HttpResponse, Problem> {
    let refused = |error| Problem::from(error).closing();
    let route = exchange.gateway().group(&exchange.found.topic, &exchange.found.group).map_err(refused)?;
    exchange.gateway().require_verb(&route, verb).map_err(refused)?;
    // No protocol of this version gets here.
    Err(Problem::new(crate::http::problem::Code::InternalError, "a verb without its operation").closing())
}
