//! The body of a request that is JSON and has no query: what the head decides is decided before the body is asked for.

use bytes::Bytes;

use super::content_type::{has_no_body, require_json};
use crate::http::context::HttpContext;
use crate::http::no_query::no_query;
use crate::http::problem::Problem;

/// Whether a request may come without a body, and then without its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Required,
    Optional,
}

/// Reads the body.
///
/// # Errors
/// 415 and 422 for the head, and those of [`HttpContext::body`].
pub(super) async fn json_body(context: &HttpContext, presence: Presence) -> Result<Bytes, Problem> {
    let headers = context.request.headers();
    let is_absent = presence == Presence::Optional && has_no_body(headers);
    require_json(headers, is_absent).and_then(|()| no_query(&context.request)).map_err(Problem::closing)?;
    Ok(context.body(context.limits().body_bytes).await?)
}
