//! A subscription's dead letters, delivered again by that subscription alone.

use std::time::Duration;

use serde_json::Value;

use super::receiver::{Answer, Receiver};
use super::{billing, pushing, wait_for_deliveries};
use crate::support::app::Finished;
use crate::support::{Launch, TestApp};

fn command(app: &TestApp, arguments: &[&str]) -> Finished {
    let url = format!("http://{}", app.management());
    Launch::bare().arguments(&["dead-letters"]).arguments(arguments).arguments(&["--url", &url]).run()
}

fn left(app: &TestApp) -> usize {
    let answer = app.management_get("/v1/dead-letters/failed/messages").expect_json(200);
    answer["messages"].as_array().unwrap().len()
}

#[test]
fn what_was_given_up_is_delivered_again_to_its_target_and_nobody_else() {
    let target = Receiver::start(|_, _| Answer::Status(413));
    let lines = "retry_schedule = []\ntimeout = \"1s\"\n[subscriptions.billing.dead_letter]\ntopic = \"failed\"";
    let app = pushing(&billing(&target.url(), lines));
    for body in ["one", "two", "three"] {
        app.publish("orders", body);
    }
    wait_for_deliveries(&app, "dead_lettered", 3.0);
    let topics = app.management_get("/v1/dead-letters").expect_json(200);
    assert_eq!(topics["topics"][0]["topic"], "failed", "{topics}");
    let listed =
        command(&app, &["list", "failed", "--subscription", "billing", "--reason", "too_large", "--format", "json"]);
    let letters: Vec<Value> = listed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(letters.len(), 3, "{listed:?}");
    let original: Vec<String> = target.requests().iter().map(|it| it.header("webhook-id").to_owned()).collect();
    app.receive("orders", "audit", "{}");

    // Still not taken: it stays. No --yes, as nobody else gets it.
    let first = letters[0]["message_id"].as_str().unwrap();
    let refused = command(&app, &["redrive", "failed", first]);
    assert_eq!((refused.code, left(&app)), (Some(1), 3), "{refused:?}");
    assert!(refused.stderr.contains("413"), "{refused:?}");
    // It may have been taken: it stays, too.
    target.answer(|_, _| Answer::Never);
    let unsure = command(&app, &["redrive", "failed", first]);
    assert_eq!((unsure.code, left(&app)), (Some(1), 3), "{unsure:?}");
    assert!(unsure.stdout.contains("1 unknown"), "{unsure:?}");

    target.answer(|_, _| Answer::Status(204));
    let before = target.count();
    let one = command(&app, &["redrive", "failed", first]);
    assert_eq!((one.code, left(&app)), (Some(0), 2), "{one:?}");
    let again = target.wait_for(before + 1);
    assert!(original.contains(&again[before].header("webhook-id").to_owned()), "it keeps its id");
    let rest = command(&app, &["redrive", "failed", "--subscription", "billing", "--new-id"]);
    assert_eq!((rest.code, left(&app)), (Some(0), 0), "{rest:?}");
    for pushed in &target.wait_for(before + 3)[before + 1..] {
        assert!(!original.contains(&pushed.header("webhook-id").to_owned()), "a new one");
    }
    assert_eq!(app.receive("orders", "audit", "{}").len(), 0, "no other group gets it");
    assert_eq!(target.count(), before + 3);
}

#[test]
fn a_paused_subscription_delivers_nothing_again() {
    let target = Receiver::start(|_, _| Answer::Status(413));
    let lines = "retry_schedule = []\n[subscriptions.billing.dead_letter]\ntopic = \"failed\"";
    let app = pushing(&billing(&target.url(), lines));
    app.publish("orders", "one");
    wait_for_deliveries(&app, "dead_lettered", 1.0);
    let pause = crate::support::client::Request::new(app.management(), "POST", "/v1/subscriptions/billing:pause");
    assert_eq!(pause.send().status, 200);
    let redriven = command(&app, &["redrive", "failed", "--all"]);
    assert_eq!((redriven.code, left(&app)), (Some(1), 1), "{redriven:?}");
    assert!(redriven.stderr.contains("paused"), "{redriven:?}");
}

