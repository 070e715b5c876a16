//! One slow or dead target is its own subscription's matter, and order is one's own, too.

use std::time::Duration;

use serde_json::json;

use super::receiver::{Answer, Pushed, Receiver};
use super::{backlog, billing, file, pushing, wait_for_deliveries};
use crate::support::{Launch, time};

/// The subscription of the other group.
fn audit(url: &str, lines: &str) -> String {
    format!("[subscriptions.audit]\ntopic = \"orders\"\ngroup = \"audit\"\nurl = \"{url}\"\n{lines}\n")
}

#[test]
fn a_dead_target_harms_nobody_else() {
    let messages = 300;
    let elapsed = |other: Option<&Receiver>| {
        let target = Receiver::willing();
        let more = other.map_or_else(String::new, |other| audit(&other.url(), "concurrency = 50\ntimeout = \"30s\""));
        let app = pushing(&(billing(&target.url(), "") + &more));
        for number in 0..messages {
            app.publish("orders", &number.to_string());
        }
        let pushed = target.wait_for(messages);
        wait_for_deliveries(&app, "acknowledged", 300.0);
        pushed[messages - 1].at - pushed[0].at
    };
    let alone = elapsed(None);
    let silent = Receiver::start(|_, _| Answer::Never);
    let beside = elapsed(Some(&silent));
    eprintln!("300 messages: {alone:?} alone, {beside:?} beside a target that never answers");
    assert!(silent.count() > 0, "the other was tried");
    // Pushes go out as messages come in: the publishes decide how long it takes, and the machine is shared.
    assert!(beside < alone * 3 + Duration::from_secs(2), "{alone:?} {beside:?}");
}

#[test]
fn a_message_group_waits_behind_the_one_that_fails_and_others_do_not() {
    let target =
        Receiver::start(|pushed, number| Answer::Status(if pushed.data() == "a1" && number < 4 { 500 } else { 200 }));
    let text = file(
        "storage = \"memory\"",
        &billing(&target.url(), "ordered = true\nretry_schedule = [\"100ms\", \"100ms\", \"100ms\", \"100ms\"]"),
    )
    .replace("groups = [\"billing\", \"audit\"]", "groups = [{ name = \"billing\", ordered = true }, \"audit\"]");
    let app = Launch::embedded_with(&text.replace("[profiles.main]", "[profiles.main]\n")).start();
    for (body, group) in [("a1", "a"), ("a2", "a"), ("b1", "b"), ("a3", "a"), ("b2", "b")] {
        let envelope = json!({"body": body, "message_group": group}).to_string();
        app.post_json("/v1/topics/orders/messages", envelope).expect_json(201);
    }
    wait_for_deliveries(&app, "acknowledged", 5.0);
    let order: Vec<String> = target.requests().iter().map(Pushed::data).collect();
    let place = |body: &str| order.iter().rposition(|it| it == body).unwrap();
    let first = |body: &str| order.iter().position(|it| it == body).unwrap();
    assert!(place("a1") < first("a2") && place("a2") < first("a3"), "{order:?}");
    assert!(place("b1") < first("b2") && first("b2") < place("a1"), "others go on meanwhile: {order:?}");
}

#[test]
fn what_follows_a_message_that_waits_in_the_mq_is_given_back() {
    let target = Receiver::start(|pushed, _| Answer::Status(if pushed.data() == "a1" { 500 } else { 200 }));
    let text = file(
        "storage = \"memory\"",
        &billing(
            &target.url(),
            "ordered = true\nvisibility_timeout = \"2s\"\ntimeout = \"1s\"\nretry_schedule = [\"10m\"]",
        ),
    )
    .replace("groups = [\"billing\", \"audit\"]", "groups = [{ name = \"billing\", ordered = true }, \"audit\"]");
    let app = Launch::embedded_with(&text).start();
    for body in ["a1", "a2"] {
        let envelope = json!({"body": body, "message_group": "a"}).to_string();
        app.post_json("/v1/topics/orders/messages", envelope).expect_json(201);
    }
    wait_for_deliveries(&app, "put_off", 1.0);
    // The control: another group goes on.
    app.post_json("/v1/topics/orders/messages", r#"{"body":"b1","message_group":"b"}"#).expect_json(201);
    wait_for_deliveries(&app, "acknowledged", 1.0);
    time::until("two that wait", || ((backlog(&app) - 2.0).abs() < 0.1).then_some(()));
    assert!(!target.requests().iter().any(|it| it.data() == "a2"), "{:?}", target.requests());
}
