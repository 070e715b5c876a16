//! `/docs/problems`: each code of the contract with each of its parts, and examples that are what a gateway answers.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::client::Request;
use crate::support::endpoint::{Script, closed, never, respond};
use crate::support::{Endpoint, Launch, Response, Settings, TestApp};

const TOPIC: &str = "[[topics]]\nname = \"orders\"\nprofile = \"main\"\ngroups = [\"billing\", \"audit\"]\n";

/// What the page says of one problem.
#[derive(Debug)]
struct Shown {
    html: String,
    title: String,
    /// Heading and text, in their order.
    parts: Vec<(String, String)>,
    request: String,
    answer: Value,
}

/// The texts between `from` and `to`, without what is between.
fn between<'a>(html: &'a str, from: &str, to: &str) -> Vec<&'a str> {
    let rests = html.split(from).skip(1);
    rests.map(|rest| rest.split_once(to).unwrap_or_else(|| panic!("no {to} after {from}")).0).collect()
}

#[track_caller]
fn only<'a>(html: &'a str, from: &str, to: &str) -> &'a str {
    let found = between(html, from, to);
    assert_eq!(found.len(), 1, "{from} in {html}");
    found[0]
}

/// What a reader sees of some HTML.
fn text(html: &str) -> String {
    let mut seen = String::new();
    for part in html.split('<') {
        seen.push_str(part.split_once('>').map_or(part, |(_, after)| after));
    }
    seen.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

fn read(html: &str) -> BTreeMap<String, Shown> {
    let sections = between(html, "<section class=\"problem\" id=\"", "</section>");
    let sections = sections.into_iter().map(|section| {
        let (code, html) = section.split_once('"').unwrap();
        assert_eq!(only(html, "<h3>", "</h3>"), format!("<a href=\"#{code}\">{code}</a>"));
        let headings = between(html, "<dt>", "</dt>").into_iter().map(text);
        let shown = Shown {
            title: text(only(html, "<p class=\"title\">", "</p>")),
            parts: headings.zip(between(html, "<dd>", "</dd>").into_iter().map(text)).collect(),
            request: text(only(html, "<pre class=\"request\"><code>", "</code></pre>")),
            answer: serde_json::from_str(&text(only(html, "<pre class=\"answer\"><code>", "</code></pre>"))).unwrap(),
            html: html.to_owned(),
        };
        (code.to_owned(), shown)
    });
    sections.collect()
}

fn page(app: &TestApp) -> BTreeMap<String, Shown> {
    let response = app.get("/docs/problems");
    assert_eq!(response.status, 200, "{response:?}");
    read(&response.text())
}

#[test]
fn every_code_has_every_part() {
    let app = TestApp::embedded();
    let html = app.get("/docs/problems").text();
    let shown = read(&html);
    let document = app.get("/openapi.json").expect_json(200);
    let codes = document["components"]["schemas"]["Problem"]["properties"]["code"]["examples"].as_array().unwrap();
    assert_eq!(codes.len(), shown.len());
    let index = only(&html, "<nav class=\"index\"", "</nav>");
    for code in codes.iter().filter_map(Value::as_str) {
        let it = shown.get(code).unwrap_or_else(|| panic!("{code} is not on the page"));
        assert!(index.contains(&format!("<a href=\"#{code}\">{code}</a>")), "{code} in {index}");
        let headings: Vec<_> = it.parts.iter().map(|(heading, _)| heading.as_str()).collect();
        assert_eq!(headings, ["Status", "Outcome", "Retry", "What to do"], "{code}");
        for (heading, text) in &it.parts {
            assert!(text.ends_with(|end: char| end == '.' || heading == "Status") && text.len() > 5, "{code}: {text}");
        }
        let [status, outcome, retry, _] = &it.parts[..] else { panic!("{it:?}") };
        assert_eq!((&it.answer["code"], &it.answer["title"]), (&code.into(), &it.title.as_str().into()));
        assert!(status.1.starts_with(&format!("{} ", it.answer["status"])), "{code}: {status:?}");
        let expected = it.answer["outcome"].as_str().unwrap_or("None");
        assert!(outcome.1.starts_with(expected) || (code == "internal-error" && outcome.1.starts_with("Depends")));
        assert_eq!(retry.1.starts_with("Not as it is"), it.answer["retryable"] == false, "{code}: {retry:?}");
        assert_eq!(retry.1.contains("Retry-After"), it.answer["retry_after_seconds"].is_u64(), "{code}: {retry:?}");
    }
}

#[test]
fn no_mark_of_a_text_is_shown_and_no_script_is_needed() {
    let app = TestApp::embedded();
    let response = app.get("/docs/problems");
    let policy = response.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    let html = response.text();
    for absent in ["<script", "<style", " style=", "<!-- "] {
        assert!(!html.contains(absent), "{absent}");
    }
    let without_code: String =
        html.split("<code").map(|part| part.split_once("</code>").map_or(part, |(_, rest)| rest)).collect();
    let seen = text(&without_code);
    assert!(!seen.contains(['`', '*', '[', '{']), "{seen}");
    for linked in
        ["\"/docs/\"", "\"/openapi.json\"", "\"/docs/page.css\"", "\"/docs/problems.css\"", "\"/docs/icon.svg\""]
    {
        assert!(html.contains(linked), "{linked}");
        assert_eq!(app.get(linked.trim_matches('"')).status, 200, "{linked}");
    }
    assert!(app.get("/docs/").text().contains("\"/docs/problems\""));
}

/// The example's request, with what its `…` stands for.
fn request(app: &TestApp, shown: &Shown, more: &str) -> Request {
    let text = shown.request.replace('…', more);
    let (head, body) = text.split_once("\n\n").map_or((text.as_str(), None), |(head, body)| (head, Some(body)));
    let mut lines = head.lines();
    let (method, target) = lines.next().and_then(|line| line.split_once(' ')).unwrap();
    let request = lines.fold(app.request(method, target), Request::header);
    body.iter().fold(request, Request::body)
}

/// Checks that the example is what was answered, but for the id of the request.
#[track_caller]
fn assert_shown(shown: &Shown, response: &Response) {
    let mut answer = response.json();
    // A result of a batch has its problem in it; the other that it has is that of a message before.
    if let Some(results) = answer.get_mut("results").and_then(Value::as_array_mut) {
        answer = results.last_mut().unwrap()["problem"].take();
        assert!(shown.html.contains("Its problem in the results"), "{shown:?}");
    } else {
        assert_eq!(response.status, shown.answer["status"], "{response:?}");
    }
    answer["request_id"] = shown.answer["request_id"].clone();
    assert_eq!(answer, shown.answer);
}

#[test]
fn mistakes_of_a_request_are_answered_as_shown() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().topics(TOPIC));
    let page = page(&app);
    let of_a_size = |code: &str, more: usize| request(&app, &page[code], &"x".repeat(more)).send();
    for code in [
        "malformed-json",
        "validation-failed",
        "unsupported-media-type",
        "not-found",
        "method-not-allowed",
        "not-acceptable",
        "unknown-topic",
        "unknown-group",
        "capability-not-supported",
        "origin-not-allowed",
        "invalid-receipt-handle",
    ] {
        assert_shown(&page[code], &of_a_size(code, 0));
    }
    assert_shown(&page["message-too-large"], &of_a_size("message-too-large", 70_000));
    // As much as makes it so large as the example's.
    for (code, guess) in [("uri-too-long", 8900), ("headers-too-large", 39_000)] {
        let size = |value: &Value| usize::try_from(value["actual"].as_u64().unwrap()).unwrap();
        let more = guess + size(&page[code].answer) - size(&of_a_size(code, guess).json());
        assert_shown(&page[code], &of_a_size(code, more));
    }
    assert_eq!(endpoint.request_count(), 0);
}

