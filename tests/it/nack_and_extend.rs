//! `POST …:nack`, `:extend` and `visibility_timeout_seconds` of a receive, where the MQ has them: on the embedded endpoint, by an
//! extension of ours that no other client sees.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::client::Request;
use crate::support::embedded::{EmbeddedMq, on_embedded_mq_http};
use crate::support::messages::{damaged, handle_of};
use crate::support::ons::{OnsClient, assert_forbidden, handle, messages, sign};
use crate::support::problem::places;
use crate::support::time::{format_rfc3339_millis, now_millis, parse_rfc3339_millis, until};
use crate::support::{Connection, Launch, Meaning, Settings, TestApp, assert_problem, assert_problem_value};

const TARGET: &str = "/v1/topics/orders/groups/GID_a/messages";

/// An application whose messages come back after a second.
fn impatient() -> TestApp {
    Launch::on_embedded("visibility_timeout = \"1s\"\n", &Settings::new()).start()
}

/// Publishes one message and receives it.
#[track_caller]
fn one(app: &TestApp, options: &str) -> Value {
    app.publish("orders", "x");
    let mut messages = app.receive("orders", "GID_a", options);
    assert_eq!(messages.len(), 1, "{messages:?}");
    messages.remove(0)
}

/// Waits for the next delivery.
#[track_caller]
fn next(app: &TestApp) -> Value {
    until("the next delivery", || app.receive("orders", "GID_a", r#"{"wait_seconds":5}"#).pop())
}

/// How far in the future a time of an answer is, in milliseconds.
#[track_caller]
fn ahead(answer: &Value) -> u64 {
    let text = answer["visible_again_at"].as_str().unwrap_or_else(|| panic!("a time in {answer}"));
    parse_rfc3339_millis(text).expect("RFC 3339 in UTC with milliseconds").saturating_sub(now_millis())
}

#[test]
fn a_nack_gives_the_message_to_the_next_at_once() {
    let app = TestApp::embedded();
    let first = one(&app, "{}");
    assert_eq!(first["delivery_attempt"], 1);
    let before = now_millis();
    let answer = app.post_json(&format!("{TARGET}:nack"), json!({"receipt_handles": [handle_of(&first)]}).to_string());
    let answer = answer.expect_json(200);
    let item = &answer["results"][0];
    let at = parse_rfc3339_millis(item["visible_again_at"].as_str().unwrap()).unwrap();
    assert!((before..=now_millis()).contains(&at), "{answer}");
    let expected =
        json!({"receipt_handle": handle_of(&first), "status": 204, "visible_again_at": item["visible_again_at"]});
    assert_eq!(answer, json!({"results": [expected]}), "nothing else");
    let again = app.receive("orders", "GID_a", "{}").remove(0);
    assert_eq!((&again["message_id"], &again["delivery_attempt"]), (&first["message_id"], &json!(2)));
    app.ack("orders", "GID_a", &[handle_of(&again)]).expect_json(200);
    assert!(app.receive("orders", "GID_a", "{}").is_empty());
}

#[test]
fn a_nack_with_a_delay_gives_it_later_and_wakes_who_waits() {
    let app = TestApp::embedded();
    let first = one(&app, "{}");
    let since = Instant::now();
    let answer = app.nack("orders", "GID_a", &[handle_of(&first)], 2).expect_json(200);
    let ahead = ahead(&answer["results"][0]);
    assert!((500..=2_000).contains(&ahead), "{ahead} in {answer}");
    assert!(app.receive("orders", "GID_a", "{}").is_empty(), "not yet");
    assert_eq!(app.receive("orders", "GID_a", r#"{"wait_seconds":20}"#).len(), 1);
    let waited = since.elapsed();
    assert!((Duration::from_millis(1_990)..Duration::from_secs(8)).contains(&waited), "{waited:?}");
}

#[test]
fn an_extension_holds_the_message() {
    let app = impatient();
    let first = one(&app, "{}");
    let since = Instant::now();
    let answer = app.extend("orders", "GID_a", &[handle_of(&first)], 4).expect_json(200);
    let ahead = ahead(&answer["results"][0]);
    assert!((2_000..=4_000).contains(&ahead), "{ahead} in {answer}");
    assert_eq!(next(&app)["delivery_attempt"], 2);
    assert!(since.elapsed() >= Duration::from_millis(3_990), "{:?}, and the timeout is a second", since.elapsed());
}

#[test]
fn an_extended_message_is_acknowledged_by_its_handle() {
    let app = impatient();
    let first = one(&app, "{}");
    let answer = app.extend("orders", "GID_a", &[handle_of(&first)], 600).expect_json(200);
    let kept = handle_of(&answer["results"][0]);
    assert_ne!(kept, handle_of(&first), "a handle says when it ends");
    let end = first["visible_again_at"].as_str().unwrap();
    until("the end of the first timeout", || (*format_rfc3339_millis(now_millis()) > *end).then_some(()));
    let answer = app.ack("orders", "GID_a", &[kept, handle_of(&first)]).expect_json(200);
    let late = json!({"receipt_handle": handle_of(&first), "status": 204, "late": true});
    assert_eq!(
        answer["results"],
        json!([{"receipt_handle": kept, "status": 204}, late]),
        "as far as each handle tells"
    );
    let answer = app.extend("orders", "GID_a", &[handle_of(&first)], 600).expect_json(207);
    assert_problem_value(&answer["results"][0]["problem"], 410, "receipt-handle-expired", Meaning::Final);
    // What follows comes: so nothing is kept from the group by chance.
    app.publish("orders", "y");
    assert_eq!(next(&app)["body"], "y");
}

#[test]
fn a_receive_chooses_its_visibility_timeout() {
    let app = TestApp::embedded();
    let since = Instant::now();
    let first = one(&app, r#"{"visibility_timeout_seconds":2}"#);
    assert!((500..=2_000).contains(&ahead(&first)), "{first}");
    assert_eq!(next(&app)["delivery_attempt"], 2);
    let waited = since.elapsed();
    assert!((Duration::from_millis(1_990)..Duration::from_secs(8)).contains(&waited), "{waited:?}");
    // By the query, and longer than the endpoint's own.
    let app = impatient();
    app.publish("orders", "x");
    let target = format!("{TARGET}?visibility_timeout_seconds=43200");
    let answer = app.get(&target).expect_json(200);
    assert!(ahead(&answer["messages"][0]) > 43_190_000, "{answer}");
    assert!(answer.get("applied").is_none(), "{answer}");
    assert!(app.receive("orders", "GID_a", r#"{"wait_seconds":3}"#).is_empty(), "it is hidden for longer");
}

#[test]
fn a_visibility_timeout_outside_the_range_is_refused_whatever_the_mq() {
    let app = TestApp::embedded();
    for seconds in [0, 43_201] {
        let options = json!({ "visibility_timeout_seconds": seconds }).to_string();
        let problem = assert_problem(
            &app.post_json(&format!("{TARGET}:receive"), &options),
            422,
            "validation-failed",
            Meaning::Final,
        );
        assert_eq!(places(&problem), ["/visibility_timeout_seconds"]);
    }
}

#[test]
fn results_come_in_order_and_each_handle_fails_alone() {
    let app = TestApp::embedded();
    let first = one(&app, "{}");
    let stale = handle_of(&first).to_owned();
    app.nack("orders", "GID_a", &[&stale], 0).expect_json(200);
    let second = app.receive("orders", "GID_a", "{}").remove(0);
    let good = handle_of(&second);
    app.publish("other", "y");
    let foreign = app.receive("other", "GID_a", "{}").remove(0);
    let broken = damaged(good);
    let list = [&stale, good, handle_of(&foreign), &broken, good, "nonsense"];
    for verb in ["extend", "nack"] {
        let answer = match verb {
            "extend" => app.extend("orders", "GID_a", &list, 60),
            _ => app.nack("orders", "GID_a", &list, 60),
        };
        let answer = answer.expect_json(207);
        let results = answer["results"].as_array().unwrap();
        let given: Vec<&str> = results.iter().map(|result| result["receipt_handle"].as_str().unwrap()).collect();
        let is_new: Vec<bool> = given.iter().zip(list).map(|(given, sent)| *given != sent).collect();
        let is_kept = verb == "extend";
        assert_eq!(is_new, [false, is_kept, false, false, is_kept, false], "{verb}: one kept longer is a new one");
        let problem = |index: usize, status, code| {
            assert_eq!(results[index]["status"], status, "{verb}: {answer}");
            assert!(results[index].get("visible_again_at").is_none(), "{verb}: {answer}");
            assert!(results[index]["problem"].get("outcome").is_none(), "{verb}: {answer}");
            assert_problem_value(&results[index]["problem"], status, code, Meaning::Final);
        };
        problem(0, 410, "receipt-handle-expired");
        problem(2, 422, "foreign-receipt-handle");
        problem(3, 400, "invalid-receipt-handle");
        problem(5, 400, "invalid-receipt-handle");
        assert_eq!((&results[1]["status"], &results[1]), (&json!(204), &results[4]), "{verb}: duplicates are alike");
        let metrics = app.metrics();
        let of = |result: &str| {
            let labels = [("topic", "orders"), ("group", "GID_a"), ("result", result)];
            metrics.get(&format!("mq_gateway_messages_{verb}ed_total"), &labels)
        };
        // The nack at the beginning counts too.
        let ok = if verb == "nack" { 2.0 } else { 1.0 };
        assert_eq!((of("ok"), of("stale_handle"), of("refused")), (Some(ok), Some(1.0), Some(3.0)), "{verb}");
        let sent = [("profile", "embedded"), ("operation", verb), ("result", "ok")];
        assert_eq!(
            metrics.get("mq_gateway_upstream_requests_total", &sent),
            Some(ok),
            "{verb}: a duplicate is sent once"
        );
    }
}

#[test]
fn wrong_shapes_are_refused_and_the_place_is_named() {
    let app = TestApp::embedded();
    let many = json!({"receipt_handles": vec!["v2.A"; 101], "visibility_timeout_seconds": 5}).to_string();
    for (verb, body, place) in [
        ("nack", "{}", "/receipt_handles"),
        ("nack", r#"{"receipt_handles":[]}"#, "/receipt_handles"),
        ("nack", r#"{"receipt_handles":["v2.A"],"delay_seconds":43201}"#, "/delay_seconds"),
        ("nack", r#"{"receipt_handles":["v2.A"],"delay_seconds":-1}"#, "/delay_seconds"),
        ("nack", r#"{"receipt_handles":["v2.A"],"visibility_timeout_seconds":1}"#, "/visibility_timeout_seconds"),
        ("extend", r#"{"receipt_handles":["v2.A"]}"#, "/visibility_timeout_seconds"),
        ("extend", r#"{"receipt_handles":["v2.A"],"visibility_timeout_seconds":null}"#, "/visibility_timeout_seconds"),
        ("extend", r#"{"receipt_handles":["v2.A"],"visibility_timeout_seconds":0}"#, "/visibility_timeout_seconds"),
        ("extend", r#"{"receipt_handles":["v2.A"],"visibility_timeout_seconds":43201}"#, "/visibility_timeout_seconds"),
        ("extend", r#"{"receipt_handles":["v2.A"],"visibility_timeout_seconds":1.5}"#, "/visibility_timeout_seconds"),
        ("extend", &many, "/receipt_handles"),
    ] {
        let response = app.post_json(&format!("{TARGET}:{verb}"), body);
        let problem = assert_problem(&response, 422, "validation-failed", Meaning::Final);
        assert_eq!(places(&problem), [place], "{verb} {body}");
    }
    let text = app.request("POST", &format!("{TARGET}:nack")).header("Content-Type: text/plain").body("{}").send();
    assert_problem(&text, 415, "unsupported-media-type", Meaning::Final);
    for (verb, body) in [
        ("nack", r#"{"receipt_handles":["x"],"delay_seconds":null}"#),
        ("nack", r#"{"receipt_handles":["x"],"delay_seconds":43200}"#),
        ("extend", r#"{"receipt_handles":["x"],"visibility_timeout_seconds":43200}"#),
    ] {
        app.post_json(&format!("{TARGET}:{verb}"), body).expect_json(207);
    }
    assert_eq!(app.request("GET", &format!("{TARGET}:nack")).send().status, 405);
}

#[test]
fn the_default_shows_what_it_has() {
    let app = TestApp::embedded();
    let topic = app.get("/v1/topics/orders").expect_json(200);
    for name in ["visibility_timeout", "nack", "extend"] {
        assert_eq!(topic["capabilities"][name], true, "{name} in {topic}");
    }
    let bounds = ["min_visibility_timeout_seconds", "max_visibility_timeout_seconds"];
    assert_eq!(bounds.map(|name| topic["limits"][name].as_u64()), [Some(1), Some(43_200)], "{topic}");
}

#[test]
fn profiles_of_the_vendors_protocols_have_none_of_it_wherever_they_point() {
    // The embedded endpoint's own address and pair, by a profile that is not `endpoints = ["embedded"]`.
    let mq = EmbeddedMq::<OnsClient>::start();
    let settings = Settings::new().text(&format!("http://{}", mq.address));
    let plain = Launch::configured(&settings).secrets(&mq.credentials).start();
    for (app, protocol) in [(plain, "ons-http"), (on_embedded_mq_http(), "mq-http")] {
        let topic = app.get("/v1/topics/orders").expect_json(200);
        assert_eq!(topic["protocol"], protocol);
        for name in ["visibility_timeout", "nack", "extend"] {
            assert_eq!(topic["capabilities"][name], false, "{name} in {topic}");
        }
        assert!(topic["limits"].get("max_visibility_timeout_seconds").is_none(), "{topic}");
        app.publish("orders", "x");
        let target = "/v1/topics/orders/groups/CID_billing/messages";
        let receive = app.post_json(&format!("{target}:receive"), r#"{"visibility_timeout_seconds":5}"#);
        assert_problem(&receive, 422, "capability-not-supported", Meaning::Final);
        let messages =
            until("the message", || Some(app.receive("orders", "CID_billing", "{}")).filter(|it| !it.is_empty()));
        let handle = handle_of(&messages[0]);
        for response in
            [app.nack("orders", "CID_billing", &[handle], 0), app.extend("orders", "CID_billing", &[handle], 60)]
        {
            assert_problem(&response, 501, "capability-not-supported", Meaning::Final);
        }
        assert!(app.receive("orders", "CID_billing", "{}").is_empty(), "nothing was done");
        app.ack("orders", "CID_billing", &[handle]).expect_json(200);
    }
}

/// A change of visibility as the gateway sends it, in the tests' own words.
fn change(mq: &EmbeddedMq<OnsClient>, handle: &str, millis: &str, secret: &str) -> Request {
    let time = now_millis().to_string();
    let signature = sign(secret, &["T", "CID_a", handle, millis, &time].join("\n"));
    Request::new(mq.address, "PUT", &format!("/message/?msgHandle={handle}&topic=T&time={time}"))
        .header(format!("AccessKey: {}", mq.credentials.access_key))
        .header(format!("Signature: {signature}"))
        .header("ConsumerID: CID_a")
        .header(format!("mq-gateway-visibility: {millis}"))
}

#[test]
fn the_extension_is_signed_like_everything_else() {
    let mq = EmbeddedMq::<OnsClient>::start();
    mq.stored(&mq.publish("T", "x"));
    let message = mq.received_one("T");
    let secret = mq.credentials.secret_key.clone();
    assert_forbidden(&change(&mq, handle(&message), "0", "another secret").send());
    // A signature for an acknowledgement is none for this, and the time is signed.
    let mut changed = change(&mq, handle(&message), "60000", &secret);
    let line =
        String::from_utf8(changed.bytes()).unwrap().replace("mq-gateway-visibility: 60000", "mq-gateway-visibility: 0");
    let mut connection = Connection::open(mq.address);
    assert_forbidden(&connection.exchange(line.as_bytes(), "PUT"));
    assert!(mq.received("T").is_empty(), "nothing was done");
    changed = change(&mq, handle(&message), "0", &secret);
    let answer = changed.send();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.json()["visibleAgainAt"].as_u64().unwrap() <= now_millis(), "{answer:?}");
    assert_eq!(mq.received("T").len(), 1);
    assert_eq!(change(&mq, handle(&message), "0", &secret).send().status, 410, "somebody else has it");
    for (handle, millis) in [("x", "0"), (handle(&message), "soon")] {
        let answer = change(&mq, handle, millis, &secret).send();
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("SC_BAD_REQUEST")), "{answer:?}");
    }
}

#[test]
fn any_other_client_sees_the_vendors_protocol_only() {
    let mq = EmbeddedMq::<OnsClient>::start();
    mq.stored(&mq.publish("T", "x"));
    let message = mq.received_one("T");
    assert_eq!(message.as_object().unwrap().len(), 7, "{message}");
    let put = change(&mq, handle(&message), "0", &mq.credentials.secret_key);
    let text = String::from_utf8(put.bytes()).unwrap();
    let bare: String = text.split_inclusive("\r\n").filter(|line| !line.starts_with("mq-gateway-")).collect();
    let answer = Connection::open(mq.address).exchange(bare.as_bytes(), "PUT");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST, GET, DELETE")), "{answer:?}");
    // The vendors' paths at the data listener are for the vendors' clients.
    let answer = Connection::open(mq.app.data()).exchange(&put.bytes(), "PUT");
    assert_eq!(answer.status, 405, "{answer:?}");
    assert!(mq.received("T").is_empty(), "nothing was done");
    assert_eq!(mq.send(&mq.delete("T", handle(&message))).status, 204);
    assert!(messages(&mq.send(&mq.consume("T"))).is_empty());
}
