//! No body, key, property or receipt handle of a message, and no key of the MQ's, is in a span.

use serde_json::json;

use super::{traced, traced_on_embedded};
use crate::support::collector::Collector;
use crate::support::{Endpoint, Settings};

#[test]
fn what_messages_and_keys_say_is_in_no_span() {
    let (endpoint, collector) = (Endpoint::start(), Collector::start());
    let app = traced_on_embedded("propagate_trace = true", &collector).start();
    let envelope = json!({"body": "CANARY-body", "keys": ["CANARY-key"], "tag": "CANARY-tag", "properties": {"CANARY-name": "CANARY-value"}});
    app.post_json("/v1/topics/T/messages", envelope.to_string()).expect_json(201);
    let raw = app
        .request("POST", "/v1/topics/T/messages?key=CANARY-query")
        .header("Content-Type: text/plain")
        .body("CANARY-raw");
    assert_eq!(raw.send().status, 201);
    let messages = app.receive("T", "G", r#"{"wait_seconds":2}"#);
    let handles: Vec<&str> = messages.iter().map(|it| it["receipt_handle"].as_str().unwrap()).collect();
    assert_eq!(app.ack("T", "G", &handles).status, 200);
    assert_eq!(app.ack("T", "G", &["CANARY-handle"]).status, 207);
    let client = app.request("POST", "/v1/topics/T/messages").header("Authorization: Bearer CANARY-caller");
    assert_eq!(client.header("Cookie: CANARY-cookie").json(r#"{"body":"x"}"#).send().status, 201);
    let plain = traced(&endpoint, Settings::new(), &collector).start();
    plain.publish("orders", "CANARY-body");
    let keys = endpoint.credentials();
    drop((app, plain));
    let all = format!("{:?}", collector.exports());
    // The control: what is there is found by the same look.
    for there in ["publish T", "receive T", "ack T", "publish orders", "messaging.message.id"] {
        assert!(all.contains(there), "{there} in {all}");
    }
    for secret in ["CANARY", &keys.access_key, &keys.secret_key].into_iter().chain(handles) {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}
