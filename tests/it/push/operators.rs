//! Pausing, resuming and looking at subscriptions on the management listener.

use serde_json::json;

use super::receiver::{Answer, Receiver};
use super::{backlog, billing, file, pushing, wait_for_deliveries};
use crate::support::client::Request;
use crate::support::{Launch, Response, TestApp, time};

fn post(app: &TestApp, path: &str) -> Response {
    Request::new(app.management(), "POST", path).send()
}

#[test]
fn a_subscription_is_paused_and_goes_on() {
    let target = Receiver::willing();
    let app = pushing(&billing(&target.url(), ""));
    app.publish("orders", "1");
    wait_for_deliveries(&app, "acknowledged", 1.0);
    let list = app.management_get("/v1/subscriptions").expect_json(200);
    assert!(list["pod"].as_str().is_some_and(|pod| !pod.is_empty()), "{list}");
    let shown = &list["subscriptions"][0];
    for (name, value) in [
        ("name", json!("billing")),
        ("state", json!("running")),
        ("topic", json!("orders")),
        ("group", json!("billing")),
        ("url", json!(target.url())),
        ("paused", json!(null)),
        ("failing_since", json!(null)),
        ("last_error", json!(null)),
        ("in_flight", json!(0)),
        ("concurrency", json!(10)),
        ("allowed", json!(10)),
        ("held", json!(0)),
    ] {
        assert_eq!(shown[name], value, "{name} in {shown}");
    }
    assert!(time::parse_rfc3339_millis(shown["last_success_at"].as_str().unwrap()).is_some(), "{shown}");
    assert!(shown["per_second"].as_f64().unwrap() > 0.0, "{shown}");
    assert_eq!(shown["backlog"]["ready"], 0, "{shown}");

    let paused = post(&app, "/v1/subscriptions/billing:pause").expect_json(200);
    assert_eq!(paused["subscriptions"][0]["paused"]["reason"], "operator");
    app.publish("orders", "2");
    time::until("a message that waits", || ((backlog(&app) - 1.0).abs() < 0.1).then_some(()));
    let shown = app.management_get("/v1/subscriptions").expect_json(200)["subscriptions"][0].clone();
    assert_eq!((&shown["state"], &shown["backlog"]["ready"]), (&json!("paused"), &json!(1)));
    assert!(app.management_get("/readyz?verbose").text().contains("[+]subscription billing ok"), "it is wanted so");
    assert_eq!(target.count(), 1);
    post(&app, "/v1/subscriptions/billing%3Aresume").expect_json(200);
    wait_for_deliveries(&app, "acknowledged", 2.0);
    for (words, count) in [("a subscription is paused", 1), ("a subscription goes on", 1)] {
        assert_eq!(app.output().lines().filter(|line| line.contains(words)).count(), count, "{words}");
    }
}

#[test]
fn what_waits_for_its_next_attempt_is_given_back_when_it_is_paused() {
    let target = Receiver::start(|_, number| Answer::Status(if number < 2 { 500 } else { 200 }));
    let app =
        pushing(&billing(&target.url(), "retry_schedule = [\"20s\", \"50ms\"]\ndead_letter = { topic = \"failed\" }"));
    app.publish("orders", "1");
    target.wait_for(1);
    time::until("a message that waits", || {
        let shown = app.management_get("/v1/subscriptions").expect_json(200)["subscriptions"][0].clone();
        (shown["held"] == 1 && shown["in_flight"] == 0).then_some(())
    });
    post(&app, "/v1/subscriptions/billing:pause").expect_json(200);
    wait_for_deliveries(&app, "given_back", 1.0);
    assert!((backlog(&app) - 1.0).abs() < 0.1);
    // It is not its last attempt that is made next: it is not over when that fails.
    post(&app, "/v1/subscriptions/billing:resume").expect_json(200);
    target.wait_for(2);
    time::until("a message that waits again", || {
        let shown = app.management_get("/v1/subscriptions").expect_json(200)["subscriptions"][0].clone();
        (shown["held"] == 1 && shown["in_flight"] == 0).then_some(())
    });
    assert!((backlog(&app) - 1.0).abs() < 0.1);
}

