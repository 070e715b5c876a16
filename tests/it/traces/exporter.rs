//! The collector away, slow, refusing; and what that costs requests: nothing.

use std::time::{Duration, Instant};

use super::{MESSAGES, exporting, traced};
use crate::support::collector::{Answer, Collector};
use crate::support::time::{until, within};
use crate::support::trap::dead_url;
use crate::support::{Endpoint, Launch, Settings, TestApp};

fn count(app: &TestApp, result: &str) -> f64 {
    app.metrics()
        .get("mq_gateway_trace_spans_total", &[("result", result)])
        .expect("the series is there from the start")
}

#[track_caller]
fn until_counted(app: &TestApp, result: &str, expected: f64) {
    until(&format!("{expected} {result}"), || Some(()).filter(|()| count(app, result) >= expected));
}

fn lines(app: &TestApp, text: &str) -> usize {
    app.output().lines().filter(|line| line.contains(text)).count()
}

const COULD_NOT: &str = "spans could not be exported";
const ARE: &str = "spans are exported";

#[test]
fn without_a_collector_spans_are_dropped_and_requests_do_not_notice() {
    let endpoint = Endpoint::start();
    let settings = Settings::new().more("[tracing]\nmax_queue_size = 20\nexport_timeout = \"300ms\"\n");
    let app = exporting(Launch::towards(&endpoint, settings), &dead_url()).start();
    let started = Instant::now();
    for _ in 0..100 {
        app.publish("orders", "x");
    }
    let took = started.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    until("all of them", || {
        let dropped = count(&app, "dropped_queue_full") + count(&app, "dropped_exporter");
        Some(()).filter(|()| dropped == 200.0)
    });
    assert!(count(&app, "dropped_queue_full") > 0.0 && count(&app, "dropped_exporter") > 0.0);
    assert_eq!((count(&app, "exported"), lines(&app, COULD_NOT)), (0.0, 1), "{}", app.output());
}

#[test]
fn a_collector_that_comes_back_gets_spans_again_and_the_change_is_told_once_in_ten_seconds() {
    let (endpoint, collector) = (Endpoint::start(), Collector::start());
    let app = traced(&endpoint, Settings::new().more("[tracing]\nexport_timeout = \"200ms\"\n"), &collector).start();
    let started = Instant::now();
    app.publish("orders", "x");
    until_counted(&app, "exported", 2.0);
    let address = collector.go_away();
    for dropped in 1..=3 {
        app.publish("orders", "x");
        until_counted(&app, "dropped_exporter", f64::from(2 * dropped));
    }
    let collector = Collector::start_at(address);
    app.publish("orders", "x");
    until("its spans", || Some(()).filter(|()| collector.spans().len() >= 2));
    until_counted(&app, "exported", 4.0);
    if started.elapsed() < Duration::from_secs(10) {
        assert_eq!((lines(&app, ARE), lines(&app, COULD_NOT)), (1, 0), "{}", app.output());
    }
    // What stays so is told.
    collector.go_away();
    let told = within(Duration::from_secs(30), || {
        app.publish("orders", "x");
        Some(()).filter(|()| lines(&app, COULD_NOT) > 0)
    });
    assert!(told.is_some(), "{}", app.output());
    assert_eq!((lines(&app, ARE), lines(&app, COULD_NOT)), (1, 1), "{}", app.output());
}

#[test]
fn what_passes_is_tried_again_and_what_does_not_is_dropped() {
    let (endpoint, collector) = (Endpoint::start(), Collector::start());
    let app = traced(&endpoint, Settings::new(), &collector).start();
    // Which of gRPC's statuses may pass, by OTLP's list; RESOURCE_EXHAUSTED (8) only with words that are not read.
    for passing in [1, 4, 10, 11, 14, 15] {
        let (exported, dropped) = (count(&app, "exported"), count(&app, "dropped_exporter"));
        collector.script([Answer::Status(passing)]);
        app.publish("orders", "x");
        until_counted(&app, "exported", exported + 2.0);
        assert_eq!(count(&app, "dropped_exporter"), dropped, "status {passing}");
    }
    for lasting in [2, 3, 5, 6, 7, 8, 9, 12, 13, 16] {
        let dropped = count(&app, "dropped_exporter");
        collector.script([Answer::Status(lasting)]);
        app.publish("orders", "x");
        until_counted(&app, "dropped_exporter", dropped + 1.0);
        // Its two spans may have gone in two calls.
        until("the rest", || {
            let all = count(&app, "dropped_exporter") + count(&app, "exported");
            Some(()).filter(|()| all % 2.0 == 0.0)
        });
    }
}

#[test]
fn what_is_taken_in_part_is_told_and_counted() {
    let (endpoint, collector) = (Endpoint::start(), Collector::start());
    collector.script([Answer::TakeBut(1)]);
    let app = traced(&endpoint, Settings::new(), &collector).start();
    app.publish("orders", "x");
    until("a line", || Some(()).filter(|()| app.output().contains("did not take all spans")));
    until("both", || {
        let counted = (count(&app, "exported"), count(&app, "dropped_exporter"));
        Some(()).filter(|()| counted == (1.0, 1.0))
    });
}

