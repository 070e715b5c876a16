//! What a content type says about a body.

use actix_web::http::header::{CONTENT_TYPE, HeaderMap};

use crate::http::problem::{Code, Problem};

/// How to read a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyFormat {
    /// `application/json`, `application/*+json`.
    Json,
    /// Anything else, or nothing: the bytes themselves.
    Raw,
}

/// Sorts a publish's content type; forms, multipart and CloudEvents are refused with what to send instead.
pub(super) fn of_publish(headers: &HeaderMap) -> Result<BodyFormat, Problem> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(BodyFormat::Raw) };
    let value = value.to_str().unwrap_or_default();
    // What nearly everybody says, word for word.
    if value == "application/json" {
        return Ok(BodyFormat::Json);
    }
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let refuse = |detail: &str| Err(Problem::new(Code::UnsupportedMediaType, detail));
    if is_json(&essence) {
        return Ok(BodyFormat::Json);
    }
    if essence == "application/x-www-form-urlencoded" {
        return refuse(
            "a form is no message: send -H 'Content-Type: application/json' with an envelope, or raw bytes with a type of their own such as text/plain (curl -d sends a form unasked)",
        );
    }
    if essence.starts_with("multipart/") {
        return refuse("multipart is no message: send one JSON envelope or raw bytes, or use messages:batch");
    }
    if essence.starts_with("application/cloudevents") {
        return refuse("CloudEvents are not supported by this version: send the event's data as JSON or raw bytes");
    }
    Ok(BodyFormat::Raw)
}

/// Demands JSON; no body at all needs no type.
pub(super) fn require_json(headers: &HeaderMap, empty: bool) -> Result<(), Problem> {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if is_json(&essence) || empty {
        return Ok(());
    }
    Err(Problem::new(Code::UnsupportedMediaType, "this route takes JSON: send -H 'Content-Type: application/json'"))
}

fn is_json(essence: &str) -> bool {
    let other = essence.starts_with("application/") && essence.ends_with("+json");
    essence == "application/json" || (other && !essence.starts_with("application/cloudevents"))
}
