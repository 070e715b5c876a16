//! Dead letters, as operators deal with them: at the management listener, and by the command.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::client::Request;
use crate::support::endpoint::script::respond;
use crate::support::time::until;
use crate::support::{Endpoint, Launch, Meaning, Response, Settings, TestApp, assert_problem};

/// An embedded MQ that gives a message out once; in the protocol of the profile.
fn impatient(protocol: &str) -> TestApp {
    let settings = Settings::new().profile(&format!("protocol = \"{protocol}\""));
    Launch::on_embedded("visibility_timeout = \"2s\"\nmax_redeliveries = 0\n", &settings).start()
}

fn verb(app: &TestApp, topic: &str, verb: &str, options: Value) -> Response {
    let target = format!("/v1/dead-letters/{topic}/messages:{verb}");
    Request::new(app.management(), "POST", &target).json(options.to_string()).send()
}

/// Publishes these, and lets them become dead letters of the group.
fn bury(app: &TestApp, topic: &str, group: &str, bodies: &[&str]) {
    for body in bodies {
        app.publish(topic, body);
    }
    until("the only delivery of each", || {
        app.receive(topic, group, "{}");
        let listed = app.management_get(&format!("/v1/dead-letters/%25DLQ%25{group}/messages"));
        let count = listed.expect_json(200)["messages"].as_array().unwrap().len();
        (count == bodies.len()).then_some(())
    });
}

fn listed(app: &TestApp, topic: &str, query: &str) -> Vec<Value> {
    let answer = app.management_get(&format!("/v1/dead-letters/{topic}/messages{query}")).expect_json(200);
    answer["messages"].as_array().unwrap().clone()
}

fn results(answer: &Value) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for result in answer["results"].as_array().unwrap() {
        *counts.entry(result["result"].as_str().unwrap()).or_default() += 1;
    }
    counts
}

/// The bodies that a group has to get now, acknowledged.
fn drained(app: &TestApp, topic: &str, group: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    loop {
        let messages = app.receive(topic, group, "{}");
        if messages.is_empty() {
            bodies.sort();
            return bodies;
        }
        for message in messages {
            bodies.push(message["body"].as_str().unwrap().to_owned());
            assert_eq!(app.ack(topic, group, &[message["receipt_handle"].as_str().unwrap()]).status, 200);
        }
    }
}

fn command(app: &TestApp, arguments: &[&str]) -> crate::support::app::Finished {
    let url = format!("http://{}", app.management());
    Launch::bare().arguments(arguments).arguments(&["--url", &url]).run()
}

