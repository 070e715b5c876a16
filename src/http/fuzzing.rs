//! Fuzz targets: the head of a request, and what is written as server-sent events.

use std::collections::BTreeMap;
use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::{ACCEPT, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use actix_web::http::{Method, Uri};
use actix_web::test::TestRequest;

pub(crate) use super::api::fuzzing::{bodies, queries};
use super::event_stream::event_source::EventSource;
use super::event_stream::{self, PING};
use super::head::{self, Allowed, HeadError, OriginPolicy};
use super::ons_http::edge;
use super::path_names::{PathNames, decode, with_plain_verb};
use super::{accept, api, nearest, request_id::RequestIds};
use crate::config::{Config, LimitsConfig, Overrides, Source, load};
use crate::fuzz_input::{Input, assert_hides};
use crate::json_text;
use crate::model::{Topic, UnixMillis};
use crate::protocol::ons_http::{self, Request};
use crate::random::Random;
use crate::trace_context::{TRACEPARENT, TRACESTATE, TraceContext, TraceState};

const TEMPLATES: [&str; 6] = [
    "/v1/topics",
    "/v1/topics/{topic}",
    "/v1/topics/{topic}/messages:batch",
    "/v1/topics/{topic}/groups/{group}/messages",
    "/v1/subscriptions/{name}:pause",
    "/docs/{asset}",
];
const ALLOWED: &str = "https://app.example";

/// Lines: method, target, then headers as `Name: value`.
pub(crate) fn head(data: &[u8]) {
    let mut input = Input::new(data);
    let (method, target) = (input.line(), input.line());
    let Ok(uri) = Uri::try_from(target) else { return };
    paths(uri.path());
    let mut request =
        TestRequest::default().method(Method::from_bytes(method).unwrap_or(Method::GET)).uri(&uri.to_string());
    for line in input.lines() {
        let Some(colon) = memchr::memmem::find(line, b": ") else { continue };
        let (name, value) = (line.get(..colon).unwrap_or_default(), line.get(colon + 2..).unwrap_or_default());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            request = request.append_header((name, value));
        }
    }
    let request = request.to_http_request();
    let headers = request.headers();
    check_head(&request);
    for loopback in [false, true] {
        origins(&request, loopback);
    }
    values(headers);
    traces(headers);
    api::fuzzing::heads(headers);
}

/// A path, its names, and what a wrong one was meant to be.
fn paths(path: &str) {
    for template in TEMPLATES {
        if let Some(names) = PathNames::of(path, template) {
            let is_same = with_plain_verb(path).is_none_or(|plain| {
                let again = PathNames::of(&plain, template);
                again.is_none() || again == Some(names)
            });
            assert!(is_same, "{path} as {template}");
        }
    }
    for segment in path.split('/') {
        let decoded = decode(segment);
        assert!(decoded.len() <= segment.len() * 3 + 3);
        let expected = percent_encoding::percent_decode_str(segment).decode_utf8();
        let is_whole = !decoded.contains(char::REPLACEMENT_CHARACTER);
        assert!(!is_whole || expected.is_ok_and(|expected| expected == decoded), "{segment}: {decoded}");
    }
    let hint = nearest::hint(path);
    assert!(hint.is_none_or(|hint| hint.len() < path.len() + 120));
}

fn limits() -> Option<LimitsConfig> {
    thread_local! {
        static CONFIG: Option<Config> = load(&Source::BuiltIn, &Overrides::default(), &BTreeMap::new()).ok();
    }
    CONFIG.with(|config| config.as_ref().map(|config| config.server.limits.clone()))
}

/// What is refused of a head is named with both numbers.
fn check_head(request: &HttpRequest) {
    let Some(limits) = limits() else { return };
    let limits = LimitsConfig { uri_bytes: 64, headers: 8, header_bytes: 256, ..limits };
    let bytes: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    match head::check_head(request, &limits) {
        Ok(()) => assert!(request.headers().len() <= 8 && bytes <= 256 && !head::asks_for_websocket(request)),
        Err(error) => {
            if let HeadError::UriTooLong { limit, actual }
            | HeadError::TooManyHeaders { limit, actual }
            | HeadError::HeadersTooLarge { limit, actual } = error
            {
                let text = error.to_string();
                assert!(actual > limit && text.contains(&limit.to_string()) && text.contains(&actual.to_string()));
            }
            assert_hides(&format!("{error} {error:?}"));
        }
    }
}

