//! Requests go where the MQ's routes say: brokers in local mode each have an address of their own, and take each other's handles for
//! theirs.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mq_gateway::protocol::rocketmq::wire::{AddressScheme, QueryRouteRequest};
use prost::Message as _;
use serde_json::{Value, json};

use super::{app, app_with};
use crate::support::messages::handle_of;
use crate::support::rocketmq::FakeProxy;
use crate::support::time::until;
use crate::support::{Launch, Meaning, TestApp, assert_problem, assert_problem_value};

const MESSAGES: &str = "/v1/topics/orders/messages";
const RECEIVE: &str = "/v1/topics/orders/groups/GID_a/messages:receive";
const WAIT: &str = r#"{"wait_seconds": 5, "max_messages": 16}"#;

/// Two proxies in local mode; only the first is configured.
fn pair() -> (FakeProxy, FakeProxy) {
    let (one, other) = (FakeProxy::start(), FakeProxy::start_at("127.0.0.2"));
    one.serve_only("broker-a");
    other.serve_only("broker-b");
    for proxy in [&one, &other] {
        proxy.tell_brokers(&[("broker-a", one.address()), ("broker-b", other.address())]);
    }
    (one, other)
}

/// Where nobody listens.
fn nobody(host: &str) -> SocketAddr {
    SocketAddr::new(host.parse().unwrap(), 9)
}

/// Receives until so many have come.
#[track_caller]
fn received(app: &TestApp, count: usize) -> Vec<Value> {
    let (mut messages, began) = (Vec::new(), Instant::now());
    while messages.len() < count {
        assert!(began.elapsed() < Duration::from_secs(20), "{} of {count} messages came", messages.len());
        messages.extend(app.receive("orders", "GID_a", WAIT));
    }
    messages
}

fn handles(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(handle_of).collect()
}

#[test]
fn every_broker_is_served_at_its_own_address() {
    let (one, other) = pair();
    let app = app(&one);
    for number in 0..6 {
        app.publish("orders", &format!("m{number}"));
    }
    assert_eq!((one.stored().len(), other.stored().len()), (3, 3), "in turn");
    let messages = received(&app, 6);
    let mut bodies: Vec<&str> = messages.iter().map(|it| it["body"].as_str().unwrap()).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, ["m0", "m1", "m2", "m3", "m4", "m5"]);
    // A change is made where the delivery came from, and so is what comes after it.
    let old = handles(&messages);
    let answer = app.extend("orders", "GID_a", &old, 60).expect_json(200);
    let new: Vec<&str> =
        answer["results"].as_array().unwrap().iter().map(|it| it["receipt_handle"].as_str().unwrap()).collect();
    let answer = app.ack("orders", "GID_a", &new).expect_json(200);
    let expected: Vec<Value> = new.iter().map(|it| json!({"receipt_handle": it, "status": 204})).collect();
    assert_eq!(answer["results"], json!(expected), "each with its own result, in order");
    for proxy in [&one, &other] {
        assert_eq!(proxy.foreign_handles(), Vec::<String>::new());
        assert_eq!(proxy.calls("AckMessage").len(), 1, "one request for each address");
        assert_eq!(proxy.calls("ChangeInvisibleDuration").len(), 3);
        assert_eq!(proxy.calls("Telemetry").len(), 1, "one client for each address");
        let clients: Vec<_> = proxy.calls("ReceiveMessage").into_iter().map(|it| it.headers).collect();
        let known = &proxy.calls("Telemetry")[0].headers["x-mq-client-id"];
        assert!(clients.iter().all(|it| it["x-mq-client-id"] == *known), "{known} {clients:?}");
    }
    // Routes are asked for at the configured endpoint, which is told how it was reached.
    assert_eq!(other.calls("QueryRoute").len(), 0);
    let told = QueryRouteRequest::decode(one.calls("QueryRoute")[0].message.as_slice()).unwrap().endpoints.unwrap();
    assert_eq!((told.scheme, told.addresses.len()), (AddressScheme::Ipv4 as i32, 1));
    assert_eq!(format!("{}:{}", told.addresses[0].host, told.addresses[0].port), one.address().to_string());
    let metrics = app.metrics();
    let labels = [("profile", "main"), ("endpoint", &*other.address().to_string())];
    assert_eq!(metrics.get("mq_gateway_circuit_breaker_state", &labels), Some(0.0));
}

