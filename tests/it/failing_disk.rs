//! A disk that takes no more data: whatever the store answers is true, and it heals by itself.

use std::collections::BTreeSet;

use crate::support::time::{CONDITION_LIMIT, within};
use crate::support::{Launch, Meaning, Response, TestApp, assert_problem};

fn launch() -> Launch {
    Launch::embedded().on_faulty_machine()
}

fn publish(app: &TestApp, body: &str) -> Response {
    app.post_json("/v1/topics/orders/messages", serde_json::json!({ "body": body }).to_string())
}

/// Takes and acknowledges everything, as a new group does.
fn drain(app: &TestApp, group: &str) -> BTreeSet<String> {
    let mut bodies = BTreeSet::new();
    loop {
        let messages = app.receive("orders", group, "{}");
        if messages.is_empty() {
            return bodies;
        }
        let handles: Vec<_> = messages.iter().map(|it| it["receipt_handle"].as_str().unwrap()).collect();
        assert_eq!(app.ack("orders", group, &handles).status, 200);
        bodies.extend(messages.iter().map(|it| it["body"].as_str().unwrap().to_owned()));
    }
}

#[test]
fn a_failed_sync_is_unknown_and_what_comes_after_is_certainly_not_stored() {
    let mut app = launch().start();
    let mut acknowledged = BTreeSet::new();
    for n in 0..20 {
        let body = format!("before-{n}");
        app.publish("orders", &body);
        acknowledged.insert(body);
    }
    app.fail_disk(true);
    let lines = app.output().lines().count();
    assert_problem(&publish(&app, "in doubt"), 502, "upstream-error", Meaning::Unknown);
    for n in 0..40 {
        let response = publish(&app, &format!("refused-{n}"));
        let problem = assert_problem(&response, 503, "upstream-throttled", Meaning::NotPublishedTryAgain);
        assert_eq!(problem["retry_after_seconds"], 10, "longer than the deadline: not asked again inside");
    }
    let verbose = app.management_get("/readyz?verbose");
    assert_eq!(verbose.status, 200, "degraded is not unready");
    assert!(verbose.text().contains("[-]embedded store degraded: the store failed"), "{}", verbose.text());
    let degraded = |kind| app.metrics().get("mq_gateway_embedded_store_degraded", &[("kind", kind)]);
    assert_eq!((degraded("io"), degraded("full"), degraded("damage")), (Some(1.0), Some(0.0), Some(0.0)));
    let output = app.output();
    let logged: Vec<_> = output.lines().skip(lines).filter(|line| line.contains("\"ERROR\"")).collect();
    assert_eq!(logged.len(), 1, "one line for the change of state: {logged:#?}");
    assert!(logged[0].contains("the store is degraded"), "{logged:?}");

    app.fail_disk(false);
    let healed = within(CONDITION_LIMIT, || (publish(&app, "healed").status == 201).then_some(()));
    assert!(healed.is_some(), "it did not heal:\n{}", app.output());
    assert!(app.output().contains("the store is well again"), "{}", app.output());
    assert!(app.management_get("/readyz?verbose").text().contains("[+]embedded store ok"));
    assert_eq!(degraded("io"), Some(0.0));
    acknowledged.insert("healed".to_owned());
    assert_eq!(drain(&app, "GID_a"), acknowledged, "neither what was refused, nor what was in doubt");

    // And so it is for whoever comes after a crash.
    app.kill();
    let app = launch().in_directory_of(app.directory()).start();
    assert_eq!(drain(&app, "GID_b"), acknowledged);
    assert!(drain(&app, "GID_a").is_empty(), "acknowledged before the crash");
}

#[test]
fn a_crash_while_the_disk_fails_loses_nothing_that_was_acknowledged() {
    let mut app = launch().start();
    for n in 0..20 {
        app.publish("orders", &n.to_string());
    }
    app.fail_disk(true);
    assert_eq!(publish(&app, "in doubt").status, 502);
    app.kill();
    app.fail_disk(false);
    let app = launch().in_directory_of(app.directory()).start();
    let mut got = drain(&app, "GID_a");
    got.remove("in doubt");
    assert_eq!(got, (0..20).map(|n| n.to_string()).collect(), "what was in doubt may be there or not");
    app.publish("orders", "after");
}
