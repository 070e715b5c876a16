//! From a request on the data listener to its answer.
//!
//! Everything runs in the connection's own future. When a caller hangs up, that future is dropped: a publish or an
//! acknowledgement under way moves into a task of its own then and runs to its end; a receive ends, and its poll
//! upstream with it unless others wait for the same.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderValue, UPGRADE};
use actix_web::http::{ConnectionType, Method};
use actix_web::{HttpRequest, HttpResponse};

use super::accept::accepts;
use super::context::HttpContext;
use super::cors;
use super::data::DataService;
use super::event_stream::EVENT_STREAM;
use super::failures::log_bug;
use super::head::{self, Allowed, HeadError};
use super::problem::{Code, Problem};
use super::request_id::X_REQUEST_ID;
use super::request_metrics::RequestTimer;
use super::resources::deadline;
use super::routes::{Effect, Found, Handler, Route, find};
use super::server_trace::{ServerTrace, trace_context};
use super::vendor::Vendor;
use super::{api, mq_http, nearest, ons_http};
use crate::context::RequestContext;
use crate::model::Outcome;
use crate::tasks::Stage;

/// The route in metrics and logs of a path that has none.
const UNMATCHED: &str = "unmatched";

impl DataService {
    /// Answers one request.
    pub async fn handle(self: Rc<Self>, request: HttpRequest, payload: Payload) -> HttpResponse {
        let started = Instant::now();
        let id = self.request_ids.of(request.headers());
        let found = find(request.uri().path()).filter(|found| self.is_spoken(found, &request));
        let route = found.as_ref().map(|found| found.route);
        let labels = (method_label(request.method()), path_label(route));
        let mut timer = RequestTimer::new(&self.resources.metrics, &self.series, labels, started);
        let trace = self.resources.tracer.as_ref().map(|tracer| {
            ServerTrace::begin(tracer, &request, (labels.0, route.map(|route| route.path)), (&id, started))
        });
        let mut response = match (self.admit(&request, route), found) {
            (Err(error), _) => self.refuse(error, &request, route, &id),
            (Ok(Admission::Preflight { allow }), _) => cors::preflight(allow, request.headers()),
            (Ok(Admission::Admitted), None) => self.problem(not_found(request.uri().path()), None, &id),
            (Ok(Admission::Admitted), Some(Found { route, names })) => {
                let deadline = deadline(&self.settings.limits, started.into());
                let context = RequestContext::new(Arc::clone(&id), trace_context(request.headers()), deadline);
                let context = if let Some(trace) = &trace { trace.over(&context) } else { context };
                let service = Rc::clone(&self);
                let context = HttpContext::new(service, request.clone(), payload, (route.asked(), names), context);
                self.perform(route, context, &id).await
            }
        };
        self.finish(&request, &mut response, &id);
        let status = response.status().as_u16();
        timer.answered(status);
        if let Some(trace) = trace {
            trace.answered(&mut response);
        }
        let (method, route) = labels;
        tracing::debug!(
            request_id = &*id,
            method,
            route,
            status,
            seconds = started.elapsed().as_secs_f64(),
            "request answered"
        );
        response
    }

    /// Whether a route's protocol is spoken here, and by the caller: who sends JSON to a vendor's path has forgotten `/v1`.
    fn is_spoken(&self, found: &Found, request: &HttpRequest) -> bool {
        found
            .route
            .vendor
            .is_none_or(|vendor| self.settings.drop_in.enabled() && !vendor.is_mistaken(request.headers()))
    }

    /// Everything that is decided before the body is looked at.
    fn admit(&self, request: &HttpRequest, route: Option<&Route>) -> Result<Admission, HeadError> {
        head::check_head(request, &self.settings.limits)?;
        let allowed = if route.is_some_and(|route| route.vendor.is_some()) {
            head::check_client_origin(request, &self.settings.origins)?
        } else {
            head::check_origin(request, &self.settings.origins)?
        };
        let Some(route) = route else { return Ok(Admission::Admitted) };
        if route.effect != Effect::Reads {
            head::check_site(request)?;
        }
        if self.resources.stage() == Stage::Stopping {
            return Err(HeadError::Stopping);
        }
        if request.method() == Method::OPTIONS && matches!(allowed, Allowed::Foreign(_)) {
            return Ok(Admission::Preflight { allow: route.methods });
        }
        let method = request.method().as_str();
        if route.methods != method && !route.methods.split(", ").any(|allowed| allowed == method) {
            return Err(HeadError::MethodNotAllowed { allow: route.methods });
        }
        let is_accepted = |media_type| accepts(request.headers(), media_type);
        if !is_accepted(route.produces) && !route.also.is_some_and(is_accepted) {
            return Err(HeadError::NotAcceptable { produces: route.produces, also: route.also });
        }
        Ok(Admission::Admitted)
    }

