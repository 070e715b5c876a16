//! What is seen on a terminal, which util-linux's `script` gives.

use std::process::{Command, Stdio};

use super::person::url;
use crate::support::app::can_do;
use crate::support::{Launch, TestApp};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mq-gateway");

/// What the command shows on a terminal of 60 columns; `None` where there is no `script`.
#[track_caller]
fn shown(app: &TestApp, command: &str, variables: &[(&str, &str)]) -> Option<String> {
    let launch = Launch::bare().environment("MQ_GATEWAY_URL", &url(app));
    let prepared = launch.command();
    let line = format!("stty cols 60; {PROGRAM} {command}");
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).stdin(Stdio::null()).current_dir(launch.directory().path());
    for (name, value) in prepared.get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    script.env_remove("NO_COLOR").envs(variables.iter().copied());
    let output = script.output();
    can_do("`script` of util-linux", output.is_ok());
    output.ok().map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_terminal_gets_coloured_lines_that_fit() {
    let app = TestApp::embedded();
    app.post_json("/v1/topics/t/messages", format!("{{\"body\":\"{}\\u001b[5m\"}}", "word ".repeat(100)))
        .expect_json(201);
    let Some(coloured) = shown(&app, "receive t CID_a", &[]) else { return };
    assert!(coloured.contains("\u{1b}[1m") && !coloured.contains("\u{1b}[5m"), "{coloured:?}");
    let Some(plain) = shown(&app, "receive t CID_b", &[("NO_COLOR", "1")]) else { return };
    let line = plain.lines().next().unwrap();
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
    assert!(line.contains(" word word") && line.ends_with('…'), "{line:?}");
    // Time and id take 58 columns: so much of the body is shown at least.
    assert_eq!(line.chars().count(), 58 + 20, "{line:?}");
}

#[test]
fn json_on_a_terminal_is_the_same_and_acts_on_nothing() {
    let app = TestApp::embedded();
    let body = "\u{9b}5m\u{7f}\u{202e}订单";
    app.post_json("/v1/topics/t/messages", serde_json::json!({ "body": body }).to_string()).expect_json(201);
    let Some(seen) = shown(&app, "receive t CID_a --format json", &[]) else { return };
    let line = seen.lines().next().unwrap();
    assert!(line.contains("\\u009b5m\\u007f\\u202e订单"), "{line:?}");
    let message: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(message["body"], body);
    // A pipe gets it as it is.
    let piped = super::person::ask(&app, &["receive", "t", "CID_b"]);
    assert!(piped.stdout.contains(body), "{piped:?}");
}

#[test]
fn a_message_that_nobody_writes_is_asked_for() {
    let app = TestApp::embedded();
    let Some(seen) = shown(&app, "publish t", &[]) else { return };
    assert!(seen.contains("the message is missing") && seen.contains("`-` for stdin"), "{seen:?}");
}

#[test]
fn a_long_run_shows_how_far_it_is() {
    let app = TestApp::embedded();
    let file = app.directory().path().join("in.ndjson");
    std::fs::write(&file, "{\"body\":\"x\"}\n".repeat(12_000)).unwrap();
    let Some(seen) = shown(&app, &format!("publish t --ndjson {} --concurrency 1", file.display()), &[]) else {
        return;
    };
    assert!(seen.contains("/s, ") && seen.contains(" % of the file\u{1b}[K\r"), "{seen:?}");
    assert!(seen.contains("12000 published in "), "{seen:?}");
}
