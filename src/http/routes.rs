//! The data listener's routes: one table, a row each.

use std::panic::AssertUnwindSafe;

use actix_web::HttpResponse;
use futures_util::FutureExt as _;

use super::context::HttpContext;
use super::event_stream::EVENT_STREAM;
use super::failures::Asked;
use super::path_names::{self, PathNames};
use super::problem::Problem;
use super::vendor::{METHODS, Vendor};
use super::{api, mq_http, ons_http};
use crate::model::Operation;
use crate::protocol::cloud_events::BATCH_TYPE;
use crate::tasks;

/// A row of the table.
pub(super) struct Route {
    /// The path, and the label in metrics and logs; `{topic}` and `{group}` stand for one segment, `{asset}` for all that
    /// follows.
    pub(super) path: &'static str,
    /// The vendor's protocol that is spoken here, whose clients write the path in some more ways; none in the REST API.
    pub(super) vendor: Option<Vendor>,
    /// As in `Allow`.
    pub(super) methods: &'static str,
    /// What the answer is, for `Accept`.
    pub(super) produces: &'static str,
    /// What it is where the caller prefers that.
    pub(super) also: Option<&'static str>,
    pub(super) effect: Effect,
    /// What is asked of a topic; of a vendor's path its method says so.
    pub(super) operation: Option<Operation>,
    pub(super) handler: Handler,
}

impl Route {
    /// What its requests ask of a topic.
    pub(super) fn asked(&self) -> Asked {
        let Self { path, vendor, operation, .. } = *self;
        Asked { template: path, vendor, operation }
    }
}

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It only looks.
    Reads,
    /// It changes something: a receive takes messages from others, whatever its method.
    Changes,
    /// As [`Effect::Changes`], and a problem tells what is known about the publish.
    Publishes,
}

/// Answers a request that may take a while.
type AsyncHandler = fn(HttpContext) -> Answering;

/// A request that is being answered. A panic is answered like any other bug, and ends this request only.
type Answering = tasks::Work<std::thread::Result<Result<HttpResponse, Problem>>>;

/// Answers a request, and how its work ends.
#[derive(Clone, Copy)]
pub(super) enum Handler {
    /// At once.
    Immediate(fn(&HttpContext) -> Result<HttpResponse, Problem>),
    /// When it is done, or when its caller hangs up: a receive, and its poll upstream with it.
    EndsWithCaller(AsyncHandler),
    /// When it is done, whether or not its caller stays.
    RunsToEnd(AsyncHandler),
    /// A GET as [`Handler::EndsWithCaller`], other methods as [`Handler::RunsToEnd`].
    GetEndsWithCaller(AsyncHandler),
}

use Handler::{EndsWithCaller, GetEndsWithCaller, Immediate, RunsToEnd};

const JSON: &str = "application/json";
const HTML: &str = "text/html";
const ANY: &str = "*/*";
const POST: &str = "POST";
/// No `HEAD` where it would take messages and show none.
const GET: &str = "GET";