#[test]
fn only_what_the_target_took_is_acknowledged_where_its_answers_body_decides() {
    let target = Receiver::start(|_, _| Answer::Status(413));
    let lines = "answer_status = true\nretry_schedule = []\ntimeout = \"1s\"\n\
                 [subscriptions.billing.dead_letter]\ntopic = \"failed\"";
    let app = pushing(&billing(&target.url(), lines));
    app.publish("orders", "one");
    wait_for_deliveries(&app, "dead_lettered", 1.0);
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{\"status\":\"RET".to_vec();
    for (answer, result, word) in [
        (Answer::With(200, &[], r#"{"status":"RETRY"}"#), "1 failed", "asked_again (status 200)"),
        (Answer::With(200, &[], r#"{"status":"DROP"}"#), "1 failed", "dropped (status 200)"),
        (Answer::Cut(cut), "1 unknown", "incomplete (status 200)"),
    ] {
        let before = target.count();
        target.answer(move |_, _| answer.clone());
        let redriven = command(&app, &["redrive", "failed", "--all"]);
        assert_eq!((redriven.code, left(&app), target.count()), (Some(1), 1, before + 1), "{redriven:?}");
        assert!(redriven.stdout.contains(result) && redriven.stderr.contains(word), "{redriven:?}");
    }
    target.answer(|_, _| Answer::With(200, &[], r#"{"status":"SUCCESS"}"#));
    let redriven = command(&app, &["redrive", "failed", "--all"]);
    assert_eq!((redriven.code, left(&app)), (Some(0), 0), "{redriven:?}");
}

#[test]
fn while_the_target_wants_to_be_left_alone_nothing_is_sent_again() {
    let target = Receiver::start(|_, _| Answer::Status(413));
    let lines = "retry_schedule = []\ntimeout = \"1s\"\n[subscriptions.billing.dead_letter]\ntopic = \"failed\"";
    let app = pushing(&billing(&target.url(), lines));
    app.publish("orders", "one");
    wait_for_deliveries(&app, "dead_lettered", 1.0);
    target.answer(|_, _| Answer::With(429, &["Retry-After: 600"], ""));
    let refused = command(&app, &["redrive", "failed", "--all"]);
    assert_eq!((refused.code, left(&app), target.count()), (Some(1), 1, 2), "{refused:?}");
    target.answer(|_, _| Answer::Status(200));
    let closed = command(&app, &["redrive", "failed", "--all"]);
    assert_eq!((closed.code, left(&app), target.count()), (Some(1), 1, 2), "{closed:?}");
    assert!(closed.stdout.contains("1 failed") && closed.stderr.contains("Retry-After"), "{closed:?}");
    let resume = crate::support::client::Request::new(app.management(), "POST", "/v1/subscriptions/billing:resume");
    assert_eq!(resume.send().status, 200);
    let redriven = command(&app, &["redrive", "failed", "--all"]);
    assert_eq!((redriven.code, left(&app), target.count()), (Some(0), 0, 3), "{redriven:?}");
}

/// The target needs longer than a request to the gateway may take: what it took is acknowledged all the same, and not sent twice.
#[test]
fn what_a_slow_target_took_is_acknowledged_however_long_it_needed() {
    let target = Receiver::start(|_, _| Answer::Status(413));
    let lines = "retry_schedule = []\ntimeout = \"8s\"\n[subscriptions.billing.dead_letter]\ntopic = \"failed\"";
    let embedded = "storage = \"memory\"\n[server.limits]\nrequest_timeout = \"3s\"";
    let app = Launch::embedded_with(&super::file(embedded, &billing(&target.url(), lines))).start();
    for body in ["one", "two", "three"] {
        app.publish("orders", body);
    }
    wait_for_deliveries(&app, "dead_lettered", 3.0);
    let before = target.count();
    target.answer(|_, _| Answer::Late(Duration::from_millis(3500), Box::new(Answer::Status(204))));
    let all = command(&app, &["redrive", "failed", "--all"]);
    assert_eq!((all.code, left(&app)), (Some(0), 0), "{all:?}");
    assert!(all.stdout.starts_with("redriven 3, 0 failed, 0 unknown, 0 left"), "{all:?}");
    let mut sent: Vec<String> = target.requests()[before..].iter().map(|it| it.data()).collect();
    sent.sort();
    assert_eq!(sent, ["one", "three", "two"], "each once");
}
