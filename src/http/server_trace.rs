//! A request as a span, where traces are on.

use std::sync::Arc;
use std::time::Instant;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};

use super::problem::Code;
use crate::context::RequestContext;
use crate::spans::{Scope, Span, Tracer, Value};
use crate::trace_context::{self, TraceContext, TraceState};

const TRACEPARENT: HeaderName = HeaderName::from_static(trace_context::TRACEPARENT);
const TRACESTATE: HeaderName = HeaderName::from_static(trace_context::TRACESTATE);

/// One request's place in its trace, and its span where that is recorded.
pub(super) struct ServerTrace {
    scope: Arc<Scope>,
    span: Option<Span>,
}

impl ServerTrace {
    /// `route` is a template, where the path has one.
    pub(super) fn begin(
        tracer: &Tracer,
        request: &HttpRequest,
        (method, route): (&'static str, Option<&'static str>),
        (id, started): (&str, Instant),
    ) -> Self {
        let headers = request.headers();
        let state = TraceState::parse(headers.get_all(TRACESTATE).filter_map(|value| value.to_str().ok()));
        let is_known = method != "other";
        // A path without a template, or another method, would make names without end.
        let name = || {
            let method = if is_known { method } else { "HTTP" };
            route.map_or_else(|| method.to_owned(), |route| format!("{method} {route}"))
        };
        let (scope, mut span) = tracer.serve(trace_context(headers), state, started, name);
        if let Some(span) = &mut span {
            span.set("http.request.method", if is_known { method } else { "_OTHER" });
            span.set("url.scheme", "http");
            if let Some(route) = route {
                span.set("http.route", route);
                // Of a path that nobody knows one cannot say what is in it.
                span.set("url.path", Value::text(request.uri().path()));
            }
            span.set("mq_gateway.request_id", Value::text(id));
        }
        Self { scope, span }
    }

    /// The request's context as a part of it.
    pub(super) fn over(&self, context: &RequestContext) -> RequestContext {
        context.under(Arc::clone(&self.scope))
    }

    /// The request is answered; the answer says where it is in the trace.
    pub(super) fn answered(self, response: &mut HttpResponse) {
        if let Ok(value) = HeaderValue::from_str(&self.scope.context().to_string()) {
            response.headers_mut().insert(TRACEPARENT, value);
        }
        let Some(mut span) = self.span else { return };
        let status = response.status();
        span.set("http.response.status_code", status.as_u16());
        if status.is_client_error() || status.is_server_error() {
            let code = response.extensions().get::<Code>().map(|code| code.row().code);
            let why = code.map_or_else(|| Value::text(status.as_str()), Value::from);
            // What a caller did wrong is no failure of the server.
            if status.is_server_error() { span.fail(why) } else { span.refuse(why) }
        }
        span.end();
    }
}

/// What the caller says of its trace; several values say nothing.
pub(super) fn trace_context(headers: &HeaderMap) -> Option<TraceContext> {
    let mut values = headers.get_all(TRACEPARENT);
    let value = values.next()?;
    values.next().is_none().then(|| TraceContext::parse(value.to_str().ok()?))?
}
