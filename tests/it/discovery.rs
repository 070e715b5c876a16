//! `GET /v1/topics[/{topic}]`: what may be published and received, as data.

use serde_json::Value;

use crate::support::{Endpoint, Meaning, Settings, TestApp, assert_problem};

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
