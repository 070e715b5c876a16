//! `POST …/messages:ack`.

use actix_web::HttpResponse;
use serde::Deserialize;

use super::content_type;
use super::handle_results::{Done, answer, check_count};
use super::shape::{Field, FieldKind, object};
use crate::gateway::Acknowledged;
use crate::http::context::HttpContext;
use crate::http::problem::Problem;

const SHAPE: &[Field] = &[Field::required("receipt_handles", FieldKind::Texts)];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    receipt_handles: Vec<String>,
}

/// Acknowledges every handle.
pub(in crate::http) async fn acknowledge(context: HttpContext) -> Result<HttpResponse, Problem> {
    let route = context.group_route()?;
    let body = context.body(context.limits().body_bytes).await?;
    content_type::require_json(context.request.headers(), false)?;
    context.no_query()?;
    let Request { receipt_handles } = object(&body, SHAPE, context.limits().json_depth)?;
    check_count(&context, &receipt_handles)?;
    let results = context.gateway().acknowledge(&context.request_context, &route, &receipt_handles).await?;
    Ok(answer(&context, &receipt_handles, &results, None, |Acknowledged { late }| Done {
        late: *late,
        ..Done::default()
    }))
}