/// The first row that a path fits is its route; rows that are asked for most come first.
static ROUTES: &[Route] = &[
    publishes("/v1/topics/{topic}/messages", RunsToEnd(|it| boxed(it, api::publish))),
    speaks(Vendor::OnsHttp, "/message/", |it| boxed(it, |it| ons_http::relay::answer(it).map(Ok))),
    speaks(Vendor::MqHttp, "/topics/{topic}/messages", |it| boxed(it, |it| mq_http::relay::answer(it).map(Ok))),
    publishes("/v1/topics/{topic}/messages:batch", RunsToEnd(|it| boxed(it, api::batch))),
    receives("/v1/topics/{topic}/groups/{group}/messages:receive", POST, |it| boxed(it, api::receive)),
    receives("/v1/topics/{topic}/groups/{group}/messages", GET, |it| boxed(it, api::receive_by_query)),
    settles("/v1/topics/{topic}/groups/{group}/messages:ack", Operation::Acknowledge, |it| boxed(it, api::acknowledge)),
    settles("/v1/topics/{topic}/groups/{group}/messages:nack", Operation::Nack, |it| boxed(it, api::nack)),
    settles("/v1/topics/{topic}/groups/{group}/messages:extend", Operation::Extend, |it| boxed(it, api::extend)),
    streams("/v1/topics/{topic}/groups/{group}/messages:stream", |it| boxed(it, api::stream)),
    reads("/v1/topics", JSON, Immediate(api::topics)),
    reads("/v1/topics/{topic}", JSON, Immediate(api::topic)),
    reads("/openapi.json", JSON, Immediate(|_| Ok(api::openapi()))),
    reads("/", ANY, Immediate(|_| Ok(api::to_index()))),
    reads("/docs", ANY, Immediate(|_| Ok(api::redirect()))),
    reads("/docs/", HTML, Immediate(|_| Ok(api::index()))),
    reads("/docs/problems", HTML, Immediate(|_| Ok(api::problems()))),
    // Browsers ask for scripts and styles with types of their own.
    reads("/docs/{asset}", ANY, Immediate(api::asset)),
];

const fn reads(path: &'static str, produces: &'static str, handler: Handler) -> Route {
    let route = changes(path, "GET, HEAD", handler);
    Route { produces, effect: Effect::Reads, ..route }
}

const fn changes(path: &'static str, methods: &'static str, handler: Handler) -> Route {
    Route { path, vendor: None, methods, produces: JSON, also: None, effect: Effect::Changes, operation: None, handler }
}

const fn receives(path: &'static str, methods: &'static str, handler: AsyncHandler) -> Route {
    let route = changes(path, methods, EndsWithCaller(handler));
    Route { operation: Some(Operation::Receive), also: Some(BATCH_TYPE), ..route }
}

/// Receives for as long as its caller reads.
const fn streams(path: &'static str, handler: AsyncHandler) -> Route {
    Route { produces: EVENT_STREAM, also: None, ..receives(path, GET, handler) }
}

/// Decides what becomes of deliveries.
const fn settles(path: &'static str, operation: Operation, handler: AsyncHandler) -> Route {
    Route { operation: Some(operation), ..changes(path, POST, RunsToEnd(handler)) }
}

const fn publishes(path: &'static str, handler: Handler) -> Route {
    Route { effect: Effect::Publishes, operation: Some(Operation::Publish), ..changes(path, POST, handler) }
}

/// A vendor's client polls with GET. It gets the vendor's type whatever it accepts.
const fn speaks(vendor: Vendor, path: &'static str, handler: AsyncHandler) -> Route {
    let route = changes(path, METHODS, GetEndsWithCaller(handler));
    Route { vendor: Some(vendor), produces: ANY, ..route }
}

/// What becomes of the request is noted inside, so that it is noted also when the caller is gone.
fn boxed<F>(context: HttpContext, answer: fn(HttpContext) -> F) -> Answering
where
    F: Future<Output = Result<HttpResponse, Problem>> + 'static,
{
    let notes = context.failure_notes();
    // Combinators, and no block around it: that would move the whole future once more.
    Box::pin(AssertUnwindSafe(answer(context)).catch_unwind().inspect(move |answered| match answered {
        Ok(Ok(_)) => {}
        Ok(Err(problem)) => notes.problem(problem),
        Err(_) => notes.panicked(),
    }))
}

/// A path's route and the names in it.
pub(super) struct Found {
    pub(super) route: &'static Route,
    pub(super) names: PathNames,
}

/// Reads a raw path; `None` is 404.
pub(super) fn find(path: &str) -> Option<Found> {
    find_as_written(path).or_else(|| find_as_written(&path_names::with_plain_verb(path)?))
}