#[test]
fn the_mqs_own_are_looked_at_without_taking_and_sent_to_where_they_came_from() {
    let app = impatient("mq-http");
    app.receive("orders", "GID_other", "{}");
    bury(&app, "orders", "GID_a", &["one", "two", "three"]);
    let topics = app.management_get("/v1/dead-letters").expect_json(200);
    assert_eq!(topics, json!({"topics": [{"topic": "%DLQ%GID_a", "messages": 3}]}));
    let described = app.management_get("/v1/dead-letters/%25DLQ%25GID_a").expect_json(200);
    let expected = json!({
        "topic": "%DLQ%GID_a", "group": "mq-gateway-dead-letters", "protocol": "mq-http", "messages": 3,
        "looks_without_taking": true, "can_release": true, "chooses_hidden_time": false, "longest_step_seconds": 74, "dead_letters_of": "GID_a",
        "origins": {"orders": ["GID_other"]}
    });
    assert_eq!(described, expected);
    // However often it is looked at, nothing is counted or hidden.
    for _ in 0..20 {
        let letters = listed(&app, "%25DLQ%25GID_a", "?bodies=true");
        assert_eq!(letters.len(), 3);
        for letter in &letters {
            assert_eq!((&letter["kind"], &letter["state"]), (&json!("group"), &json!("ready")));
            assert_eq!((&letter["origin"]["topic"], &letter["origin"]["group"]), (&json!("orders"), &json!("GID_a")));
            assert_eq!(letter["content"]["properties"], json!([]), "what the MQ added is not the message's");
        }
    }
    let pages: Vec<_> = listed(&app, "%25DLQ%25GID_a", "?max_messages=2");
    assert_eq!(pages.len(), 2);
    assert!(pages[0].get("content").is_none(), "content only where it is asked for");

    // Others get them, too: that has to be confirmed before anything is taken.
    let refused = verb(&app, "%25DLQ%25GID_a", "redrive", json!({}));
    let problem = assert_problem(&refused, 422, "validation-failed", Meaning::NotDone);
    let detail = problem["errors"][0]["detail"].as_str().unwrap();
    assert_eq!(problem["errors"][0]["pointer"], "/confirmed");
    assert!(detail.contains("`orders`: `GID_other`") && detail.contains("redriven_for=GID_a"), "{detail}");
    assert!(listed(&app, "%25DLQ%25GID_a", "").iter().all(|letter| letter["state"] == "ready"));

    assert_eq!(drained(&app, "orders", "GID_other"), ["one", "three", "two"]);
    let answer = verb(&app, "%25DLQ%25GID_a", "redrive", json!({"confirmed": true})).expect_json(200);
    assert_eq!((results(&answer), &answer["received"]), (BTreeMap::from([("redriven", 3)]), &json!(3)));
    for result in answer["results"].as_array().unwrap() {
        assert_eq!((&result["to"], &result["acknowledged"]), (&json!("orders"), &json!(true)));
        assert!(result["new_message_id"].is_string() && result.get("receipt_handle").is_none(), "{result}");
    }
    // Every group of the topic has them once more, with the mark.
    let again = app.receive("orders", "GID_a", "{}");
    assert_eq!(again.len(), 3);
    assert!(again.iter().all(|message| message["properties"] == json!({"redriven_for": "GID_a"})), "{again:?}");
    assert_eq!(drained(&app, "orders", "GID_other"), ["one", "three", "two"]);
    // They are gone, also from what is counted; to run it again does nothing.
    assert_eq!(listed(&app, "%25DLQ%25GID_a", "").len(), 0);
    assert_eq!(verb(&app, "%25DLQ%25GID_a", "redrive", json!({"confirmed": true})).expect_json(200)["received"], 0);
    let metrics = app.metrics();
    assert_eq!(metrics.get("mq_gateway_dead_letters", &[("topic", "%DLQ%GID_a")]), Some(0.0));
    let labels = [("topic", "%DLQ%GID_a"), ("result", "redriven")];
    assert_eq!(metrics.get("mq_gateway_dead_letters_handled_total", &labels), Some(3.0));
}

#[test]
fn a_protocol_without_properties_says_that_the_mark_is_missing() {
    let app = impatient("ons-http");
    bury(&app, "orders", "CID_a", &["one"]);
    let letter = listed(&app, "%25DLQ%25CID_a", "").remove(0);
    assert_eq!(letter["origin"]["topic"], "orders", "the store knows what the protocol cannot say");
    let answer = verb(&app, "%25DLQ%25CID_a", "redrive", json!({"confirmed": true})).expect_json(200);
    let result = &answer["results"][0];
    assert_eq!((&result["result"], &result["to"]), (&json!("redriven"), &json!("orders")), "{answer}");
    assert!(result["detail"].as_str().unwrap().contains("without the property redriven_for"), "{result}");
    assert_eq!(app.receive("orders", "CID_a", "{}").len(), 1);
}