#[test]
fn a_collector_that_never_answers_costs_requests_nothing() {
    let (endpoint, collector) = (Endpoint::start(), Collector::start());
    collector.answers(Answer::Hang);
    let settings =
        Settings::new().more("[tracing]\nmax_queue_size = 10\ntimeout = \"200ms\"\nexport_timeout = \"300ms\"\n");
    let app = traced(&endpoint, settings, &collector).start();
    let started = Instant::now();
    for _ in 0..100 {
        app.publish("orders", "x");
    }
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    until("all of them", || {
        let dropped = count(&app, "dropped_queue_full") + count(&app, "dropped_exporter");
        Some(()).filter(|()| dropped == 200.0)
    });
    assert_eq!(lines(&app, COULD_NOT), 1, "{}", app.output());
}

#[test]
fn what_does_not_fit_is_counted_while_the_exporter_waits_for_an_answer() {
    let (endpoint, collector) = (Endpoint::start(), Collector::start());
    collector.answers(Answer::Hang);
    // One call that outlasts the test.
    let settings =
        Settings::new().more("[tracing]\nmax_queue_size = 10\ntimeout = \"60s\"\nexport_timeout = \"60s\"\n");
    let app = traced(&endpoint, settings, &collector).start();
    app.publish("orders", "x");
    until("a call", || Some(()).filter(|()| collector.calls() > 0));
    for _ in 0..10 {
        app.publish("orders", "x");
    }
    until_counted(&app, "dropped_queue_full", 8.0);
    assert_eq!((collector.calls(), count(&app, "exported"), count(&app, "dropped_exporter")), (1, 0.0, 0.0));
}

#[test]
fn at_the_stop_what_waits_is_exported() {
    let (endpoint, collector) = (Endpoint::start(), Collector::start());
    let mut app =
        traced(&endpoint, Settings::new(), &collector).environment("OTEL_BSP_SCHEDULE_DELAY", "60000").start();
    for _ in 0..5 {
        app.publish("orders", "x");
    }
    assert_eq!(collector.calls(), 0, "they wait for more");
    app.terminate();
    assert!(app.wait_for_exit(Duration::from_secs(8)).success());
    assert_eq!(collector.spans().len(), 10);
}

#[test]
fn a_collector_that_never_answers_does_not_hold_the_stop_up() {
    let (endpoint, collector) = (Endpoint::start(), Collector::start());
    collector.answers(Answer::Hang);
    let mut app = traced(&endpoint, Settings::new(), &collector).start();
    app.publish("orders", "x");
    until("a call", || Some(()).filter(|()| collector.calls() > 0));
    app.publish("orders", "y");
    let started = Instant::now();
    app.terminate();
    assert!(app.wait_for_exit(Duration::from_secs(8)).success());
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(!app.output().contains("did not end in time"), "{}", app.output());
}

#[test]
fn headers_come_from_a_file_and_rotate_with_it() {
    let (endpoint, collector) = (Endpoint::start(), Collector::start());
    let settings = Settings::new().more("[tracing]\nheaders_file = \"{directory}/headers\"\n");
    let launch =
        traced(&endpoint, settings, &collector).file("headers", "Authorization: Bearer CANARY-one\nx-team: mq\n");
    let file = launch.path("headers");
    let app = launch.start();
    let of_the_next = || {
        let before = collector.exports().len();
        app.publish("orders", "x");
        let export = until("an export", || collector.exports().get(before).cloned());
        export.headers.get("authorization").cloned().unwrap_or_default()
    };
    assert_eq!(of_the_next(), "Bearer CANARY-one");
    assert_eq!(collector.exports()[0].headers["x-team"], "mq");
    std::fs::write(&file, "authorization: Bearer CANARY-two\n").unwrap();
    until("the new header", || Some(()).filter(|()| of_the_next() == "Bearer CANARY-two"));
    // What cannot be used changes nothing, and is told once.
    std::fs::write(&file, "CANARY-three\n").unwrap();
    until("a line", || {
        Some(()).filter(|()| of_the_next() == "Bearer CANARY-two" && app.output().contains("the old ones stay"))
    });
    assert_eq!((of_the_next().as_str(), lines(&app, "the old ones stay")), ("Bearer CANARY-two", 1));
    assert_eq!(lines(&app, "the headers for the collector of traces changed"), 1);
    let config = app.management_get("/config").text();
    assert!(
        !app.output().contains("CANARY") && !config.contains("CANARY") && config.contains("headers_file"),
        "{config}"
    );
}

#[test]
fn tls_is_verified() {
    let (endpoint, collector) = (Endpoint::start(), Collector::start_with_tls());
    let settings = || Settings::new().more("[tracing]\nexport_timeout = \"300ms\"\n");
    let launch = traced(&endpoint, settings(), &collector).file("ca.pem", collector.certificate());
    let ca = launch.path("ca.pem").display().to_string();
    let app = launch.environment("OTEL_EXPORTER_OTLP_CERTIFICATE", &ca).start();
    app.publish("orders", "x");
    collector.until_count("publish orders", 1);
    let before = collector.spans().len();
    // Without the private CA nobody vouches for it.
    let app = traced(&endpoint, settings(), &collector).start();
    app.post_json(MESSAGES, r#"{"body":"x"}"#).expect_json(201);
    until_counted(&app, "dropped_exporter", 2.0);
    assert_eq!(collector.spans().len(), before);
    assert!(app.output().contains("TLS with localhost"), "{}", app.output());
}