#[test]
fn nothing_goes_where_routes_say_unless_the_profile_follows_them() {
    let (one, other) = pair();
    let app = app_with(&one, "follow_routes = false");
    for number in 0..4 {
        app.publish("orders", &format!("m{number}"));
    }
    let messages = received(&app, 4);
    app.ack("orders", "GID_a", &handles(&messages)).expect_json(200);
    assert_eq!(one.stored().len(), 4);
    for method in ["SendMessage", "Telemetry", "ReceiveMessage", "AckMessage"] {
        assert!(!one.calls(method).is_empty() && other.calls(method).is_empty(), "{method}");
    }
}

#[test]
fn any_process_acknowledges_at_the_right_address() {
    let (one, other) = pair();
    let app_one = app(&one);
    other.offer("x");
    let messages = received(&app_one, 1);
    let app_two = app(&one);
    app_two.ack("orders", "GID_a", &handles(&messages)).expect_json(200);
    assert_eq!((one.calls("AckMessage").len(), other.calls("AckMessage").len()), (0, 1));
    assert_eq!(one.foreign_handles(), Vec::<String>::new());
}

#[test]
fn what_nobody_took_is_given_back_where_it_came_from() {
    let (one, other) = pair();
    for proxy in [&one, &other] {
        proxy.hold_polls(Duration::from_secs(4));
    }
    let app = app(&one);
    assert!(app.receive("orders", "GID_a", "{}").is_empty());
    other.offer("late");
    other.until_calls("ChangeInvisibleDuration", 1);
    assert_eq!(one.calls("ChangeInvisibleDuration").len(), 0);
    assert_eq!(received(&app, 1)[0]["delivery_attempt"], 2);
}

#[test]
fn the_messages_of_a_group_go_to_one_broker() {
    let (one, other) = pair();
    let app = app(&one);
    for number in 0..24 {
        let envelope = json!({"body": "x", "message_group": format!("user-{}", number % 8)});
        app.post_json("/v1/topics/steps/messages", envelope.to_string()).expect_json(201);
    }
    let groups = |proxy: &FakeProxy| -> Vec<String> {
        let group = |message: mq_gateway::protocol::rocketmq::wire::Message| message.system_properties?.message_group;
        proxy.stored().into_iter().filter_map(group).collect()
    };
    let (here, there) = (groups(&one), groups(&other));
    assert_eq!(here.len() + there.len(), 24);
    assert!(!here.is_empty() && !there.is_empty(), "{here:?} {there:?}");
    assert!(here.iter().all(|group| !there.contains(group)), "{here:?} {there:?}");
}

#[test]
fn an_address_that_cannot_be_reached_is_told_with_the_setting() {
    let one = FakeProxy::start();
    let away = nobody("127.0.0.2");
    one.tell_brokers(&[("broker-a", one.address()), ("broker-b", away)]);
    let app = app_with(&one, "breaker_failures = 2");
    let assert_advice = |problem: &Value| {
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("`follow_routes = false`"), "{problem}");
    };
    // What may go anywhere goes elsewhere.
    for number in 0..6 {
        app.publish("orders", &format!("m{number}"));
    }
    assert_eq!(one.stored().len(), 6);
    // What has one place waits for it: elsewhere it would be out of order.
    let refused = (0..8).find_map(|number| {
        let envelope = json!({"body": "x", "message_group": format!("user-{number}")}).to_string();
        let request = app.request("POST", "/v1/topics/steps/messages").header("Prefer: wait=2").json(envelope);
        Some(request.send()).filter(|answer| answer.status != 201)
    });
    let refused = refused.expect("a group whose broker is away");
    let code = refused.json()["code"].as_str().unwrap().to_owned();
    assert!(["upstream-unreachable", "upstream-circuit-open"].contains(&&*code), "{refused:?}");
    assert_advice(&assert_problem(&refused, 503, &code, Meaning::NotPublishedTryAgain));
    // One broker's absence keeps nobody from the other's messages.
    let messages = received(&app, 6);
    app.ack("orders", "GID_a", &handles(&messages)).expect_json(200);
    // An acknowledgement goes nowhere else.
    let elsewhere = FakeProxy::start_at("127.0.0.3");
    elsewhere.serve_only("broker-b");
    elsewhere.tell_brokers(&[("broker-b", elsewhere.address())]);
    elsewhere.offer("x");
    let other_app = super::app(&elsewhere);
    let foreign = received(&other_app, 1);
    let answer = app.ack("orders", "GID_a", &handles(&foreign)).expect_json(207);
    let problem = &answer["results"][0]["problem"];
    let code = problem["code"].as_str().unwrap().to_owned();
    assert_problem_value(problem, 503, &code, Meaning::TryAgain);
    assert_advice(problem);
    assert_eq!(one.foreign_handles(), Vec::<String>::new());
}

