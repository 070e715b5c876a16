//! `GET /openapi.json`: the contract as a file, written by hand and held to the code by tests.

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;

const DOCUMENT: &str = include_str!("../../../docs/api/openapi.json");

/// The OpenAPI 3.1 document.
pub(in crate::http) fn openapi() -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(DOCUMENT)
}
