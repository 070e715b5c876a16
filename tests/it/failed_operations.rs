//! Every operation that fails is counted once, under its topic, its reason and the side that has to do something; and it is
//! in the log, an outage as a line and summaries, callers' mistakes within a rate and without what they wrote.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::embedded::on_embedded_mq_http;
use crate::support::endpoint::{applied_then, never, respond};
use crate::support::metrics::Metrics;
use crate::support::mq::{MqClient, MqRequest};
use crate::support::ons::Credentials;
use crate::support::time::until;
use crate::support::trap::dead_url;
use crate::support::{Endpoint, Settings, TestApp};

const FAILED: &str = "mq_gateway_operations_failed_total";
const TOPICS: &str = "[[topics]]\nname = \"orders\"\nprofile = \"main\"\ngroups = [\"CID_a\"]\n";
const PUBLISH: &str = "/v1/topics/orders/messages";
const GROUP: &str = "/v1/topics/orders/groups/CID_a/messages";

fn count(metrics: &Metrics, [topic, operation, reason, side]: [&str; 4]) -> f64 {
    let labels = [("topic", topic), ("operation", operation), ("reason", reason), ("side", side)];
    metrics.get(FAILED, &labels).unwrap_or(0.0)
}

/// `work` adds so many failures with these labels, and no other.
#[track_caller]
fn assert_fails(app: &TestApp, times: f64, labels: [&str; 4], work: impl FnOnce()) {
    let before = app.metrics();
    work();
    let (after, all) = (app.metrics(), |metrics: &Metrics| metrics.get(FAILED, &[]).unwrap_or(0.0));
    assert_eq!(count(&after, labels) - count(&before, labels), times, "{labels:?}");
    assert_eq!(all(&after) - all(&before), times, "others than {labels:?}: {:?}", after.values_of(FAILED, "reason"));
}

/// Log lines that have this message, as JSON.
fn lines(app: &TestApp, message: &str) -> Vec<Value> {
    let lines: Vec<Value> = app.output().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    lines.into_iter().filter(|line: &Value| line["message"] == message).collect()
}

