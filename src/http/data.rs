//! The data listener: one request's way from its head to its answer.
//!
//! Everything runs in the connection's own future. When a caller hangs up, that future is dropped: a publish or an
//! acknowledgement under way moves into a task of its own then and runs to its end; a receive ends, and its poll
//! upstream with it.

use std::cell::{Cell, RefCell};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::dev::Payload;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue, UPGRADE, VARY,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_util::FutureExt as _;

use super::accept::accepts;
use super::dropin::{self, DropIn};
use super::guard::{self, Allowed, OriginPolicy};
use super::problem::{Code, FieldError, Problem};
use super::request_id::{RequestIds, X_REQUEST_ID};
use super::route::{Found, Route, find};
use super::{api, body};
use crate::config::{LimitsConfig, ServerConfig};
use crate::context::RequestContext;
use crate::gateway::{Gateway, GatewayError};
use crate::model::Outcome;
use crate::random::Random;
use crate::tasks::{Stage, Tasks};
use crate::telemetry::{HttpLabels, Metrics, RequestMetrics};

/// What the listener's configuration says about requests.
#[derive(Debug, Clone)]
pub struct DataSettings {
    limits: LimitsConfig,
    origins: OriginPolicy,
    drop_in: DropIn,
}

impl DataSettings {
    /// Reads the settings.
    #[must_use]
    pub fn new(server: &ServerConfig, drop_in: DropIn) -> Self {
        let loopback = server.listen.ip().is_loopback();
        let origins = OriginPolicy { allowed: server.allowed_origins.clone(), loopback };
        Self { limits: server.limits.clone(), origins, drop_in }
    }
}

/// One thread's data listener.
#[derive(Debug)]
pub struct DataService {
    gateway: Gateway,
    settings: DataSettings,
    tasks: Tasks,
    request_ids: RequestIds,
    meter: Meter,
    log_gate: LogGate,
}

/// One request under way, as its operation sees it.
pub(super) struct Exchange {
    service: Rc<DataService>,
    pub(super) request: HttpRequest,
    payload: RefCell<Payload>,
    pub(super) found: Found,
    pub(super) id: String,
    /// What goes down with the request. Its deadline leaves some of the request's time for the answer.
    pub(super) context: RequestContext,
}

/// What is left of a request's time for writing the answer.
const MARGIN: Duration = Duration::from_secs(1);

impl Exchange {
    pub(super) fn gateway(&self) -> &Gateway {
        &self.service.gateway
    }

    pub(super) fn limits(&self) -> &LimitsConfig {
        &self.service.settings.limits
    }

    pub(super) fn drop_in(&self) -> &DropIn {
        &self.service.settings.drop_in
    }

    /// Reads the whole body, once.
    pub(super) async fn body(&self, limit: usize) -> Result<Bytes, Problem> {
        let mut payload = self.payload.replace(Payload::None);
        let read = body::read(&self.request, &mut payload, limit, body::Pace::new(self.limits())).await;
        if read.is_err() {
            // Kept: dropping it now would make the connection read the rest in vain.
            self.payload.replace(payload);
        }
        read
    }

    /// Refuses query parameters on a route that has none.
    pub(super) fn no_query(&self) -> Result<(), Problem> {
        match self.request.uri().query() {
            None | Some("") => Ok(()),
            Some(query) => {
                let name = query.split(['=', '&']).next().unwrap_or_default();
                let name: String = name.chars().filter(|character| !character.is_control()).take(64).collect();
                Err(Problem::invalid(vec![FieldError::parameter(name, "is unknown: this route takes no parameters")]))
            }
        }
    }

    /// One log line for all upstream failures of one request; written also when the caller is gone.
    pub(super) fn log_failures<'a>(&self, topic: &str, failures: impl Iterator<Item = &'a GatewayError>) {
        let mut upstream = failures.filter_map(GatewayError::upstream);
        if let Some(first) = upstream.next() {
            if !self.service.log_gate.opens() {
                return;
            }
            let count = 1 + upstream.count();
            let request_id = self.id.as_str();
            let (route, result) = (self.found.route.template(), first.kind.label());
            tracing::warn!(request_id, route, topic, count, result, detail = first.detail, "the MQ failed a request");
        }
    }
}

impl DataService {
    /// Builds one thread's listener.
    #[must_use]
    pub fn new(gateway: Gateway, settings: DataSettings, tasks: Tasks, random: &Random) -> Self {
        let meter = Meter::default();
        let request_ids = RequestIds::new(random);
        Self { gateway, settings, tasks, request_ids, meter, log_gate: LogGate::default() }
    }

