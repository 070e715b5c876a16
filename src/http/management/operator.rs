//! One operator's request, and what its verb works with.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use serde::Serialize;

use crate::config::LimitsConfig;
use crate::context::RequestContext;
use crate::embedded::Engine;
use crate::gateway::{Gateway, Shared};
use crate::http::ServiceResources;
use crate::http::api;
use crate::http::body::{self, Pace};
use crate::http::no_query::no_query;
use crate::http::path_names::PathNames;
use crate::http::problem::{Code, Problem};
use crate::memory::Charge;
use crate::push::Subscriptions;
use crate::tasks::{RunToEnd, Tasks, Work};

/// The largest body of a verb: options, and lists of ids.
const BODY_BYTES: usize = 256 << 10;

/// What is needed for `Operations` on the listener's thread.
#[derive(Debug, Clone)]
pub struct OperationsPlan {
    /// The use cases; `None` where this process is the embedded endpoint alone.
    pub gateway: Option<Shared>,
    /// The embedded MQ, where it is in this process.
    pub engine: Option<Engine>,
    /// The subscriptions of this process.
    pub subscriptions: Subscriptions,
    /// Where they put their dead letters.
    pub dead_letter_topics: Arc<[String]>,
    /// How large requests may be, and how slow.
    pub limits: LimitsConfig,
    /// The process.
    pub resources: ServiceResources,
    /// What goes on without its caller.
    pub tasks: Tasks,
}

/// What the verbs of one thread work with.
#[derive(Debug)]
pub(super) struct Operations {
    gateway: Option<Gateway>,
    engine: Option<Engine>,
    subscriptions: Subscriptions,
    dead_letter_topics: Arc<[String]>,
    limits: LimitsConfig,
    resources: ServiceResources,
    tasks: Tasks,
}

impl OperationsPlan {
    /// Builds this thread's clients.
    pub(super) fn build(self) -> Operations {
        let Self { gateway, engine, subscriptions, dead_letter_topics, limits, resources, tasks } = self;
        let gateway = gateway.map(Gateway::new);
        Operations { gateway, engine, subscriptions, dead_letter_topics, limits, resources, tasks }
    }
}

impl Operations {
    pub(super) fn limits(&self) -> &LimitsConfig {
        &self.limits
    }

    pub(super) fn resources(&self) -> &ServiceResources {
        &self.resources
    }

    /// Runs `work` to its end, which the process waits for.
    pub(super) fn run_to_end<T: 'static>(&self, work: Work<T>) -> RunToEnd<T> {
        self.tasks.run_to_end(work)
    }
}

/// One operator's request.
pub(super) struct OperatorRequest {
    operations: Rc<Operations>,
    pub(super) request: HttpRequest,
    payload: RefCell<Payload>,
    /// What the request's body takes, until the request is done with.
    memory: RefCell<Charge>,
    pub(super) path: PathNames,
    /// What goes down with the request. Its deadline leaves some of the request's time for the answer.
    pub(super) context: RequestContext,
}

impl OperatorRequest {
    pub(super) fn new(
        operations: Rc<Operations>,
        request: HttpRequest,
        payload: Payload,
        path: PathNames,
        context: RequestContext,
    ) -> Self {
        let memory = RefCell::new(operations.resources.memory.charge());
        Self { operations, request, payload: RefCell::new(payload), memory, path, context }
    }

    /// The use cases.
    ///
    /// # Errors
    /// 404 where this process is the embedded endpoint alone.
    pub(super) fn gateway(&self) -> Result<&Gateway, Problem> {
        self.operations.gateway.as_ref().ok_or_else(|| {
            let detail = "this process is the embedded endpoint alone: ask the management listener of a gateway";
            Problem::new(Code::NotFound, detail).closing()
        })
    }

    /// The embedded MQ.
    ///
    /// # Errors
    /// 404 where it is not in this process.
    pub(super) fn engine(&self) -> Result<&Engine, Problem> {
        self.operations.engine.as_ref().ok_or_else(|| {
            let detail = "the embedded endpoint is not in this process: ask the one that has it (embedded.enabled)";
            Problem::new(Code::NotFound, detail).closing()
        })
    }

    /// The topics in which subscriptions put their dead letters.
    pub(super) fn dead_letter_topics(&self) -> &[String] {
        &self.operations.dead_letter_topics
    }

    /// The subscriptions of this process.
    pub(super) fn subscriptions(&self) -> &Subscriptions {
        &self.operations.subscriptions
    }

    /// The process.
    pub(super) fn resources(&self) -> &ServiceResources {
        &self.operations.resources
    }

    /// How long a request may take, unless its verb says otherwise.
    pub(super) fn request_timeout(&self) -> Duration {
        self.operations.limits.request_timeout
    }

    /// How deep the JSON of a body may be nested.
    pub(super) fn json_depth(&self) -> usize {
        self.operations.limits.json_depth
    }

    /// Reads the whole body, once.
    async fn body(&self) -> Result<Bytes, Problem> {
        body::check_encoding(&self.request)?;
        let mut payload = self.payload.replace(Payload::None);
        let mut memory = self.operations.resources.memory.charge();
        let pace = Pace::new(&self.operations.limits);
        let read = body::read(&self.request, &mut payload, BODY_BYTES, pace, &mut memory).await;
        if read.is_ok() {
            *self.memory.borrow_mut() = memory;
        } else {
            // Kept: dropping it now would make the connection read the rest in vain.
            self.payload.replace(payload);
        }
        Ok(read?)
    }

    /// A body of JSON, or none; without a query.
    pub(super) async fn json_body(&self) -> Result<Bytes, Problem> {
        let headers = self.request.headers();
        let is_absent = api::has_no_body(headers);
        api::require_json(headers, is_absent).and_then(|()| no_query(&self.request)).map_err(Problem::closing)?;
        self.body().await
    }
}

/// An answer, which nobody keeps.
pub(super) fn json(value: &impl Serialize) -> Result<HttpResponse, Problem> {
    let body = serde_json::to_vec(value)
        .map_err(|_| Problem::new(Code::InternalError, "an answer could not be written down"))?;
    let mut response = HttpResponse::Ok();
    Ok(response.insert_header((CACHE_CONTROL, "no-store")).content_type("application/json").body(body))
}