#[test]
fn failures_of_the_mq_are_answered_as_shown() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().topics(TOPIC));
    let page = page(&app);
    let check = |code: &str, script: Script| {
        endpoint.script(script);
        assert_shown(&page[code], &request(&app, &page[code], "").header("Prefer: wait=1").send());
        // So that no circuit opens.
        assert_eq!(app.post_json("/v1/topics/orders/messages", r#"{"body":"x"}"#).status, 201, "after {code}");
    };
    check("upstream-throttled", respond(503, &["Retry-After: 60"], ""));
    check("upstream-error", respond(500, &[], ""));
    check("upstream-timeout", never());
    check("upstream-bad-response", closed());
    check("upstream-misconfigured", respond(404, &[], ""));
    check("upstream-rejected-message", respond(400, &[], r#"{"code":"BODY_TOO_BIG","info":"x"}"#));
    check("earlier-message-failed", respond(400, &[], ""));
    // A refused signature is tried again once. By the MQ's clock it is as late as by ours.
    let date = format!("Date: {}", app.get("/docs/").header("date").unwrap());
    endpoint.script(respond(403, &[&date], ""));
    check("upstream-auth-rejected", respond(403, &[&date], ""));
    endpoint.go_away();
    let shown = &page["upstream-unreachable"];
    let mut response = request(&app, shown, "").send();
    // The system says in its own words what is wrong with the connection.
    let cause = response.json()["detail"].as_str().unwrap().rsplit_once("MQ: ").unwrap().1.to_owned();
    let shown_cause = shown.answer["detail"].as_str().unwrap().rsplit_once("MQ: ").unwrap().1;
    response.body = response.text().replace(&cause, shown_cause).into_bytes();
    assert_shown(shown, &response);
}

#[test]
fn receipt_handles_are_answered_as_shown() {
    let app = TestApp::embedded();
    let page = page(&app);
    app.publish("orders", r#"{"order":17,"state":"paid"}"#);
    let received = app.receive("orders", "billing", "{}");
    let handle = received[0]["receipt_handle"].as_str().unwrap();
    let ask = |code: &str| request(&app, &page[code], handle.trim_start_matches("v2.")).send();
    assert_shown(&page["foreign-receipt-handle"], &ask("foreign-receipt-handle"));
    app.ack("orders", "billing", &[handle]).expect_json(200);
    assert_shown(&page["receipt-handle-expired"], &ask("receipt-handle-expired"));
}

#[test]
fn an_operators_verb_without_its_token_is_answered_as_shown() {
    let endpoint = Endpoint::start();
    let text = Settings::new().text(&endpoint.url()) + "[management]\ntoken_file = \"{directory}/token\"\n";
    let launch = Launch::configured(&text).secrets(endpoint.credentials());
    let app = launch.file("token", "t0ken\n").start();
    let shown = &page(&app)["operator-token-required"];
    let (method, target) = shown.request.split_once(' ').unwrap();
    assert_shown(shown, &Request::new(app.management(), method, target).send());
}