/// Who is let in on loopback came for a name that is nobody else's, from our own page or one that is allowed.
fn origins(request: &HttpRequest, loopback: bool) {
    let policy = OriginPolicy { allowed: vec![ALLOWED.to_owned()], loopback };
    let headers = request.headers();
    let host = match request.uri().authority() {
        Some(authority) => authority.as_str().rsplit('@').next().unwrap_or_default().as_bytes(),
        None => headers.get(HOST).map_or(&b""[..], HeaderValue::as_bytes),
    };
    let is_ours = std::str::from_utf8(host).is_ok_and(names_this_machine);
    for found in [head::check_origin(request, &policy), head::check_client_origin(request, &policy)] {
        match found {
            Ok(Allowed::Foreign(origin)) => assert_eq!(origin, ALLOWED),
            Ok(Allowed::Plain) => {
                let origin = headers.get(ORIGIN).map(HeaderValue::as_bytes);
                let is_own = |origin: &[u8]| origin.ends_with(host) && origin.starts_with(b"http");
                assert!(origin.is_none_or(is_own), "{origin:?} is taken for {host:?}");
            }
            Err(error) => assert_hides(&format!("{error} {error:?}")),
        }
    }
    let admitted = head::check_host(request, loopback, "server.listen").is_ok();
    assert_eq!(admitted, !loopback || is_ours, "{:?}", String::from_utf8_lossy(host));
}

/// What every browser takes for this machine, and nothing that somebody else can have.
fn names_this_machine(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, port),
        _ => (host, "0"),
    };
    let is_bracketed = name.starts_with('[') && name.ends_with(']');
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let is_loopback = address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback() && (is_bracketed || ip.is_ipv4()));
    port.parse::<u16>().is_ok() && (name.is_empty() || name.eq_ignore_ascii_case("localhost") || is_loopback)
}

fn values(headers: &HeaderMap) {
    let without = HeaderMap::new();
    assert!(accept::accepts(&without, "application/json") && !accept::prefers(&without, "a/b", "c/d"));
    let is_accepted = accept::accepts(headers, "application/json");
    assert!(is_accepted || headers.contains_key(ACCEPT));
    assert!(
        !accept::prefers(headers, "text/event-stream", "application/json")
            || accept::names(headers, "text/event-stream")
    );
    let random = Random::seeded(7);
    let id = RequestIds::new(&random).of(headers);
    assert!((1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()), "{id}");
}

/// What is passed on of a trace is what came, in our words.
fn traces(headers: &HeaderMap) {
    let text = |name: &str| headers.get_all(name).filter_map(|value| value.to_str().ok()).collect::<Vec<_>>();
    for value in text(TRACEPARENT) {
        if let Some(context) = TraceContext::parse(value) {
            assert_eq!(TraceContext::parse(&context.to_string()), Some(context));
            assert_eq!(context.to_string().get(3..52), value.get(3..52), "the ids stay");
        }
    }
    if let Some(state) = TraceState::parse(text(TRACESTATE).into_iter()) {
        assert!(state.as_str().len() <= 512 && state.as_str().split(',').count() <= 32);
        assert_eq!(TraceState::parse(std::iter::once(state.as_str())), Some(state));
    }
}

/// A request of ONS HTTP, which is a message for whichever MQ is behind its topic.
pub(crate) fn vendors_message(data: &[u8]) {
    let Some(Request::Publish(publish)) = ons_http::fuzzing::read(data) else { return };
    let Ok(topic) = Topic::parse("T") else { return };
    let now = UnixMillis(1_503_907_519_123);
    match edge::message(topic, &publish, now) {
        Ok(message) => {
            let is_as_it_came = message.body == publish.body;
            let is_text = std::str::from_utf8(&message.body).is_ok() && message.body.len() <= 3 * publish.body.len();
            assert!(is_as_it_came || (is_text && publish.content_type.is_some()), "{message:?}");
            assert!(message.deliver_at.is_none_or(|time| time > now && message.message_group.is_none()));
        }
        Err(refusal) => assert_hides(&format!("{refusal} {refusal:?} {}", refusal.body())),
    }
}

/// A line, which is the event's id; then its data: a reader gets both, and JSON is what the library writes.
pub(crate) fn event(data: &[u8]) {
    let mut input = Input::new(data);
    let id = input.text().unwrap_or_default();
    let Ok(text) = std::str::from_utf8(input.rest()) else { return };
    let mut json = Vec::new();
    json_text::string(&mut json, text);
    let mut length = json_text::Length::default();
    json_text::string(&mut length, text);
    assert_eq!((json.len() as u64, Some(json)), (length.0, serde_json::to_vec(text).ok()));

    let mut written = Vec::new();
    for kind in [None, Some("problem")] {
        event_stream::event(&mut written, kind, Some(id), |written| written.extend_from_slice(text.as_bytes()));
        written.extend_from_slice(PING);
    }
    let mut source = EventSource::default();
    written.chunks(7).for_each(|piece| source.read(piece));
    assert_eq!((source.events.len(), source.comments, source.retry), (2, 2, None));
    let is_plain = id.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    for (event, kind) in source.events.iter().zip(["message", "problem"]) {
        assert_eq!((event.kind.as_str(), &event.data), (kind, &text.replace("\r\n", "\n").replace('\r', "\n")));
        assert_eq!(event.last_event_id.trim_start(), if is_plain { id.trim_start() } else { "" });
    }
}
