//! Whatever a caller writes is refused with a 4xx, or arrives byte-identical in exactly one request
//! with a valid signature and no parameter of its own making. The endpoint checks signature and parameters.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};

use crate::support::encoding::percent_encode;
use crate::support::endpoint::Recorded;
use crate::support::{Endpoint, Response, TestApp};

/// Pieces that have broken other gateways.
const HOSTILE: [&str; 40] = [
    "\r\n",
    "\r",
    "\n",
    "\0",
    "&",
    "#",
    "%00",
    "%0d%0a",
    "+",
    " ",
    "../",
    "..",
    ".",
    ";",
    "=",
    "?",
    "/",
    "\\",
    "%",
    "%25",
    "\"",
    "'",
    "<",
    ">",
    "|",
    "\t",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "\u{202e}",
    "\u{feff}",
    "😀",
    "中",
    "é",
    "e\u{301}",
    "Signature: x",
    "&topic=other",
    "a",
    "B",
    "7",
];

fn hostile_text() -> impl Strategy<Value = String> {
    let pieces = proptest::collection::vec(select(&HOSTILE[..]), 0..10).prop_map(|pieces| pieces.concat());
    prop_oneof![3 => pieces, 1 => any::<String>(), 1 => "[ -~]{1,140}"]
}

/// Texts that are always tried.
fn fixed_texts() -> Vec<String> {
    let mut texts: Vec<String> = HOSTILE.iter().map(|piece| format!("a{piece}b")).collect();
    texts.extend(HOSTILE.iter().map(|&piece| piece.to_owned()));
    texts.extend([String::new(), "x".repeat(65_536), "é".repeat(128), "😀".repeat(129)]);
    texts
}

struct Gateway {
    endpoint: Endpoint,
    app: TestApp,
}

impl Gateway {
    fn start() -> Self {
        let endpoint = Endpoint::start();
        let app = TestApp::towards(&endpoint);
        // One request before the others, so that `last` always has something to show.
        app.publish("orders", "first");
        Self { endpoint, app }
    }

    /// Sends one request; what arrived, or that it was refused.
    fn try_send(&self, send: impl FnOnce(&TestApp) -> Response) -> Result<Option<Recorded>, TestCaseError> {
        let before = self.endpoint.request_count();
        let response = send(&self.app);
        let after = self.endpoint.request_count();
        let failures = self.endpoint.take_failures();
        prop_assert!(failures.is_empty(), "{failures:?}");
        if (200..300).contains(&response.status) {
            prop_assert_eq!(after, before + 1, "exactly one request");
            return Ok(Some(self.endpoint.last_request()));
        }
        prop_assert!((400..500).contains(&response.status), "{response:?}");
        prop_assert_eq!(after, before, "refused, so nothing is sent: {:?}", response);
        Ok(None)
    }
}

/// Tries `check` with the fixed texts and with random ones.
fn for_texts(check: impl Fn(&str) -> Result<(), TestCaseError>) {
    for text in fixed_texts() {
        if let Err(error) = check(&text) {
            panic!("{text:?}: {error}");
        }
    }
    let mut runner = TestRunner::new(Config { cases: 96, failure_persistence: None, ..Config::default() });
    runner.run(&hostile_text(), |text| check(&text)).unwrap_or_else(|error| panic!("{error}"));
}

/// Sends every text with `send`; `check` looks at those that are not refused.
fn each_arrives(
    send: impl Fn(&TestApp, &str) -> Response,
    check: impl Fn(&Recorded, &str) -> Result<(), TestCaseError>,
) {
    let gateway = Gateway::start();
    for_texts(|text| match gateway.try_send(|app| send(app, text))? {
        Some(request) => check(&request, text),
        None => Ok(()),
    });
}

fn publish(app: &TestApp, member: &str, value: impl Into<Value>) -> Response {
    let mut envelope = json!({"body": "x"});
    envelope[member] = value.into();
    app.post_json("/v1/topics/orders/messages", envelope.to_string())
}

#[test]
fn tags_arrive_as_they_are() {
    let send = |app: &TestApp, text: &str| publish(app, "tag", text);
    each_arrives(send, |request, text| {
        prop_assert_eq!(request.parameter("tag"), Some(text));
        prop_assert_eq!(request.parameter_names(), ["topic", "time", "tag"]);
        Ok(())
    });
}

#[test]
fn keys_arrive_as_they_are() {
    let send = |app: &TestApp, text: &str| publish(app, "keys", json!([text, "k2"]));
    each_arrives(send, |request, text| {
        let joined = format!("{text} k2");
        prop_assert_eq!(request.parameter("key"), Some(joined.as_str()));
        prop_assert_eq!(request.parameter_names(), ["topic", "time", "key"]);
        Ok(())
    });
}

#[test]
fn message_groups_arrive_as_they_are() {
    let send = |app: &TestApp, text: &str| publish(app, "message_group", text);
    each_arrives(send, |request, text| {
        prop_assert_eq!(request.headers_named("shardingKey"), [text]);
        prop_assert_eq!(request.parameter_names(), ["topic", "time"]);
        Ok(())
    });
}

