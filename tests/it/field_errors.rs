//! What a newcomer reads about a field that is wrong: which one, what is expected, and what to do.

use serde_json::Value;

use crate::support::{Endpoint, Meaning, TestApp, assert_problem};

const MESSAGES: &str = "/v1/topics/orders/messages";
const BATCH: &str = "/v1/topics/orders/messages:batch";
const GROUP: &str = "/v1/topics/orders/groups/CID_a/messages";
const KNOWN: &str = "(known are body, encoding, tag, keys, properties, message_group, deliver_at, delay_seconds)";

/// The refusal's `detail`, which is that of its first error with its place before it.
#[track_caller]
fn detail(app: &TestApp, target: &str, body: &str) -> String {
    let response = app.post_json(target, body);
    assert_eq!(response.status, 422, "{target} {body}: {response:?}");
    let problem: Value = response.json();
    let detail = problem["detail"].as_str().unwrap().to_owned();
    let first = problem["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains(first), "{problem}");
    assert_eq!(detail.trim(), detail, "{problem}");
    detail
}

#[test]
fn what_is_no_object_is_told_what_one_looks_like() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for body in ["[1]", "7", "\"text\"", "null", "true", " [ ] "] {
        for (target, example) in [
            (MESSAGES.to_owned(), r#"{"body": …}"#),
            (BATCH.to_owned(), r#"{"messages": [{"body": …}]}"#),
            (format!("{GROUP}:ack"), r#"{"receipt_handles": ["…"]}"#),
            (format!("{GROUP}:receive"), "{}"),
        ] {
            let expected = format!("the request body must be a JSON object such as {example}");
            assert_eq!(detail(&app, &target, body), expected, "{target} {body}");
        }
    }
    let inside = detail(&app, BATCH, r#"{"messages":[{"body":"x"},7]}"#);
    assert_eq!(inside, r#"/messages/1: must be a JSON object such as {"body": …}"#);
    for empty in ["", " \n"] {
        let response = app.post_json(MESSAGES, empty);
        let problem = assert_problem(&response, 400, "malformed-json", Meaning::NotPublished);
        assert_eq!(problem["detail"], "the body is not valid JSON: it is empty");
    }
    assert_eq!(endpoint.request_count(), 0);
    app.publish("orders", "a positive control");
    assert_eq!(endpoint.request_count(), 1);
}

#[test]
fn a_payload_without_its_envelope_is_told_where_it_goes() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let problem = app.post_json(MESSAGES, r#"{"order":17,"state":"paid"}"#).json();
    let missing = r#"is missing: wrap the message in it: {"body": …}"#;
    assert_eq!(problem["detail"], format!("/body: {missing} (and 2 more, see errors)"));
    let unknown = format!("is unknown: leave it out {KNOWN}");
    let expected = serde_json::json!([
        {"pointer": "/body", "detail": missing},
        {"pointer": "/order", "detail": unknown},
        {"pointer": "/state", "detail": unknown},
    ]);
    assert_eq!(problem["errors"], expected);
    // One that has a field of ours, or nearly, is an envelope with a slip in it.
    let slip = detail(&app, MESSAGES, r#"{"payload":"x"}"#);
    assert_eq!(slip, format!("/payload: is unknown: did you mean body? {KNOWN} (and 1 more, see errors)"));
    let missing = detail(&app, MESSAGES, r#"{"tag":"a"}"#);
    assert_eq!(missing, r#"/body: is missing: wrap the message in it: {"body": …}"#);
    assert_eq!(endpoint.request_count(), 0);
}

#[test]
fn fields_that_are_nearly_ours_are_told_from_others() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for (written, meant) in [
        ("tags", "tag"),
        ("Tag", "tag"),
        (r"\u0020tag", "tag"),
        ("key", "keys"),
        ("delay", "delay_seconds"),
        ("delaySeconds", "delay_seconds"),
        ("deliverAt", "deliver_at"),
        ("messageGroup", "message_group"),
        ("group", "message_group"),
        ("property", "properties"),
    ] {
        let found = detail(&app, MESSAGES, &format!(r#"{{"body":"x","{written}":"y"}}"#));
        assert!(found.ends_with(&format!("is unknown: did you mean {meant}? {KNOWN}")), "{written}: {found}");
    }
    let blank = detail(&app, MESSAGES, r#"{"body":"x"," tag":"y"}"#);
    assert!(blank.starts_with("\"/ tag\": is unknown"), "{blank}");
    let empty = detail(&app, MESSAGES, r#"{"body":"x","":"y"}"#);
    assert!(empty.starts_with("\"/\": is unknown"), "{empty}");
    let turned = detail(&app, MESSAGES, r#"{"body":"x","\u202etag":"y"}"#);
    assert!(turned.starts_with("/\\u{202e}tag: is unknown"), "{turned}");
    let other = detail(&app, MESSAGES, r#"{"body":"x","order":17}"#);
    assert_eq!(other, format!("/order: is unknown: leave it out {KNOWN}"));
    let there = detail(&app, MESSAGES, r#"{"body":"x","tag":"a","tags":"b"}"#);
    assert_eq!(there, format!("/tags: is unknown: leave it out {KNOWN}"));
    let receive = detail(&app, &format!("{GROUP}:receive"), r#"{"waitSeconds":1}"#);
    assert!(receive.starts_with("/waitSeconds: is unknown: did you mean wait_seconds? (known are "), "{receive}");
    let ack = detail(&app, &format!("{GROUP}:ack"), r#"{"handles":["x"]}"#);
    assert!(ack.starts_with("/handles: is unknown: did you mean receipt_handles? "), "{ack}");

    let raw = app.request("POST", &format!("{MESSAGES}?keys=a&%20x=1")).header("Content-Type: text/plain").body("x");
    let problem = raw.send().json();
    let known = "(known are tag, key, deliver_at, delay_seconds, message_group, property.NAME)";
    assert_eq!(problem["detail"], format!("keys: is unknown: did you mean key? {known} (and 1 more, see errors)"));
    let raw = app.request("POST", &format!("{MESSAGES}?%20x=1")).header("Content-Type: text/plain").body("x");
    assert_eq!(raw.send().json()["detail"], format!("\" x\": is unknown: leave it out {known}"));
    let query = app.get(&format!("{GROUP}?wait=1")).json();
    assert!(query["detail"].as_str().unwrap().starts_with("wait: is unknown: did you mean wait_seconds?"), "{query}");
    assert_eq!(endpoint.request_count(), 0);
}

#[test]
fn lists_that_are_empty_are_not_to_be_split() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    assert_eq!(
        detail(&app, BATCH, r#"{"messages":[]}"#),
        "/messages: must hold 1 to 100 messages, has none: add at least one"
    );
    let many = |element: &str| vec![element; 101].join(",");
    assert_eq!(
        detail(&app, BATCH, &format!(r#"{{"messages":[{}]}}"#, many(r#"{"body":"x"}"#))),
        "/messages: must hold 1 to 100 messages, has 101: split the list over several requests"
    );
    let ack = format!("{GROUP}:ack");
    assert_eq!(
        detail(&app, &ack, r#"{"receipt_handles":[]}"#),
        "/receipt_handles: must hold 1 to 100 handles, has none: add at least one"
    );
    assert_eq!(
        detail(&app, &ack, &format!(r#"{{"receipt_handles":[{}]}}"#, many(r#""v2.x""#))),
        "/receipt_handles: must hold 1 to 100 handles, has 101: split the list over several requests"
    );
    assert_eq!(endpoint.request_count(), 0);
}

#[test]
fn every_detail_has_its_place_before_a_colon() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for (target, body, place) in [
        (MESSAGES, r#"{"body":"x","tag":"a|b"}"#, "/tag: "),
        (MESSAGES, r#"{"body":"x","properties":{"a":"b"}}"#, "/properties: "),
        (BATCH, r#"{"messages":[{"body":"x","tag":"a|b"}]}"#, "/messages/0/tag: "),
        (BATCH, r#"{"messages":[{"body":"x","tag":7}]}"#, "/messages/0/tag: "),
    ] {
        let found = detail(&app, target, body);
        assert!(found.starts_with(place), "{target} {body}: {found}");
    }
    // What only one message of a batch lacks is told in its own part.
    let answer = app.post_json(BATCH, r#"{"messages":[{"body":"x","properties":{"a":"b"}}]}"#).expect_json(207);
    let found = answer["results"][0]["problem"]["detail"].as_str().unwrap();
    assert!(found.starts_with("/messages/0/properties: "), "{answer}");
    let raw = app.request("POST", &format!("{MESSAGES}?property.a=b")).header("Content-Type: text/plain").body("x");
    let problem = raw.send().json();
    assert!(problem["detail"].as_str().unwrap().starts_with("property.a: "), "{problem}");
}

#[test]
fn times_beyond_all_limits_name_the_limit() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for time in ["9999-12-31T23:59:59Z", "9999-12-30T22:00:00Z", "2999-01-01T00:00:00+08:00"] {
        let found = detail(&app, MESSAGES, &format!(r#"{{"body":"x","deliver_at":"{time}"}}"#));
        assert!(found.starts_with("/deliver_at: must be at most 40 days ahead (20"), "{time}: {found}");
    }
    for (time, words) in [
        ("2026-11-24T08:00:00", "has no zone: end it with Z for UTC, or with an offset such as +08:00"),
        ("tomorrow", "must be a time such as 2026-11-24T08:00:00Z (RFC 3339 with Z or an offset)"),
    ] {
        let found = detail(&app, MESSAGES, &format!(r#"{{"body":"x","deliver_at":"{time}"}}"#));
        assert_eq!(found, format!("/deliver_at: {words}"));
    }
    for number in ["3456001", "1000000000000000000", "18446744073709551615"] {
        let found = detail(&app, MESSAGES, &format!(r#"{{"body":"x","delay_seconds":{number}}}"#));
        assert_eq!(found, "/delay_seconds: must be at most 3456000 (40 days): send a shorter delay");
    }
    for number in ["1e18", "-1", "1.5", "\"10\"", "18446744073709551616"] {
        let found = detail(&app, MESSAGES, &format!(r#"{{"body":"x","delay_seconds":{number}}}"#));
        assert_eq!(found, "/delay_seconds: must be a whole number from 0 to 3456000", "{number}");
    }
    for query in ["delay_seconds=1e18", "delay_seconds=-1", "delay_seconds=x"] {
        let target = format!("{MESSAGES}?{query}");
        let problem = app.request("POST", &target).header("Content-Type: text/plain").body("x").send().json();
        assert_eq!(problem["detail"], "delay_seconds: must be a whole number from 0 to 3456000", "{query}");
    }
    let receive = detail(&app, &format!("{GROUP}:receive"), r#"{"max_messages":-1}"#);
    assert_eq!(receive, "/max_messages: must be a whole number from 1 to 32");
    assert_eq!(endpoint.request_count(), 0);
    app.post_json(MESSAGES, r#"{"body":"x","delay_seconds":3456000}"#).expect_json(201);
}
