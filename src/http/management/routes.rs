//! The operators' verbs: one table, a row each.

use std::panic::AssertUnwindSafe;

use actix_web::HttpResponse;
use futures_util::FutureExt as _;

use super::operator::OperatorRequest;
use super::{dead_letters, embedded, subscriptions};
use crate::http::path_names::{PathNames, with_plain_verb};
use crate::http::problem::Problem;
use crate::tasks;

/// A row of the table.
pub(super) struct Route {
    /// `{topic}`, `{group}` and `{name}` stand for one segment.
    pub(super) path: &'static str,
    /// `GET` only looks; `POST` changes something.
    pub(super) method: &'static str,
    pub(super) access: Access,
    pub(super) handler: Handler,
}

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// All who reach the listener: it changes nothing and shows no message.
    Open,
    /// Those whom the [guard](super::guard) lets through.
    Operator,
}

/// Answers a request; a panic is answered like any other bug. It runs to its end, whether or not its caller stays.
pub(super) type Handler = fn(OperatorRequest) -> tasks::Work<std::thread::Result<Result<HttpResponse, Problem>>>;

impl Route {
    /// Whether it changes something.
    pub(super) fn changes(&self) -> bool {
        self.method != GET
    }
}

const GET: &str = "GET";
const POST: &str = "POST";

static ROUTES: &[Route] = &[
    looks("/v1/dead-letters", Access::Open, |it| boxed(it, dead_letters::topics)),
    looks("/v1/dead-letters/{topic}", Access::Open, |it| boxed(it, dead_letters::description)),
    looks("/v1/dead-letters/{topic}/messages", Access::Operator, |it| boxed(it, dead_letters::list)),
    changes("/v1/dead-letters/{topic}/messages:take", |it| boxed(it, dead_letters::take)),
    changes("/v1/dead-letters/{topic}/messages:release", |it| boxed(it, dead_letters::release)),
    changes("/v1/dead-letters/{topic}/messages:redrive", |it| boxed(it, dead_letters::redrive)),
    changes("/v1/dead-letters/{topic}/messages:drop", |it| boxed(it, dead_letters::drop_letters)),
    looks("/v1/embedded/topics", Access::Open, |it| boxed(it, embedded::topics)),
    looks("/v1/embedded/topics/{topic}/messages", Access::Operator, |it| boxed(it, embedded::peek)),
    changes("/v1/embedded/topics/{topic}/messages:purge", |it| boxed(it, embedded::purge)),
    looks("/v1/subscriptions", Access::Open, |it| boxed(it, subscriptions::list)),
    changes("/v1/subscriptions/{name}:pause", |it| boxed(it, subscriptions::pause)),
    changes("/v1/subscriptions/{name}:resume", |it| boxed(it, subscriptions::resume)),
];

const fn looks(path: &'static str, access: Access, handler: Handler) -> Route {
    Route { path, method: GET, access, handler }
}

const fn changes(path: &'static str, handler: Handler) -> Route {
    Route { path, method: POST, access: Access::Operator, handler }
}

/// A path's row, and the names in the path.
pub(super) fn find(path: &str) -> Option<(&'static Route, PathNames)> {
    let fits = |path: &str| ROUTES.iter().find_map(|route| Some((route, PathNames::of(path, route.path)?)));
    fits(path).or_else(|| fits(&with_plain_verb(path)?))
}

/// All paths, for people.
pub(super) fn paths() -> String {
    ROUTES.iter().map(|route| route.path).collect::<Vec<_>>().join(", ")
}

/// A handler's future.
fn boxed<F>(
    request: OperatorRequest,
    answer: fn(OperatorRequest) -> F,
) -> tasks::Work<std::thread::Result<Result<HttpResponse, Problem>>>
where
    F: Future<Output = Result<HttpResponse, Problem>> + 'static,
{
    Box::pin(AssertUnwindSafe(answer(request)).catch_unwind())
}