#[test]
fn a_topic_whose_only_address_cannot_be_reached_says_so() {
    let one = FakeProxy::start();
    let away = nobody("127.0.0.2");
    one.tell_brokers(&[("broker-b", away)]);
    let app = app(&one);
    let answer = app.post_json(RECEIVE, r#"{"wait_seconds": 1}"#);
    let problem = assert_problem(&answer, 503, "upstream-unreachable", Meaning::TryAgain);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(&away.to_string()) && detail.contains("`follow_routes = false`"), "{problem}");
    // A control: the setting does what it says.
    one.offer("x");
    let app = app_with(&one, "follow_routes = false");
    assert_eq!(app.receive("orders", "GID_a", WAIT).len(), 1);
}

#[test]
fn a_host_that_was_dialled_is_reached_as_it_was_dialled() {
    // As a proxy in cluster mode behind another port: it names the host that it is told, and the port that it listens on.
    let one = FakeProxy::start();
    one.tell_brokers(&[("broker-a", nobody("127.0.0.1"))]);
    let app = app(&one);
    app.publish("orders", "x");
    let messages = received(&app, 1);
    let answer = app.extend("orders", "GID_a", &handles(&messages), 60).expect_json(200);
    let new = answer["results"][0]["receipt_handle"].as_str().unwrap();
    app.ack("orders", "GID_a", &[new]).expect_json(200);
}

#[test]
fn with_several_proxies_in_cluster_mode_another_takes_over() {
    let one = FakeProxy::start();
    let other = FakeProxy::start_beside(&one);
    let text = one.configuration("").replacen(&one.url(), &format!("{}\", \"{}", one.url(), other.url()), 1);
    let app = Launch::configured(&text).start();
    app.publish("orders", "before");
    let messages = received(&app, 1);
    drop(one);
    until("a publish after the first is gone", || {
        let answer = app.request("POST", MESSAGES).header("Prefer: wait=3").json(r#"{"body": "after"}"#).send();
        // What is written to a connection that breaks under it may have been read.
        assert!(answer.status == 201 || answer.json()["outcome"] == "unknown", "{answer:?}");
        (answer.status == 201).then_some(())
    });
    app.ack("orders", "GID_a", &handles(&messages)).expect_json(200);
    assert_eq!(received(&app, 1)[0]["body"], "after");
}

#[test]
fn a_broker_that_has_moved_is_found_at_its_new_address() {
    let (one, other) = pair();
    let app = app(&one);
    other.offer("x");
    let messages = received(&app, 1);
    let other = other.moved_to("127.0.0.4");
    other.offer("y");
    one.tell_brokers(&[("broker-a", one.address()), ("broker-b", other.address())]);
    // Those who wait meanwhile are served, too: nobody else asks.
    assert_eq!(received(&app, 1)[0]["body"], "y");
    let answer = app.ack("orders", "GID_a", &handles(&messages)).expect_json(200);
    assert_eq!(answer["results"][0]["status"], 204);
    assert_eq!(one.foreign_handles(), Vec::<String>::new());
}

#[test]
fn a_broker_that_the_route_does_not_name_is_told() {
    let (one, other) = pair();
    let app_one = app(&one);
    other.offer("x");
    let messages = received(&app_one, 1);
    one.tell_brokers(&[("broker-a", one.address())]);
    let app_two = app(&one);
    for answer in [
        app_two.ack("orders", "GID_a", &handles(&messages)),
        app_two.extend("orders", "GID_a", &handles(&messages), 60),
    ] {
        let problem = &answer.expect_json(207)["results"][0]["problem"];
        assert_problem_value(problem, 503, "upstream-unreachable", Meaning::TryAgain);
        assert!(problem["detail"].as_str().unwrap().contains("does not at present name the broker"), "{problem}");
    }
    assert_eq!((one.calls("AckMessage").len(), one.foreign_handles().len()), (0, 0));
    // A control: it is good where the broker is named.
    app_one.ack("orders", "GID_a", &handles(&messages)).expect_json(200);
}
