//! The embedded endpoint in the ONS HTTP protocol, as foreign clients meet it (protocol notes, section 7, items 1 to 22):
//! which requests it takes, and what it answers. Every request is written and signed by the tests themselves.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::embedded::EmbeddedMq;
use crate::support::ons::{Credentials, OnsClient, OnsRequest, assert_forbidden, handle, messages, sign};
use crate::support::time::now_millis;
use crate::support::{Connection, Launch, Response};

type Mq = EmbeddedMq<OnsClient>;

/// Refusals of a request out of shape: 400 with the vendor's words.
#[track_caller]
fn assert_missing(response: &Response, parameter: &str) {
    assert_eq!(response.status, 400, "{parameter}: {response:?}");
    let answer = response.json();
    assert_eq!(answer["code"], "SC_BAD_REQUEST", "{answer}");
    let info = answer["info"].as_str().unwrap_or_default();
    let (start, end) = ("parameter:", " is invalid,can not be null or empty");
    let named = info.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
    let named = named.unwrap_or_else(|| panic!("the vendor's wording in {answer}"));
    assert!(named.eq_ignore_ascii_case(parameter), "{parameter} in {answer}");
}

#[test]
fn a_publish_answers_as_the_service_did() {
    let mq = Mq::start();
    let response = mq.send(&mq.publish("T", "hello"));
    assert_eq!(response.status, 201);
    assert_eq!(response.header("content-type"), Some("text/html;charset=UTF-8"));
    let id = response.json()["msgId"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 32, "{id}");
    assert!(id.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte)), "{id}");
    assert_eq!(response.text(), format!(r#"{{"msgId":"{id}","sendStatus":"SEND_OK"}}"#));
}

#[test]
fn a_consume_answers_seven_fields_in_order() {
    let mq = Mq::start();
    let before = now_millis();
    let id = mq.stored(&mq.publish("T", "中 \" / \u{7f}").query("tag", "t").query("key", "k"));
    let response = mq.send(&mq.consume("T"));
    assert_eq!(response.header("content-type"), Some("text/html;charset=UTF-8"));
    let message = messages(&response).remove(0);
    let born = message["bornTime"].as_str().expect("bornTime is a string");
    assert!((before..=now_millis()).contains(&born.parse().unwrap()), "{born}");
    let handle = handle(&message);
    assert!(handle.len() <= 200, "{handle}");
    assert!(handle.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'='), "{handle}");
    let expected = format!(
        r#"[{{"body":"中 \" / {}","bornTime":"{born}","key":"k","msgHandle":"{handle}","msgId":"{id}","reconsumeTimes":0,"tag":"t"}}]"#,
        '\u{7f}'
    );
    assert_eq!(response.text(), expected);
}

#[test]
fn an_unset_tag_and_key_are_empty_strings() {
    let mq = Mq::start();
    mq.stored(&mq.publish("T", "x"));
    let message = mq.received_one("T");
    assert_eq!((&message["tag"], &message["key"]), (&json!(""), &json!("")));
}

#[test]
fn an_empty_consume_is_an_empty_array() {
    let mq = Mq::start();
    let response = mq.send(&mq.consume("T"));
    assert_eq!((response.status, response.text().as_str()), (200, "[]"));
    assert_eq!(response.header("content-type"), Some("text/html;charset=UTF-8"));
}

#[test]
fn an_acknowledgement_is_204_without_body() {
    let mq = Mq::start();
    mq.stored(&mq.publish("T", "x"));
    let message = mq.received_one("T");
    let bare = mq.delete("T", handle(&message));
    let response = mq.send(&bare);
    assert_eq!((response.status, response.body.len()), (204, 0), "{response:?}");
    assert!(mq.received("T").is_empty());
}

#[test]
fn all_paths_and_targets_are_served() {
    let mq = Mq::start();
    for path in ["/message", "/message/", "//message", "//message/", "///message/"] {
        mq.stored(&mq.publish("T", path).path(path));
    }
    for prefix in ["http://mq.example.com", "http://127.0.0.1:1", "http://anything:8080/"] {
        mq.stored(&mq.publish("T", prefix).path(&format!("{prefix}/message/")));
    }
    assert_eq!(mq.received("T").len(), 8);
    for host in ["", "nobody.example", "127.0.0.1"] {
        let mut request = mq.publish("T", host);
        host.clone_into(&mut request.host);
        mq.stored(&request);
    }
    let received = mq.send(&mq.consume("T").path("//message/"));
    assert_eq!(messages(&received).len(), 3);
    assert_eq!(mq.send(&mq.publish("T", "x").path("/messages/")).status, 404);
}

