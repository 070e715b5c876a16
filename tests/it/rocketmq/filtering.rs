//! Groups that receive by tags: a filter of this protocol consumes what it leaves out, so it is the group's and not the caller's.

use mq_gateway::protocol::rocketmq::wire::{FilterType, ReceiveMessageRequest};
use prost::Message as _;
use serde_json::{Value, json};

use super::app;
use crate::support::mq::{MqRequest, assert_refused, received};
use crate::support::ons::Credentials;
use crate::support::rocketmq::FakeProxy;
use crate::support::{Launch, Meaning, TestApp, assert_problem};

const RECEIVE: &str = "/v1/topics/by-tag/groups/GID_tags/messages:receive";

fn publish(app: &TestApp, body: &str, tag: Option<&str>) {
    let mut envelope = json!({"body": body});
    if let Some(tag) = tag {
        envelope["tag"] = tag.into();
    }
    app.post_json("/v1/topics/by-tag/messages", envelope.to_string()).expect_json(201);
}

fn bodies(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["body"].as_str().unwrap()).collect()
}

/// The filters of the polls so far.
fn filters(proxy: &FakeProxy) -> Vec<String> {
    let filter = |message: &[u8]| {
        let filter = ReceiveMessageRequest::decode(message).unwrap().filter_expression.unwrap();
        assert_eq!(filter.r#type, FilterType::Tag as i32);
        filter.expression
    };
    proxy.calls("ReceiveMessage").iter().map(|call| filter(&call.message)).collect()
}

#[test]
fn every_poll_of_a_group_has_the_groups_tags() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    for (body, tag) in [("1", Some("TagA")), ("2", Some("TagC")), ("3", None), ("4", Some("TagB"))] {
        publish(&app, body, tag);
    }
    assert_eq!(bodies(&app.receive("by-tag", "GID_tags", r#"{"wait_seconds": 5}"#)), ["1", "4"]);
    assert_eq!(filters(&proxy), ["TagA||TagB"]);
    publish(&app, "5", Some("TagB"));
    let named = r#"{"wait_seconds": 5, "tags": ["TagB", "TagA", "TagB"]}"#;
    assert_eq!(bodies(&app.receive("by-tag", "GID_tags", named)), ["5"], "the same set, in any order");
    let all: std::collections::BTreeSet<String> = filters(&proxy).into_iter().collect();
    assert_eq!(all.into_iter().collect::<Vec<_>>(), ["TagA||TagB"]);
    publish(&app, "6", Some("TagC"));
    assert_eq!(bodies(&app.receive("by-tag", "GID_all", r#"{"wait_seconds": 5}"#)), ["6"], "a group without tags");
    assert_eq!(filters(&proxy).last().map(String::as_str), Some("*"));
}

#[test]
fn other_tags_than_the_groups_are_refused_before_anything_is_asked() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    for (group, tags, words) in [
        ("GID_tags", json!(["TagA"]), "this group has other tags in its configuration"),
        ("GID_tags", json!(["TagA", "TagC"]), "this group has other tags in its configuration"),
        ("GID_tags", json!(["TagA", "TagB", "TagC"]), "this group has other tags in its configuration"),
        ("GID_all", json!(["TagA"]), "this group's configuration has no tags: leave them out"),
    ] {
        let target = format!("/v1/topics/by-tag/groups/{group}/messages:receive");
        let answer = app.post_json(&target, json!({"tags": tags}).to_string());
        let problem = assert_problem(&answer, 422, "capability-not-supported", Meaning::Final);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(words) && detail.contains("acknowledges for the whole group"), "{problem}");
        assert_eq!(problem["errors"][0]["pointer"], "/tags", "{problem}");
    }
    let by_query = app.get("/v1/topics/by-tag/groups/GID_tags/messages?tags=TagA");
    let problem = assert_problem(&by_query, 422, "capability-not-supported", Meaning::Final);
    assert_eq!(problem["errors"][0]["parameter"], "tags", "{problem}");
    assert_eq!(proxy.calls("ReceiveMessage").len(), 0);
    publish(&app, "x", Some("TagA"));
    assert_eq!(
        app.post_json(RECEIVE, r#"{"wait_seconds": 5}"#).expect_json(200)["messages"][0]["body"],
        "x",
        "a control"
    );
}

#[test]
fn a_vendors_client_has_the_groups_tags_too() {
    let proxy = FakeProxy::start();
    let app = Launch::configured(&format!("{}[dropin]\nclient_auth = \"none\"\n", proxy.configuration(""))).start();
    let credentials = Credentials::of("nobody");
    let consume = |more| MqRequest::consume(&credentials, "by-tag", "GID_tags", 16, more).send(app.data());
    assert_refused(&consume("&tag=TagA"), 400, "InvalidArgument");
    for (more, tag) in [("&waitseconds=5&tag=TagB%7C%7CTagA", "TagA"), ("&waitseconds=5", "TagB")] {
        publish(&app, tag, Some(tag));
        let taken = received(&consume(more));
        assert_eq!(taken.iter().map(|message| message.body.as_str()).collect::<Vec<_>>(), [tag]);
    }
    assert!(filters(&proxy).iter().all(|filter| filter == "TagA||TagB"));
}

#[test]
fn discovery_shows_the_tags_of_groups_that_have_some() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    let topic = app.get("/v1/topics/by-tag").expect_json(200);
    assert_eq!(topic["groups"], json!(["GID_tags", "GID_all"]));
    assert_eq!(topic["group_tags"], json!({"GID_tags": ["TagA", "TagB"]}));
    assert_eq!(topic["capabilities"]["tag_filter"], false, "no receive chooses one");
    assert_eq!(app.get("/v1/topics/orders").expect_json(200).get("group_tags"), None);
}
