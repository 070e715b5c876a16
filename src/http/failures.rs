//! Counts and logs what callers asked for and did not get, whichever protocol they speak.

use std::rc::Rc;
use std::time::Instant;

use actix_web::HttpRequest;

use super::data::DataService;
use super::path_names::{PathNames, with_plain_verb};
use super::problem::{Code, Problem};
use super::vendor::{self, Vendor};
use crate::context::RequestContext;
use crate::gateway::GatewayError;
use crate::model::{Operation, Side};
use crate::telemetry::Failure;
use crate::trace_context::TraceContext;

/// Why an operation failed: a word of few, and on whose side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) word: &'static str,
    pub(super) side: Side,
}

impl Reason {
    /// A vendor's client that may not do this, or is not known: it has no problem's code, as `/v1` asks nobody who calls.
    pub(super) const ACCESS_DENIED: Self = Self { word: "access-denied", side: Side::Caller };
}

impl From<Code> for Reason {
    fn from(code: Code) -> Self {
        Self { word: code.row().code, side: code.side() }
    }
}

impl From<&GatewayError> for Reason {
    fn from(error: &GatewayError) -> Self {
        Problem::from(error.clone()).code.into()
    }
}

/// A vendor's client that was refused: in the words of its protocol, and in ours.
#[derive(Debug)]
pub(super) struct Refused<R> {
    /// What the client gets.
    pub(super) refusal: R,
    /// What is counted; nothing where that was done for each part of the request.
    pub(super) reason: Option<Reason>,
    /// What happened, where the client is not told.
    pub(super) detail: Option<String>,
}

impl<R> Refused<R> {
    /// The gateway's own error, in the protocol's words.
    pub(super) fn by(error: &GatewayError, refusal: R) -> Self {
        Self { refusal, reason: Some(error.into()), detail: Some(error.to_string()) }
    }

    /// One whose parts were counted.
    pub(super) fn counted(refusal: R) -> Self {
        Self { refusal, reason: None, detail: None }
    }
}

/// What a route's requests ask of a topic.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// The route's path.
    pub(super) template: &'static str,
    pub(super) vendor: Option<Vendor>,
    /// Of a vendor's path the method says so.
    pub(super) operation: Option<Operation>,
}

impl Asked {
    /// The operation, if any, and the topic as the caller wrote it, or empty: read once more, as only few need it.
    pub(super) fn of(self, request: &HttpRequest) -> Option<(Operation, String)> {
        let path = request.uri().path();
        if let Some(vendor) = self.vendor {
            return Some((vendor::operation(request)?, vendor.topic(request.uri())));
        }
        let names = PathNames::of(path, self.template);
        let names = names.or_else(|| PathNames::of(&with_plain_verb(path)?, self.template));
        Some((self.operation?, names.unwrap_or_default().topic))
    }
}

impl DataService {
    /// Counts and logs one operation that failed. `topic` is as the caller wrote it.
    pub(super) fn failed(
        &self,
        operation: Operation,
        topic: &str,
        reason: Reason,
        detail: &str,
        (request_id, trace): (&str, Option<TraceContext>),
    ) {
        let Reason { word: reason, side } = reason;
        // A caller's mistake may be anybody's, with any name.
        let topic = self.gateway.topic_label(topic, side != Side::Caller);
        self.resources.metrics.operations.failed(&topic, operation, reason, side);
        let trace_id = trace.map(|trace| trace.trace_id);
        let failure = Failure { topic: &topic, operation, reason, side, detail, request_id, trace_id };
        self.resources.failures.note(&failure, Instant::now());
    }
}

/// Logs a bug of ours, by the request in which it showed.
pub(super) fn log_bug(route: &str, request_id: &str, detail: &str) {
    tracing::error!(request_id, route, detail, "met a bug of our own");
}

/// Notes the failure of one request, also when its caller is gone.
pub(super) struct FailureNotes {
    pub(super) service: Rc<DataService>,
    pub(super) asked: Asked,
    pub(super) request: HttpRequest,
    pub(super) context: RequestContext,
}

impl FailureNotes {
    /// The request is answered with a problem.
    pub(super) fn problem(&self, problem: &Problem) {
        self.note(problem.code, &problem.detail);
    }

    /// The gateway has a bug.
    pub(super) fn panicked(&self) {
        self.note(Code::InternalError, Problem::BUG);
    }

    fn note(&self, code: Code, detail: &str) {
        if let Some((operation, topic)) = self.asked.of(&self.request) {
            let whose = (self.context.id().unwrap_or_default(), self.context.trace());
            self.service.failed(operation, &topic, code.into(), detail, whose);
        }
    }
}
