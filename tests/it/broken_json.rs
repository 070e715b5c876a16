//! Broken JSON is a 4xx that names the place and never the value.

use serde_json::Value;

use crate::support::problem::places;
use crate::support::{Endpoint, Response, TestApp};

const MESSAGES: &str = "/v1/topics/orders/messages";
/// Stands where a value would be quoted.
const CANARY: &str = "zq-canary-7";

/// Checks a refusal: its status and code belong together, the value is not in it.
#[track_caller]
fn refused(response: &Response, input: &[u8]) -> Value {
    let shown = String::from_utf8_lossy(input.get(..200).unwrap_or(input)).into_owned();
    assert!((400..500).contains(&response.status), "{shown}: {response:?}");
    assert_eq!(response.header("content-type"), Some("application/problem+json"), "{shown}: {response:?}");
    let problem = response.json();
    let expected = match response.status {
        400 => "malformed-json",
        413 => "message-too-large",
        _ => "validation-failed",
    };
    assert_eq!(problem["code"], expected, "{shown}: {problem}");
    assert!(!problem.to_string().contains(CANARY), "the value is quoted: {problem}");
    problem
}

fn start() -> (Endpoint, TestApp) {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    (endpoint, app)
}

#[test]
fn broken_syntax_is_400() {
    let (endpoint, app) = start();
    let inputs: [&[u8]; 38] = [
        b"",
        b" ",
        b"\n",
        b"{",
        b"}",
        b"nonsense zq-canary-7",
        b"{\"body\":\"zq-canary-7\"",
        b"{\"body\":\"zq-canary-7",
        b"{\"body\":}",
        b"{\"body\"}",
        b"{body:\"zq-canary-7\"}",
        b"{'body':'zq-canary-7'}",
        b"{\"body\":\"zq-canary-7\",}",
        b"{,\"body\":\"zq-canary-7\"}",
        b"{\"body\":\"zq-canary-7\"}x",
        b"{\"body\":\"zq-canary-7\"}{}",
        b"{\"body\":\"zq-canary-7\"} // comment",
        b"/* comment */{\"body\":\"x\"}",
        b"{\"body\":NaN}",
        b"{\"body\":Infinity}",
        b"{\"body\":-Infinity}",
        b"{\"body\":undefined}",
        b"{\"body\":True}",
        b"{\"body\":01}",
        b"{\"body\":+1}",
        b"{\"body\":.5}",
        b"{\"body\":1.}",
        b"{\"body\":0x1}",
        b"{\"body\":1e}",
        b"{\"body\":\"\\x41zq-canary-7\"}",
        b"{\"body\":\"\\u12\"}",
        b"{\"body\":\"\t zq-canary-7\"}",
        b"{\"body\":\"\0\"}",
        b"{\"body\":\"\xff zq-canary-7\"}",
        b"{\"body\":\"\xed\xa0\x80\"}",
        b"{\"body\":[1,2}",
        b"\xef\xbb\xbf{\"body\":\"x\"}",
        b"\xfe\xff\0{\0\"\0b\0o\0d\0y\0\"\0:\0\"\0x\0\"\0}",
    ];
    for input in inputs {
        let response = app.post_json(MESSAGES, input);
        refused(&response, input);
        assert_eq!(response.status, 400, "{:?}: {response:?}", String::from_utf8_lossy(input));
    }
    let little: Vec<u8> = "{\"body\":\"x\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    refused(&app.post_json(MESSAGES, &little), &little);
    assert_eq!(endpoint.request_count(), 0);
}

#[test]
fn every_truncation_is_refused() {
    let (endpoint, app) = start();
    let whole = "{\"body\":{\"a\":[1,\"zq-canary-7\",null,1.5e3]},\"tag\":\"zq-canary-7\",\"keys\":[\"zq-canary-7\"]}";
    for end in 0..whole.len() {
        let input = &whole.as_bytes()[..end];
        let response = app.post_json(MESSAGES, input);
        refused(&response, input);
        assert_eq!(response.status, 400, "{end}: {response:?}");
    }
    assert_eq!(app.post_json(MESSAGES, format!(" \r\n\t{whole}\n ")).status, 201);
    assert_eq!(endpoint.request_count(), 1);
}

