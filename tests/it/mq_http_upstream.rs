//! The MQ HTTP protocol as an upstream: what is sent, what comes back byte for byte, and what the MQ's answers mean.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::support::embedded::on_embedded_mq_http;
use crate::support::encoding::from_base64;
use crate::support::endpoint::check_mq::error;
use crate::support::endpoint::{Script, applied_then, closed, respond};
use crate::support::messages::{bodies, handle_of};
use crate::support::mq::{MqRequest, all, only};
use crate::support::time::{now_millis, until};
use crate::support::{Endpoint, Launch, Meaning, Settings, TestApp, assert_problem, assert_problem_value};

const MESSAGES: &str = "/v1/topics/orders/messages";
const RECEIVE: &str = "/v1/topics/orders/groups/GID_a/messages:receive";
const ACK: &str = "/v1/topics/orders/groups/GID_a/messages:ack";
const KIND: &str = "Content-Type: text/xml;charset=utf-8";

fn settings() -> Settings {
    Settings::new().profile("protocol = \"mq-http\"").profile("breaker_failures = 1000")
}

#[test]
fn the_example_runs_as_it_stands() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/config/examples/embedded-mq-http.toml");
    let app = Launch::bare()
        .arguments(&["--config", example, "--data-dir", "{directory}/data", "--embedded-listen", "127.0.0.1:0"])
        .arguments(&["--listen", "127.0.0.1:0", "--management-listen", "127.0.0.1:0"])
        .environment("MQ_GATEWAY__SERVER__DRAIN_DELAY", "0s")
        .listeners(&["data", "management", "embedded"])
        .start();
    let credentials = app.embedded_credentials();
    for address in [app.data(), app.embedded_address()] {
        let sent = MqRequest::publish(&credentials, "orders", "by an SDK", "", "").send(address);
        assert_eq!(sent.status, 201, "{sent:?}");
    }
    let binary = app.post_json(MESSAGES, r#"{"body":"AP8=","encoding":"base64"}"#);
    assert_eq!(binary.status, 201, "{binary:?}");
    assert_eq!(bodies(&app.receive("orders", "GID_a", r#"{"wait_seconds":5}"#)), ["by an SDK", "by an SDK", "AP8="]);
}

#[test]
fn a_message_keeps_all_its_fields() {
    let app = on_embedded_mq_http();
    let envelope = json!({
        "body": "Hello <b>&\"'世界</b> ]]> \r\n tail\t😀 ", "tag": "TagA", "keys": ["k1", "k2"],
        "properties": {"a": "值", "b": "with blank", "empty": ""}, "message_group": "user 7",
    });
    let answer = app.post_json(MESSAGES, envelope.to_string()).expect_json(201);
    assert_eq!(answer["outcome"], "published");
    let messages = app.receive("orders", "GID_a", r#"{"wait_seconds":5}"#);
    assert_eq!(messages.len(), 1);
    let message = &messages[0];
    assert_eq!(message["message_id"], answer["message_id"]);
    for name in ["body", "tag", "keys", "properties", "message_group"] {
        assert_eq!(message[name], envelope[name], "{name}");
    }
    assert_eq!((message["delivery_attempt"].as_u64(), message["encoding"].as_str()), (Some(1), Some("text")));
    // NextConsumeTime, not the profile's assumption of 300 s.
    let shown = message["visible_again_at"].as_str().expect("a time");
    let published = message["published_at"].as_str().expect("a time");
    let millis = |text| crate::support::time::parse_rfc3339_millis(text).expect("a time");
    assert!((1900..5000).contains(&(millis(shown) - millis(published))), "{published} {shown}");
    let again = until("the redelivery", || app.receive("orders", "GID_a", "{}").into_iter().next());
    assert_eq!(again["delivery_attempt"], 2);
    assert_eq!(app.ack("orders", "GID_a", &[handle_of(&again)]).expect_json(200)["results"][0]["status"], 204);
}

#[test]
fn bodies_come_back_byte_for_byte() {
    let app = on_embedded_mq_http();
    let every_byte: Vec<u8> = (0..=255).collect();
    let sent_bodies: [&[u8]; 9] = [
        b"plain",
        b"\r\n\r \n\t ",
        b"",
        b"\x00",
        b"\xff\xfe",
        &every_byte,
        "\u{FFFE}\u{FFFF}".as_bytes(),
        b"<![CDATA[x]]>&amp;<!-- -->",
        "AP+A".as_bytes(),
    ];
    for (index, body) in sent_bodies.iter().enumerate() {
        let topic = format!("topic-{index}");
        let target = format!("/v1/topics/{topic}/messages?property.p=v");
        let sent = app.request("POST", &target).header("Content-Type: application/octet-stream").body(body).send();
        assert_eq!(sent.status, 201, "{sent:?}");
        let messages = app.receive(&topic, "GID_a", r#"{"wait_seconds":5}"#);
        let text = messages[0]["body"].as_str().expect("a body");
        let received = match messages[0]["encoding"].as_str() {
            Some("base64") => from_base64(text),
            _ => text.as_bytes().to_vec(),
        };
        assert_eq!(received, *body, "{index}");
        assert_eq!(messages[0]["properties"], json!({"p": "v"}), "no mark of ours is left");
    }
}

#[test]
fn tags_order_and_times() {
    let app = on_embedded_mq_http();
    let publish = |envelope: Value| {
        assert_eq!(app.post_json(MESSAGES, envelope.to_string()).status, 201);
    };
    for (body, tag) in [("a", "TagA"), ("b", "TagB"), ("c", "TagC")] {
        publish(json!({"body": body, "tag": tag}));
    }
    assert_eq!(bodies(&app.receive("orders", "GID_a", r#"{"tags":["TagA","TagC"]}"#)), ["a", "c"]);
    let by_query = app.get("/v1/topics/orders/groups/GID_a/messages?tags=TagB").expect_json(200);
    assert_eq!(bodies(by_query["messages"].as_array().expect("messages")), ["b"]);
    publish(json!({"body": "later", "delay_seconds": 1}));
    assert!(app.receive("orders", "GID_a", "{}").is_empty());
    assert_eq!(bodies(&app.receive("orders", "GID_a", r#"{"wait_seconds":10}"#)), ["later"]);
    let wrong = app.post_json(RECEIVE, r#"{"tags":["a|b"]}"#);
    let problem = assert_problem(&wrong, 422, "validation-failed", Meaning::Final);
    assert_eq!(problem["errors"][0]["pointer"], "/tags/0");
}

#[test]
fn a_group_that_is_configured_as_ordered_is_delivered_in_order() {
    let groups = "groups = [\"GID_b\", { name = \"GID_a\", ordered = true }]";
    let topics = format!("[[topics]]\nname = \"orders\"\nprofile = \"main\"\n{groups}\n");
    let app = Launch::on_embedded("", &settings().topics(&topics)).start();
    for body in ["1", "2", "3"] {
        app.post_json(MESSAGES, json!({"body": body, "message_group": "s"}).to_string()).expect_json(201);
    }
    let first = app.receive("orders", "GID_a", r#"{"max_messages":2}"#);
    assert_eq!(bodies(&first), ["1", "2"]);
    assert!(app.receive("orders", "GID_a", "{}").is_empty(), "the group is locked");
    assert_eq!(bodies(&app.receive("orders", "GID_b", "{}")), ["1", "2", "3"], "this one is not ordered");
    app.ack("orders", "GID_a", &[handle_of(&first[0]), handle_of(&first[1])]).expect_json(200);
    assert_eq!(bodies(&app.receive("orders", "GID_a", r#"{"wait_seconds":5}"#)), ["3"]);
}

#[test]
fn requests_as_they_are_sent() {
    let endpoint = Endpoint::start_mq();
    let app = TestApp::with(&endpoint, settings().profile("instance_id = \"MQ_INST_1\""));
    let envelope = json!({
        "body": "a\r<b>", "tag": "t", "keys": ["k"], "properties": {"p": "v"}, "message_group": "g",
    });
    app.post_json(MESSAGES, envelope.to_string()).expect_json(201);
    let sent = endpoint.only_request();
    assert_eq!((sent.method.as_str(), sent.target.as_str()), ("POST", "/topics/orders/messages?ns=MQ_INST_1"));
    let document = String::from_utf8(sent.body).expect("text");
    assert!(document.contains("<MessageBody>a&#13;&lt;b&gt;</MessageBody>"), "{document}");
    assert_eq!(only(&document, "MessageTag"), "t");
    let properties = only(&document, "Properties");
    let pairs: HashSet<&str> = properties.split('|').filter(|pair| !pair.is_empty()).collect();
    assert_eq!(pairs, HashSet::from(["KEYS:k", "p:v", "__SHARDINGKEY:g"]));
    let before = now_millis();
    app.post_json(MESSAGES, r#"{"body":"x","delay_seconds":60}"#).expect_json(201);
    let document = String::from_utf8(endpoint.last_request().body).expect("text");
    let properties = only(&document, "Properties");
    let time = properties.strip_prefix("__STARTDELIVERTIME:").and_then(|rest| rest.strip_suffix('|'));
    let time: u64 = time.and_then(|digits| digits.parse().ok()).unwrap_or_else(|| panic!("{properties}"));
    assert!((before + 60_000..=now_millis() + 60_000).contains(&time), "{time}");
    app.post_json(RECEIVE, r#"{"max_messages":32,"tags":["A","B c"]}"#).expect_json(200);
    let sent = endpoint.last_request();
    assert_eq!(sent.target, "/topics/orders/messages?consumer=GID_a&ns=MQ_INST_1&tag=A%7C%7CB%20c&numOfMessages=16");
    app.post_json(RECEIVE, r#"{"wait_seconds":1}"#).expect_json(200);
    let polls = endpoint.requests();
    assert!(polls.iter().any(|request| request.target.ends_with("&numOfMessages=16&waitseconds=1")), "{polls:?}");
}

#[test]
fn a_security_token_is_sent_and_not_signed() {
    let endpoint = Endpoint::start_mq();
    let launch = Launch::towards(&endpoint, settings());
    std::fs::write(launch.path("secrets").join("security_token"), "CAIS-token").expect("a file");
    let app = launch.start();
    app.publish("orders", "x");
    assert_eq!(endpoint.only_request().headers_named("security-token"), ["CAIS-token"]);
    assert!(!app.output().contains("CAIS-token"));
}

#[test]
fn what_the_protocol_cannot_carry_is_refused_before_it_is_sent() {
    let endpoint = Endpoint::start_mq();
    let app = TestApp::with(&endpoint, settings());
    let rows = [
        (json!({"body": "AP8=", "encoding": "base64"}), "capability-not-supported", "/body"),
        (json!({"body": "a\u{1}b"}), "capability-not-supported", "/body"),
        (json!({"body": ""}), "capability-not-supported", "/body"),
        (json!({"body": "x", "keys": ["order:1"]}), "validation-failed", "/keys"),
        (json!({"body": "x", "message_group": "a|b"}), "validation-failed", "/message_group"),
        (json!({"body": "x", "properties": {"a:b": "c"}}), "validation-failed", "/properties"),
        (json!({"body": "x", "properties": {"a": "<c>"}}), "validation-failed", "/properties"),
        (json!({"body": "x", "properties": {"KEYS": "c"}}), "validation-failed", "/properties"),
        (json!({"body": "x", "properties": {"__STARTDELIVERTIME": "1"}}), "validation-failed", "/properties"),
        (json!({"body": "x", "properties": {"": "1"}}), "validation-failed", "/properties"),
        (json!({"body": "x", "properties": {"a": "y".repeat(17_000)}}), "validation-failed", "/properties"),
        (json!({"body": "x", "message_group": "g", "delay_seconds": 5}), "validation-failed", "/message_group"),
    ];
    for (envelope, code, pointer) in rows {
        let response = app.post_json(MESSAGES, envelope.to_string());
        let problem = assert_problem(&response, 422, code, Meaning::NotPublished);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    let nack = app.post_json("/v1/topics/orders/groups/GID_a/messages:nack", r#"{"receipt_handles":["x"]}"#);
    assert_problem(&nack, 501, "capability-not-supported", Meaning::Final);
    assert_eq!(endpoint.request_count(), 0);
}

#[test]
fn discovery_shows_what_it_can_do() {
    let endpoint = Endpoint::start_mq();
    let app = TestApp::with(&endpoint, settings());
    let topic = &app.get("/v1/topics").expect_json(200)["topics"][0];
    assert_eq!(topic["protocol"], "mq-http");
    let able = &topic["capabilities"];
    for name in ["properties", "delayed_delivery", "message_groups", "tag_filter", "ordered_groups"] {
        assert_eq!(able[name], true, "{name}");
    }
    for name in ["binary_bodies", "empty_bodies", "visibility_timeout", "nack", "extend", "transactions"] {
        assert_eq!(able[name], false, "{name}");
    }
    assert_eq!(topic["limits"]["max_receive_messages"], 16);
    assert_eq!(topic["limits"]["max_message_bytes"], 4 << 20);
}

/// One scripted answer and what becomes of a publish, a receive and an acknowledgement.
struct Row {
    name: &'static str,
    script: Script,
    status: u16,
    code: &'static str,
    meaning: Meaning,
    requests: usize,
}

fn row(name: &'static str, script: Script, status: u16, code: &'static str) -> Row {
    let meaning = match code {
        "upstream-error" | "upstream-timeout" | "upstream-bad-response" => Meaning::Unknown,
        "upstream-misconfigured" | "upstream-rejected-message" => Meaning::NotPublished,
        _ => Meaning::NotPublishedTryAgain,
    };
    Row { name, script, status, code, meaning, requests: 1 }
}

fn answer(status: u16, code: &str) -> Script {
    respond(status, &[KIND], error(code))
}

fn rows() -> Vec<Row> {
    let twice = |name, script, status, code| Row { requests: 2, ..row(name, script, status, code) };
    vec![
        row("no answer", closed(), 502, "upstream-bad-response"),
        row("done, then no answer", applied_then(closed()), 502, "upstream-bad-response"),
        row("500", answer(500, "InternalError"), 502, "upstream-error"),
        row("503 of a proxy", respond(503, &[], "<html>"), 502, "upstream-error"),
        row("408 of a broker", respond(408, &[], ""), 504, "upstream-timeout"),
        twice("408 TimeExpired", answer(408, "TimeExpired"), 502, "upstream-auth-rejected"),
        twice("403", answer(403, "SignatureDoesNotMatch"), 502, "upstream-auth-rejected"),
        twice("a header lost", answer(400, "MissingAuthorizationHeader"), 502, "upstream-auth-rejected"),
        row("no topic", answer(404, "TopicNotExist"), 502, "upstream-misconfigured"),
        row("no group", answer(404, "SubscriptionNotExist"), 502, "upstream-misconfigured"),
    ]
}

#[test]
fn failures_of_a_publish() {
    let more = [
        row("refused", answer(400, "InvalidArgument"), 422, "upstream-rejected-message"),
        row("called malformed", answer(400, "MalformedXML"), 422, "upstream-rejected-message"),
        row("no XML", respond(201, &[KIND], "{}"), 502, "upstream-bad-response"),
        row("no id", respond(201, &[KIND], "<Message><MessageId></MessageId></Message>"), 502, "upstream-bad-response"),
        row("200", respond(200, &[KIND], "<Message><MessageId>x</MessageId></Message>"), 502, "upstream-bad-response"),
    ];
    for row in rows().into_iter().chain(more) {
        let endpoint = Endpoint::start_mq();
        let app = TestApp::with(&endpoint, settings());
        for _ in 0..row.requests {
            endpoint.script(row.script.clone());
        }
        let response = app.post_json(MESSAGES, r#"{"body":"x"}"#);
        assert_problem(&response, row.status, row.code, row.meaning);
        assert_eq!(endpoint.request_count(), row.requests, "{}", row.name);
    }
}

#[test]
fn a_throttled_publish_is_repeated() {
    for (status, code) in [(503, "QpsLimitExceeded"), (400, "QpsLimitExceeded"), (429, "Anything")] {
        let endpoint = Endpoint::start_mq();
        let app = TestApp::with(&endpoint, settings());
        endpoint.script(answer(status, code));
        let answer = app.post_json(MESSAGES, r#"{"body":"x"}"#).expect_json(201);
        assert_eq!((answer["attempts"].as_u64(), endpoint.request_count()), (Some(2), 2), "{status} {code}");
    }
}

#[test]
fn failures_of_a_poll() {
    for row in rows() {
        let endpoint = Endpoint::start_mq();
        let app = TestApp::with(&endpoint, settings());
        for _ in 0..row.requests {
            endpoint.script(row.script.clone());
        }
        let response = app.post_json(RECEIVE, "{}");
        let meaning = if row.meaning == Meaning::NotPublished { Meaning::Final } else { Meaning::TryAgain };
        assert_problem(&response, row.status, row.code, meaning);
        assert_eq!(endpoint.request_count(), row.requests, "{}", row.name);
    }
    let endpoint = Endpoint::start_mq();
    let app = TestApp::with(&endpoint, settings());
    let good = "<Message><MessageId>1</MessageId><ReceiptHandle>h</ReceiptHandle><MessageBody>x</MessageBody>\
                <PublishTime>1</PublishTime><NextConsumeTime>2</NextConsumeTime><ConsumedTimes>3</ConsumedTimes></Message>";
    let half = "<Message><MessageId>2</MessageId></Message>";
    endpoint.script(respond(200, &[KIND], format!("<Messages>{half}{good}</Messages>")));
    let messages = app.receive("orders", "GID_a", "{}");
    assert_eq!(messages.len(), 1, "what cannot be read costs only itself");
    assert_eq!(messages[0]["delivery_attempt"], 3);
    endpoint.script(respond(200, &[KIND], format!("<Messages>{half}</Messages>")));
    assert_problem(&app.post_json(RECEIVE, "{}"), 502, "upstream-bad-response", Meaning::TryAgain);
    endpoint.script(respond(200, &[KIND], format!("<!DOCTYPE x><Messages>{good}</Messages>")));
    assert_problem(&app.post_json(RECEIVE, "{}"), 502, "upstream-bad-response", Meaning::TryAgain);
}

#[test]
fn acknowledgements_go_sixteen_at_once_and_fail_one_by_one() {
    let endpoint = Endpoint::start_mq();
    let app = TestApp::with(&endpoint, settings());
    let message = |number: usize| {
        format!(
            "<Message><MessageId>{number}</MessageId><ReceiptHandle>h{number}+/=</ReceiptHandle>\
             <MessageBody>x</MessageBody><PublishTime>1</PublishTime><NextConsumeTime>2</NextConsumeTime></Message>"
        )
    };
    let mut handles = Vec::new();
    for batch in 0..2 {
        let messages: String = (0..16).map(|number| message(batch * 16 + number)).collect();
        endpoint.script(respond(200, &[KIND], format!("<Messages>{messages}</Messages>")));
        let received = app.receive("orders", "GID_a", "{}");
        handles.extend(received.iter().map(|message| handle_of(message).to_owned()));
    }
    let handles: Vec<&str> = handles.iter().map(String::as_str).collect();
    let failed = "<Errors><Error><ErrorCode>ReceiptHandleError</ErrorCode><ErrorMessage>x</ErrorMessage>\
                  <ReceiptHandle>h3+/=</ReceiptHandle></Error></Errors>";
    endpoint.rule(move |request| {
        let document = String::from_utf8_lossy(&request.body).into_owned();
        (request.method == "DELETE" && all(&document, "ReceiptHandle").iter().any(|handle| handle == "h3+/="))
            .then(|| respond(404, &[KIND], failed))
    });
    let answer = app.ack("orders", "GID_a", &handles[..20]).expect_json(207);
    let results = answer["results"].as_array().expect("results");
    assert_eq!(results.len(), 20);
    for (index, result) in results.iter().enumerate() {
        if index == 3 {
            let problem = &result["problem"];
            assert_problem_value(problem, 410, "receipt-handle-expired", Meaning::Final);
            assert_eq!(problem["vendor_code"], "ReceiptHandleError");
        } else {
            assert_eq!(result["status"], 204, "{index}: {result}");
        }
    }
    let sent: Vec<_> = endpoint.requests().into_iter().filter(|request| request.method == "DELETE").collect();
    let mut sizes: Vec<_> =
        sent.iter().map(|request| all(&String::from_utf8_lossy(&request.body), "ReceiptHandle").len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [4, 16]);
    assert!(sent.iter().all(|request| request.target == "/topics/orders/messages?consumer=GID_a"));
}

#[test]
fn an_acknowledgement_is_never_counted_as_done_when_it_is_not_known() {
    let rows: [(&str, Script, u16, &str); 5] = [
        (
            "another handle",
            respond(
                404,
                &[KIND],
                "<Errors><Error><ErrorCode>ReceiptHandleError</ErrorCode><ErrorMessage>x</ErrorMessage><ReceiptHandle>other</ReceiptHandle></Error></Errors>",
            ),
            502,
            "upstream-bad-response",
        ),
        ("an empty list", respond(404, &[KIND], "<Errors></Errors>"), 502, "upstream-misconfigured"),
        ("without a list", answer(404, "MessageNotExist"), 410, "receipt-handle-expired"),
        ("500", answer(500, "InternalError"), 502, "upstream-error"),
        ("200", respond(200, &[KIND], ""), 502, "upstream-bad-response"),
    ];
    for (name, script, status, code) in rows {
        let endpoint = Endpoint::start_mq();
        let app = TestApp::with(&endpoint, settings());
        let one = "<Messages><Message><MessageId>1</MessageId><ReceiptHandle>h</ReceiptHandle><MessageBody>x</MessageBody><PublishTime>1</PublishTime><NextConsumeTime>2</NextConsumeTime></Message></Messages>";
        endpoint.script(respond(200, &[KIND], one));
        let messages = app.receive("orders", "GID_a", "{}");
        endpoint.script(script);
        let body = json!({"receipt_handles": [handle_of(&messages[0])]}).to_string();
        let result = &app.post_json(ACK, body).expect_json(207)["results"][0];
        assert_eq!(
            (result["status"].as_u64(), result["problem"]["code"].as_str()),
            (Some(status.into()), Some(code)),
            "{name}"
        );
    }
}

#[test]
fn a_clock_that_is_off_is_corrected() {
    let endpoint = Endpoint::start_mq();
    let app = TestApp::with(&endpoint, settings());
    endpoint.set_clock(20 * 60 * 1000);
    let answer = app.post_json(MESSAGES, r#"{"body":"x"}"#).expect_json(201);
    assert_eq!((answer["attempts"].as_u64(), endpoint.request_count()), (Some(2), 2));
    app.publish("orders", "y");
    assert_eq!(endpoint.request_count(), 3, "from now on the MQ's time is signed");
}
