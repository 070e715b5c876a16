//! `/docs/`: the contract as a page, from files inside the binary; it loads nothing from anywhere else.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, X_CONTENT_TYPE_OPTIONS};

use crate::http::context::HttpContext;
use crate::http::pieces::Pieces;
use crate::http::problem::{Code, Problem};

/// Swagger UI writes inline styles, and its icons are data URLs.
const POLICY: &str =
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'";

const INDEX: &[u8] = include_bytes!("../../../docs/api/index.html");

/// Name below `/docs/`, media type, bytes.
const ASSETS: &[(&str, &str, &[u8])] = &[
    ("init.js", "text/javascript", include_bytes!("../../../docs/api/init.js")),
    ("page.css", "text/css", include_bytes!("../../../docs/api/page.css")),
    (
        "swagger-ui/swagger-ui-bundle.js",
        "text/javascript",
        include_bytes!("../../../docs/api/swagger-ui/swagger-ui-bundle.js"),
    ),
    ("swagger-ui/swagger-ui.css", "text/css", include_bytes!("../../../docs/api/swagger-ui/swagger-ui.css")),
    ("swagger-ui/favicon-32x32.png", "image/png", include_bytes!("../../../docs/api/swagger-ui/favicon-32x32.png")),
];

/// The page.
pub(in crate::http) fn index() -> HttpResponse {
    page("text/html; charset=utf-8", INDEX)
}

/// A script, style or picture of the page.
pub(in crate::http) fn asset(context: &HttpContext) -> Result<HttpResponse, Problem> {
    let name = context.request.uri().path().strip_prefix("/docs/").unwrap_or_default();
    let found = ASSETS.iter().find(|(known, ..)| *known == name);
    let Some((_, media_type, bytes)) = found else {
        return Err(Problem::new(Code::NotFound, "there is nothing at this path: /docs/ lists the routes"));
    };
    Ok(page(media_type, *bytes))
}

/// `/`, where nothing is for itself.
pub(in crate::http) fn to_index() -> HttpResponse {
    HttpResponse::Found().insert_header((LOCATION, "/docs/")).finish()
}

/// `/docs` without its slash.
pub(in crate::http) fn redirect() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, "/docs/")).finish()
}

/// What each problem means, made from the table that the answers are made from.
pub(in crate::http) fn problems() -> HttpResponse {
    let mut html = String::from(concat!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>mq-gateway problems</title>",
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
        "<link rel=\"stylesheet\" href=\"/docs/page.css\"></head><body><header><h1>Problems</h1>",
        "<p>Every failure is <code>application/problem+json</code> (RFC 9457). <code>retryable</code> says whether the same ",
        "request may succeed later; only <code>outcome</code> says whether that may store a message twice: ",
        "<code>not_published</code> is safe to repeat, <code>unknown</code> may store it twice. ",
        "<a href=\"/docs/\">The API</a></p></header><main>",
    ));
    for code in Code::ALL {
        let row = code.row();
        let again = if row.retryable { "may succeed when repeated" } else { "fails again when repeated" };
        // The texts are ours and hold no markup.
        html.push_str(&format!(
            "<section id=\"{name}\"><h2><a href=\"#{name}\">{name}</a></h2><p><strong>{status}</strong> {title} \
             <em>({again})</em></p><p>{advice}</p></section>",
            name = row.code,
            status = row.status,
            title = row.title,
            advice = row.advice,
        ));
    }
    html.push_str("</main></body></html>");
    page("text/html; charset=utf-8", html)
}

fn page(media_type: &'static str, body: impl Into<bytes::Bytes>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, media_type))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(Pieces::of(body))
}