#[test]
fn one_starts_paused_where_the_configuration_says_so() {
    let target = Receiver::willing();
    let beside = Receiver::willing();
    let other = billing(&beside.url(), "").replace("subscriptions.billing", "subscriptions.other");
    let other = other.replace("group = \"billing\"", "group = \"audit\"");
    let app = pushing(&(billing(&target.url(), "paused = true") + &other));
    app.publish("orders", "1");
    let shown = app.management_get("/v1/subscriptions").expect_json(200)["subscriptions"][0].clone();
    assert_eq!((&shown["state"], &shown["paused"]["reason"]), (&json!("paused"), &json!("configured")));
    // By then it would have come here, too.
    beside.wait_for(1);
    assert_eq!(target.count(), 0);
    post(&app, "/v1/subscriptions/billing:resume").expect_json(200);
    wait_for_deliveries(&app, "acknowledged", 1.0);
}

#[test]
fn names_and_methods_that_are_none_are_told_and_verbs_are_guarded() {
    let target = Receiver::willing();
    let app = pushing(&billing(&target.url(), ""));
    let problem = post(&app, "/v1/subscriptions/biling:pause");
    assert!(problem.status == 404 && problem.text().contains("this process has billing"), "{problem:?}");
    assert_eq!(app.management_get("/v1/subscriptions/billing:pause").status, 405);
    assert_eq!(post(&app, "/v1/subscriptions/billing:stop").status, 404);
    assert_eq!(post(&app, "/v1/subscriptions").status, 405);

    let text = file("storage = \"memory\"", &billing(&target.url(), ""));
    let text = format!("[management]\ntoken_file = \"{{directory}}/token\"\n{text}");
    let launch = Launch::embedded().file("gateway.toml", &text).file("token", "t0ken-of-operators");
    let app = launch.arguments(&["--config", "{directory}/gateway.toml"]).start();
    assert_eq!(post(&app, "/v1/subscriptions/billing:pause").status, 403);
    assert_eq!(app.management_get("/v1/subscriptions").status, 200, "looking is open, as the other pages are");
    let verb = Request::new(app.management(), "POST", "/v1/subscriptions/billing:pause");
    verb.header("Authorization: Bearer t0ken-of-operators").send().expect_json(200);
}

#[test]
fn the_command_shows_and_pauses_those_of_several_gateways() {
    let target = Receiver::willing();
    let apps = [pushing(&billing(&target.url(), "")), pushing(&billing(&target.url(), ""))];
    let urls = apps.each_ref().map(|app| format!("http://{}", app.management()));
    let run = |words: &[&str]| {
        let mut arguments = vec!["subscriptions"];
        arguments.extend(words);
        arguments.extend(urls.iter().flat_map(|url| ["--url", url.as_str()]));
        Launch::bare().arguments(&arguments).run()
    };
    apps[0].publish("orders", "1");
    wait_for_deliveries(&apps[0], "acknowledged", 1.0);
    let listed = run(&[]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let lines: Vec<&str> = listed.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{listed:?}");
    assert!(lines[0].starts_with("SUBSCRIPTION") && lines[1].starts_with("billing"), "{listed:?}");
    let paused = run(&["pause", "billing", "--format", "json"]);
    assert_eq!(paused.code, Some(0), "{paused:?}");
    let told: serde_json::Value = serde_json::from_str(&paused.stdout).unwrap();
    for (gateway, url) in told["gateways"].as_array().unwrap().iter().zip(&urls) {
        assert_eq!(gateway["url"], json!(url));
        assert_eq!(gateway["subscriptions"][0]["paused"]["reason"], "operator", "{told}");
    }
    for app in &apps {
        assert_eq!(app.management_get("/v1/subscriptions").expect_json(200)["subscriptions"][0]["state"], "paused");
    }
    assert_eq!(run(&["resume", "billing"]).code, Some(0));
    let unknown = run(&["pause", "nobody"]);
    assert!(unknown.code == Some(1) && unknown.stderr.contains("this process has billing"), "{unknown:?}");
    // One that is not there does not keep the others from being asked.
    let mut arguments = vec!["subscriptions", "--url", "http://127.0.0.1:9"];
    arguments.extend(["--url", urls[0].as_str()]);
    let partly = Launch::bare().arguments(&arguments).run();
    assert!(partly.code == Some(1) && partly.stdout.contains("billing"), "{partly:?}");
}
