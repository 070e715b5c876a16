//! One message.

use serde_json::Value;

use super::person::{ask, run, url};
use crate::support::encoding::from_base64;
use crate::support::{Launch, Settings, TestApp};

/// The bytes of the only message of the topic, and what else is said of it.
#[track_caller]
fn only_message(app: &TestApp, topic: &str) -> (Vec<u8>, Value) {
    let messages = app.receive(topic, "CID_oracle", "{}");
    assert_eq!(messages.len(), 1, "{messages:?}");
    let text = messages[0]["body"].as_str().unwrap();
    let bytes = if messages[0]["encoding"] == "base64" { from_base64(text) } else { text.as_bytes().to_vec() };
    (bytes, messages[0].clone())
}

#[test]
fn bytes_arrive_as_they_are_wherever_they_come_from() {
    let app = TestApp::embedded();
    let binary = b"\xff\xfe\x00 no text \r\n".to_vec();
    let file = app.directory().path().join("body.bin");
    std::fs::write(&file, &binary).unwrap();
    let at_file = format!("@{}", file.display());
    for (topic, body, stdin, expected) in [
        ("text", "{\"n\": 1.50,  \"ü\":\"\\u00e4\"}", &b""[..], "{\"n\": 1.50,  \"ü\":\"\\u00e4\"}".as_bytes()),
        ("empty", "", b"", b""),
        ("stdin", "-", &binary, &binary),
        ("nothing", "-", b"", b""),
        ("file", &at_file, b"", &binary),
    ] {
        let finished = run(&url(&app), &["publish", topic, body], stdin);
        assert_eq!(finished.code, Some(0), "{topic}: {finished:?}");
        assert!(finished.stderr.is_empty(), "{finished:?}");
        let (bytes, message) = only_message(&app, topic);
        assert_eq!(bytes, expected, "{topic}");
        assert_eq!(finished.stdout.trim_end(), message["message_id"].as_str().unwrap(), "{topic}");
    }
}

#[test]
fn what_stdin_has_is_the_message_where_none_is_written() {
    let app = TestApp::embedded();
    let finished = run(&url(&app), &["publish", "piped"], b"from a pipe\n");
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(only_message(&app, "piped").0, b"from a pipe\n");
    let finished = run(&url(&app), &["publish", "none"], b"");
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(finished.stderr.contains("stdin is empty") && finished.stderr.contains("@FILE"), "{finished:?}");
    assert!(app.receive("none", "CID_oracle", "{}").is_empty(), "nothing is published by mistake");
}

#[test]
fn options_become_those_of_the_message() {
    let app = TestApp::embedded();
    let arguments = ["publish", "orders", "x", "--tag", "T&1", "--key", "a=b", "--key", "ü", "--json"];
    let finished = ask(&app, &arguments);
    let printed: Value = serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished:?}"));
    let (_, message) = only_message(&app, "orders");
    assert_eq!(printed["message_id"], message["message_id"]);
    assert_eq!(printed["outcome"], "published");
    assert_eq!(message["tag"], "T&1");
    assert_eq!(message["keys"], serde_json::json!(["a=b", "ü"]));
    let finished = ask(&app, &["publish", "later", "x", "--delay", "1h"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(app.receive("later", "CID_oracle", "{}").is_empty(), "an hour has not passed");
    let finished = ask(&app, &["publish", "sooner", "x", "--deliver-at", "2020-01-01T00:00:00Z"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    only_message(&app, "sooner");
}

#[test]
fn a_topic_that_is_not_configured_is_said_in_one_line_with_the_fix() {
    let settings =
        Settings::new().topic("groups = [\"CID_a\"]").topics("[[topics]]\nname = \"orders\"\nprofile = \"main\"\n");
    let app = Launch::on_embedded("", &settings).start();
    let finished = ask(&app, &["publish", "odrers", "x"]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stdout.is_empty(), "{finished:?}");
    assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
    for part in ["unknown-topic", "404", "not published", "GET /v1/topics", "request "] {
        assert!(finished.stderr.contains(part), "{part} in {finished:?}");
    }
}
