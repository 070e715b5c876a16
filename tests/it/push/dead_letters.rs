//! A message that its target does not take: a dead letter, confirmed before it is acknowledged.

use std::time::Duration;

use serde_json::{Value, json};

use super::receiver::{Answer, Receiver};
use super::{backlog, billing, pushing, wait_for_deliveries};
use crate::support::endpoint::{Endpoint, Recorded, respond};
use crate::support::{Launch, Settings, TestApp, time};

const TO_FAILED: &str = "[subscriptions.billing.dead_letter]\ntopic = \"failed\"";

/// The one dead letter of the topic.
#[track_caller]
fn dead_letter(app: &TestApp) -> Value {
    let messages = app.receive("failed", "people", "{\"wait_seconds\":10}");
    let [message] = &messages[..] else { panic!("one dead letter: {messages:?}") };
    serde_json::from_str(message["body"].as_str().unwrap()).unwrap()
}

/// A message as the fake MQ holds it.
fn message(body: &str) -> Value {
    let id = format!("0A97CB496DE1137A9034{:012X}", body.len());
    let (now, tag) = (time::now_millis().to_string(), "");
    json!({"bornTime": now, "key": "", "msgId": id, "reconsumeTimes": 0, "tag": tag, "body": body})
}

#[test]
fn what_is_not_taken_becomes_a_dead_letter_with_its_story() {
    for (status, schedule, attempts, reason) in [
        (500, "[\"50ms\", \"60ms\"]", 3, "schedule_over"),
        (500, "[]", 1, "schedule_over"),
        (400, "[\"10ms\", \"10ms\", \"10ms\", \"10ms\"]", 3, "not_understood"),
        (422, "[\"10ms\", \"10ms\", \"10ms\", \"10ms\"]", 3, "not_understood"),
        (413, "[\"10ms\"]", 1, "too_large"),
        (415, "[\"10ms\"]", 1, "unsupported_type"),
    ] {
        let target = Receiver::start(move |_, _| Answer::With(status, &[], "no\u{7}, thanks"));
        let url = format!("{}?token=CANARY", target.url());
        let app = pushing(&billing(&url, &format!("retry_schedule = {schedule}\n{TO_FAILED}")));
        let id = app.publish("orders", "the body");
        let before = time::now_millis();
        wait_for_deliveries(&app, "dead_lettered", 1.0);
        assert_eq!(target.count(), attempts, "{status}");
        let letter = dead_letter(&app);
        let told = &letter["dead_letter"];
        assert_eq!((told["subscription"].as_str(), told["reason"].as_str()), (Some("billing"), Some(reason)), "{told}");
        assert_eq!((told["topic"].as_str(), told["group"].as_str()), (Some("orders"), Some("billing")));
        assert_eq!((told["message_id"].as_str(), told["status"].as_u64()), (Some(&*id), Some(status.into())));
        assert_eq!(told["attempts"].as_u64(), u64::try_from(attempts).ok());
        assert_eq!((told["answer"].as_str(), told["url"].as_str()), (Some("no, thanks"), Some(&*target.url())));
        let (first, last) = (told["first_attempt_at"].as_u64().unwrap(), told["last_attempt_at"].as_u64().unwrap());
        assert!(first <= last && first.abs_diff(before) < 20_000 && last.abs_diff(before) < 20_000, "{told}");
        assert_eq!(letter["message"]["body"], "the body");
        assert!(backlog(&app) < 0.5);
        let labels = [("subscription", "billing"), ("reason", reason)];
        assert_eq!(app.metrics().get("mq_gateway_subscription_dead_letters_total", &labels), Some(1.0));
        assert!(!app.output().contains("thanks") && !app.output().contains("CANARY"));
    }
}

#[test]
fn drop_is_a_dead_letter_where_there_are_some() {
    let target = Receiver::start(|_, _| Answer::With(200, &[], r#"{"status":"DROP"}"#));
    let app = pushing(&billing(&target.url(), &format!("answer_status = true\n{TO_FAILED}")));
    app.publish("orders", "1");
    wait_for_deliveries(&app, "dead_lettered", 1.0);
    assert_eq!(dead_letter(&app)["dead_letter"]["reason"], "dropped");
}

#[test]
fn a_message_that_cannot_be_written_is_never_sent() {
    let target = Receiver::willing();
    let app = pushing(&billing(&target.url(), &format!("data = \"json\"\n{TO_FAILED}")));
    app.publish("orders", "no JSON");
    wait_for_deliveries(&app, "dead_lettered", 1.0);
    let letter = dead_letter(&app);
    assert_eq!((&letter["dead_letter"]["reason"], target.count()), (&"not_writable".into(), 0));
    let ready = app.management_get("/readyz?verbose").text();
    assert!(ready.contains("[+]subscription billing ok"), "the target is not at fault: {ready}");
}

#[test]
fn without_a_topic_for_them_a_message_is_left_to_the_mqs_own() {
    let target = Receiver::start(|_, _| Answer::Status(413));
    let text = super::file(
        "storage = \"memory\"\nvisibility_timeout = \"1s\"\nmax_redeliveries = 1",
        &billing(&target.url(), "retry_schedule = []\ntimeout = \"500ms\""),
    );
    let app = Launch::embedded_with(&text).start();
    app.publish("orders", "1");
    let letters = || app.metrics().get("mq_gateway_dead_letters", &[("topic", "%DLQ%billing")]);
    let found = time::within(Duration::from_secs(30), || letters().filter(|count| *count > 0.5));
    assert_eq!(found, Some(1.0));
    assert_eq!(target.count(), 1, "once tried, it is left alone");
}

#[test]
fn a_message_is_not_acknowledged_before_its_dead_letter_is_confirmed() {
    let target = Receiver::start(|_, _| Answer::Status(413));
    let endpoint = Endpoint::start();
    let refuse = |request: &Recorded| {
        let is_dead_letter = request.method == "POST" && request.parameter("topic") == Some("failed");
        is_dead_letter.then(|| respond(500, &[], "{}"))
    };
    endpoint.rule(refuse);
    endpoint.offer("orders", message("the body"));
    let subscription = billing(&target.url(), &format!("timeout = \"1s\"\nretry_schedule = []\n{TO_FAILED}"));
    let topics = "[[topics]]\nname = \"orders\"\nprofile = \"main\"\ngroups = [\"billing\"]\n\
                  [[topics]]\nname = \"failed\"\nprofile = \"main\"\ngroups = [\"people\"]\n";
    let settings = Settings::new().profile("visibility_timeout = \"3s\"").topics(topics).more(&subscription);
    let app = Launch::towards(&endpoint, settings).start();
    let publishes = || endpoint.requests().iter().filter(|it| it.method == "POST").count();
    let count = time::within(Duration::from_secs(20), || (publishes() >= 2).then(publishes));
    assert!(count.is_some(), "the publish of unknown outcome is repeated while there is time");
    wait_for_deliveries(&app, "left", 1.0);
    assert!(endpoint.deleted().is_empty(), "nothing was acknowledged");
    let labels = [("subscription", "billing"), ("reason", "not_published")];
    assert_eq!(app.metrics().get("mq_gateway_subscription_dead_letters_total", &labels), Some(1.0));
    // The control: with an MQ that takes it, the message is acknowledged.
    endpoint.rule(|_| None);
    endpoint.offer("orders", message("another body"));
    wait_for_deliveries(&app, "dead_lettered", 1.0);
    time::until("an acknowledgement", || (endpoint.deleted().len() == 1).then_some(()));
    assert_eq!(endpoint.stored("failed").len(), 1);
}
