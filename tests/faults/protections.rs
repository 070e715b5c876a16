//! What protects the MQ and the callers from each other: retries, the circuit breaker, the clock's correction, limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::driver::{Driver, Load, Outcome};
use super::random::seed;
use super::support::client::Response;
use super::support::endpoint::{Gate, held, reset, respond};
use super::support::{Connection, Endpoint, Meaning, Settings, TestApp, assert_problem};

const MESSAGES: &str = "/v1/topics/orders/messages";

fn publish(app: &TestApp) -> Response {
    app.post_json(MESSAGES, r#"{"body":"x"}"#)
}

/// A publish that is answered 201 after so many attempts.
#[track_caller]
fn assert_published(response: &Response, attempts: u64) {
    let answer: Value = response.expect_json(201);
    assert_eq!(answer["attempts"], attempts, "{answer}");
}

// ---- retries: only where the MQ refused, or nothing was sent ----

#[test]
fn a_refused_signature_is_renewed_once() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    endpoint.script(respond(403, &[], ""));
    assert_published(&publish(&app), 2);
    assert_eq!(endpoint.request_count(), 2);
    for _ in 0..3 {
        endpoint.script(respond(403, &[], ""));
    }
    assert_problem(&publish(&app), 502, "upstream-auth-rejected", Meaning::NotPublishedTryAgain);
    assert_eq!(endpoint.request_count(), 4, "once, not more");
}

#[test]
fn retry_after_is_waited_for_within_the_deadline() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for (status, body) in [(429, ""), (503, r#"{"code":"FLOW_CONTROL","info":"x"}"#)] {
        endpoint.script(respond(status, &["Retry-After: 1"], body));
        let (before, started) = (endpoint.request_count(), Instant::now());
        assert_published(&publish(&app), 2);
        assert!(started.elapsed() >= Duration::from_millis(950), "{:?}", started.elapsed());
        assert_eq!(endpoint.request_count(), before + 2);
    }
    // Longer than the deadline: not waited for, and passed on to the caller.
    endpoint.script(respond(429, &["Retry-After: 60"], ""));
    let started = Instant::now();
    let response = publish(&app);
    assert_problem(&response, 503, "upstream-throttled", Meaning::NotPublishedTryAgain);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}

/// A throttling MQ gets at most a fifth, and ten requests a second, on top of the load.
#[test]
fn retries_are_a_small_part_of_the_load() {
    let seed = seed();
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().profile("breaker_failures = 1000"));
    endpoint.rule(|_| Some(respond(429, &["Retry-After: 0"], "")));
    let (before, started) = (endpoint.request_count(), Instant::now());
    let driver = Driver::start(app.data(), Load::new("orders", seed));
    std::thread::sleep(Duration::from_secs(4));
    let log = driver.stop();
    let (offered, seen) = (log.finished.len(), endpoint.request_count() - before);
    // The budget remembers ten seconds, and may be full at first.
    let allowed = 1.2 * offered as f64 + 10.0 * (started.elapsed().as_secs_f64() + 10.0);
    assert!(offered > 100 && seen as f64 <= allowed, "{seen} requests for {offered} publishes, {allowed} allowed");
    assert_eq!(log.count(|outcome| *outcome != Outcome::NotPublished("upstream-throttled".into())), 0);
}

// ---- the circuit breaker ----