#[test]
fn lone_surrogates_and_duplicate_keys_are_refused() {
    let (endpoint, app) = start();
    for input in [
        r#"{"body":"\ud800"}"#,
        r#"{"body":"\udc00\ud800"}"#,
        r#"{"body":"x","tag":"\ud83d"}"#,
        r#"{"body":"one","body":"two"}"#,
        r#"{"body":"x","tag":"a","tag":"b"}"#,
        r#"{"body":"x","\u0062ody":"y"}"#,
    ] {
        refused(&app.post_json(MESSAGES, input), input.as_bytes());
    }
    assert_eq!(endpoint.request_count(), 0);
}

#[test]
fn wrong_types_name_the_field_and_not_the_value() {
    let (endpoint, app) = start();
    let wrong = ["{\"zq-canary-7\":1}", "[\"zq-canary-7\"]", "7", "true", "1.5"];
    for (field, also_strings) in
        [("tag", false), ("keys", true), ("message_group", false), ("deliver_at", true), ("encoding", true)]
    {
        let strings = if also_strings { &["\"zq-canary-7\""][..] } else { &[] };
        for value in wrong.iter().chain(strings) {
            if field == "keys" && value.starts_with('[') {
                continue;
            }
            let input = format!(r#"{{"body":"x","{field}":{value}}}"#);
            let response = app.post_json(MESSAGES, &input);
            assert_eq!(response.status, 422, "{input}: {response:?}");
            let problem = refused(&response, input.as_bytes());
            assert!(places(&problem).contains(&format!("/{field}").as_str()), "{input}: {problem}");
        }
    }
    for value in ["\"5\"", "[]", "{}", "true", "1.5", "1e400", "99999999999999999999", "-1"] {
        let input = format!(r#"{{"body":"x","delay_seconds":{value}}}"#);
        refused(&app.post_json(MESSAGES, &input), input.as_bytes());
    }
    for input in [r#"{"body":"x","zq-canary-6":1}"#, r#"{"body":"x","a/b~c":1}"#] {
        assert_eq!(app.post_json(MESSAGES, input).status, 422);
    }
    let escaped = refused(&app.post_json(MESSAGES, r#"{"body":"x","a/b~c":1}"#), b"a/b~c");
    assert!(places(&escaped).contains(&"/a~1b~0c"), "a pointer is escaped: {escaped}");
    assert_eq!(endpoint.request_count(), 0);
}

#[test]
fn a_string_of_10_mb_is_too_large() {
    let (endpoint, app) = start();
    let input = format!(r#"{{"body":"{}"}}"#, CANARY.repeat(1_000_000));
    let response = app.post_json(MESSAGES, &input);
    refused(&response, input.as_bytes());
    assert_eq!(response.status, 413);
    assert_eq!(endpoint.request_count(), 0);
}

#[test]
fn the_other_verbs_read_json_alike() {
    let (endpoint, app) = start();
    let group = "/v1/topics/orders/groups/CID_a/messages";
    for target in [&format!("{MESSAGES}:batch"), &format!("{group}:receive"), &format!("{group}:ack")] {
        for input in ["{", "{\"zq-canary-7\":", "nonsense zq-canary-7", "[1,2", "{} {}", "\u{feff}{}"] {
            let response = app.post_json(target, input);
            refused(&response, input.as_bytes());
            assert_eq!(response.status, 400, "{target} {input}");
        }
    }
    for input in [r#"{"max_messages":"zq-canary-7"}"#, r#"{"wait_seconds":["zq-canary-7"]}"#] {
        refused(&app.post_json(&format!("{group}:receive"), input), input.as_bytes());
    }
    assert_eq!(endpoint.request_count(), 0);
}

/// A list of a struct's fields in their order is no object, whatever a deserialiser makes of it.
#[test]
fn a_list_is_no_envelope() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for (target, body) in [
        ("/v1/topics/orders/messages", r#"["x",null]"#),
        ("/v1/topics/orders/messages:batch", r#"{"messages":[["x",null]]}"#),
        ("/v1/topics/orders/messages:batch", r#"[[{"body":"x"}]]"#),
        ("/v1/topics/orders/groups/CID_a/messages:receive", "[1,0]"),
        ("/v1/topics/orders/groups/CID_a/messages:ack", r#"[["v1.x"]]"#),
    ] {
        let response = app.post_json(target, body);
        assert_eq!(response.status, 422, "{target} {body}: {response:?}");
    }
    assert_eq!(endpoint.request_count(), 0);
}
