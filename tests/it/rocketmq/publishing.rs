//! What is sent for a publish, and what each ending of it means.

use mq_gateway::protocol::rocketmq::wire::{MessageType, Timestamp};
use serde_json::json;

use super::{app, app_with};
use crate::support::loopback::own_address;
use crate::support::ons::Credentials;
use crate::support::rocketmq::{FakeProxy, Fault};
use crate::support::time::now_millis;
use crate::support::{Launch, Meaning, assert_problem};

const MESSAGES: &str = "/v1/topics/orders/messages";

#[test]
fn a_message_arrives_as_it_was_published() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    let envelope = json!({"body": "订单 1", "tag": "TagA", "keys": ["k1", "k2"], "properties": {"b": "2", "a": "1"}});
    let answer = app.post_json(MESSAGES, envelope.to_string()).expect_json(201);
    let [message] = proxy.stored().try_into().expect("one message");
    let system = message.system_properties.unwrap();
    let expected = json!({"message_id": system.message_id, "topic": "orders", "outcome": "published", "attempts": 1});
    assert_eq!(answer, expected);
    assert_eq!(message.body, "订单 1");
    assert_eq!(message.topic.unwrap().name, "orders");
    assert_eq!(
        (system.tag.as_deref(), system.keys.as_slice()),
        (Some("TagA"), &["k1".to_owned(), "k2".to_owned()][..])
    );
    let properties: Vec<_> = message.user_properties.into_iter().collect();
    assert_eq!(properties, [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
    assert_eq!(system.message_type, MessageType::Normal as i32);
    let call = &proxy.calls("SendMessage")[0];
    assert!(!call.headers.contains_key("authorization"), "no credentials are configured");
    assert!(call.headers["x-mq-client-id"].starts_with("mq-gateway@"), "{:?}", call.headers);
    assert_eq!(call.headers["te"], "trailers");
}

#[test]
fn times_groups_and_any_bytes_are_carried() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    let before = now_millis();
    app.post_json("/v1/topics/later/messages", r#"{"body": "x", "delay_seconds": 60}"#).expect_json(201);
    app.post_json("/v1/topics/steps/messages", r#"{"body": "x", "message_group": "user 7"}"#).expect_json(201);
    let raw = app.request("POST", MESSAGES).header("Content-Type: application/octet-stream");
    assert_eq!(raw.body([0xff, 0x00, 0x01]).send().status, 201);
    let stored = proxy.stored();
    let system = |index: usize| stored[index].system_properties.clone().unwrap();
    assert_eq!(system(0).message_type, MessageType::Delay as i32);
    let Timestamp { seconds, .. } = system(0).delivery_timestamp.unwrap();
    let seconds = u64::try_from(seconds).unwrap();
    assert!((before / 1000 + 59..before / 1000 + 75).contains(&seconds), "{seconds}");
    assert_eq!(
        (system(1).message_type, system(1).message_group.as_deref()),
        (MessageType::Fifo as i32, Some("user 7"))
    );
    assert_eq!(stored[2].body.as_ref(), [0xff, 0x00, 0x01]);
}

#[test]
fn calls_are_signed_where_there_are_keys() {
    let proxy = FakeProxy::start();
    let credentials = Credentials::of("rocketmq-5");
    let text = proxy.configuration("credentials = \"main\"\nnamespace = \"MQ_INST_1\"");
    let app = Launch::configured(&format!("{text}[credentials.main]\ndirectory = \"{{secrets}}\"\n"));
    let app = app.secrets(&credentials).start();
    app.publish("orders", "x");
    let call = &proxy.calls("SendMessage")[0];
    let expected =
        format!("MQv2-HMAC-SHA1 Credential={}, SignedHeaders=x-mq-date-time, Signature=", credentials.access_key);
    let signature =
        call.headers["authorization"].strip_prefix(&expected).unwrap_or_else(|| panic!("{:?}", call.headers));
    assert!(signature.len() == 40 && signature.bytes().all(|byte| byte.is_ascii_hexdigit()), "{signature}");
    assert_eq!(call.headers["x-mq-namespace"], "MQ_INST_1");
    let stored = &proxy.stored()[0];
    assert_eq!(stored.topic.clone().unwrap().resource_namespace, "MQ_INST_1");
    assert!(!app.output().contains(signature), "no signature in a log");
}

#[test]
fn every_ending_of_a_publish_says_what_is_known() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    for (fault, status, code, meaning) in [
        (Fault::Status(40004, "bad tag"), 422, "upstream-rejected-message", Meaning::NotPublished),
        (Fault::Status(41301, "too large"), 422, "upstream-rejected-message", Meaning::NotPublished),
        (Fault::Status(40012, "too far"), 422, "upstream-rejected-message", Meaning::NotPublished),
        (Fault::Status(40014, "type"), 422, "capability-not-supported", Meaning::NotPublished),
        (Fault::Status(40402, "no topic"), 502, "upstream-misconfigured", Meaning::NotPublished),
        (Fault::Status(50001, "send request to 127.0.0.1:1 failed"), 502, "upstream-error", Meaning::Unknown),
        (Fault::Status(50400, "late"), 504, "upstream-timeout", Meaning::Unknown),
        (Fault::Status(99999, "?"), 502, "upstream-bad-response", Meaning::Unknown),
        (Fault::Grpc(14), 502, "upstream-error", Meaning::Unknown),
        (Fault::Grpc(4), 504, "upstream-timeout", Meaning::Unknown),
        (Fault::Grpc(12), 502, "upstream-misconfigured", Meaning::NotPublished),
        (Fault::Http(503), 502, "upstream-error", Meaning::Unknown),
        (Fault::Reset, 502, "upstream-bad-response", Meaning::Unknown),
        (Fault::Garbage, 502, "upstream-error", Meaning::Unknown),
        (Fault::DoneThenGrpc(14), 502, "upstream-error", Meaning::Unknown),
        (Fault::DoneThenDisconnect, 502, "upstream-bad-response", Meaning::Unknown),
    ] {
        let before = proxy.calls("SendMessage").len();
        proxy.script("SendMessage", [fault]);
        let answer = app.post_json(MESSAGES, r#"{"body": "x"}"#);
        assert_problem(&answer, status, code, meaning);
        assert_eq!(proxy.calls("SendMessage").len(), before + 1, "{fault:?} is not repeated");
    }
    // A control: the proxy is well, and so is the way to it.
    app.publish("orders", "x");
}

#[test]
fn what_was_stored_weakly_is_published_where_the_answer_shows_that_it_is_stored() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    for code in [50401, 50402, 50002] {
        let stored = proxy.stored().len();
        proxy.script("SendMessage", [Fault::Entry(code)]);
        let answer = app.post_json(MESSAGES, r#"{"body": "x"}"#).expect_json(201);
        assert_eq!((&answer["outcome"], &answer["durability"]), (&json!("published"), &json!("degraded")));
        let system = proxy.stored()[stored].system_properties.clone().unwrap();
        assert_eq!(answer["message_id"], system.message_id, "{answer}");
        // The code alone, of no message: nobody knows.
        proxy.script("SendMessage", [Fault::Status(code, "late")]);
        let answer = app.post_json(MESSAGES, r#"{"body": "x"}"#);
        let problem = assert_problem(&answer, 502, "upstream-bad-response", Meaning::Unknown);
        assert!(problem["detail"].as_str().unwrap().contains(&code.to_string()), "{problem}");
    }
    // What is no success in an entry either.
    for (code, status, word, meaning) in [
        (50400, 504, "upstream-timeout", Meaning::Unknown),
        (50001, 502, "upstream-error", Meaning::Unknown),
        (42900, 503, "upstream-throttled", Meaning::NotPublishedTryAgain),
    ] {
        // As often as it is repeated.
        proxy.script("SendMessage", (0..if code == 42900 { 3 } else { 1 }).map(|_| Fault::Entry(code)));
        assert_problem(&app.post_json(MESSAGES, r#"{"body": "x"}"#), status, word, meaning);
    }
    app.publish("orders", "a control");
}

#[test]
fn what_was_certainly_not_stored_is_repeated_with_the_same_id() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    proxy.script("SendMessage", [Fault::Status(50001, "connect to 127.0.0.1:1 failed"), Fault::Status(42900, "slow")]);
    let answer = app.post_json(MESSAGES, r#"{"body": "x"}"#).expect_json(201);
    assert_eq!(answer["attempts"], 3);
    let ids: Vec<String> = proxy
        .calls("SendMessage")
        .iter()
        .map(|call| {
            use mq_gateway::protocol::rocketmq::wire::SendMessageRequest;
            let request = <SendMessageRequest as prost::Message>::decode(call.message.as_slice()).unwrap();
            request.messages[0].system_properties.clone().unwrap().message_id
        })
        .collect();
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| *id == answer["message_id"]), "{ids:?} {answer}");
}

#[test]
fn refused_keys_are_tried_twice_and_are_not_the_callers() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    proxy.script("SendMessage", [Fault::Status(40100, "CANARY"), Fault::Status(40100, "CANARY")]);
    let answer = app.post_json(MESSAGES, r#"{"body": "x"}"#);
    let problem = assert_problem(&answer, 502, "upstream-auth-rejected", Meaning::NotPublishedTryAgain);
    assert!(!problem.to_string().contains("CANARY"), "{problem}");
    assert_eq!(proxy.calls("SendMessage").len(), 2);
}

#[test]
fn an_answer_that_does_not_come_is_unknown_at_the_deadline() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    proxy.script("SendMessage", [Fault::Hang]);
    let request = app.request("POST", MESSAGES).header("Prefer: wait=1").json(r#"{"body": "x"}"#);
    assert_problem(&request.send(), 504, "upstream-timeout", Meaning::Unknown);
}

#[test]
fn a_proxy_that_is_away_is_told_as_nothing_sent_and_found_again() {
    let mut proxy = FakeProxy::start_at(&own_address().to_string());
    let app = app(&proxy);
    app.publish("orders", "before");
    proxy.restart(std::time::Duration::ZERO);
    // The route is known, so the first sign is the connection's.
    crate::support::time::until("a publish after the restart", || {
        let answer = app.post_json(MESSAGES, r#"{"body": "after"}"#);
        if answer.status == 201 {
            return Some(());
        }
        assert!([502, 503].contains(&answer.status), "{answer:?}");
        None
    });
    drop(proxy);
    // What is written to a connection that breaks under it may have been read.
    let answer = crate::support::time::until("a publish that finds nobody", || {
        let answer = app.request("POST", MESSAGES).header("Prefer: wait=1").json(r#"{"body": "x"}"#).send();
        if answer.json()["code"] == "upstream-unreachable" {
            return Some(answer);
        }
        assert_problem(&answer, 502, "upstream-bad-response", Meaning::Unknown);
        None
    });
    assert_problem(&answer, 503, "upstream-unreachable", Meaning::NotPublishedTryAgain);
}

#[test]
fn what_a_topic_does_not_take_is_refused_before_the_wire() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    for (topic, envelope, words) in [
        ("steps", json!({"body": "x"}), "takes FIFO messages"),
        ("later", json!({"body": "x"}), "takes DELAY messages"),
        ("orders", json!({"body": "x", "message_group": "g"}), "takes NORMAL messages"),
        ("half", json!({"body": "x"}), "the gateway sends no transactional messages: use another topic"),
    ] {
        let answer = app.post_json(&format!("/v1/topics/{topic}/messages"), envelope.to_string());
        let problem = assert_problem(&answer, 422, "capability-not-supported", Meaning::NotPublished);
        assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
    }
    let answer = app.post_json("/v1/topics/nowhere/messages", r#"{"body": "x"}"#);
    let problem = assert_problem(&answer, 502, "upstream-misconfigured", Meaning::NotPublished);
    assert!(problem["detail"].as_str().unwrap().contains("mqadmin updateTopic -t nowhere"), "{problem}");
    assert_eq!(proxy.calls("SendMessage").len(), 0);
}

#[test]
fn what_the_protocol_does_not_carry_is_refused_with_its_limit() {
    let proxy = FakeProxy::start();
    let app = app_with(&proxy, "max_delay = \"1h\"\nmax_message_bytes = 10");
    let later = "/v1/topics/later/messages";
    let many: serde_json::Map<String, serde_json::Value> = (0..129).map(|it| (format!("p{it}"), json!("x"))).collect();
    for (target, envelope, status, code, words) in [
        (MESSAGES, json!({"body": ""}), 422, "capability-not-supported", "no empty body"),
        (MESSAGES, json!({"body": "01234567890"}), 413, "message-too-large", "11 bytes"),
        (
            MESSAGES,
            json!({"body": "x", "properties": many}),
            422,
            "validation-failed",
            "at most 128 properties, has 129",
        ),
        (
            MESSAGES,
            json!({"body": "x", "properties": {"p": "x".repeat(16 << 10)}}),
            422,
            "validation-failed",
            "have 16385 bytes together, the limit of rocketmq is 16384",
        ),
        (MESSAGES, json!({"body": "x", "properties": {"KEYS": "x"}}), 422, "validation-failed", "the MQ itself uses"),
        (MESSAGES, json!({"body": "x", "tag": "  "}), 422, "validation-failed", "a tag must not be blank"),
        (
            "/v1/topics/steps/messages",
            json!({"body": "x", "message_group": "g".repeat(64)}),
            422,
            "validation-failed",
            "has 64 bytes, the limit of rocketmq is 63",
        ),
        (
            "/v1/topics/steps/messages",
            json!({"body": "x", "message_group": "g", "delay_seconds": 5}),
            422,
            "validation-failed",
            "cannot be delayed",
        ),
        (later, json!({"body": "x", "delay_seconds": 3700}), 422, "validation-failed", "max_delay (1 h)"),
    ] {
        let problem = assert_problem(&app.post_json(target, envelope.to_string()), status, code, Meaning::NotPublished);
        assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
    }
    assert_eq!(proxy.calls("SendMessage").len(), 0);
}

#[test]
fn a_body_may_have_four_mebibytes_and_no_byte_more() {
    let proxy = FakeProxy::start();
    let app = app_with(&proxy, "");
    let publish = |length: usize| {
        let raw = app.request("POST", MESSAGES).header("Content-Type: application/octet-stream");
        raw.body(vec![b'x'; length]).send()
    };
    assert_eq!(publish(4 << 20).status, 201);
    assert_eq!(proxy.stored()[0].body.len(), 4 << 20);
    let problem = assert_problem(&publish((4 << 20) + 1), 413, "message-too-large", Meaning::NotPublished);
    assert_eq!(problem["limit"], 4 << 20, "{problem}");
    assert_eq!(proxy.calls("SendMessage").len(), 1);
}

#[test]
fn a_limit_of_the_clusters_own_is_told_as_such() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    proxy.script("SendMessage", [Fault::Status(40012, "the max delay time is 3 hours")]);
    let later = json!({"body": "x", "delay_seconds": 20_000});
    let answer = app.post_json("/v1/topics/later/messages", later.to_string());
    let problem = assert_problem(&answer, 422, "upstream-rejected-message", Meaning::NotPublished);
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("3 hours; choose an earlier time: the cluster's limit is below the profile's `max_delay`"),
        "{detail}"
    );
    assert_eq!(problem["vendor_code"], "ILLEGAL_DELIVERY_TIME");
}

#[test]
fn configured_names_may_be_as_long_as_the_mqs() {
    let proxy = FakeProxy::start();
    let (topic, group) = ("t".repeat(127), "g".repeat(255));
    let table = format!("[[topics]]\nname = \"{topic}\"\nprofile = \"main\"\ngroups = [\"{group}\"]\n");
    let app = Launch::configured(&(proxy.configuration("") + &table)).start();
    app.publish(&topic, "x");
    assert_eq!(proxy.stored()[0].topic.clone().unwrap().name, topic);
    let messages = app.receive(&topic, &group, r#"{"wait_seconds": 5}"#);
    let [message] = &messages[..] else { panic!("{messages:?}") };
    let handle = message["receipt_handle"].as_str().unwrap();
    let path = format!("/v1/topics/{topic}/groups/{group}/messages");
    let extended = json!({"receipt_handles": [handle], "visibility_timeout_seconds": 60});
    let answer = app.post_json(&format!("{path}:extend"), extended.to_string()).expect_json(200);
    let handle = answer["results"][0]["receipt_handle"].as_str().unwrap();
    assert_eq!(app.ack(&topic, &group, &[handle]).expect_json(200)["results"][0]["status"], 204);
    // What nobody configured is as short as anywhere.
    let answer = app.post_json(&format!("/v1/topics/{}/messages", "t".repeat(65)), r#"{"body": "x"}"#);
    assert_problem(&answer, 422, "validation-failed", Meaning::NotPublished);
}

#[test]
fn a_batch_is_one_call_for_each_message() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    let messages: Vec<_> = (0..20).map(|index| json!({"body": format!("m{index}")})).collect();
    let answer = app.post_json("/v1/topics/orders/messages:batch", json!({"messages": messages}).to_string());
    assert_eq!(answer.expect_json(200)["results"].as_array().unwrap().len(), 20);
    assert_eq!(proxy.stored().len(), 20, "the fake takes one message a call");
}
