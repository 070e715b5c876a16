//! The data listener's routes: one table, a row each.

use std::panic::AssertUnwindSafe;

use actix_web::HttpResponse;
use futures_util::FutureExt as _;
use memchr::memchr;
use percent_encoding::percent_decode_str;

use super::context::{HttpContext, PathNames};
use super::problem::Problem;
use super::vendor::{METHODS, Vendor};
use super::{api, mq_http, ons_http};
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
    pub(super) effect: Effect,
    pub(super) handler: Handler,
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
    publishes("/v1/topics/{topic}/messages", RunsToEnd(|it| boxed(api::publish(it)))),
    speaks(Vendor::OnsHttp, "/message/", |it| boxed(ons_http::relay::answer(it).map(Ok))),
    speaks(Vendor::MqHttp, "/topics/{topic}/messages", |it| boxed(mq_http::relay::answer(it).map(Ok))),
    publishes("/v1/topics/{topic}/messages:batch", RunsToEnd(|it| boxed(api::batch(it)))),
    changes("/v1/topics/{topic}/groups/{group}/messages:receive", POST, EndsWithCaller(|it| boxed(api::receive(it)))),
    changes("/v1/topics/{topic}/groups/{group}/messages", GET, EndsWithCaller(|it| boxed(api::receive_by_query(it)))),
    changes("/v1/topics/{topic}/groups/{group}/messages:ack", POST, RunsToEnd(|it| boxed(api::acknowledge(it)))),
    changes("/v1/topics/{topic}/groups/{group}/messages:nack", POST, RunsToEnd(|it| boxed(api::nack(it)))),
    changes("/v1/topics/{topic}/groups/{group}/messages:extend", POST, RunsToEnd(|it| boxed(api::extend(it)))),
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
    Route { path, vendor: None, methods: "GET, HEAD", produces, effect: Effect::Reads, handler }
}

const fn changes(path: &'static str, methods: &'static str, handler: Handler) -> Route {
    Route { path, vendor: None, methods, produces: JSON, effect: Effect::Changes, handler }
}

const fn publishes(path: &'static str, handler: Handler) -> Route {
    Route { effect: Effect::Publishes, ..changes(path, POST, handler) }
}

/// A vendor's client polls with GET. It gets the vendor's type whatever it accepts.
const fn speaks(vendor: Vendor, path: &'static str, handler: AsyncHandler) -> Route {
    let route = changes(path, METHODS, GetEndsWithCaller(handler));
    Route { vendor: Some(vendor), produces: ANY, ..route }
}

fn boxed(answer: impl Future<Output = Result<HttpResponse, Problem>> + 'static) -> Answering {
    Box::pin(AssertUnwindSafe(answer).catch_unwind())
}

/// A path's route and the names in it.
pub(super) struct Found {
    pub(super) route: &'static Route,
    pub(super) names: PathNames,
}

/// Reads a raw path; `None` is 404. A name that is no UTF-8 keeps a replacement character, which no name may hold.
pub(super) fn find(path: &str) -> Option<Found> {
    find_as_written(path).or_else(|| find_as_written(&with_plain_verb(path)?))
}

/// A path whose verb's colon came encoded, as some clients do to every segment.
fn with_plain_verb(path: &str) -> Option<String> {
    let (before, last) = path.rsplit_once('/')?;
    let (resource, verb) = last.split_once("%3A").or_else(|| last.split_once("%3a"))?;
    (resource == "messages").then(|| format!("{before}/{resource}:{verb}"))
}

fn find_as_written(path: &str) -> Option<Found> {
    ROUTES.iter().find_map(|route| {
        let (topic, group) = match route.vendor {
            Some(vendor) => (Vendor::of(path) == Some(vendor)).then_some(("", "")),
            None => names_in(path, route.path),
        }?;
        Some(Found { route, names: PathNames { topic: decode(topic), group: decode(group) } })
    })
}

/// The topic and the group in a path that fits `template`. A name may be empty, as the name's own check explains that
/// best, but not at the end, where a slash too many is another path.
fn names_in<'a>(path: &'a str, template: &str) -> Option<(&'a str, &'a str)> {
    let (mut topic, mut group) = ("", "");
    let (mut template, mut rest) = (template, path);
    while let Some((text, name, after)) = next_name(template) {
        template = after;
        rest = rest.strip_prefix(text)?;
        let end = if name == "asset" { None } else { memchr(b'/', rest.as_bytes()) };
        let (value, after) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        if value.is_empty() && template.is_empty() {
            return None;
        }
        match name {
            "topic" => topic = value,
            "group" => group = value,
            _ => {}
        }
        rest = after;
    }
    (rest == template).then_some((topic, group))
}

/// The text before a template's next name, the name, and what follows it.
fn next_name(template: &str) -> Option<(&str, &str, &str)> {
    let (text, rest) = template.split_at_checked(memchr(b'{', template.as_bytes())?)?;
    let (name, after) = rest.split_at_checked(memchr(b'}', rest.as_bytes())?)?;
    Some((text, name.get(1..)?, after.get(1..)?))
}

/// A segment's text; an escape that is none becomes a replacement character too.
fn decode(segment: &str) -> String {
    if memchr(b'%', segment.as_bytes()).is_none() {
        return segment.to_owned();
    }
    let whole = segment.split('%').skip(1).all(|after| {
        let mut digits = after.bytes().take(2).filter(u8::is_ascii_hexdigit);
        digits.next().is_some() && digits.next().is_some()
    });
    let decoded = percent_decode_str(segment).decode_utf8_lossy();
    if whole { decoded.into_owned() } else { format!("{decoded}{}", char::REPLACEMENT_CHARACTER) }
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
