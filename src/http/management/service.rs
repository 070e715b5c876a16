//! From a request on the management listener to its answer: the pages, and the operators' verbs.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::HeaderValue;
use actix_web::{HttpRequest, HttpResponse};
use tokio::time::Instant;

use super::ManagementPages;
use super::guard::OperatorGuard;
use super::operator::{Operations, OperationsPlan, OperatorRequest};
use super::routes::{self, Access, Route};
use crate::context::RequestContext;
use crate::http::failures::log_bug;
use crate::http::head::{self, OriginPolicy};
use crate::http::nearest::hint_at_management;
use crate::http::path_names::PathNames;
use crate::http::problem::{Code, Problem};
use crate::http::request_id::{RequestIds, X_REQUEST_ID};
use crate::http::resources::deadline;
use crate::tasks::Stage;

/// The management listener; one thread serves it.
#[derive(Debug)]
pub struct ManagementService {
    pages: ManagementPages,
    operations: Rc<Operations>,
    guard: OperatorGuard,
    /// No page of another site may use the verbs. On loopback the listener refuses foreign host names, since a web page could be
    /// brought here by DNS rebinding.
    origins: OriginPolicy,
    request_ids: RequestIds,
}

impl ManagementService {
    /// Builds the listener's thread: the verbs get clients of their own.
    #[must_use]
    pub fn new(pages: ManagementPages, plan: OperationsPlan, guard: OperatorGuard) -> Self {
        let origins = OriginPolicy { allowed: Vec::new(), loopback: guard.is_on_loopback() };
        let request_ids = RequestIds::new(&plan.resources.random);
        Self { pages, operations: Rc::new(plan.build()), guard, origins, request_ids }
    }

    /// Answers one request.
    pub async fn handle(self: Rc<Self>, request: HttpRequest, payload: Payload) -> HttpResponse {
        let id = self.request_ids.of(request.headers());
        let mut response = self.answer(request, payload, &id).await.unwrap_or_else(|problem| problem.response(&id));
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(X_REQUEST_ID, id);
        }
        response
    }

    async fn answer(&self, request: HttpRequest, payload: Payload, id: &Arc<str>) -> Result<HttpResponse, Problem> {
        head::check_host(&request, self.origins.loopback, "management.listen")?;
        let path = request.uri().path();
        if let Some((route, names)) = routes::find(path) {
            self.admit(&request, route).await.map_err(Problem::closing)?;
            return self.perform(route, names, request, payload, id).await;
        }
        if !ManagementPages::PATHS.contains(&path) {
            let hint = hint_at_management(path).map(|hint| format!("; {hint}")).unwrap_or_default();
            let detail = format!(
                "there is nothing at this path; this listener has {}, {}{hint}",
                ManagementPages::PATHS.join(", "),
                routes::paths()
            );
            return Err(Problem::new(Code::NotFound, detail).closing());
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return Err(Problem::method_not_allowed("GET, HEAD").closing());
        }
        let page = self.pages.at(path, request.uri().query(), id).await;
        page.ok_or_else(|| Problem::new(Code::NotFound, "there is nothing at this path").closing())
    }

    /// Everything about a verb that is decided before its body is looked at.
    async fn admit(&self, request: &HttpRequest, route: &Route) -> Result<(), Problem> {
        head::check_head(request, self.operations.limits())?;
        head::check_origin(request, &self.origins)?;
        head::check_site(request)?;
        if request.method().as_str() != route.method {
            return Err(Problem::method_not_allowed(route.method));
        }
        if route.access == Access::Operator {
            self.guard.check(request.headers()).await?;
        }
        if route.changes() && *self.operations.resources().stage.borrow() == Stage::Stopping {
            return Err(head::HeadError::Stopping.into());
        }
        Ok(())
    }

    /// Runs a verb to its end, whether or not its caller stays.
    async fn perform(
        &self,
        route: &Route,
        names: PathNames,
        request: HttpRequest,
        payload: Payload,
        id: &Arc<str>,
    ) -> Result<HttpResponse, Problem> {
        let deadline = deadline(self.operations.limits(), Instant::now());
        let context = RequestContext::new(Arc::clone(id), None, deadline);
        let operator = OperatorRequest::new(Rc::clone(&self.operations), request, payload, names, context);
        let answered = self.operations.run_to_end((route.handler)(operator)).await;
        let answered = answered.unwrap_or_else(|_| Err(Problem::new(Code::InternalError, Problem::BUG)));
        if let Err(problem) = &answered
            && problem.code == Code::InternalError
        {
            log_bug(route.path, id, &problem.detail);
        }
        let status = answered.as_ref().map_or_else(Problem::status, |response| response.status().as_u16());
        if route.changes() {
            // Who changed what, for whoever asks later.
            tracing::info!(request_id = &**id, route = route.path, status, "an operator's verb was answered");
        }
        answered
    }
}