#[test]
fn the_query_is_read_as_a_form() {
    let mq = Mq::start();
    let time = now_millis().to_string();
    let publish = |target: String| {
        let mut request = OnsRequest::publish_at(&mq.credentials, "T", "PID_a", "x", time.parse().unwrap());
        request.target = Some(target);
        mq.stored(&request);
        mq.received_one("T")
    };
    let base = format!("/message/?topic=T&time={time}");
    for encoded in ["a+b", "a%20b", "%61+%62"] {
        assert_eq!(publish(format!("{base}&tag={encoded}"))["tag"], "a b", "{encoded}");
    }
    assert_eq!(publish(format!("{base}&tag=%E6%A0%87%e7%ad%be&key=%2B"))["tag"], "标签");
    assert_eq!(publish(format!("{base}&tag=a=b"))["tag"], "a=b");
    assert_eq!(publish(format!("{base}&colour=red&x&=&tag=t"))["tag"], "t");
    assert_eq!(publish(format!("{base}&tag=first&tag=second&topic=U"))["tag"], "first");
    assert_eq!(publish(format!("{base}&Tag=big"))["tag"], "", "names are exact");
}

#[test]
fn a_raw_handle_may_end_in_equals() {
    let mq = Mq::start();
    mq.stored(&mq.publish("T", "x"));
    let message = mq.received_one("T");
    let mut request = mq.delete("T", handle(&message));
    let time = request.query[2].1.clone();
    request.target = Some(format!("/message/?topic=T&msgHandle={}&time={time}&timeout=300000", handle(&message)));
    let request = request.header("Content-Length: 0").header("Content-Type: text/html;charset=UTF-8");
    assert_eq!(mq.send(&request).status, 204);
}

#[test]
fn all_spellings_of_headers_are_served() {
    let mq = Mq::start();
    let base = mq.publish("T", "x");
    let signature = base.headers[1].split_once(": ").unwrap().1.to_owned();
    let key = &mq.credentials.access_key;
    for lines in [
        [format!("accesskey: {key}"), format!("signature: {signature}"), "producerid: PID_a".into()],
        [format!("Accesskey: {key}"), format!("Signature: {signature}"), "ProducerId: PID_a".into()],
        [format!("AccessKey:{key}"), format!("Signature:{signature}"), "ProducerID:PID_a".into()],
        [format!("ACCESSKEY: {key}"), format!("SIGNATURE: {signature}"), "Producerid: PID_a".into()],
    ] {
        let mut request = base.clone();
        request.headers = lines.to_vec();
        mq.stored(&request);
    }
    for spelling in ["ConsumerID", "ConsumerId", "Consumerid", "consumerid"] {
        let request = mq.consume("T").without_header("ConsumerID").header(&format!("{spelling}: CID_a"));
        assert_eq!(mq.send(&request).status, 200, "{spelling}");
    }
}

#[test]
fn the_group_header_is_chosen_by_the_method() {
    let mq = Mq::start();
    mq.stored(&mq.publish("T", "x").header("ConsumerId: CID_b"));
    let response = mq.send(&mq.consume("T").header("ProducerId: PID_b"));
    let received = messages(&response);
    assert_eq!(received.len(), 1);
    let deleted = mq.delete("T", handle(&received[0])).header("ProducerId: PID_b");
    assert_eq!(mq.send(&deleted).status, 204);
    // Only the other one: missing.
    let request = mq.publish("T", "x").without_header("ProducerID").header("ConsumerID: PID_a");
    assert_missing(&mq.send(&request), "ProducerID");
    let request = mq.consume("T").without_header("ConsumerID").header("ProducerID: CID_a");
    assert_missing(&mq.send(&request), "ConsumerID");
}

#[test]
fn nothing_optional_is_demanded() {
    let mq = Mq::start();
    for group in ["plain", "GID_x", "PID-x", "CID_x", "a"] {
        mq.stored(&OnsRequest::publish(&mq.credentials, "T", group, "x"));
        let received = OnsRequest::consume(&mq.credentials, "T", group).send(mq.address);
        assert_eq!(received.status, 200, "{group}");
    }
    mq.stored(&mq.publish("T", "x").header("isOrder: false").header("shardingKey: "));
    mq.stored(&mq.publish("T", "x").query("num", "32").query("timeout", "3000").query("secondTopic", "s"));
    mq.stored(&mq.publish("T", "x").header("Expect: 100-continue"));
    assert_eq!(
        mq.send(&mq.consume("T").header("Content-Type: text/plain").header("Accept: application/json")).status,
        200
    );
}

