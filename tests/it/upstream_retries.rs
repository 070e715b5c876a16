//! Deadlines, repetitions and the circuit breaker towards the MQ: what is repeated, how long, and what is not.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::endpoint::{Step, answer_then_close, applied_then, drip, never, reset, respond};
use crate::support::time::until;
use crate::support::trap::dead_url;
use crate::support::{Endpoint, Meaning, Settings, TestApp, assert_problem};

const MESSAGES: &str = "/v1/topics/orders/messages";
const RECEIVE: &str = "/v1/topics/orders/groups/CID_a/messages:receive";
const STORED: &str = r#"{"msgId":"0A97CB496DE1137A9034915421F297A7","sendStatus":"SEND_OK"}"#;

#[test]
fn a_publish_that_gets_no_answer_in_time_is_unknown() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().topic("deadline = \"400ms\""));
    let every = Duration::from_millis(100);
    let dripped_head = format!("HTTP/1.1 201 Created\r\nContent-Length: {}\r\n\r\n{STORED}", STORED.len());
    for (name, script) in [
        ("no answer", never()),
        ("no answer, though it was done", applied_then(never())),
        ("a dripped body", drip(201, STORED, every)),
        ("a dripped head", vec![Step::Drip(dripped_head.clone().into_bytes(), every)]),
        ("half an answer, then silence", vec![Step::Send(dripped_head[..60].into()), Step::Hold]),
        (
            "interim answers without end",
            vec![
                Step::Pause(Duration::from_secs(1)),
                Step::Send(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
                Step::Hold,
            ],
        ),
    ] {
        let before = endpoint.request_count();
        endpoint.script(script);
        let started = Instant::now();
        let response = app.post_json(MESSAGES, r#"{"body":"x"}"#);
        let took = started.elapsed();
        assert_eq!(response.status, 504, "{name}: {response:?}");
        assert_problem(&response, 504, "upstream-timeout", Meaning::Unknown);
        assert!((Duration::from_millis(380)..Duration::from_millis(1500)).contains(&took), "{name}: {took:?}");
        assert_eq!(endpoint.request_count(), before + 1, "{name}");
        app.publish("orders", "between");
    }
}

#[test]
fn prefer_wait_lowers_the_deadline_and_never_raises_it() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().topic("deadline = \"2s\""));
    let took = |prefer: &str| {
        endpoint.script(never());
        let started = Instant::now();
        let request = app.request("POST", MESSAGES).header(format!("Prefer: {prefer}"));
        assert_problem(&request.json(r#"{"body":"x"}"#).send(), 504, "upstream-timeout", Meaning::Unknown);
        started.elapsed()
    };
    let lowered = took("wait=1");
    assert!((Duration::from_millis(950)..Duration::from_millis(1900)).contains(&lowered), "{lowered:?}");
    let kept = took("wait=20");
    assert!((Duration::from_millis(1950)..Duration::from_millis(5000)).contains(&kept), "{kept:?}");
}

#[test]
fn a_receive_that_gets_no_answer_ends_five_seconds_after_its_wait() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    endpoint.script(never());
    let started = Instant::now();
    assert_problem(&app.post_json(RECEIVE, "{}"), 504, "upstream-timeout", Meaning::TryAgain);
    let took = started.elapsed();
    assert!((Duration::from_millis(4900)..Duration::from_millis(8000)).contains(&took), "{took:?}");
}

#[test]
fn an_upstream_that_cannot_be_reached_is_503() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().profile(&format!("endpoints = [\"{}\"]", dead_url())));
    let started = Instant::now();
    let response = app.post_json(MESSAGES, r#"{"body":"x"}"#);
    assert_problem(&response, 503, "upstream-unreachable", Meaning::NotPublishedTryAgain);
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    assert_problem(&app.post_json(RECEIVE, "{}"), 503, "upstream-unreachable", Meaning::TryAgain);
    assert_eq!(endpoint.connections(), 0);
}

#[test]
fn the_second_endpoint_takes_over() {
    let endpoint = Endpoint::start();
    let endpoints = format!("endpoints = [\"{}\", \"{}\"]", dead_url(), endpoint.url());
    let app = TestApp::with(&endpoint, Settings::new().profile(&endpoints));
    app.publish("orders", "x");
    endpoint.only_request();
}

#[test]
fn a_dead_reused_connection_is_never_repeated() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for _ in 0..10 {
        app.publish("orders", "on a new or used connection");
        let before = endpoint.request_count();
        endpoint.script(reset());
        let response = app.post_json(MESSAGES, r#"{"body":"x"}"#);
        assert_problem(&response, 502, "upstream-bad-response", Meaning::Unknown);
        assert_eq!(endpoint.request_count(), before + 1);
    }
}

#[test]
fn a_connection_closed_while_idle_costs_at_most_one_unknown() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for index in 0..20 {
        endpoint.script(answer_then_close());
        let response = app.post_json(MESSAGES, json!({"body": format!("m{index}")}).to_string());
        if response.status != 201 {
            assert_problem(&response, 502, "upstream-bad-response", Meaning::Unknown);
        }
    }
    let mut bodies = endpoint.stored("orders");
    let all = bodies.len();
    bodies.sort();
    bodies.dedup();
    assert_eq!(all, bodies.len(), "nothing is stored twice");
}