    /// Answers one request.
    pub async fn handle(self: Rc<Self>, request: HttpRequest, payload: Payload) -> HttpResponse {
        let started = Instant::now();
        let id = self.request_ids.of(request.headers());
        let enabled = |found: &Found| found.route.vendor().is_none() || self.settings.drop_in.enabled();
        let found = find(request.uri().path()).filter(enabled);
        let route = found.as_ref().map(|found| found.route);
        let method = label(request.method());
        let template = route.map_or("unmatched", Route::template);
        let mut observed = Observed::new(&self, method, template, started);
        let mut response = match self.admit(&request, route) {
            Ok(admitted) => {
                let answer = match (admitted, found) {
                    (Admitted::Preflight, _) => Ok(preflight(route)),
                    (Admitted::Yes, Some(found)) => {
                        let payload = RefCell::new(payload);
                        let time = self.settings.limits.request_timeout.saturating_sub(MARGIN);
                        let context = RequestContext::new(&id, tokio::time::Instant::from_std(started + time));
                        let (service, request, id) = (Rc::clone(&self), request.clone(), id.clone());
                        let exchange = Exchange { service, request, payload, found, id, context };
                        Rc::clone(&self).perform(exchange).await
                    }
                    (Admitted::Yes, None) => Err(not_found()),
                };
                answer.unwrap_or_else(|problem| self.refuse(problem, route, &id))
            }
            Err(problem) => self.refuse(problem.closing(), route, &id),
        };
        self.finish(&request, &mut response, &id);
        observed.status = response.status().as_u16();
        tracing::debug!(
            request_id = id,
            method,
            route = template,
            status = observed.status,
            seconds = started.elapsed().as_secs_f64(),
            "request answered"
        );
        response
    }

    /// Everything that is decided before the body is looked at.
    fn admit(&self, request: &HttpRequest, route: Option<Route>) -> Result<Admitted, Problem> {
        guard::check_head(request, &self.settings.limits)?;
        let allowed = if route.and_then(Route::vendor).is_some() {
            guard::check_client_origin(request, &self.settings.origins)?
        } else {
            guard::check_origin(request, &self.settings.origins)?
        };
        if route.is_some_and(Route::changes_something) {
            guard::check_site(request)?;
        }
        let Some(route) = route else { return Ok(Admitted::Yes) };
        if self.gateway.stage() == Stage::Stopping {
            return Err(Problem::new(Code::Draining, "the gateway is stopping: ask again, another replica answers"));
        }
        if request.method() == Method::OPTIONS && matches!(allowed, Allowed::Foreign(_)) {
            return Ok(Admitted::Preflight);
        }
        if !route.allows(request.method()) {
            return Err(Problem::method_not_allowed(route.allow()));
        }
        if !accepts(request.headers(), route.produces()) {
            let detail = format!("this route answers {}: accept it, or */*", route.produces());
            return Err(Problem::new(Code::NotAcceptable, detail));
        }
        Ok(Admitted::Yes)
    }

    async fn perform(self: Rc<Self>, exchange: Exchange) -> Result<HttpResponse, Problem> {
        match exchange.found.route {
            Route::Publish => self.to_its_end(async move { api::publish(&exchange).await }).await,
            Route::Batch => self.to_its_end(async move { api::batch(&exchange).await }).await,
            Route::Ack => self.to_its_end(async move { api::acknowledge(&exchange).await }).await,
            Route::Receive => guarded(api::receive(&exchange, false)).await,
            Route::ReceiveByQuery => guarded(api::receive(&exchange, true)).await,
            Route::Nack => api::unsupported(&exchange, "nack"),
            Route::Extend => api::unsupported(&exchange, "extend"),
            Route::Topics => api::topics(&exchange),
            Route::Topic => api::topic(&exchange),
            Route::OpenApi => Ok(api::openapi()),
            Route::Docs => Ok(api::index()),
            Route::DocsAsset => api::asset(&exchange),
            Route::DocsProblems => Ok(api::problems()),
            Route::DocsRedirect => Ok(api::redirect()),
            // A poll ends when its caller hangs up, as a receive does.
            Route::DropIn(vendor) if exchange.request.method() == Method::GET => {
                guarded(async { Ok(dropin::answer(&exchange, vendor).await) }).await
            }
            Route::DropIn(vendor) => self.to_its_end(async move { Ok(dropin::answer(&exchange, vendor).await) }).await,
        }
    }

    /// Runs `work` to its end whether or not the caller stays.
    async fn to_its_end(
        &self,
        work: impl Future<Output = Result<HttpResponse, Problem>> + 'static,
    ) -> Result<HttpResponse, Problem> {
        self.tasks.run_to_end(guarded(work)).await
    }