#[test]
fn an_mq_that_keeps_failing_is_left_alone_and_tried_with_one_request() {
    let endpoint = Endpoint::start();
    let settings = Settings::new().profile("breaker_failures = 5\nbreaker_open = \"1s\"").server("workers = 2");
    let app = TestApp::with(&endpoint, settings);
    let (failing, gate) = (Arc::new(AtomicBool::new(true)), Gate::default());
    let (fails, holds) = (Arc::clone(&failing), gate.clone());
    endpoint.rule(move |_| if fails.load(Ordering::SeqCst) { Some(reset()) } else { Some(held(&holds)) });
    for _ in 0..5 {
        assert_problem(&publish(&app), 502, "upstream-bad-response", Meaning::Unknown);
    }
    let seen = endpoint.request_count();
    let opened = Instant::now();
    // The first pause is three quarters of `breaker_open` at least, and began before the failure was answered.
    while opened.elapsed() < Duration::from_millis(500) {
        let response = publish(&app);
        assert_problem(&response, 503, "circuit-open", Meaning::NotPublishedTryAgain);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(endpoint.request_count(), seen, "nothing is sent while it is open");

    // Half open: one of many goes, the rest is refused until it is answered.
    failing.store(false, Ordering::SeqCst);
    std::thread::sleep(Duration::from_millis(500));
    let request = app.request("POST", MESSAGES).json(r#"{"body":"x"}"#);
    let mut callers: Vec<Connection> = (0..10).map(|_| request.start()).collect();
    endpoint.wait_for_any(seen + 1);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(endpoint.request_count(), seen + 1, "one probe");
    gate.open();
    let statuses: Vec<u16> = callers.iter_mut().map(|caller| caller.receive("POST").status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 503).count(), 9, "{statuses:?}");
    // Closed.
    for _ in 0..10 {
        assert_eq!(publish(&app).status, 201);
    }
}

// ---- clock skew ----

#[test]
fn a_clock_that_is_off_is_corrected_by_the_mqs_own() {
    for ahead in [20, -20] {
        let endpoint = Endpoint::start();
        endpoint.set_clock(ahead * 60_000);
        let app = TestApp::towards(&endpoint);
        // The first answer has the MQ's time; everything after it is signed with that.
        assert_published(&publish(&app), 2);
        for _ in 0..100 {
            assert_published(&publish(&app), 1);
        }
        let skew = app.metrics().get("mq_gateway_upstream_clock_skew_seconds", &[]).expect("the skew is measured");
        assert!((skew - 60.0 * ahead as f64).abs() < 5.0, "{skew}");
    }
}

#[test]
fn a_clock_that_is_off_is_reported_where_that_is_asked_for() {
    let endpoint = Endpoint::start();
    endpoint.set_clock(20 * 60_000);
    let app = TestApp::with(&endpoint, Settings::new().profile("clock_skew = \"report\"\nbreaker_failures = 1000"));
    for _ in 0..10 {
        let response = publish(&app);
        let problem = assert_problem(&response, 502, "upstream-auth-rejected", Meaning::NotPublishedTryAgain);
        let detail = problem["detail"].as_str().expect("a detail");
        assert!(detail.contains("clock"), "{detail}");
    }
}

// ---- limits of a topic ----

#[test]
fn a_topic_has_its_own_limit_over_all_workers() {
    let endpoint = Endpoint::start();
    let topic = |name: &str| format!("[[topics]]\nname = \"{name}\"\nprofile = \"main\"\nmax_in_flight = 4\n");
    let settings = Settings::new().server("workers = 2").topics(&(topic("orders") + &topic("invoices")));
    let app = TestApp::with(&endpoint, settings);
    let gate = Gate::default();
    let holds = gate.clone();
    endpoint.rule(move |_| Some(held(&holds)));
    let request = app.request("POST", MESSAGES).json(r#"{"body":"x"}"#);
    let mut waiting: Vec<Connection> = (0..4).map(|_| request.start()).collect();
    endpoint.wait_for_any(4);
    for _ in 0..10 {
        let started = Instant::now();
        assert_problem(&publish(&app), 503, "overloaded", Meaning::NotPublishedTryAgain);
        assert!(started.elapsed() < Duration::from_secs(1));
    }
    assert_eq!(endpoint.request_count(), 4);
    // Another topic has room.
    let other = app.request("POST", "/v1/topics/invoices/messages").json(r#"{"body":"x"}"#).start();
    endpoint.wait_for_any(5);
    gate.open();
    for caller in &mut waiting {
        assert_eq!(caller.receive("POST").status, 201);
    }
    drop(other);
    // The places are free again.
    for _ in 0..10 {
        assert_eq!(publish(&app).status, 201);
    }
}

#[test]
fn a_topic_has_its_own_rate() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().topic("publishes_per_second = 10"));
    let started = Instant::now();
    let answers: Vec<Response> = (0..60).map(|_| publish(&app)).collect();
    let published = answers.iter().filter(|answer| answer.status == 201).count();
    let allowed = 10.0 * (started.elapsed().as_secs_f64() + 1.0) + 1.0;
    assert!((10..60).contains(&published) && (published as f64) < allowed, "{published} of 60, {allowed} allowed");
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert_problem(answer, 429, "rate-limited", Meaning::NotPublishedTryAgain);
    }
    assert_eq!(endpoint.request_count(), published);
}