#[test]
fn a_missing_item_is_named_before_the_signature_is_looked_at() {
    let mq = Mq::start();
    let wrong =
        |request: OnsRequest| request.without_header("Signature").header("Signature: AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    for parameter in ["topic", "time"] {
        assert_missing(&mq.send(&mq.publish("T", "x").without_query(parameter)), parameter);
        assert_missing(&mq.send(&wrong(mq.publish("T", "x").without_query(parameter))), parameter);
        assert_missing(&mq.send(&mq.publish("T", "x").without_query(parameter).query(parameter, "")), parameter);
        assert_missing(&mq.send(&mq.consume("T").without_query(parameter)), parameter);
        assert_missing(&mq.send(&mq.delete("T", "h").without_query(parameter)), parameter);
    }
    for header in ["Signature", "AccessKey", "ProducerID"] {
        assert_missing(&mq.send(&mq.publish("T", "x").without_header(header)), header);
        assert_missing(&mq.send(&mq.publish("T", "x").without_header(header).header(&format!("{header}:"))), header);
    }
    assert_missing(&mq.send(&mq.consume("T").without_header("ConsumerID")), "ConsumerID");
    assert_missing(&mq.send(&mq.delete("T", "h").without_query("msgHandle")), "msgHandle");
    assert_missing(&mq.send(&wrong(mq.delete("T", "h").without_query("msgHandle"))), "msgHandle");
    let response = mq.send(&mq.publish("T", "x").without_header("Signature"));
    assert_eq!(response.header("content-type"), Some("text/html;charset=UTF-8"));
}

#[test]
fn wrong_identities_get_403() {
    let mq = Mq::start();
    let unknown_key = Credentials { access_key: "unknown".into(), ..mq.credentials.clone() };
    let wrong_secret = Credentials { secret_key: "wrong".into(), ..mq.credentials.clone() };
    for credentials in [&unknown_key, &wrong_secret] {
        assert_forbidden(&OnsRequest::publish(credentials, "T", "PID_a", "x").send(mq.address));
        assert_forbidden(&OnsRequest::consume(credentials, "T", "CID_a").send(mq.address));
        assert_forbidden(&OnsRequest::delete(credentials, "T", "CID_a", "h").send(mq.address));
    }
    for signature in ["A", "not base64 at all", &"A".repeat(28), &"A".repeat(4000)] {
        let request = mq.publish("T", "x").without_header("Signature").header(&format!("Signature: {signature}"));
        assert_forbidden(&mq.send(&request));
    }
    let mut other_body = mq.publish("T", "signed");
    other_body.body = b"sent".to_vec();
    assert_forbidden(&mq.send(&other_body));
    let other_topic = mq.publish("T", "x").without_query("topic").query("topic", "U");
    assert_forbidden(&mq.send(&other_topic));
    let other_group = mq.publish("T", "x").without_header("ProducerID").header("ProducerID: PID_b");
    assert_forbidden(&mq.send(&other_group));
    assert!(mq.received("T").is_empty());
    assert!(mq.app.metrics().get("mq_gateway_embedded_refused_total", &[]) >= Some(13.0));
}

#[test]
fn the_signed_text_is_exact() {
    let mq = Mq::start();
    let time = now_millis().to_string();
    let text = crate::support::ons::publish_string_to_sign("T", "PID_a", b"x", &time);
    for altered in [format!("{text}\n"), text.replace('\n', "\r\n"), text.to_uppercase(), format!(" {text}")] {
        let signature = sign(&mq.credentials.secret_key, &altered);
        let request = mq.publish("T", "x").without_query("time").query("time", &time);
        let request = request.without_header("Signature").header(&format!("Signature: {signature}"));
        assert_forbidden(&mq.send(&request));
    }
    // Chinese names are signed decoded.
    mq.stored(&mq.publish("订单", "中文\r\n"));
    assert_eq!(mq.received_one("订单")["body"], "中文\r\n");
}

#[test]
fn a_repeated_request_is_no_replay() {
    let mq = Mq::start();
    let request = mq.publish("T", "same");
    let mut ids: Vec<String> = (0..5).map(|_| mq.stored(&request)).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5, "five messages");
    assert_eq!(mq.received("T").len(), 5);
}