    async fn perform(&self, route: &Route, context: HttpContext, id: &str) -> HttpResponse {
        let answered = match route.handler {
            Handler::Immediate(answer) => Ok(answer(&context)),
            Handler::EndsWithCaller(answer) => answer(context).await,
            Handler::GetEndsWithCaller(answer) if context.request.method() == Method::GET => answer(context).await,
            Handler::GetEndsWithCaller(answer) | Handler::RunsToEnd(answer) => {
                self.tasks.run_to_end(answer(context)).await
            }
        };
        match answered {
            Ok(Ok(response)) => response,
            Ok(Err(problem)) => self.problem(problem, Some(route), id),
            Err(_) => self.panicked(route, id),
        }
    }

    /// A head that was not admitted, in the words of the route's protocol.
    fn refuse(&self, error: HeadError, request: &HttpRequest, route: Option<&Route>, id: &str) -> HttpResponse {
        if let Some((operation, topic)) = route.and_then(|route| route.asked().of(request)) {
            let Problem { code, detail, .. } = error.into();
            self.failed(operation, &topic, code.into(), &detail, (id, trace_context(request.headers())));
        }
        if error == HeadError::Stopping
            && route.is_some_and(|route| route.produces == EVENT_STREAM)
            && let Some(response) = api::come_back_later(request.headers())
        {
            self.resources.metrics.http_server.shed(Code::Draining.row().code);
            return response;
        }
        let Some(vendor) = route.and_then(|route| route.vendor) else {
            return self.problem(error.into(), route, id);
        };
        if error == HeadError::Stopping {
            self.resources.metrics.http_server.shed(Code::Draining.row().code);
        }
        match vendor {
            Vendor::OnsHttp => ons_http::relay::refuse(error),
            Vendor::MqHttp => mq_http::relay::refuse(error, id),
        }
    }

    /// A bug of ours, in the words of the route's protocol.
    fn panicked(&self, route: &Route, id: &str) -> HttpResponse {
        match route.vendor {
            None => {
                let mut problem = Problem::new(Code::InternalError, Problem::BUG);
                problem.outcome = Some(Outcome::Unknown);
                self.problem(problem, Some(route), id)
            }
            Some(vendor) => {
                log_bug(route.path, id, Problem::BUG);
                match vendor {
                    Vendor::OnsHttp => ons_http::relay::internal_error(),
                    Vendor::MqHttp => mq_http::relay::internal_error(id),
                }
            }
        }
    }

    fn problem(&self, mut problem: Problem, route: Option<&Route>, id: &str) -> HttpResponse {
        let publishes = route.is_some_and(|route| route.effect == Effect::Publishes);
        problem.outcome = publishes.then(|| problem.outcome.unwrap_or(Outcome::NotPublished));
        if problem.code == Code::InternalError {
            log_bug(path_label(route), id, &problem.detail);
        }
        let shed = [Code::Overloaded, Code::RateLimited, Code::CircuitOpen, Code::Draining];
        if shed.contains(&problem.code) {
            self.resources.metrics.http_server.shed(problem.code.row().code);
        }
        problem.response(id)
    }

    /// What every answer carries.
    fn finish(&self, request: &HttpRequest, response: &mut HttpResponse, id: &str) {
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_str(id) {
            headers.insert(X_REQUEST_ID, id);
        }
        cors::allow(&self.settings.origins, request, headers);
        // An offered upgrade is declined: the HTTP library would go on saying `Connection: upgrade` otherwise.
        if self.resources.stage() != Stage::Serving || request.headers().contains_key(UPGRADE) {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
    }
}

enum Admission {
    Admitted,
    /// A browser asks whether a page of an allowed origin may call, and with which methods.
    Preflight {
        allow: &'static str,
    },
}

fn not_found(path: &str) -> Problem {
    let hint = nearest::hint(path).map(|hint| format!("{hint} ")).unwrap_or_default();
    Problem::new(Code::NotFound, format!("there is nothing at this path: {hint}/docs/ lists the routes")).closing()
}

fn path_label(route: Option<&Route>) -> &'static str {
    route.map_or(UNMATCHED, |route| route.path)
}

/// Methods as a bounded label.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}
