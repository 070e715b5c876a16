//! What spans say of what failed.

use std::time::Duration;

use super::{MESSAGES, RECEIVE, traced};
use crate::support::collector::{Collector, attributes};
use crate::support::endpoint::{never, respond};
use crate::support::trap::dead_url;
use crate::support::{Endpoint, Settings};

const SERVER: &str = "POST /v1/topics/{topic}/messages";

#[test]
fn what_is_repeated_has_a_span_each_time() {
    let (endpoint, collector) = (Endpoint::start(), Collector::start());
    let app = traced(&endpoint, Settings::new(), &collector).start();
    endpoint.script(respond(503, &["Retry-After: 0"], ""));
    assert_eq!(app.post_json(MESSAGES, r#"{"body":"x"}"#).expect_json(201)["attempts"], 2);
    let [server, one, two] = collector.until_spans([SERVER, "publish orders", "publish orders"]);
    let (failed, stored) = if one.number("mq_gateway.attempt") == Some(1) { (one, two) } else { (two, one) };
    assert!(failed.end <= stored.start && failed.parent == server.span_id && stored.parent == server.span_id);
    assert_eq!((failed.status, failed.text("error.type")), (2, "upstream-throttled"));
    assert_eq!((failed.number("http.response.status_code"), failed.text("messaging.message.id")), (Some(503), ""));
    assert_eq!((stored.status, stored.number("mq_gateway.attempt")), (0, Some(2)));
    assert!(!stored.attributes.contains_key("error.type") && !server.attributes.contains_key("error.type"));
    assert_eq!(server.status, 0, "it went well in the end");
}

#[test]
fn failures_are_named_as_their_problems() {
    let (endpoint, collector) = (Endpoint::start(), Collector::start());
    let settings = Settings::new().topic("deadline = \"400ms\"");
    let app = traced(&endpoint, settings, &collector).start();
    let mut seen = 0;
    for (script, status, code) in [
        (never(), 504, "upstream-timeout"),
        (respond(500, &[], ""), 502, "upstream-error"),
        (respond(201, &[], "no JSON"), 502, "upstream-bad-response"),
    ] {
        endpoint.script(script);
        assert_eq!(app.post_json(MESSAGES, r#"{"body":"x"}"#).status, status);
        seen += 1;
        let servers = collector.until_count(SERVER, seen);
        let exchanges = collector.until_count("publish orders", seen);
        let (server, exchange) = (servers.last().unwrap(), exchanges.last().unwrap());
        assert_eq!(exchange.parent, server.span_id, "{code}");
        assert_eq!((exchange.status, exchange.text("error.type")), (2, code));
        assert_eq!((server.status, server.text("error.type")), (2, code));
    }
    // What a caller did wrong is named, and no failure of the server; nothing was exchanged.
    for (target, body, status, code) in
        [(MESSAGES, "{", 400, "malformed-json"), (MESSAGES, r#"{"body":"x","tagg":1}"#, 422, "validation-failed")]
    {
        assert_eq!(app.post_json(target, body).status, status);
        seen += 1;
        let server = collector.until_count(SERVER, seen).pop().unwrap();
        assert_eq!((server.status, server.text("error.type")), (0, code));
        assert_eq!(server.number("http.response.status_code"), Some(status.into()));
    }
    assert_eq!(collector.until_count("publish orders", 3).len(), 3);
}

#[test]
fn each_address_that_was_tried_is_a_span() {
    let (endpoint, collector) = (Endpoint::start(), Collector::start());
    let endpoints = format!("endpoints = [\"{}\", \"{}\"]", dead_url(), endpoint.url());
    let app = traced(&endpoint, Settings::new().profile(&endpoints), &collector).start();
    // The look-out may have found the second to be better by then.
    app.publish("orders", "x");
    let [server] = collector.until_spans([SERVER]);
    let exchanges = collector.until_count("publish orders", 1);
    let stored = exchanges.iter().find(|span| span.status == 0).expect("one that worked");
    assert_eq!(stored.number("server.port"), Some(endpoint.address().port().into()));
    for failed in exchanges.iter().filter(|span| span.status == 2) {
        assert_eq!((failed.text("error.type"), &failed.parent), ("upstream-unreachable", &server.span_id));
    }
    // And with nobody there every one fails.
    let app =
        traced(&endpoint, Settings::new().profile(&format!("endpoints = [\"{}\"]", dead_url())), &collector).start();
    assert_eq!(app.post_json(RECEIVE, "{}").status, 503);
    let [receive, poll] = collector.until_spans(["receive orders", "poll orders"]);
    assert_eq!((receive.status, receive.text("error.type")), (2, "upstream-unreachable"));
    assert_eq!((poll.status, poll.text("error.type")), (2, "upstream-unreachable"));
}

#[test]
fn a_path_that_nobody_knows_names_nothing() {
    let (endpoint, collector) = (Endpoint::start(), Collector::start());
    let app = traced(&endpoint, Settings::new(), &collector).start();
    assert_eq!(app.get("/secret/CANARY-path").status, 404);
    assert_eq!(app.request("BREW", "/v1/topics").send().status, 405);
    let [unknown, odd] = collector.until_spans(["GET", "HTTP /v1/topics"]);
    let expected = attributes([
        ("http.request.method", "GET".into()),
        ("http.response.status_code", 404.into()),
        ("url.scheme", "http".into()),
        ("error.type", "not-found".into()),
    ]);
    assert_eq!(unknown.attributes_without(&["mq_gateway.request_id"]), expected);
    assert_eq!((odd.text("http.request.method"), odd.text("error.type")), ("_OTHER", "method-not-allowed"));
}

#[test]
fn a_caller_who_hangs_up_leaves_spans_that_say_so() {
    let (endpoint, collector) = (Endpoint::start(), Collector::start());
    let app = traced(&endpoint, Settings::new(), &collector).start();
    let connection = app.request("POST", RECEIVE).json(r#"{"wait_seconds":20}"#).start();
    endpoint.wait_for_requests(1);
    drop(connection);
    let route = "POST /v1/topics/{topic}/groups/{group}/messages:receive";
    let [server, receive, poll] = collector.until_spans([route, "receive orders", "poll orders"]);
    for span in [&server, &receive, &poll] {
        assert_eq!((span.status, span.text("error.type")), (0, "cancelled"), "{span:#?}");
    }
    assert!(!server.attributes.contains_key("http.response.status_code"));
    assert!(Duration::from_nanos(poll.end - poll.start) < Duration::from_secs(15));
}