#[test]
fn a_filter_leaves_the_others_and_a_release_gives_them_back() {
    let app = impatient("ons-http");
    let envelope = |body: &str, tag: &str, key: &str| json!({"body": body, "tag": tag, "keys": [key]}).to_string();
    for (body, tag, key) in [("1", "a", "k1"), ("2", "b", "k2"), ("3", "a", "k3"), ("4", "b", "k4")] {
        assert_eq!(app.post_json("/v1/topics/orders/messages", envelope(body, tag, key)).status, 201);
    }
    bury(&app, "orders", "CID_a", &[]);
    until("four dead letters", || {
        app.receive("orders", "CID_a", "{}");
        (listed(&app, "%25DLQ%25CID_a", "").len() == 4).then_some(())
    });
    assert_eq!(listed(&app, "%25DLQ%25CID_a", "?tag=a").len(), 2);
    assert_eq!(listed(&app, "%25DLQ%25CID_a", "?tag=a&key=k3").len(), 1);
    assert_eq!(listed(&app, "%25DLQ%25CID_a", "?subscription=s").len(), 0);
    assert_eq!(listed(&app, "%25DLQ%25CID_a", "?until=2020-01-01T00:00:00Z").len(), 0);

    let answer = verb(&app, "%25DLQ%25CID_a", "redrive", json!({"confirmed": true, "tag": "b"})).expect_json(200);
    assert_eq!(results(&answer), BTreeMap::from([("left", 2), ("redriven", 2)]));
    let left: Vec<&str> =
        answer["results"].as_array().unwrap().iter().filter_map(|it| it["receipt_handle"].as_str()).collect();
    assert_eq!(left.len(), 2);
    assert!(listed(&app, "%25DLQ%25CID_a", "").iter().all(|it| it["state"] == "in_flight"), "hidden for the next step");
    assert_eq!(verb(&app, "%25DLQ%25CID_a", "redrive", json!({"confirmed": true})).expect_json(200)["received"], 0);
    let released = verb(&app, "%25DLQ%25CID_a", "release", json!({"receipt_handles": left})).expect_json(200);
    assert_eq!(released, json!({"released": 2, "hidden": 0}));
    let again = verb(&app, "%25DLQ%25CID_a", "release", json!({"receipt_handles": left})).expect_json(200);
    assert_eq!(again, json!({"released": 0, "hidden": 2}), "these handles hide nothing any more");
    assert!(until("the release", || {
        let letters = listed(&app, "%25DLQ%25CID_a", "");
        letters.iter().all(|it| it["state"] == "ready").then_some(letters.len() == 2)
    }));

    // By its id, and dropped for good only where that is said.
    let id = listed(&app, "%25DLQ%25CID_a", "?key=k3")[0]["message_id"].clone();
    let problem = assert_problem(
        &verb(&app, "%25DLQ%25CID_a", "drop", json!({"message_ids": [id]})),
        422,
        "validation-failed",
        Meaning::NotDone,
    );
    assert_eq!(problem["errors"][0]["pointer"], "/confirmed");
    let answer = verb(&app, "%25DLQ%25CID_a", "drop", json!({"message_ids": [id], "confirmed": true})).expect_json(200);
    assert_eq!(results(&answer), BTreeMap::from([("dropped", 1), ("left", 1)]));
    let rest: Vec<_> = listed(&app, "%25DLQ%25CID_a", "").into_iter().map(|it| it["keys"][0].clone()).collect();
    assert_eq!(rest, ["k1"]);
}

/// A dead letter of ours in the form that is documented for protocols without properties.
fn of_a_subscription(reason: &str) -> String {
    let letter = json!({
        "mq_gateway_dead_letter": 1,
        "dead_letter": {
            "subscription": "billing", "topic": "orders", "group": "CID_push", "message_id": "0A97", "webhook_id": "billing-0A97",
            "reason": reason, "status": 500, "attempts": 12, "first_attempt_at": 1_700_000_000_000_u64,
            "last_attempt_at": 1_700_003_600_000_u64, "published_at": 1_699_999_999_000_u64, "url": "https://billing/hook",
            "answer": "out of \u{1b}[31m order"
        },
        "message": {
            "body": "{\"order\":7}", "encoding": "text", "tag": "paid", "keys": ["order-7"], "properties": [], "message_group": null
        }
    });
    // What begins the envelope begins it: serde_json's maps are sorted.
    let text = letter.to_string();
    let (start, mark) = ("{\"dead_letter\"", "\"mq_gateway_dead_letter\":1");
    assert!(text.starts_with(start) && text.ends_with(&format!("{mark}}}")));
    format!("{{{mark},{}", text[1..].replacen(&format!(",{mark}}}"), "}", 1))
}

