//! One request under way on the data listener, as its operation sees it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use bytes::Bytes;

use super::body::{self, BodyError, Pace};
use super::data::DataService;
use super::drop_in::DropIn;
use super::problem::{FieldError, Problem};
use crate::config::LimitsConfig;
use crate::context::RequestContext;
use crate::gateway::{Gateway, GatewayError, GroupRoute, TopicRoute};
use crate::listener::connection_of;
use crate::memory::Charge;
use crate::model::UnixMillis;
use crate::telemetry::Metrics;
use crate::upstream::{UpstreamError, UpstreamErrorKind};

/// The names in a request's path, decoded; empty where its route has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathNames {
    pub(super) topic: String,
    pub(super) group: String,
}

/// A request takes something from now on, and waits for it as long as this: it ends with its caller, also where that only closes its
/// side.
pub(super) fn takes(request: &HttpRequest, wait: Duration) {
    if let Some(connection) = connection_of(request) {
        connection.takes(!wait.is_zero());
    }
}

/// One request's context.
pub(super) struct HttpContext {
    service: Rc<DataService>,
    pub(super) request: HttpRequest,
    payload: RefCell<Payload>,
    /// What the request's body takes, until the request is done with.
    memory: RefCell<Charge>,
    /// The route's path, for log lines.
    route: &'static str,
    pub(super) path: PathNames,
    /// What goes down with the request. Its deadline leaves some of the request's time for the answer.
    pub(super) request_context: RequestContext,
}

impl HttpContext {
    pub(super) fn new(
        service: Rc<DataService>,
        request: HttpRequest,
        payload: Payload,
        route: &'static str,
        path: PathNames,
        request_context: RequestContext,
    ) -> Self {
        let memory = RefCell::new(service.resources.memory.charge());
        Self { service, request, payload: RefCell::new(payload), memory, route, path, request_context }
    }

    /// What `x-request-id` says.
    pub(super) fn id(&self) -> &str {
        self.request_context.id().unwrap_or_default()
    }

    pub(super) fn gateway(&self) -> &Gateway {
        &self.service.gateway
    }

    pub(super) fn limits(&self) -> &LimitsConfig {
        &self.service.settings.limits
    }

    pub(super) fn drop_in(&self) -> &DropIn {
        &self.service.settings.drop_in
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.service.resources.metrics
    }

    pub(super) fn now(&self) -> UnixMillis {
        self.service.resources.clock.now()
    }

    /// Waits until the process stops.
    pub(super) async fn until_stopping(&self) {
        self.service.resources.until_stopping().await;
    }

    /// As [`takes`], of this request.
    pub(super) fn takes(&self, wait: Duration) {
        takes(&self.request, wait);
    }

    /// Reads the whole body, at most `limit` bytes, once.
    pub(super) async fn body(&self, limit: usize) -> Result<Bytes, BodyError> {
        body::check_encoding(&self.request)?;
        let mut payload = self.payload.replace(Payload::None);
        let mut memory = self.service.resources.memory.charge();
        let read = body::read(&self.request, &mut payload, limit, Pace::new(self.limits()), &mut memory).await;
        if read.is_ok() {
            *self.memory.borrow_mut() = memory;
        } else {
            // Kept: dropping it now would make the connection read the rest in vain.
            self.payload.replace(payload);
        }
        read
    }

    /// Reads the rest of the body, which nobody wants; whether the connection can be kept then.
    pub(super) async fn discard_body(&self) -> bool {
        let mut payload = self.payload.replace(Payload::None);
        let discarded = body::discard(&self.request, &mut payload).await;
        if !discarded {
            self.payload.replace(payload);
        }
        discarded
    }

    /// The topic that the path names, for a publish. Where there is none, the body is not read.
    pub(super) fn topic_to_publish(&self) -> Result<TopicRoute, Problem> {
        self.gateway().topic_to_publish(&self.path.topic).map_err(|error| Problem::from(error).closing())
    }

    /// The consumer group that the path names. Where there is none, the body is not read.
    pub(super) fn group_route(&self) -> Result<GroupRoute, Problem> {
        self.gateway().group(&self.path.topic, &self.path.group).map_err(|error| Problem::from(error).closing())
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
        // A handle that is not valid any more is its holder's affair.
        let of_the_mq = |error: &&UpstreamError| error.kind != UpstreamErrorKind::StaleHandle;
        let mut upstream = failures.filter_map(GatewayError::upstream).filter(of_the_mq);
        if let Some(first) = upstream.next() {
            if !self.service.upstream_failures.permits() {
                return;
            }
            let count = 1 + upstream.count();
            let (request_id, route, result) = (self.id(), self.route, first.kind.label());
            let (detail, trace) = (first.detail.as_str(), self.request_context.trace());
            let trace_id = trace.map(|trace| tracing::field::display(trace.trace_id));
            tracing::warn!(request_id, trace_id, route, topic, count, result, detail, "the MQ failed a request");
        }
    }
}