fn find_as_written(path: &str) -> Option<Found> {
    ROUTES.iter().find_map(|route| {
        let names = match route.vendor {
            Some(vendor) => (Vendor::of(path) == Some(vendor)).then(PathNames::default),
            None => PathNames::of(path, route.path),
        }?;
        Some(Found { route, names })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_what_they_mean() {
        let check = |path: &str, expected: Option<(&str, &str, &str)>| {
            let found = find(path);
            let found = found.as_ref().map(|Found { route, names }| (route.path, &*names.topic, &*names.group));
            assert_eq!(found, expected, "{path}");
        };
        let receive = "/v1/topics/{topic}/groups/{group}/messages";
        check("/v1/topics", Some(("/v1/topics", "", "")));
        check("/v1/topics/", None);
        check("/v1/topics/T", Some(("/v1/topics/{topic}", "T", "")));
        check("/v1/topics/T/", None);
        check("/v1/topics/T/messages", Some(("/v1/topics/{topic}/messages", "T", "")));
        check("/v1/topics//messages", Some(("/v1/topics/{topic}/messages", "", "")));
        check("/v1/topics/T/messages/", None);
        check("/v1/topics/T/messages:batch", Some(("/v1/topics/{topic}/messages:batch", "T", "")));
        check("/v1/topics/T/groups/G/messages:receive", Some((&format!("{receive}:receive"), "T", "G")));
        check("/v1/topics/%25DLQ%25G/groups/G/messages:ack", Some((&format!("{receive}:ack"), "%DLQ%G", "G")));
        check("/v1/topics/T/groups/G/messages:nack", Some((&format!("{receive}:nack"), "T", "G")));
        check("/v1/topics/T/groups/G/messages:stream", Some((&format!("{receive}:stream"), "T", "G")));
        check("/v1/topics/T/groups/G/messages:extend", Some((&format!("{receive}:extend"), "T", "G")));
        check("/v1/topics/T/groups/G/messages", Some((receive, "T", "G")));
        check("/v1/topics/T/groups//messages", Some((receive, "T", "")));
        check("/v1/topics/T/groups/G", None);
        check("/v1/topics/T/groups/G/messages:take", None);
        check("/v1/topics/T/groups/G/messages:ack/more", None);
        check("/v1/topicsT", None);
        check("/v1/topics/%zz", Some(("/v1/topics/{topic}", "%zz\u{FFFD}", "")));
        check("/v1/topics/%2", Some(("/v1/topics/{topic}", "%2\u{FFFD}", "")));
        check("/v1/topics/a%2Fb", Some(("/v1/topics/{topic}", "a/b", "")));
        check("/openapi.json", Some(("/openapi.json", "", "")));
        check("/docs", Some(("/docs", "", "")));
        check("/docs/", Some(("/docs/", "", "")));
        check("/docs/problems", Some(("/docs/problems", "", "")));
        check("/docs/swagger-ui.css", Some(("/docs/{asset}", "", "")));
        check("/docs/swagger-ui/swagger-ui.css", Some(("/docs/{asset}", "", "")));
        check("/message/", Some(("/message/", "", "")));
        check("//message", Some(("/message/", "", "")));
        check("/topics/T/messages", Some(("/topics/{topic}/messages", "", "")));
        check("//topics/a%2Fb/messages", Some(("/topics/{topic}/messages", "", "")));
        check("/topics/T/messages/more", None);
        check("/topics/T", None);
        check("/", Some(("/", "", "")));
        check("/v1/topics/T/messages%3Abatch", Some(("/v1/topics/{topic}/messages:batch", "T", "")));
        check("/v1/topics/a%3Ab/messages%3abatch", Some(("/v1/topics/{topic}/messages:batch", "a:b", "")));
        check("/v1/topics/T/groups/G/messages%3Aack", Some((&format!("{receive}:ack"), "T", "G")));
        check("/v1/topics/T/messages%3Abatch%3A", None);
        check("/v1/topics/T/x%3Abatch", None);
        check("/metrics", None);
    }
}