#[test]
fn a_subscriptions_are_its_own_unless_a_topic_is_named() {
    let app = impatient("ons-http");
    for reason in ["exhausted", "refused"] {
        let envelope = json!({"body": of_a_subscription(reason)}).to_string();
        assert_eq!(app.post_json("/v1/topics/orders-dead/messages", envelope).status, 201);
    }
    app.publish("orders-dead", "something else");
    let letters = listed(&app, "orders-dead", "?bodies=true");
    let kinds: Vec<_> = letters.iter().map(|it| it["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["subscription", "subscription", "other"]);
    let first = &letters[0];
    assert_eq!(first["dead_letter"]["reason"], "exhausted");
    assert_eq!(first["dead_letter"]["last_attempt_at"], "2023-11-14T23:13:20.000Z");
    assert_eq!(first["origin"], json!({"topic": "orders", "group": "CID_push", "message_id": "0A97"}));
    assert_eq!((&first["content"]["body"], &first["tag"]), (&json!("{\"order\":7}"), &json!("paid")));
    assert_eq!(listed(&app, "orders-dead", "?subscription=billing&reason=refused").len(), 1);
    assert_eq!(listed(&app, "orders-dead", "?since=2023-11-14T23:13:20Z&subscription=billing").len(), 2);
    assert_eq!(listed(&app, "orders-dead", "?since=2023-11-14T23:13:21Z&subscription=billing").len(), 0);

    // No such subscription here: it stays, and the others' way is said.
    let answer = verb(&app, "orders-dead", "redrive", json!({"subscription": "billing"})).expect_json(200);
    assert_eq!(results(&answer), BTreeMap::from([("failed", 2), ("left", 1)]));
    let handles: Vec<_> = answer["results"].as_array().unwrap().iter().map(|it| it["receipt_handle"].clone()).collect();
    assert!(answer["results"][0]["detail"].as_str().unwrap().contains("--to"), "{answer}");
    assert_eq!(
        verb(&app, "orders-dead", "release", json!({"receipt_handles": handles})).expect_json(200)["released"],
        3
    );

    let into = json!({"to": "orders", "reason": "refused", "confirmed": true});
    let answer = verb(&app, "orders-dead", "redrive", into).expect_json(200);
    assert_eq!(results(&answer), BTreeMap::from([("left", 2), ("redriven", 1)]));
    let message = app.receive("orders", "CID_a", "{}").remove(0);
    assert_eq!((&message["body"], &message["tag"]), (&json!("{\"order\":7}"), &json!("paid")));
    assert_eq!(message["keys"], json!(["order-7"]));
}

#[test]
fn elsewhere_looking_takes_and_what_is_unknown_is_not_acknowledged() {
    let endpoint = Endpoint::start();
    let topics = "[[topics]]\nname = \"%DLQ%CID_a\"\nprofile = \"main\"\ngroups = [\"CID_ops\"]\n\
        [[topics]]\nname = \"orders\"\nprofile = \"main\"\ngroups = [\"CID_a\", \"CID_b\"]\n\
        [[topics]]\nname = \"both\"\nprofile = \"main\"\ngroups = [\"CID_x\", \"CID_y\"]\n";
    let app = TestApp::with(&endpoint, Settings::new().topics(topics));
    for body in ["good", "unsure", "refused"] {
        app.publish("%25DLQ%25CID_a", body);
    }
    endpoint.rule(|request| {
        let is_redriven = request.method == "POST" && request.parameter("topic") == Some("orders");
        match (is_redriven, request.body.as_slice()) {
            (true, b"unsure") => Some(respond(500, &[], "")),
            (true, b"refused") => Some(respond(400, &[], r#"{"code":"NO_PERMISSION","info":"x"}"#)),
            _ => None,
        }
    });
    let problem = assert_problem(
        &app.management_get("/v1/dead-letters/%25DLQ%25CID_a/messages"),
        501,
        "capability-not-supported",
        Meaning::NotDone,
    );
    assert!(problem["detail"].as_str().unwrap().contains("--take"), "{problem}");
    // Two groups, and none is named.
    let missing = verb(&app, "both", "take", json!({}));
    let problem = assert_problem(&missing, 422, "validation-failed", Meaning::NotDone);
    assert_eq!(problem["errors"][0]["pointer"], "/group");

    let described = app.management_get("/v1/dead-letters/%25DLQ%25CID_a").expect_json(200);
    assert_eq!(described["origins"], json!({"orders": ["CID_b"]}), "{described}");
    assert_eq!((&described["messages"], &described["group"]), (&Value::Null, &json!("CID_ops")));
    let refused = verb(&app, "%25DLQ%25CID_a", "redrive", json!({"to": "orders"}));
    assert_problem(&refused, 422, "validation-failed", Meaning::NotDone);
    assert_eq!(endpoint.deleted().len(), 0);
    let before = endpoint.requests().iter().filter(|it| it.method == "GET").count();
    assert_eq!(before, 0, "nothing was taken before it was confirmed");

    let into = json!({"to": "orders", "confirmed": true});
    let answer = verb(&app, "%25DLQ%25CID_a", "redrive", into).expect_json(200);
    let of: BTreeMap<_, _> = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["result"].as_str().unwrap(), it["acknowledged"].as_bool().unwrap()))
        .collect();
    assert_eq!(of, BTreeMap::from([("failed", false), ("redriven", true), ("unknown", false)]), "{answer}");
    assert_eq!(endpoint.deleted().len(), 1, "only what was confirmed is acknowledged");
    // This MQ takes nothing back.
    let handle = answer["results"].as_array().unwrap().iter().find_map(|it| it["receipt_handle"].as_str()).unwrap();
    let released = verb(&app, "%25DLQ%25CID_a", "release", json!({"receipt_handles": [handle]})).expect_json(200);
    assert_eq!(released, json!({"released": 0, "hidden": 1}));
    let count = |result: &str| {
        let labels = [("topic", "%DLQ%CID_a"), ("result", result)];
        app.metrics().get("mq_gateway_dead_letters_handled_total", &labels)
    };
    assert_eq!((count("redriven"), count("unknown"), count("failed")), (Some(1.0), Some(1.0), Some(1.0)));
}

#[test]
fn where_they_came_from_has_to_be_said_where_the_mq_does_not() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    app.publish("%25DLQ%25CID_a", "x");
    let options = json!({"confirmed": true, "group": "CID_ops"});
    let answer = verb(&app, "%25DLQ%25CID_a", "redrive", options).expect_json(200);
    assert_eq!(results(&answer), BTreeMap::from([("failed", 1)]));
    assert!(answer["results"][0]["detail"].as_str().unwrap().contains("--to"), "{answer}");
    assert_eq!(endpoint.deleted().len(), 0);
}

#[test]
fn what_is_no_option_is_told_by_name() {
    let app = impatient("ons-http");
    for (name, options, pointer, words) in [
        ("redrive", json!({"confirm": true}), "/confirm", "unknown"),
        ("redrive", json!({"max_messages": 33}), "/max_messages", "from 1 to 32"),
        ("redrive", json!({"hidden_seconds": 0}), "/hidden_seconds", "from 1 to 43200"),
        ("redrive", json!({"message_ids": []}), "/message_ids", "1 to 100"),
        ("redrive", json!({"since": "yesterday"}), "/since", "2026-11-24T08:00:00Z"),
        ("redrive", json!({"confirmed": "yes"}), "/confirmed", "true or false"),
        ("redrive", json!({"to": "a b", "confirmed": true}), "/to", "must not contain"),
        ("redrive", json!({"to": "%DLQ%CID_a", "confirmed": true}), "/to", "another topic"),
        ("drop", json!({"to": "orders"}), "/to", "unknown"),
        ("release", json!({}), "/receipt_handles", "is missing"),
    ] {
        let response = verb(&app, "%25DLQ%25CID_a", name, options.clone());
        let problem = assert_problem(&response, 422, "validation-failed", Meaning::NotDone);
        let error = &problem["errors"][0];
        assert_eq!(error["pointer"], pointer, "{name} {options}: {problem}");
        assert!(error["detail"].as_str().unwrap().contains(words), "{name} {options}: {problem}");
    }
    let form = Request::new(app.management(), "POST", "/v1/dead-letters/%25DLQ%25CID_a/messages:drop")
        .header("Content-Type: application/x-www-form-urlencoded")
        .body("confirmed=true")
        .send();
    assert_problem(&form, 415, "unsupported-media-type", Meaning::NotDone);
    let wrong = app.management_get("/v1/dead-letters/%25DLQ%25CID_a/messages?taag=x");
    let problem = assert_problem(&wrong, 422, "validation-failed", Meaning::NotDone);
    assert_eq!(problem["errors"][0]["parameter"], "taag", "{problem}");
    let method = app.management_get("/v1/dead-letters/%25DLQ%25CID_a/messages:drop");
    assert_problem(&method, 405, "method-not-allowed", Meaning::NotDone);
    assert_eq!(method.header("allow"), Some("POST"));
}

#[test]
fn the_command_lists_shows_redrives_and_drops() {
    let app = impatient("mq-http");
    let bodies: Vec<String> = (0..70).map(|index| format!("body-{index:02}")).collect();
    bury(&app, "orders", "GID_a", &bodies.iter().take(3).map(String::as_str).collect::<Vec<_>>());
    let topic = "%DLQ%GID_a";
    let list = command(&app, &["dead-letters", "list"]);
    assert_eq!((list.code, list.stdout.as_str()), (Some(0), "%DLQ%GID_a  3\n"), "{list:?}");
    let list = command(&app, &["dead-letters", "list", topic]);
    assert_eq!((list.code, list.stdout.lines().count()), (Some(0), 3), "{list:?}");
    assert!(list.stdout.contains("from orders  for GID_a"), "{list:?}");
    let json = command(&app, &["dead-letters", "list", topic, "--format", "json"]);
    let ids: Vec<String> = json
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["message_id"].as_str().unwrap().to_owned())
        .collect();
    let shown = command(&app, &["dead-letters", "show", topic, &ids[1]]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.stdout.contains(&ids[1]) && shown.stdout.trim_end().ends_with("body-01"), "{shown:?}");
    let none = command(&app, &["dead-letters", "show", topic, "none"]);
    assert_eq!(none.code, Some(1), "{none:?}");

    assert_eq!(command(&app, &["dead-letters", "redrive", topic]).code, Some(2), "which ones?");
    let unconfirmed = command(&app, &["dead-letters", "redrive", topic, "--all"]);
    assert_eq!(unconfirmed.code, Some(1), "{unconfirmed:?}");
    assert!(unconfirmed.stderr.contains("--yes") && unconfirmed.stderr.contains("`orders`"), "{unconfirmed:?}");
    let one = command(&app, &["dead-letters", "redrive", topic, &ids[1], "--yes"]);
    assert_eq!(one.code, Some(0), "{one:?}");
    assert!(one.stdout.starts_with("redriven 1, 0 failed, 0 unknown, 2 left"), "{one:?}");
    assert_eq!(drained(&app, "orders", "GID_b").iter().filter(|body| *body == "body-01").count(), 2);
    // Those that were left are there at once.
    let letters = listed(&app, "%25DLQ%25GID_a", "");
    assert!(letters.len() == 2 && letters.iter().all(|letter| letter["state"] == "ready"), "{letters:?}");
    let again = command(&app, &["dead-letters", "redrive", topic, &ids[1], "--yes"]);
    assert_eq!(again.code, Some(1), "it is done already: {again:?}");
    let drop = command(&app, &["dead-letters", "drop", topic, &ids[0], "--yes"]);
    assert_eq!((drop.code, listed(&app, "%25DLQ%25GID_a", "").len()), (Some(0), 1), "{drop:?}");
    let all = command(&app, &["dead-letters", "redrive", topic, "--all", "--yes"]);
    assert_eq!((all.code, listed(&app, "%25DLQ%25GID_a", "").len()), (Some(0), 0), "{all:?}");
    let all = command(&app, &["dead-letters", "redrive", topic, "--all", "--yes"]);
    assert_eq!(all.code, Some(0), "nothing to do is no failure: {all:?}");
}

