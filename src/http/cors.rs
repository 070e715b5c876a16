//! What browsers ask and are told where the configuration allows pages of other origins.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_REQUEST_HEADERS, HeaderMap, HeaderValue, VARY,
};
use actix_web::{HttpRequest, HttpResponse};

use super::head::{self, Allowed, OriginPolicy};
use super::header_list::elements;

/// Lets a page of an allowed origin read the answer.
pub(super) fn allow(origins: &OriginPolicy, request: &HttpRequest, headers: &mut HeaderMap) {
    if !origins.allowed.is_empty()
        && let Ok(Allowed::Foreign(origin)) = head::check_origin(request, origins)
        && let Ok(origin) = HeaderValue::from_str(&origin)
    {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(
                "x-request-id, retry-after, location, preference-applied, traceparent, x-mq-gateway-applied",
            ),
        );
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
}

/// A page may send what `/v1` reads: of an event's attributes those that it asks for, as anybody may have more.
pub(super) fn preflight(allow: &'static str, headers: &HeaderMap) -> HttpResponse {
    let mut names = "content-type, prefer, x-request-id, traceparent, tracestate".to_owned();
    let lists = headers.get_all(ACCESS_CONTROL_REQUEST_HEADERS).filter_map(|list| list.to_str().ok());
    for name in lists.flat_map(elements).filter(|name| is_attribute(name)) {
        names.push_str(", ");
        names.push_str(&name.to_ascii_lowercase());
    }
    HttpResponse::build(StatusCode::NO_CONTENT)
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, allow))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, names))
        .finish()
}

/// Whether a header's name is that of an attribute of a CloudEvent.
fn is_attribute(name: &str) -> bool {
    let Some((prefix, attribute)) = name.split_at_checked("ce-".len()) else { return false };
    prefix.eq_ignore_ascii_case("ce-")
        && (1..=20).contains(&attribute.len())
        && attribute.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
