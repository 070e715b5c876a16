//! One request under way on the data listener, as its operation sees it.

use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use bytes::Bytes;

use super::body::{self, BodyError, Pace};
use super::data::DataService;
use super::drop_in::DropIn;
use super::failures::{Asked, FailureNotes, Refused};
use super::path_names::PathNames;
use super::problem::Problem;
use crate::config::LimitsConfig;
use crate::context::RequestContext;
use crate::gateway::{Gateway, GatewayError, GroupRoute, TopicRoute};
use crate::listener::connection_of;
use crate::memory::Charge;
use crate::model::{Operation, UnixMillis};
use crate::random::Random;
use crate::tasks::Stage;
use crate::telemetry::Metrics;
use crate::trace_context::TraceContext;

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
    /// What is made of the body, besides its bytes.
    copies: RefCell<Vec<Charge>>,
    asked: Asked,
    pub(super) path: PathNames,
    /// What goes down with the request. Its deadline leaves some of the request's time for the answer.
    pub(super) request_context: RequestContext,
}

impl HttpContext {
    pub(super) fn new(
        service: Rc<DataService>,
        request: HttpRequest,
        payload: Payload,
        (asked, path): (Asked, PathNames),
        request_context: RequestContext,
    ) -> Self {
        let memory = RefCell::new(service.resources.memory.charge());
        let (payload, copies) = (RefCell::new(payload), RefCell::default());
        Self { service, request, payload, memory, copies, asked, path, request_context }
    }

    /// What `x-request-id` says.
    pub(super) fn id(&self) -> &str {
        self.request_context.id().unwrap_or_default()
    }

    pub(super) fn gateway(&self) -> &Rc<Gateway> {
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

    /// Where the process is in its life.
    pub(super) fn stage(&self) -> Stage {
        self.service.resources.stage()
    }

    pub(super) fn random(&self) -> &Random {
        &self.service.resources.random
    }

    /// What counts and logs failures of work that goes on after the answer, for others besides.
    pub(super) fn shared_failures(&self, operation: Operation) -> impl Fn(&GatewayError) + use<> {
        let (service, topic) = (Rc::clone(&self.service), self.path.topic.clone());
        move |error| service.failed(operation, &topic, error.into(), &error.to_string(), ("", None))
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

    /// Charges `bytes` besides a body of so many, until the request is done with: what is made of it while the MQ is waited for.
    ///
    /// # Errors
    /// 503 where there is no room.
    pub(super) fn holds_copies(&self, body: usize, bytes: impl FnOnce() -> usize) -> Result<(), Problem> {
        let charges = self.service.resources.memory.charge_for_copies(body, bytes).map_err(GatewayError::from)?;
        self.copies.borrow_mut().extend(charges);
        Ok(())
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

    /// Counts and logs one part of the request that failed, of several that are answered together.
    pub(super) fn failed(&self, operation: Operation, topic: &str, error: &GatewayError) {
        self.service.failed(operation, topic, error.into(), &error.to_string(), self.whose());
    }

    /// Counts and logs a vendor's client that was refused.
    pub(super) fn refused<R: Display>(&self, refused: &Refused<R>) {
        if let (Some(reason), Some((operation, topic))) = (refused.reason, self.asked.of(&self.request)) {
            let detail = refused.detail.clone().unwrap_or_else(|| refused.refusal.to_string());
            self.service.failed(operation, &topic, reason, &detail, self.whose());
        }
    }

    /// What log lines name it by.
    fn whose(&self) -> (&str, Option<TraceContext>) {
        (self.id(), self.request_context.trace())
    }

    /// Where its own failure is noted, when it is consumed.
    pub(super) fn failure_notes(&self) -> FailureNotes {
        let (service, request) = (Rc::clone(&self.service), self.request.clone());
        FailureNotes { service, asked: self.asked, request, context: self.request_context.clone() }
    }
}