#[test]
fn callers_mistakes() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().topics(TOPICS).server("limits = { body_bytes = 1000 }"));
    let post = |target: &str, json: &str, status: u16| {
        assert_eq!(app.post_json(target, json).status, status, "{target} {json}");
    };
    let fails =
        |labels, target: &str, json: &str, status| assert_fails(&app, 1.0, labels, || post(target, json, status));
    fails(["orders", "publish", "malformed-json", "caller"], PUBLISH, "{", 400);
    fails(["orders", "publish", "validation-failed", "caller"], PUBLISH, r#"{"bodi":"x"}"#, 422);
    let large = format!(r#"{{"body":"{}"}}"#, "x".repeat(2000));
    fails(["orders", "publish", "message-too-large", "caller"], PUBLISH, &large, 413);
    fails(["_unknown", "publish", "unknown-topic", "caller"], "/v1/topics/made-up/messages", r#"{"body":"x"}"#, 404);
    fails(["_unknown", "publish", "validation-failed", "caller"], "/v1/topics/a%20b/messages", r#"{"body":"x"}"#, 422);
    let unknown_group = "/v1/topics/orders/groups/CID_b/messages:receive";
    fails(["orders", "receive", "unknown-group", "caller"], unknown_group, "{}", 404);
    fails(
        ["orders", "receive", "validation-failed", "caller"],
        &format!("{GROUP}:receive"),
        r#"{"wait_seconds":99}"#,
        422,
    );
    let ack = format!("{GROUP}:ack");
    fails(["orders", "ack", "validation-failed", "caller"], &ack, r#"{"receipt_handles":[]}"#, 422);
    assert_fails(&app, 2.0, ["orders", "ack", "invalid-receipt-handle", "caller"], || {
        post(&ack, r#"{"receipt_handles":["a","b"]}"#, 207);
    });
    let nack = r#"{"receipt_handles":["a"],"delay_seconds":0}"#;
    fails(["orders", "nack", "capability-not-supported", "caller"], &format!("{GROUP}:nack"), nack, 501);
    let wrong_item = r#"{"messages":[{"body":"x"},{"bodi":"y"}]}"#;
    fails(["orders", "publish", "validation-failed", "caller"], &format!("{PUBLISH}:batch"), wrong_item, 422);
    assert_fails(&app, 1.0, ["orders", "publish", "method-not-allowed", "caller"], || {
        assert_eq!(app.get(PUBLISH).status, 405);
    });
    assert_fails(&app, 1.0, ["orders", "publish", "unsupported-media-type", "caller"], || {
        let request = app.request("POST", PUBLISH).header("content-type: text/json").body("{}");
        assert_eq!(request.send().status, 415);
    });
    // What asks nothing of a topic is no operation, and neither is what succeeds.
    for (target, status) in [("/v1/topics/made-up", 404), ("/nowhere", 404), ("/v1/topics", 200)] {
        assert_fails(&app, 0.0, ["_unknown", "publish", "not-found", "caller"], || {
            assert_eq!(app.get(target).status, status, "{target}");
        });
    }
    assert_fails(&app, 0.0, ["orders", "publish", "internal-error", "gateway"], || {
        app.publish("orders", "x");
    });
}

#[test]
fn what_the_mq_refuses_and_fails() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().topics(TOPICS).topics(TOPICS));
    let publish = |status: u16| assert_eq!(app.post_json(PUBLISH, r#"{"body":"x"}"#).status, status);
    assert_fails(&app, 1.0, ["orders", "publish", "upstream-error", "mq"], || {
        endpoint.script(respond(500, &[], ""));
        publish(502);
    });
    assert_fails(&app, 1.0, ["orders", "publish", "upstream-rejected-message", "caller"], || {
        endpoint.script(respond(400, &[], r#"{"code":"SC_BAD_REQUEST","info":"x"}"#));
        publish(422);
    });
    assert_fails(&app, 2.0, ["orders", "publish", "upstream-misconfigured", "mq"], || {
        endpoint.script(respond(404, &[], ""));
        endpoint.script(respond(404, &[], ""));
        let batch = r#"{"messages":[{"body":"x"},{"body":"y"},{"body":"z"}]}"#;
        assert_eq!(app.post_json(&format!("{PUBLISH}:batch"), batch).status, 207);
    });
    assert_fails(&app, 1.0, ["orders", "receive", "upstream-error", "mq"], || {
        endpoint.script(respond(500, &[], ""));
        assert_eq!(app.post_json(&format!("{GROUP}:receive"), "{}").status, 502);
    });
}

#[test]
fn a_failure_counts_although_its_caller_is_gone() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().topics(TOPICS).topics(TOPICS));
    let before = endpoint.request_count();
    endpoint.script(applied_then(never()));
    let leaving = app.request("POST", PUBLISH).header("prefer: wait=2").json(r#"{"body":"x"}"#).start();
    endpoint.wait_for_any(before + 1);
    drop(leaving);
    let labels = ["orders", "publish", "upstream-timeout", "mq"];
    until("the failure is counted", || (count(&app.metrics(), labels) > 0.0).then_some(()));
    assert_eq!(app.metrics().get(FAILED, &[]), Some(1.0));
}

#[test]
fn what_was_not_sent_is_no_exchange() {
    let endpoint = Endpoint::start();
    let settings = Settings::new().topics(TOPICS).profile(&format!("endpoints = [\"{}\"]", dead_url()));
    let app = TestApp::with(&endpoint, settings);
    for _ in 0..10 {
        assert_eq!(app.post_json(PUBLISH, r#"{"body":"x"}"#).status, 503);
    }
    let metrics = app.metrics();
    let not_sent = |reason| metrics.get("mq_gateway_upstream_not_sent_total", &[("reason", reason)]).unwrap_or(0.0);
    assert!(not_sent("unreachable") >= 5.0 && not_sent("circuit_open") >= 1.0, "{metrics:?}");
    assert_eq!(metrics.get("mq_gateway_upstream_requests_total", &[("result", "unreachable")]), None);
    assert_eq!(metrics.get("mq_gateway_circuits_opened_total", &[]), Some(1.0));
    assert_eq!(metrics.get("mq_gateway_upstream_up", &[]), Some(0.0));
    assert_eq!(metrics.get("mq_gateway_upstream_accepting", &[("what", "keys")]), Some(1.0), "it refused nothing");
    let verbose = app.management_get("/readyz?verbose").text();
    assert!(verbose.contains("the MQ could not be reached; circuit open: "), "{verbose}");
    // Nobody was asked, so nobody failed.
    let said = app.output();
    assert!(!said.contains("the MQ failed"), "{said}");
}

#[test]
fn what_the_mq_takes_of_a_profile() {
    let endpoint = Endpoint::start();
    let more = "[[topics]]\nname = \"*\"\nprofile = \"main\"\ngroups = [\"*\"]\n";
    let app = TestApp::with(&endpoint, Settings::new().topics(&format!("{TOPICS}{more}")));
    let accepting = |what| app.metrics().get("mq_gateway_upstream_accepting", &[("profile", "main"), ("what", what)]);
    let shown = || ["keys", "topics", "groups"].map(accepting);
    let verbose = || app.management_get("/readyz?verbose");
    until("the first look at the MQ", || (app.metrics().get("mq_gateway_upstream_up", &[]) == Some(1.0)).then_some(()));
    assert_eq!(shown(), [Some(1.0); 3]);
    assert!(verbose().text().contains("[+]upstream main ok"), "{}", verbose().text());
    // Once, and once more with the newest keys.
    endpoint.script(respond(403, &[], ""));
    endpoint.script(respond(403, &[], ""));
    assert_eq!(app.post_json(PUBLISH, r#"{"body":"x"}"#).status, 502);
    assert_eq!(shown(), [Some(0.0), Some(1.0), Some(1.0)]);
    assert_eq!(app.metrics().get("mq_gateway_upstream_up", &[]), Some(1.0), "it can be reached");
    assert_eq!(verbose().status, 200, "degraded is not unready");
    let text = verbose().text();
    assert!(text.contains("[-]upstream main degraded: keys refused for topic orders (for "), "{text}");
    assert_eq!(lines(&app, "the MQ refuses what this profile is configured with").len(), 1);
    app.publish("orders", "x");
    assert_eq!(shown(), [Some(1.0); 3]);
    assert!(verbose().text().contains("[+]upstream main ok"), "{}", verbose().text());
    let receive = |status: u16| assert_eq!(app.post_json(&format!("{GROUP}:receive"), "{}").status, status);
    endpoint.script(respond(404, &[], ""));
    receive(502);
    assert_eq!(shown(), [Some(1.0), Some(1.0), Some(0.0)]);
    assert!(verbose().text().contains("group CID_a of topic orders unknown to the MQ"), "{}", verbose().text());
    receive(200);
    assert_eq!(shown(), [Some(1.0); 3]);
    // A name that only its caller knows may well be mistyped.
    endpoint.script(respond(404, &[], ""));
    assert_eq!(app.post_json("/v1/topics/made-up/messages", r#"{"body":"x"}"#).status, 502);
    assert_eq!(shown(), [Some(1.0); 3]);
}

#[test]
fn the_vendors_clients() {
    let app = on_embedded_mq_http();
    let client = MqClient::from((app.data(), app.embedded_credentials()));
    let stranger = Credentials { secret_key: "wrong".to_owned(), ..client.credentials.clone() };
    let publish = |credentials: &Credentials| MqRequest::publish(credentials, "T", "x", "", "");
    let fails = |labels, request: &MqRequest, status| {
        assert_fails(&app, 1.0, labels, || assert_eq!(client.send(request).status, status, "{labels:?}"));
    };
    // A wildcard's name has a label once it is used.
    client.stored(&client.publish("T", "x", "", ""));
    assert_eq!(client.taken("T", 1, "").len(), 1);
    fails(["T", "publish", "access-denied", "caller"], &publish(&stranger), 403);
    let broken = MqRequest::post(&client.credentials, "T", "<Message>");
    fails(["T", "publish", "validation-failed", "caller"], &broken, 400);
    fails(["T", "receive", "validation-failed", "caller"], &client.consume("T", 17, ""), 400);
    assert_fails(&app, 2.0, ["T", "ack", "receipt-handle-expired", "caller"], || {
        assert_eq!(client.send(&client.acknowledge("T", &["a", "b"])).status, 404);
    });
    assert_fails(&app, 1.0, ["T", "receive", "access-denied", "caller"], || {
        let poll = "GET /message/?topic=T&time=1&num=1 HTTP/1.1\r\nHost: x\r\nAccessKey: a\r\nSignature: b\r\nConsumerID: G\r\n\r\n";
        assert_eq!(app.raw(poll.as_bytes()).receive("GET").status, 403, "ONS HTTP, whose topic is in the query");
    });
    // The usual answers of an empty poll and of a message.
    assert_fails(&app, 0.0, ["T", "receive", "not-found", "caller"], || {
        assert_eq!(client.send(&client.consume("T", 1, "")).status, 404);
        client.stored(&client.publish("T", "x", "", ""));
        assert_eq!(client.taken("T", 1, "").len(), 1);
    });
}

#[test]
fn ten_thousand_names_make_no_more_series() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().topics(TOPICS));
    let ask = |numbers: std::ops::Range<usize>| {
        for number in numbers {
            let target = format!("/v1/topics/random-{number}/groups/g-{number}/messages:receive");
            assert_eq!(app.post_json(&target, "{}").status, 404);
        }
    };
    let series = || app.metrics().names().len();
    ask(0..100);
    let before = series();
    ask(100..10_000);
    assert_eq!(series(), before);
    assert_eq!(count(&app.metrics(), ["_unknown", "receive", "unknown-topic", "caller"]), 10_000.0);
}

/// Whoever may not even call leaves the hundred places of a wildcard's names to those who may.
#[test]
fn mistakes_take_no_label_from_others() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for number in 0..150 {
        assert_eq!(app.post_json(&format!("/v1/topics/random-{number}/messages"), "{").status, 400);
    }
    app.publish("orders", "x");
    let metrics = app.metrics();
    assert_eq!(count(&metrics, ["_other", "publish", "malformed-json", "caller"]), 150.0);
    assert_eq!(metrics.get("mq_gateway_messages_published_total", &[("topic", "orders")]), Some(1.0));
    assert_eq!(app.post_json("/v1/topics/orders/messages", "{").status, 400);
    assert_eq!(count(&app.metrics(), ["orders", "publish", "malformed-json", "caller"]), 1.0);
}

#[test]
fn an_outage_is_a_line_and_a_summary() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().topics(TOPICS));
    endpoint.rule(|request| (request.method == "POST").then(|| respond(500, &[], "")));
    for index in 0..300 {
        let request = app.request("POST", PUBLISH).header(format!("x-request-id: failing-{index}"));
        assert_eq!(request.json(r#"{"body":"x"}"#).send().status, 502);
    }
    let count = |summary: &Value| summary["count"].as_u64().unwrap();
    // The first one may come when there are only one or two.
    let summaries = until("a summary of many", || {
        let summaries = lines(&app, "operations go on failing");
        summaries.iter().any(|summary| count(summary) >= 3).then_some(summaries)
    });
    let first = lines(&app, "an operation failed");
    assert_eq!(first.len(), 1, "{first:?}");
    assert_eq!((&first[0]["request_id"], &first[0]["side"]), (&Value::from("failing-0"), &Value::from("mq")));
    let summary = &summaries[0];
    assert_eq!((&summary["topic"], &summary["reason"]), (&Value::from("orders"), &Value::from("upstream-error")));
    assert!((3..300).contains(&summaries.iter().map(count).sum::<u64>()), "{summaries:?}");
    for summary in &summaries {
        let ids = summary["request_ids"].as_str().unwrap().split(", ").count();
        assert_eq!(ids as u64, count(summary).min(3), "{summary}");
    }
}

#[test]
fn mistakes_do_not_fill_the_log_and_are_not_repeated_there() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().topics(TOPICS));
    let started = Instant::now();
    for _ in 0..500 {
        assert_eq!(app.post_json(PUBLISH, r#"{"canary-4711":"x"}"#).status, 422);
    }
    let seconds = started.elapsed() + Duration::from_secs(1);
    let written = lines(&app, "refused a caller's request").len();
    assert!((1..=20 * usize::try_from(seconds.as_secs() + 1).unwrap()).contains(&written), "{written} in {seconds:?}");
    let rest = until("the count of the rest", || {
        let rest = lines(&app, "refused more requests of callers");
        (!rest.is_empty()).then_some(rest)
    });
    assert_eq!(rest[0]["reason"], "validation-failed");
    let output = app.output();
    assert!(output.contains("validation-failed"), "the control");
    assert!(!output.contains("canary-4711"), "{output}");
}
