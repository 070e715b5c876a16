//! A disk that takes no more data: whatever the store answers is true, and it heals by itself.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::support::time::{CONDITION_LIMIT, within};
use crate::support::{Launch, Meaning, Response, TestApp, assert_problem};

/// Builds the library that makes syncs fail while the file `flag` exists.
fn library(directory: &Path) -> String {
    let library = directory.join("failing_disk.so").display().to_string();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/failing_disk.c");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o", &library, source, "-ldl"]).status();
    assert!(built.expect("a C compiler, which the project itself needs").success());
    library
}

/// With syncs that fail while `flag` exists in its directory.
fn launch() -> Launch {
    let launch = Launch::embedded();
    let (library, flag) = (library(launch.directory().path()), launch.path("flag").display().to_string());
    launch.environment("LD_PRELOAD", &library).environment("MQ_TEST_FAILING_DISK", &flag)
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
    let flag = app.directory().path().join("flag");
    std::fs::write(&flag, b"").unwrap();
    let lines = app.output().lines().count();
    assert_problem(&publish(&app, "in doubt"), 502, "upstream-error", Meaning::Unknown);
    for n in 0..40 {
        let response = publish(&app, &format!("refused-{n}"));
        let problem = assert_problem(&response, 503, "upstream-throttled", Meaning::NotPublishedTryAgain);
        assert_eq!(problem["retry_after_seconds"], 10, "longer than the deadline: not asked again inside");
    }
    let output = app.output();
    let logged: Vec<_> = output.lines().skip(lines).filter(|line| line.contains("\"ERROR\"")).collect();
    assert_eq!(logged.len(), 1, "one line for the change of state: {logged:#?}");
    assert!(logged[0].contains("the store is degraded"), "{logged:?}");

    std::fs::remove_file(&flag).unwrap();
    let healed = within(CONDITION_LIMIT, || (publish(&app, "healed").status == 201).then_some(()));
    assert!(healed.is_some(), "it did not heal:\n{}", app.output());
    assert!(app.output().contains("the store is well again"), "{}", app.output());
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
    let flag = app.directory().path().join("flag");
    std::fs::write(&flag, b"").unwrap();
    assert_eq!(publish(&app, "in doubt").status, 502);
    app.kill();
    std::fs::remove_file(&flag).unwrap();
    let app = launch().in_directory_of(app.directory()).start();
    let mut got = drain(&app, "GID_a");
    got.remove("in doubt");
    assert_eq!(got, (0..20).map(|n| n.to_string()).collect(), "what was in doubt may be there or not");
    app.publish("orders", "after");
}
