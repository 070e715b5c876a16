//! Writes the answers that are written most: their names are constants, and texts are those of [`crate::json_text`].

use actix_web::http::header::HeaderValue;

use crate::http::problem::Problem;
pub(super) use crate::json_text::{Length, Sink, list, number, optional, plain, string};

/// What says that an answer is JSON.
pub(super) const APPLICATION_JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The fields of a part of an answer that tell why it failed: its status, and the problem.
pub(super) fn failure(json: &mut impl Sink, problem: &Problem, request_id: &str) {
    json.push(b"\"status\":");
    number(json, problem.status().into());
    if let Some(problem) = problem.embedded(request_id) {
        json.push(b",\"problem\":");
        json.push(problem.get().as_bytes());
    }
}