#[test]
fn bodies_arrive_as_they_are() {
    let gateway = Gateway::start();
    for_texts(|text| {
        let arrived = gateway.try_send(|app| publish(app, "body", text))?;
        let request = arrived.ok_or_else(|| TestCaseError::fail("every text is a legal body"))?;
        prop_assert_eq!(request.body, text.as_bytes());
        Ok(())
    });
}

#[test]
fn topics_arrive_as_they_are() {
    let target = |text: &str| format!("/v1/topics/{}/messages", percent_encode(text.as_bytes()));
    let send = |app: &TestApp, text: &str| app.post_json(&target(text), r#"{"body":"x"}"#);
    each_arrives(send, |request, text| {
        prop_assert_eq!(request.parameter("topic"), Some(text));
        prop_assert_eq!(request.parameter_names(), ["topic", "time"]);
        Ok(())
    });
}

#[test]
fn groups_arrive_as_they_are() {
    let target = |text: &str| format!("/v1/topics/orders/groups/{}/messages:receive", percent_encode(text.as_bytes()));
    let send = |app: &TestApp, text: &str| app.post_json(&target(text), "{}");
    each_arrives(send, |request, text| {
        prop_assert_eq!(request.headers_named("ConsumerID"), [text]);
        Ok(())
    });
}

#[test]
fn query_parameters_arrive_as_they_are() {
    let gateway = Gateway::start();
    let check = |bytes: &[u8]| {
        // `tag=` may be a wrong tag or none.
        if bytes.is_empty() {
            return Ok(());
        }
        let target = format!("/v1/topics/orders/messages?tag={}", percent_encode(bytes));
        let arrived =
            gateway.try_send(|app| app.request("POST", &target).header("Content-Type: text/plain").body("x").send())?;
        if let Some(request) = arrived {
            prop_assert_eq!(request.parameter("tag").map(str::as_bytes), Some(bytes));
            prop_assert_eq!(request.parameter_names(), ["topic", "time", "tag"]);
        }
        Ok(())
    };
    for_texts(|text| check(text.as_bytes()));
    for invalid in [&b"\xff"[..], b"a\xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"\x80\x80"] {
        let before = gateway.endpoint.request_count();
        check(invalid).unwrap_or_else(|error| panic!("{invalid:?}: {error}"));
        assert_eq!(gateway.endpoint.request_count(), before, "{invalid:?} is no text");
    }
    let mut runner = TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
    let bytes = proptest::collection::vec(any::<u8>(), 0..40);
    runner.run(&bytes, |bytes| check(&bytes)).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn made_up_handles_are_not_sent_upstream() {
    let gateway = Gateway::start();
    let before = gateway.endpoint.request_count();
    for_texts(|text| {
        for handle in [text.to_owned(), format!("v2.{text}")] {
            let response = gateway.app.ack("orders", "CID_a", &[&handle]);
            if response.status == 207 {
                let item = &response.json()["results"][0];
                prop_assert_eq!(&item["receipt_handle"], &json!(handle));
                prop_assert!(item["status"] == 400 || item["status"] == 422, "{item}");
            } else {
                prop_assert!((400..500).contains(&response.status), "{response:?}");
            }
        }
        Ok(())
    });
    assert_eq!(gateway.endpoint.request_count(), before);
}

#[test]
fn upstream_handles_and_ids_come_and_go_as_they_are() {
    let gateway = Gateway::start();
    let check = |text: &str| {
        // An upstream's handle longer than a receipt handle may be is another matter.
        if text.is_empty() || text.len() > 300 {
            return Ok(());
        }
        gateway.endpoint.offer(
            "handles",
            json!({"body": text, "bornTime": "1490692511643", "msgHandle": text,
            "msgId": text, "reconsumeTimes": 0, "key": "", "tag": ""}),
        );
        let messages = gateway.app.receive("handles", "CID_a", "{}");
        prop_assert_eq!(messages.len(), 1);
        prop_assert_eq!((&messages[0]["message_id"], &messages[0]["body"]), (&json!(text), &json!(text)));
        let handle = messages[0]["receipt_handle"].as_str().unwrap();
        let arrived = gateway.try_send(|app| app.ack("handles", "CID_a", &[handle]))?;
        let request = arrived.ok_or_else(|| TestCaseError::fail("refused"))?;
        prop_assert_eq!(request.parameter("msgHandle"), Some(text));
        prop_assert_eq!(request.parameter_names(), ["msgHandle", "topic", "time"]);
        Ok(())
    };
    for_texts(check);
}

#[test]
fn header_values_of_a_caller_are_not_passed_on() {
    let gateway = Gateway::start();
    for_texts(|text| {
        let value: String = text.chars().filter(|character| !matches!(character, '\r' | '\n' | '\0')).collect();
        for name in ["x-request-id", "Prefer", "User-Agent", "traceparent", "Accept-Language"] {
            let shown = value.trim().to_owned();
            let arrived = gateway.try_send(|app| {
                let request = app.request("POST", "/v1/topics/orders/messages").header(format!("{name}: {value}"));
                request.json(r#"{"body":"x"}"#).send()
            })?;
            if let Some(request) = arrived {
                let carried = shown.len() > 8 && request.headers.iter().any(|(_, value)| value.contains(&shown));
                prop_assert!(!carried, "{name} is passed on: {request:?}");
            }
        }
        Ok(())
    });
}
