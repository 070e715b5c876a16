//! `mq-gateway sign --explain` of a RocketMQ 5 profile: the metadata that a call has.

use serde_json::{Value, json};

use crate::support::Launch;
use crate::support::app::Finished;
use crate::support::ons::Credentials;

const DATE_TIME: &str = "20261129T084400Z";
const TOKEN: &str = "zq-security-token-5d2f";

fn vectors() -> Value {
    let text = include_str!("../../fixtures/rocketmq5-vectors.json");
    serde_json::from_str::<Value>(text).unwrap()["signature"].take()
}

fn credentials() -> Credentials {
    Credentials { access_key: "zq-access-key".into(), secret_key: vectors()["secret_key"].as_str().unwrap().into() }
}

/// Explains at the time of the official client's vector; `lines` are more of the profile.
fn explain(lines: &str, arguments: &[&str]) -> Finished {
    let text = format!(
        "[credentials.main]\ndirectory = \"secrets\"\n[profiles.main]\nprotocol = \"rocketmq\"\nendpoints = \
         [\"http://proxy.example.com:8081\"]\n{lines}\n[[topics]]\nname = \"T\"\nprofile = \"main\"\n"
    );
    let launch = Launch::bare().secrets(&credentials()).file("gateway.toml", &text);
    std::fs::write(launch.path("secrets").join("security_token"), TOKEN).unwrap();
    let common = ["sign", "--explain", "--config", "gateway.toml", "--topic", "T", "--time", "1795941840999"];
    launch.arguments(&common).arguments(arguments).run()
}

const SIGNED: &str = "credentials = \"main\"\nnamespace = \"MQ_INST_1\"";
const PUBLISH: [&str; 4] = ["--operation", "publish", "--body", "x"];

#[test]
fn the_text_output_is_complete() {
    let finished = explain(SIGNED, &PUBLISH);
    let expected = "profile main, http://proxy.example.com:8081

body: 1 bytes, MD5 9dd4e461268c8034f5c8564e155c67a6

string to sign (16 bytes, 1 lines; \\n is one line feed, none at the end):
    20261129T084400Z

signature = hex(HMAC-SHA1(secret key, string to sign)), 40 characters:
    [masked]

request:
    POST /apache.rocketmq.v2.MessagingService/SendMessage HTTP/2
    :authority: proxy.example.com:8081
    x-mq-client-id: mq-gateway@explained
    x-mq-language: RUST
    x-mq-client-version: 5.0.8
    x-mq-protocol: v2
    x-mq-date-time: 20261129T084400Z
    x-mq-namespace: MQ_INST_1
    authorization: MQv2-HMAC-SHA1 Credential=zq[masked], SignedHeaders=x-mq-date-time, Signature=[masked]
    x-mq-session-token: [masked]

nothing else is signed: topic, group, body and handle are in the protobuf message that follows, which is not shown
";
    assert_eq!(finished.stdout, expected, "{finished:?}");
}

#[test]
fn the_official_clients_signature_is_reproduced_and_no_key_is_shown() {
    let (vectors, Credentials { access_key, secret_key }) = (vectors(), credentials());
    let signature = vectors["hex"].as_str().unwrap();
    for (arguments, method) in [
        (&PUBLISH[..], "SendMessage"),
        (&["--operation", "consume", "--group", "GID_a"], "ReceiveMessage"),
        (&["--operation", "ack", "--group", "GID_a", "--handle", "h"], "AckMessage"),
    ] {
        for format in ["json", "text"] {
            let shown = explain(SIGNED, &[arguments, &["--format", format, "--show-signature"]].concat());
            assert_eq!(shown.code, Some(0), "{shown:?}");
            assert!(shown.stdout.contains(signature) && shown.stdout.contains(method), "{shown:?}");
            let hidden = explain(SIGNED, &[arguments, &["--format", format]].concat());
            assert!(!hidden.output().contains(signature), "{hidden:?}");
            for finished in [shown, hidden] {
                for secret in [access_key.as_str(), secret_key.as_str(), TOKEN] {
                    assert!(!finished.output().contains(secret), "{secret}: {finished:?}");
                }
            }
        }
    }
    let shown = explain(SIGNED, &[&PUBLISH[..], &["--format", "json", "--show-signature"]].concat());
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!((&shown["string_to_sign"], &shown["signature"]), (&json!(DATE_TIME), &vectors["hex"]));
    assert_eq!(shown["request"]["target"], "/apache.rocketmq.v2.MessagingService/SendMessage");
}

#[test]
fn what_there_is_nothing_to_explain_of_is_refused() {
    for (lines, arguments, code, words) in [
        ("", &PUBLISH[..], 1, "the profile names no credentials"),
        (SIGNED, &["--operation", "publish"], 2, "--body: rocketmq carries no empty body"),
        (SIGNED, &["--operation", "publish", "--body", "x", "--group", "g"], 2, "rocketmq sends no producer group"),
        (SIGNED, &["--operation", "publish", "--body", "x", "--tag", " "], 2, "--tag: a tag must not be blank"),
        (SIGNED, &["--operation", "consume", "--group", "g", "--tag", "A"], 2, "--tag does not belong"),
    ] {
        let finished = explain(lines, arguments);
        assert_eq!(finished.code, Some(code), "{finished:?}");
        assert!(finished.stderr.contains(words) && finished.stdout.is_empty(), "{words}: {finished:?}");
    }
}
