//! `/docs/`: the contract as a page, and the problems, from files inside the binary; they load nothing from anywhere else.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, X_CONTENT_TYPE_OPTIONS};

use super::problems_page;
use crate::http::context::HttpContext;
use crate::http::pieces::Pieces;
use crate::http::problem::{Code, Problem};

/// Swagger UI writes inline styles, and its icons are data URLs.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Where there is no script and nothing to fill in.
const PLAIN_POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

const INDEX: &[u8] = include_bytes!("../../../docs/api/index.html");

/// Name below `/docs/`, media type, bytes.
const ASSETS: &[(&str, &str, &[u8])] = &[
    ("init.js", "text/javascript", include_bytes!("../../../docs/api/init.js")),
    ("page.css", "text/css", include_bytes!("../../../docs/api/page.css")),
    ("operations.css", "text/css", include_bytes!("../../../docs/api/operations.css")),
    ("problems.css", "text/css", include_bytes!("../../../docs/api/problems.css")),
    ("icon.svg", "image/svg+xml", include_bytes!("../../../docs/api/icon.svg")),
    (
        "swagger-ui/swagger-ui-bundle.js",
        "text/javascript",
        include_bytes!("../../../docs/api/swagger-ui/swagger-ui-bundle.js"),
    ),
    ("swagger-ui/swagger-ui.css", "text/css", include_bytes!("../../../docs/api/swagger-ui/swagger-ui.css")),
];

/// The page.
pub(in crate::http) fn index() -> HttpResponse {
    page("text/html; charset=utf-8", POLICY, INDEX)
}

/// A script, style or picture of the page.
pub(in crate::http) fn asset(context: &HttpContext) -> Result<HttpResponse, Problem> {
    let name = context.request.uri().path().strip_prefix("/docs/").unwrap_or_default();
    let found = ASSETS.iter().find(|(known, ..)| *known == name);
    let Some((_, media_type, bytes)) = found else {
        return Err(Problem::new(Code::NotFound, "there is nothing at this path: /docs/ lists the routes"));
    };
    Ok(page(media_type, POLICY, *bytes))
}

/// `/`, where nothing is for itself.
pub(in crate::http) fn to_index() -> HttpResponse {
    HttpResponse::Found().insert_header((LOCATION, "/docs/")).finish()
}

/// `/docs` without its slash.
pub(in crate::http) fn redirect() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, "/docs/")).finish()
}

/// What each problem means.
pub(in crate::http) fn problems() -> HttpResponse {
    page("text/html; charset=utf-8", PLAIN_POLICY, problems_page::page())
}

fn page(media_type: &'static str, policy: &'static str, body: impl Into<bytes::Bytes>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, media_type))
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(Pieces::of(body))
}