#[test]
fn the_command_keeps_a_rate() {
    let app = impatient("ons-http");
    bury(&app, "orders", "CID_a", &["1", "2", "3", "4", "5", "6"]);
    let started = std::time::Instant::now();
    let redriven = command(&app, &["dead-letters", "redrive", "%DLQ%CID_a", "--all", "--yes", "--rate", "3"]);
    assert_eq!(redriven.code, Some(0), "{redriven:?}");
    assert!(redriven.stdout.starts_with("redriven 6"), "{redriven:?}");
    assert!(started.elapsed() >= Duration::from_millis(1800), "{:?}", started.elapsed());
}

/// The gateway dies in the middle: nothing is lost, what comes twice is counted, and the rest goes by running it again.
#[test]
fn a_kill_in_the_middle_of_a_redrive_loses_nothing() {
    let text = Settings::new().text_on_embedded("visibility_timeout = \"1s\"\nmax_redeliveries = 0\n");
    let text = text.replace("storage = \"memory\"", "storage = \"disk\"");
    let mut app = Launch::embedded_with(&text).start();
    let bodies: Vec<String> = (0..120).map(|index| format!("{index:03}")).collect();
    for body in &bodies {
        app.publish("orders", body);
    }
    until("all of them as dead letters", || {
        app.receive("orders", "GID_a", "{}");
        let described = app.management_get("/v1/dead-letters/%25DLQ%25GID_a").expect_json(200);
        (described["messages"] == 120).then_some(())
    });
    drained(&app, "orders", "GID_watch");
    let target = "/v1/dead-letters/%25DLQ%25GID_a/messages:redrive";
    for round in 0..3 {
        let options = json!({"confirmed": true, "hidden_seconds": 2}).to_string();
        let mut connection = crate::support::Connection::open(app.management());
        connection.send(
            format!(
                "POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{options}",
                options.len()
            )
            .as_bytes(),
        );
        // In the middle of the step: some are sent again, and not all.
        let published = || {
            let labels = [("topic", "orders"), ("outcome", "published")];
            app.metrics().get("mq_gateway_messages_published_total", &labels).unwrap_or(0.0)
        };
        let before = published();
        until("the first of the step", || (published() > before + f64::from(round)).then_some(()));
        let launch = Launch::embedded_with(&text).in_directory_of(app.directory());
        app.kill();
        app = launch.start();
    }
    let finished = until("the rest", || {
        let finished = command(&app, &["dead-letters", "redrive", "%DLQ%GID_a", "--all", "--yes"]);
        let described = app.management_get("/v1/dead-letters/%25DLQ%25GID_a").expect_json(200);
        (described["messages"] == 0).then_some(finished)
    });
    assert!(finished.stdout.contains("redriven"), "{finished:?}");
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for body in drained(&app, "orders", "GID_watch") {
        *counts.entry(body).or_default() += 1;
    }
    let missing: Vec<_> = bodies.iter().filter(|body| !counts.contains_key(*body)).collect();
    assert!(missing.is_empty(), "lost: {missing:?}");
    let duplicates: u32 = counts.values().map(|count| count - 1).sum();
    eprintln!("kill -9 in the middle of a redrive, three times: 120 dead letters, 0 lost, {duplicates} sent twice");
    assert!(duplicates <= 3 * 32, "no more than the steps that were broken off");
}

