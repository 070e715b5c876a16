//! One slow or dead target is its own subscription's matter, and order is one's own, too.

use std::time::Duration;

use serde_json::json;

use super::receiver::{Answer, Pushed, Receiver};
use super::{backlog, billing, file, pushing, wait_for_deliveries};
use crate::support::{Launch, TestApp};

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

/// A gateway whose group `billing` receives in order, over MQ HTTP.
fn in_order(embedded: &str, url: &str, lines: &str) -> TestApp {
    let text = file(&format!("storage = \"memory\"\n{embedded}"), &billing(url, &format!("ordered = true\n{lines}")))
        .replace("groups = [\"billing\", \"audit\"]", "groups = [{ name = \"billing\", ordered = true }, \"audit\"]")
        .replace("protocol = \"ons-http\"", "protocol = \"mq-http\"")
        .replace("producer_group = \"PID\"\n", "")
        .replace("binary_bodies = true", "binary_bodies = \"base64\"");
    Launch::embedded_with(&text).start()
}

fn publish(app: &TestApp, body: &str, group: &str) {
    let envelope = json!({"body": body, "message_group": group}).to_string();
    app.post_json("/v1/topics/orders/messages", envelope).expect_json(201);
}

#[test]
fn a_message_group_waits_behind_the_one_that_fails_and_others_do_not() {
    let mut failures = 0;
    let target = Receiver::start(move |pushed, _| {
        let fails = pushed.data() == "a1" && failures < 3;
        failures += usize::from(fails);
        Answer::Status(if fails { 500 } else { 200 })
    });
    let schedule = "retry_schedule = [\"700ms\", \"700ms\", \"700ms\", \"700ms\"]";
    let app = in_order("", &target.url(), schedule);
    for (body, group) in [("a1", "a"), ("a2", "a"), ("b1", "b"), ("a3", "a"), ("b2", "b")] {
        publish(&app, body, group);
    }
    wait_for_deliveries(&app, "acknowledged", 5.0);
    let order: Vec<String> = target.requests().iter().map(Pushed::data).collect();
    let last = |body: &str| order.iter().rposition(|it| it == body).unwrap();
    let first = |body: &str| order.iter().position(|it| it == body).unwrap();
    assert_eq!(order.iter().filter(|it| *it == "a1").count(), 4, "{order:?}");
    assert!(last("a1") < first("a2") && last("a2") < first("a3"), "{order:?}");
    assert!(last("b1") < first("b2") && first("b2") < last("a1"), "others go on meanwhile: {order:?}");
}

#[test]
fn what_follows_a_message_that_waits_in_the_mq_is_not_sent() {
    let target = Receiver::start(|pushed, _| Answer::Status(if pushed.data() == "a1" { 500 } else { 200 }));
    let lines = "timeout = \"1s\"\nretry_schedule = [\"20s\"]";
    let app = in_order("visibility_timeout = \"4s\"", &target.url(), lines);
    publish(&app, "a1", "a");
    publish(&app, "a2", "a");
    wait_for_deliveries(&app, "left", 1.0);
    // The control: another group goes on.
    publish(&app, "b1", "b");
    wait_for_deliveries(&app, "acknowledged", 1.0);
    // A redelivery that is not due is left alone, too.
    wait_for_deliveries(&app, "left", 2.0);
    let sent: Vec<_> = target.requests().iter().map(Pushed::data).collect();
    assert_eq!(sent, ["a1", "b1"]);
    assert!((backlog(&app) - 2.0).abs() < 0.1);
}