    fn refuse(&self, mut problem: Problem, route: Option<Route>, id: &str) -> HttpResponse {
        let publishes = route.is_some_and(Route::publishes);
        problem.outcome = publishes.then(|| problem.outcome.unwrap_or(Outcome::NotPublished));
        if problem.code == Code::InternalError {
            let template = route.map_or("unmatched", Route::template);
            tracing::error!(request_id = id, route = template, detail = problem.detail, "met a bug of our own");
        }
        let shed = [Code::Overloaded, Code::RateLimited, Code::CircuitOpen, Code::Draining];
        if shed.contains(&problem.code) {
            self.gateway.metrics().http_server.shed(problem.code.row().code);
        }
        match route.and_then(Route::vendor) {
            Some(vendor) => dropin::refuse(vendor, &problem, id),
            None => problem.response(id),
        }
    }

    /// What every answer carries.
    fn finish(&self, request: &HttpRequest, response: &mut HttpResponse, id: &str) {
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_str(id) {
            headers.insert(X_REQUEST_ID, id);
        }
        if !self.settings.origins.allowed.is_empty()
            && let Ok(Allowed::Foreign(origin)) = guard::check_origin(request, &self.settings.origins)
            && let Ok(origin) = HeaderValue::from_str(&origin)
        {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers
                .insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("x-request-id, retry-after, location"));
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
        // An offered upgrade is declined: the HTTP library would go on saying `Connection: upgrade` otherwise.
        if self.gateway.stage() != Stage::Serving || request.headers().contains_key(UPGRADE) {
            response.head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
        }
    }
}

enum Admitted {
    Yes,
    /// A browser asks whether a page of an allowed origin may call.
    Preflight,
}

fn preflight(route: Option<Route>) -> HttpResponse {
    HttpResponse::build(StatusCode::NO_CONTENT)
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, route.map_or("GET", Route::allow)))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, "content-type, prefer, x-request-id"))
        .finish()
}

/// A panic is answered like any other bug, and ends this request only.
async fn guarded(work: impl Future<Output = Result<HttpResponse, Problem>>) -> Result<HttpResponse, Problem> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| Err(bug()))
}

fn bug() -> Problem {
    let mut problem = Problem::new(Code::InternalError, "the gateway met a bug of its own while it answered");
    problem.outcome = Some(Outcome::Unknown);
    problem
}

fn not_found() -> Problem {
    Problem::new(Code::NotFound, "there is nothing at this path: /docs/ lists the routes").closing()
}

/// Methods as a bounded label.
fn label(method: &Method) -> &'static str {
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

/// Counts a request when it ends, also one whose caller hung up before its answer.
struct Observed<'a> {
    service: &'a DataService,
    method: &'static str,
    route: &'static str,
    status: u16,
    started: Instant,
}

/// The status in metrics of a request that nobody waited for (nginx's, not on the wire).
const CALLER_GONE: u16 = 499;

impl<'a> Observed<'a> {
    fn new(service: &'a DataService, method: &'static str, route: &'static str, started: Instant) -> Self {
        service.gateway.metrics().http_server.in_flight.inc();
        Self { service, method, route, status: CALLER_GONE, started }
    }
}

impl Drop for Observed<'_> {
    fn drop(&mut self) {
        let metrics = self.service.gateway.metrics();
        metrics.http_server.in_flight.dec();
        let labels = HttpLabels { method: self.method, route: self.route, status: self.status };
        self.service.meter.observe(metrics, labels, self.started);
    }
}

/// Lets so many lines of a kind through per second and thread: an MQ that is away must not fill the disk. The metrics
/// count them all.
#[derive(Debug, Default)]
struct LogGate(Cell<Option<(Instant, u32)>>);

/// Lines per second and thread.
const LINES: u32 = 10;

impl LogGate {
    fn opens(&self) -> bool {
        let now = Instant::now();
        let (since, lines) =
            self.0.get().filter(|(since, _)| now - *since < Duration::from_secs(1)).unwrap_or((now, 0));
        self.0.set(Some((since, lines + 1)));
        if lines == LINES {
            tracing::warn!(per_second = LINES, "more failures than lines: the metrics count them all");
        }
        lines < LINES
    }
}

/// One thread's handles to the series it uses, so that a request costs no look-up by text. There are few, and the
/// commonest come first.
#[derive(Debug, Default)]
struct Meter(RefCell<Vec<(HttpLabels, RequestMetrics)>>);

impl Meter {
    fn observe(&self, metrics: &Metrics, labels: HttpLabels, started: Instant) {
        let mut series = self.0.borrow_mut();
        if !series.iter().any(|(known, _)| *known == labels) {
            series.push((labels, metrics.http_server.request(labels)));
        }
        if let Some((_, request)) = series.iter().find(|(known, _)| *known == labels) {
            request.ended(started.elapsed());
        }
    }
}