#[test]
fn the_clock_may_be_fifteen_seconds_late_and_a_minute_early() {
    let mq = Mq::start();
    let now = now_millis();
    let publish = |time: u64| OnsRequest::publish_at(&mq.credentials, "T", "PID_a", "x", time).send(mq.address);
    for time in [now - 10_000, now, now + 55_000, now / 1000 * 1000] {
        assert_eq!(publish(time).status, 201, "{time} at {now}");
    }
    for time in [now - 16_000, now + 70_000, now / 10, now / 1000, 0, now * 10] {
        assert_forbidden(&publish(time));
    }
    let consume = |time: u64| OnsRequest::consume_at(&mq.credentials, "T", "CID_a", time).send(mq.address);
    assert_eq!(consume(now - 10_000).status, 200);
    assert_forbidden(&consume(now - 20_000));
}

#[test]
fn the_clock_window_is_configurable() {
    let mq = Mq::with("clock_past = \"1h\"\nclock_future = \"1s\"\n");
    let publish = |time: u64| OnsRequest::publish_at(&mq.credentials, "T", "PID_a", "x", time).send(mq.address);
    assert_eq!(publish(now_millis() - 3_000_000).status, 201);
    assert_forbidden(&publish(now_millis() + 10_000));
}

#[test]
fn the_clock_is_checked_on_arrival_only() {
    let mq = Mq::with("clock_past = \"2s\"\n");
    let mut waiting = Connection::open(mq.address);
    waiting.send(&mq.consume("T").query("timeout", "2500").bytes());
    assert_eq!(waiting.receive("GET").text(), "[]");
}

#[test]
fn a_body_may_have_65536_bytes() {
    let mq = Mq::start();
    mq.stored(&mq.publish("T", "x".repeat(65_536)));
    assert_eq!(mq.received_one("T")["body"].as_str().unwrap().len(), 65_536);
    let response = mq.send(&mq.publish("T", "x".repeat(65_537)));
    assert_eq!(response.status, 400);
    assert_eq!(
        response.json(),
        json!({"code": "BODY_TOO_BIG", "info": "Message body size exceeds the upper limit of 64KB"})
    );
}

#[test]
fn errors_to_get_end_the_connection_and_are_held() {
    let app = Launch::embedded().start();
    let credentials = Credentials { secret_key: "wrong".into(), ..app.embedded_credentials() };
    for request in [
        OnsRequest::consume(&credentials, "T", "CID_a"),
        OnsRequest::consume(&credentials, "T", "CID_a").without_query("topic"),
    ] {
        let mut connection = Connection::open(app.embedded_address());
        let started = Instant::now();
        let response = connection.exchange(&request.bytes(), "GET");
        let held = started.elapsed();
        assert!(response.status == 403 || response.status == 400, "{response:?}");
        assert_eq!(response.header("connection").map(str::to_ascii_lowercase).as_deref(), Some("close"));
        assert!((Duration::from_millis(700)..Duration::from_secs(4)).contains(&held), "about a second, not {held:?}");
        assert!(connection.closed_within(Duration::from_secs(5)));
    }
}

#[test]
fn good_answers_keep_the_connection() {
    let mq = Mq::start();
    let mut connection = Connection::open(mq.address);
    assert_eq!(connection.exchange(&mq.publish("T", "x").bytes(), "POST").status, 201);
    let message = messages(&connection.exchange(&mq.consume("T").bytes(), "GET")).remove(0);
    assert_eq!(connection.exchange(&mq.delete("T", handle(&message)).bytes(), "DELETE").status, 204);
    assert_eq!(connection.exchange(&mq.consume("T").bytes(), "GET").text(), "[]");
}

#[test]
fn nothing_is_ever_compressed() {
    let mq = Mq::start();
    mq.stored(&mq.publish("T", "x".repeat(5000)));
    let response = mq.send(&mq.consume("T").header("Accept-Encoding: gzip, deflate, br"));
    assert_eq!(response.header("content-encoding"), None);
    assert_eq!(messages(&response).len(), 1);
}

#[test]
fn other_methods_are_refused() {
    let mq = Mq::start();
    for method in ["PUT", "PATCH", "OPTIONS"] {
        let request = format!("{method} /message/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        let response = Connection::open(mq.address).exchange(request.as_bytes(), method);
        assert!((400..500).contains(&response.status), "{response:?}");
    }
}