#[test]
fn elsewhere_the_guard_wants_the_token_as_it_is_now() {
    let text = "[server]\ndrain_delay = \"0s\"\n[management]\ntoken_file = \"{directory}/token\"\n[embedded]\nenabled = true\nstorage = \"memory\"\n\
        [profiles.main]\nprotocol = \"ons-http\"\nendpoints = [\"embedded\"]\ncredentials = \"embedded\"\nproducer_group = \"PID\"\n\
        [[topics]]\nname = \"*\"\nprofile = \"main\"\ngroups = [\"*\"]\n";
    let launch = Launch::bare().file("gateway.toml", text).file("token", "t0ken-CANARY\n");
    let launch = launch.arguments(&["--config", "{directory}/gateway.toml", "--data-dir", "{directory}/data"]);
    let launch = launch.arguments(&["--listen", "127.0.0.1:0", "--management-listen", "0.0.0.0:0"]);
    let launch = launch.arguments(&["--embedded-listen", "127.0.0.1:0"]).listeners(&["data", "management", "embedded"]);
    let token_file = launch.path("token");
    let app = launch.start();
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], app.management().port()));
    let target = "/v1/dead-letters/%25DLQ%25CID_a/messages";
    let with = |token: Option<&str>, more: Option<&str>| {
        let mut request = Request::new(address, "GET", target);
        if let Some(token) = token {
            request = request.header(format!("Authorization: Bearer {token}"));
        }
        if let Some(more) = more {
            request = request.header(more);
        }
        request.send()
    };
    assert_eq!(with(Some("t0ken-CANARY"), None).status, 200);
    for wrong in [None, Some("t0ken"), Some("t0ken-CANARY2")] {
        let problem = assert_problem(&with(wrong, None), 403, "operator-token-required", Meaning::NotDone);
        assert!(!problem.to_string().contains("CANARY"), "{problem}");
    }
    // A page of another site has no business here, whatever it knows.
    for more in ["Origin: https://evil.example", "Sec-Fetch-Site: cross-site"] {
        assert_problem(&with(Some("t0ken-CANARY"), Some(more)), 403, "origin-not-allowed", Meaning::NotDone);
    }
    // Names are open, as the metrics are.
    assert_eq!(Request::new(address, "GET", "/v1/dead-letters").send().status, 200);
    std::fs::write(&token_file, "t0ken-new").unwrap();
    assert_eq!((with(Some("t0ken-new"), None).status, with(Some("t0ken-CANARY"), None).status), (200, 403));
    let url = format!("http://{address}");
    let list = |file: &std::path::Path| {
        let file = file.display().to_string();
        let launch = Launch::bare().arguments(&["dead-letters", "list", "%DLQ%CID_a", "--url", &url]);
        launch.arguments(&["--token-file", &file]).run()
    };
    assert_eq!(list(&token_file).code, Some(0));
    let old = token_file.with_file_name("old");
    std::fs::write(&old, "t0ken-CANARY").unwrap();
    let refused = list(&old);
    assert!(refused.code == Some(1) && refused.stderr.contains("management.token_file"), "{refused:?}");
    assert!(!app.output().contains("CANARY") && !refused.output().contains("CANARY"));
    // Whoever asks, at whatever rate: what lasts is told once.
    std::fs::remove_file(&token_file).unwrap();
    for _ in 0..20 {
        assert_eq!((with(Some("t0ken-new"), None).status, with(Some("anything"), None).status), (200, 403));
    }
    let told = app.output().matches("the old token stays").count();
    assert_eq!(told, 1, "{}", app.output());
}

