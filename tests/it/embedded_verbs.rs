//! The embedded endpoint's queues, as operators look into them and empty them.

use serde_json::{Value, json};

use crate::support::client::Request;
use crate::support::time::{parse_rfc3339_millis, until};
use crate::support::{Launch, Meaning, Response, Settings, TestApp, assert_problem};

fn purge(app: &TestApp, topic: &str, options: Value) -> Response {
    let target = format!("/v1/embedded/topics/{topic}/messages:purge");
    Request::new(app.management(), "POST", &target).json(options.to_string()).send()
}

fn command(app: &TestApp, arguments: &[&str]) -> crate::support::app::Finished {
    let url = format!("http://{}", app.management());
    Launch::bare().arguments(&["embedded-mq"]).arguments(arguments).arguments(&["--url", &url]).run()
}

fn on_embedded() -> TestApp {
    Launch::on_embedded("", &Settings::new()).start()
}

#[test]
fn topics_and_groups_are_shown_with_what_is_in_them() {
    let app = on_embedded();
    for body in ["1", "2", "3"] {
        app.publish("orders", body);
    }
    let later = json!({"body": "later", "delay_seconds": 3600}).to_string();
    assert_eq!(app.post_json("/v1/topics/orders/messages", later).status, 201);
    let taken = app.receive("orders", "CID_a", r#"{"max_messages":2}"#);
    assert_eq!(taken.len(), 2);
    app.ack("orders", "CID_a", &[taken[0]["receipt_handle"].as_str().unwrap()]);
    let topics = app.management_get("/v1/embedded/topics").expect_json(200);
    let topic = &topics["topics"][0];
    assert_eq!((&topic["topic"], &topic["messages"]), (&json!("orders"), &json!(4)));
    let group = &topic["groups"][0];
    let count = |name: &str| group[name].as_u64().unwrap();
    assert_eq!((count("ready"), count("in_flight"), count("delayed"), count("dead_letters")), (1, 1, 1, 0), "{group}");
    let shown = command(&app, &["topics"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(
        shown.stdout.contains("  CID_a  1 ready, 1 in flight, 1 delayed, 0 filtered out, 0 dead letters"),
        "{shown:?}"
    );
}

#[test]
fn a_look_takes_nothing_and_tells_how_each_message_stands() {
    let app = on_embedded();
    let id = app.publish("orders", "one");
    app.publish("orders", "two");
    for _ in 0..3 {
        let peeked = app.management_get("/v1/embedded/topics/orders/messages?group=CID_a").expect_json(200);
        let bodies: Vec<_> = peeked["messages"].as_array().unwrap().iter().map(|it| it["body"].clone()).collect();
        assert_eq!(bodies, ["one", "two"]);
    }
    let taken = app.receive("orders", "CID_a", "{}");
    assert_eq!(taken[0]["delivery_attempt"], 1, "no look has counted");
    app.ack("orders", "CID_a", &[taken[0]["receipt_handle"].as_str().unwrap()]);
    let peeked = app.management_get("/v1/embedded/topics/orders/messages?group=CID_a").expect_json(200);
    let messages = peeked["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 1, "{peeked}");
    assert_eq!((&messages[0]["state"], &messages[0]["body"]), (&json!("in_flight"), &json!("two")));
    // ONS HTTP does not tell: the gateway counts from when it got the message.
    let millis = |value: &Value| parse_rfc3339_millis(value.as_str().unwrap()).unwrap();
    let (told, counted) = (millis(&messages[0]["ready_at"]), millis(&taken[1]["visible_again_at"]));
    assert!(told.abs_diff(counted) < 2000, "{told} {counted}");
    // Without a group all that is retained.
    let shown = command(&app, &["peek", "orders"]);
    assert_eq!((shown.code, shown.stdout.lines().count()), (Some(0), 2), "{shown:?}");
    let one = command(&app, &["peek", "orders", "--id", &id, "--format", "json"]);
    let one: Value = serde_json::from_str(&one.stdout).unwrap();
    assert_eq!((&one["message_id"], &one["body"]), (&json!(id), &json!("one")));
    for index in 0..150 {
        app.publish("many", &index.to_string());
    }
    let shown = command(&app, &["peek", "many", "CID_a", "--max", "140"]);
    assert_eq!((shown.code, shown.stdout.lines().count()), (Some(0), 140), "{shown:?}");
    assert!(shown.stdout.lines().last().unwrap().ends_with("  139"), "{shown:?}");
}

#[test]
fn a_backlog_goes_only_where_that_is_said() {
    let app = on_embedded();
    for index in 0..5 {
        app.publish("orders", &index.to_string());
    }
    app.receive("orders", "CID_a", r#"{"max_messages":2}"#);
    app.receive("orders", "CID_b", r#"{"max_messages":1}"#);
    let problem =
        assert_problem(&purge(&app, "orders", json!({"group": "CID_a"})), 422, "validation-failed", Meaning::NotDone);
    assert_eq!(problem["errors"][0]["pointer"], "/confirmed");
    let refused = command(&app, &["purge", "orders", "CID_a"]);
    assert!(refused.code == Some(1) && refused.stderr.contains("--yes"), "{refused:?}");
    let purged = command(&app, &["purge", "orders", "CID_a", "--yes"]);
    assert_eq!((purged.code, purged.stdout.as_str()), (Some(0), "purged 5\n"), "{purged:?}");
    assert_eq!(app.receive("orders", "CID_a", "{}").len(), 0);
    assert_eq!(app.receive("orders", "CID_b", "{}").len(), 4, "others keep theirs");
    app.publish("orders", "new");
    assert_eq!(app.receive("orders", "CID_a", "{}").len(), 1);
    let all = purge(&app, "orders", json!({"confirmed": true})).expect_json(200);
    assert_eq!((&all["purged"], &all["remaining"]), (&json!(6), &json!(false)), "{all}");
    assert_eq!(app.receive("orders", "CID_new", "{}").len(), 0);
    for (options, pointer) in
        [(json!({"until": "x", "confirmed": true}), "/until"), (json!({"group": "a/b", "confirmed": true}), "/group")]
    {
        let problem = assert_problem(&purge(&app, "orders", options), 422, "validation-failed", Meaning::NotDone);
        assert_eq!(problem["errors"][0]["pointer"], pointer);
    }
}

#[test]
fn the_endpoint_alone_has_them_too() {
    let launch = Launch::bare().arguments(&["embedded-mq", "--management-listen", "127.0.0.1:0", "--in-memory"]);
    let launch = launch.arguments(&["--embedded-listen", "127.0.0.1:0", "--data-dir", "{directory}/data"]);
    let app = launch.listeners(&["management", "embedded"]).start();
    assert_eq!(app.management_get("/v1/embedded/topics").expect_json(200), json!({"topics": []}));
    let shown = until("an answer", || Some(command(&app, &["topics"])));
    assert_eq!((shown.code, shown.stdout.as_str()), (Some(0), ""), "{shown:?}");
    assert_eq!(command(&app, &["purge", "orders", "--yes"]).stdout, "purged 0\n");
    let none = Request::new(app.management(), "POST", "/v1/dead-letters/x/messages:take").json("{}").send();
    assert_problem(&none, 404, "not-found", Meaning::NotDone);
}

#[test]
fn a_gateway_without_it_says_so() {
    let endpoint = crate::support::Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let problem = assert_problem(&app.management_get("/v1/embedded/topics"), 404, "not-found", Meaning::NotDone);
    assert!(problem["detail"].as_str().unwrap().contains("embedded.enabled"), "{problem}");
}
