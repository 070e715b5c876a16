//! `POST …/messages:nack` and `:extend`: a delivery goes back to others, or stays its holder's for longer.

use std::time::Duration;

use actix_web::HttpResponse;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::handle_results::{Done, Handles, answer, checked};
use super::json_body::{Presence, json_body};
use super::receive::MAX_VISIBILITY_TIMEOUT;
use super::shape::{Field, FieldKind, object, whole_number};
use super::times::rfc3339;
use crate::gateway::{Changed, GroupRoute, ReceiptHandle};
use crate::http::context::HttpContext;
use crate::http::problem::{FieldError, Problem};
use crate::model::{Verb, VisibilityChange};

const HANDLES: Field = Field::required("receipt_handles", FieldKind::Texts);
const DELAY: &str = "delay_seconds";
const VISIBILITY_TIMEOUT: &str = "visibility_timeout_seconds";
const NACK: &[Field] = &[HANDLES, Field::optional(DELAY, FieldKind::Number { least: 0, most: MAX_VISIBILITY_TIMEOUT })];
const EXTEND: &[Field] =
    &[HANDLES, Field::required(VISIBILITY_TIMEOUT, FieldKind::Number { least: 1, most: MAX_VISIBILITY_TIMEOUT })];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nack {
    receipt_handles: Handles,
    delay_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Extend {
    receipt_handles: Handles,
    visibility_timeout_seconds: u64,
}

/// A number of seconds in a request.
struct Seconds {
    field: &'static str,
    least: u64,
    number: u64,
}

/// Gives every delivery back.
pub(in crate::http) async fn nack(context: HttpContext) -> Result<HttpResponse, Problem> {
    let route = route_with(&context, Verb::Nack)?;
    let Nack { receipt_handles, delay_seconds } = request(&context, NACK).await?;
    let seconds = Seconds { field: DELAY, least: 0, number: delay_seconds.unwrap_or(0) };
    change(&context, &route, Verb::Nack, receipt_handles, &seconds).await
}

/// Keeps every delivery longer.
pub(in crate::http) async fn extend(context: HttpContext) -> Result<HttpResponse, Problem> {
    let route = route_with(&context, Verb::Extend)?;
    let Extend { receipt_handles, visibility_timeout_seconds } = request(&context, EXTEND).await?;
    let seconds = Seconds { field: VISIBILITY_TIMEOUT, least: 1, number: visibility_timeout_seconds };
    change(&context, &route, Verb::Extend, receipt_handles, &seconds).await
}

/// The path's topic and group, where they have the verb; the body is not read for nothing.
fn route_with(context: &HttpContext, verb: Verb) -> Result<GroupRoute, Problem> {
    let route = context.group_route()?;
    context.gateway().require_verb(&route, verb).map_err(|error| Problem::from(error).closing())?;
    Ok(route)
}

async fn request<T: DeserializeOwned>(context: &HttpContext, shape: &[Field]) -> Result<T, Problem> {
    let body = json_body(context, Presence::Required).await?;
    object(&body, shape, context.limits().json_depth)
}

async fn change(
    context: &HttpContext,
    route: &GroupRoute,
    verb: Verb,
    handles: Handles,
    seconds: &Seconds,
) -> Result<HttpResponse, Problem> {
    let handles = checked(context, handles)?;
    let Seconds { field, least, number } = *seconds;
    if !(least..=MAX_VISIBILITY_TIMEOUT).contains(&number) {
        let detail = whole_number(least, MAX_VISIBILITY_TIMEOUT);
        return Err(Problem::invalid(vec![FieldError::at(format!("/{field}"), detail)]));
    }
    let change = VisibilityChange { verb, hidden_for: Duration::from_secs(number) };
    let changes = context.gateway().change_visibility(&context.request_context, route, &handles, change).await?;
    let applied = changes.applied.map(|applied| (field, applied.as_secs()));
    Ok(answer(context, verb.into(), &handles, &changes.results, applied, done))
}

fn done(changed: &Changed) -> Done<'_> {
    Done {
        new_handle: changed.new_handle.as_ref().map(ReceiptHandle::as_str),
        visible_again_at: Some(rfc3339(changed.visible_again_at)),
        late: false,
    }
}