#[test]
fn one_that_is_sent_and_not_acknowledged_can_be_released() {
    let endpoint = Endpoint::start();
    let topics = "[[topics]]\nname = \"%DLQ%CID_a\"\nprofile = \"main\"\ngroups = [\"CID_ops\"]\n\
        [[topics]]\nname = \"orders\"\nprofile = \"main\"\ngroups = [\"CID_a\"]\n";
    let app = TestApp::with(&endpoint, Settings::new().topics(topics));
    app.publish("%25DLQ%25CID_a", "x");
    endpoint.rule(|request| (request.method == "DELETE").then(|| respond(503, &[], "{}")));
    let into = json!({"to": "orders", "confirmed": true});
    let answer = verb(&app, "%25DLQ%25CID_a", "redrive", into).expect_json(200);
    let result = &answer["results"][0];
    assert_eq!((&result["result"], &result["acknowledged"]), (&json!("redriven"), &json!(false)), "{answer}");
    assert!(result["receipt_handle"].is_string(), "{answer}");
    let tries = endpoint.requests().iter().filter(|it| it.method == "DELETE").count();
    assert!(tries >= 3, "it is tried again: {tries}");
}

#[test]
fn the_command_says_what_is_there_and_hidden() {
    // Somebody else is at it: no nack, and longer than the command waits.
    let app = Launch::on_embedded("visibility_timeout = \"60s\"\n", &Settings::new()).start();
    app.publish("kept", "one");
    app.publish("kept", "two");
    let taken = verb(&app, "kept", "take", json!({"max_messages": 1})).expect_json(200);
    assert_eq!(taken["messages"].as_array().unwrap().len(), 1, "{taken}");
    let dropped = command(&app, &["dead-letters", "drop", "kept", "--all", "--yes"]);
    assert_eq!(dropped.code, Some(1), "{dropped:?}");
    assert!(dropped.stdout.starts_with("dropped 1,") && dropped.stderr.contains("1 more are there"), "{dropped:?}");
}