#[test]
fn a_403_is_tried_once_more_with_a_new_signature() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    endpoint.script(respond(403, &[], ""));
    let answer = app.post_json(MESSAGES, r#"{"body":"x"}"#).expect_json(201);
    assert_eq!(answer["attempts"], 2);
    assert_eq!(endpoint.request_count(), 2);
}

#[test]
fn a_short_retry_after_is_waited_for() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    endpoint.script(respond(429, &["Retry-After: 1"], ""));
    let started = Instant::now();
    let answer = app.post_json(MESSAGES, r#"{"body":"x"}"#).expect_json(201);
    assert_eq!(answer["attempts"], 2);
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
}

#[test]
fn on_unknown_retry_repeats_an_unknown_outcome() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().topic("on_unknown = \"retry\""));
    endpoint.script(applied_then(reset()));
    let answer = app.post_json(MESSAGES, r#"{"body":"x"}"#).expect_json(201);
    assert_eq!(answer["attempts"], 2);
    assert_eq!(endpoint.stored("orders"), [b"x", b"x"], "the caller asked for it");
}

#[test]
fn five_failures_open_the_breaker() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for _ in 0..5 {
        endpoint.script(reset());
        assert_eq!(app.post_json(MESSAGES, r#"{"body":"x"}"#).status, 502);
    }
    let response = app.post_json(MESSAGES, r#"{"body":"x"}"#);
    assert_problem(&response, 503, "circuit-open", Meaning::NotPublishedTryAgain);
    assert_eq!(endpoint.request_count(), 5, "nothing is asked while it is open");
}

#[test]
fn the_largest_retry_after_is_not_waited_for() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    endpoint.script(respond(429, &["Retry-After: 18446744073709551615"], ""));
    let response = app.post_json(MESSAGES, r#"{"body":"x"}"#);
    assert_problem(&response, 503, "upstream-throttled", Meaning::NotPublishedTryAgain);
    assert_eq!(endpoint.request_count(), 1);
}

/// No publish could end in no time: the preference is ignored like one that cannot be read.
#[test]
fn a_wait_of_zero_is_no_preference() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for prefer in ["wait=0", "wait=soon", "respond-async", "wait=3600"] {
        let answer = app.request("POST", MESSAGES).header(format!("Prefer: {prefer}")).json(r#"{"body":"x"}"#).send();
        answer.expect_json(201);
        assert_eq!(answer.header("preference-applied"), None, "{prefer}");
    }
}

#[test]
fn a_preference_that_lowered_the_deadline_is_told_in_every_answer() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().topic("deadline = \"4s\""));
    let prefer = |target: &str, wait: u64, json: &str| {
        app.request("POST", target).header(format!("Prefer: respond-async, wait={wait}")).json(json).send()
    };
    let batch = "/v1/topics/orders/messages:batch";
    for (target, json, status) in [(MESSAGES, r#"{"body":"x"}"#, 201), (batch, r#"{"messages":[{"body":"x"}]}"#, 200)] {
        let answer = prefer(target, 3, json);
        assert_eq!((answer.status, answer.header("preference-applied")), (status, Some("wait=3")));
        let not_lowered = prefer(target, 4, json);
        assert_eq!((not_lowered.status, not_lowered.header("preference-applied")), (status, None));
    }
    endpoint.script(never());
    let late = prefer(MESSAGES, 1, r#"{"body":"x"}"#);
    assert_problem(&late, 504, "upstream-timeout", Meaning::Unknown);
    assert_eq!(late.header("preference-applied"), Some("wait=1"));
    endpoint.script(never());
    let late = prefer(batch, 1, r#"{"messages":[{"body":"x"}]}"#);
    assert_eq!((late.status, late.header("preference-applied")), (207, Some("wait=1")));
}

#[test]
fn an_unknown_outcome_stays_unknown_when_the_repetition_is_refused() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().topic("on_unknown = \"retry\""));
    endpoint.script(applied_then(reset()));
    endpoint.script(respond(400, &[], r#"{"code":"BODY_TOO_BIG","info":"x"}"#));
    let response = app.post_json(MESSAGES, r#"{"body":"x"}"#);
    assert_problem(&response, 502, "upstream-bad-response", Meaning::Unknown);
}

#[test]
fn the_line_about_a_failure_names_the_request_and_its_trace() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    // Each of another topic: of one that fails again there is only a summary.
    let line_of = |id: &str, traceparent: Option<&str>| {
        endpoint.script(respond(500, &[], ""));
        let request = app.request("POST", &format!("/v1/topics/{id}/messages")).header(format!("x-request-id: {id}"));
        let request = traceparent
            .map(|it| format!("traceparent: {it}"))
            .into_iter()
            .fold(request, |request, line| request.header(line));
        assert_problem(&request.json(r#"{"body":"x"}"#).send(), 502, "upstream-error", Meaning::Unknown);
        until("a line about the request", || {
            app.output()
                .lines()
                .find(|line| line.contains(id) && line.contains("an operation failed"))
                .map(str::to_owned)
        })
    };
    let with_trace = line_of("request-1", Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    assert!(with_trace.contains(r#""trace_id":"4bf92f3577b34da6a3ce929d0e0e4736""#), "{with_trace}");
    for (id, traceparent) in [("request-2", None), ("request-3", Some("00-not-a-trace"))] {
        let line = line_of(id, traceparent);
        assert!(!line.contains("trace_id"), "{line}");
    }
}
