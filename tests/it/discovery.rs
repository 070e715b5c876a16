//! `GET /v1/topics[/{topic}]`: what may be published and received, as data.

use serde_json::Value;

use crate::support::{Endpoint, Launch, Meaning, Settings, TestApp, assert_problem};

const TOPICS: &str = "[[topics]]\nname = \"orders\"\nprofile = \"main\"\ngroups = [\"CID_billing\", \"CID_audit\"]\n\
    [[topics]]\nname = \"订单\"\nprofile = \"main\"\ngroups = [\"*\"]\n";

/// Whether `value` holds `wanted` somewhere.
fn holds(value: &Value, wanted: &Value) -> bool {
    value == wanted
        || match value {
            Value::Array(items) => items.iter().any(|item| holds(item, wanted)),
            Value::Object(members) => members.values().any(|member| holds(member, wanted)),
            _ => false,
        }
}

#[test]
fn every_configured_topic_is_listed() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().topics(TOPICS));
    let answer = app.get("/v1/topics").expect_json(200);
    for name in ["orders", "订单", "CID_billing", "CID_audit"] {
        assert!(holds(&answer, &name.into()), "{name} in {answer}");
    }
    assert_eq!(answer["topics"].as_array().map(Vec::len), Some(2), "{answer}");
    assert_eq!(endpoint.request_count(), 0, "the configuration is asked, not the MQ");
}

#[test]
fn one_topic_lists_groups_limits_and_capabilities() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().topics(TOPICS));
    let answer = app.get("/v1/topics/orders").expect_json(200);
    assert_eq!(answer["topic"], "orders");
    for listed in [Value::from("CID_billing"), "CID_audit".into(), "direct".into(), 65_536.into(), 100.into()] {
        assert!(holds(&answer, &listed), "{listed} in {answer}");
    }
    let text = answer.to_string();
    for hidden in [endpoint.credentials().secret_key.as_str(), &endpoint.address().to_string(), "PID_ours"] {
        assert!(!text.contains(hidden), "{hidden} in {answer}");
    }
    assert_eq!(app.get("/v1/topics/%E8%AE%A2%E5%8D%95").expect_json(200)["topic"], "订单");
    assert_problem(&app.get("/v1/topics/other"), 404, "unknown-topic", Meaning::Final);
}

#[test]
fn the_whole_answer_has_its_names_in_their_order() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().topics(TOPICS));
    let expected = r#"{"topic":"orders","groups":["CID_billing","CID_audit"],"protocol":"ons-http","delivery":"direct",
        "on_unknown":"report","limits":{"max_message_bytes":65536,"max_batch_messages":100,"max_receive_messages":32,
        "max_wait_seconds":30,"max_ack_handles":100,"max_delay_seconds":3456000},"capabilities":{"properties":false,
        "delayed_delivery":true,"message_groups":true,"delayed_message_groups":false,"binary_bodies":false,
        "empty_bodies":true,"tag_filter":false,"ordered_groups":false,"visibility_timeout":false,"nack":false,
        "extend":false,"transactions":false,"idempotency":false}}"#;
    let expected: String = expected.lines().map(str::trim_start).collect();
    assert_eq!(app.get("/v1/topics/orders").text(), expected);
}

/// The names of an object's members.
fn names(value: &Value) -> Vec<&str> {
    value.as_object().map(|members| members.keys().map(String::as_str).collect()).unwrap_or_default()
}

#[test]
fn the_document_has_the_names_of_the_answer_and_no_others() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().topics(TOPICS));
    let topic = app.get("/v1/topics/orders").expect_json(200);
    let document = app.get("/openapi.json").expect_json(200);
    let schemas = &document["components"]["schemas"];
    for (schema, answer) in
        [("Capabilities", &topic["capabilities"]), ("TopicLimits", &topic["limits"]), ("TopicInfo", &topic)]
    {
        let mut required: Vec<_> =
            schemas[schema]["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        required.sort_unstable();
        let mut answered = names(answer);
        answered.sort_unstable();
        assert_eq!(required, answered, "{schema}");
    }
    assert_eq!(names(&schemas["Capabilities"]["properties"]).len(), names(&topic["capabilities"]).len());
    assert!(names(&topic["capabilities"]).contains(&"idempotency"), "{topic}");
}

#[test]
fn what_the_gateway_itself_does_is_no_name_for_requires() {
    let check = |names: &str| {
        let topics = format!("[[topics]]\nname = \"orders\"\nprofile = \"main\"\nrequires = [{names}]\n");
        let endpoint = Endpoint::start();
        let launch = Launch::bare().secrets(endpoint.credentials());
        let text = Settings::new().topics(&topics).text("http://mq.example.com");
        launch.file("gateway.toml", &text).arguments(&["check", "{directory}/gateway.toml"]).run()
    };
    assert_eq!(check("'message_groups'").code, Some(0));
    let refused = check("'idempotency'");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stdout.contains("topics[0].requires[0]"), "{refused:?}");
}
