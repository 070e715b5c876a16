//! Places: how many messages are out at once, and what frees one.

use std::time::Instant;

use serde_json::json;

use super::{SECOND, TARGET, ack, handle, stream};
use crate::support::embedded::on_embedded_mq_http_with;
use crate::support::ons::OnsClient;
use crate::support::time::AT_ONCE;
use crate::support::{Endpoint, EventStream, Launch, TestApp};

fn hidden_for(time: &str) -> TestApp {
    Launch::embedded().environment("MQ_GATEWAY__EMBEDDED__VISIBILITY_TIMEOUT", time).start()
}

/// Two places and three messages: the third comes at once when a place is freed.
#[track_caller]
fn frees(app: &TestApp, settle: impl FnOnce(&serde_json::Value)) {
    let mut stream = stream(app, 2);
    for body in ["1", "2", "3"] {
        app.publish("T", body);
    }
    let first = stream.message();
    stream.message();
    stream.assert_silent(SECOND * 3 / 2);
    let settled = Instant::now();
    settle(&first);
    stream.message();
    assert!(settled.elapsed() < AT_ONCE, "{:?}", settled.elapsed());
    stream.assert_silent(SECOND / 2);
}

#[test]
fn an_acknowledgement_frees_one() {
    let app = TestApp::embedded();
    frees(&app, |message| ack(&app, message));
}

#[test]
fn an_acknowledgement_frees_one_at_another_mq() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    frees(&app, |message| ack(&app, message));
    assert_eq!(endpoint.deleted().len(), 1);
}

#[test]
fn giving_back_frees_one() {
    let app = TestApp::embedded();
    frees(&app, |message| {
        app.nack("T", "CID_a", &[handle(message)], 100).expect_json(200);
    });
}

#[test]
fn an_acknowledgement_by_a_vendors_client_frees_one() {
    let app = TestApp::embedded();
    let clients = [app.embedded_address(), app.data()];
    for address in clients {
        let client = OnsClient::from((address, app.embedded_credentials()));
        let topic = "V";
        let mut stream =
            EventStream::open(app.data(), &format!("/v1/topics/{topic}/groups/CID_a/messages:stream?max_in_flight=1"));
        app.publish(topic, "1");
        app.publish(topic, "2");
        let first = stream.message();
        stream.assert_silent(SECOND / 2);
        let settled = Instant::now();
        let own = upstream_handle(handle(&first));
        assert_eq!(client.send(&client.delete(topic, &own)).status, 204);
        let second = stream.message();
        assert!(settled.elapsed() < AT_ONCE, "{:?}", settled.elapsed());
        let own = upstream_handle(handle(&second));
        assert_eq!(client.send(&client.delete(topic, &own)).status, 204);
    }
}

/// The MQ's own handle, which is inside of ours as it is.
fn upstream_handle(handle: &str) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let bytes = URL_SAFE_NO_PAD.decode(handle.strip_prefix("v2.").expect("a handle of ours")).expect("base64");
    let mut rest = bytes.as_slice();
    while let [number, high, low, after @ ..] = rest {
        let (field, after) = after.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        if *number == 4 {
            return String::from_utf8(field.to_vec()).expect("text");
        }
        rest = after;
    }
    panic!("no handle of the MQ in {handle}")
}

/// Whoever does not acknowledge gets the message again, and nothing instead of it.
#[test]
fn a_delivery_that_others_may_get_frees_one() {
    let app = hidden_for("2s");
    let mut stream = stream(&app, 1);
    app.publish("T", "1");
    app.publish("T", "2");
    let began = Instant::now();
    let first = stream.message();
    stream.assert_silent(SECOND);
    let next = stream.message();
    let waited = began.elapsed();
    assert!(waited >= SECOND * 3 / 2 && waited < SECOND * 5, "{waited:?}");
    // It took the place of the first, which comes again, or follows.
    assert!(next["message_id"] != first["message_id"] || next["delivery_attempt"] == 2, "{next}");
}

#[test]
fn a_delivery_that_is_kept_longer_keeps_its_place() {
    let app = hidden_for("2s");
    let mut stream = stream(&app, 1);
    app.publish("T", "1");
    app.publish("T", "2");
    let first = stream.message();
    let kept = app.extend("T", "CID_a", &[handle(&first)], 60).expect_json(200);
    let kept = &kept["results"][0]["receipt_handle"];
    stream.assert_silent(SECOND * 4);
    let settled = Instant::now();
    app.ack("T", "CID_a", &[kept.as_str().expect("a handle with the new end")]).expect_json(200);
    assert_eq!(stream.message()["body"], "2");
    assert!(settled.elapsed() < AT_ONCE, "{:?}", settled.elapsed());
}

/// Messages are shared out: no stream takes all while others have places.
#[test]
fn streams_of_one_group_share() {
    let app = Launch::embedded().environment("MQ_GATEWAY__SERVER__WORKERS", "1").start();
    let mut streams: Vec<_> = (0..4).map(|_| stream(&app, 2)).collect();
    for number in 0..8 {
        app.publish("T", &number.to_string());
    }
    for stream in &mut streams {
        stream.message();
        stream.message();
        stream.assert_silent(SECOND / 4);
    }
}

/// By tags, or for as long as was asked.
#[test]
fn a_stream_asks_as_a_receive_does() {
    let app = on_embedded_mq_http_with("300s");
    let mut by_tags = EventStream::open(app.data(), &format!("{TARGET}?tags=A&tags=B"));
    for tag in ["C", "B", "A"] {
        app.post_json("/v1/topics/T/messages", json!({"body": tag, "tag": tag}).to_string()).expect_json(201);
    }
    let mut tags = [by_tags.message(), by_tags.message()].map(|message| message["tag"].as_str().unwrap().to_owned());
    tags.sort_unstable();
    assert_eq!(tags, ["A", "B"]);
    by_tags.assert_silent(SECOND / 2);
    let app = TestApp::embedded();
    let mut briefly = EventStream::open(app.data(), &format!("{TARGET}?visibility_timeout_seconds=2&max_in_flight=1"));
    app.publish("T", "1");
    assert_eq!(briefly.message()["delivery_attempt"], 1);
    assert_eq!(briefly.message()["delivery_attempt"], 2, "after two seconds");
}

/// The same as a receive that accepts CloudEvents, one at a time.
#[test]
fn a_stream_of_cloud_events() {
    let app = TestApp::embedded();
    let mut stream = EventStream::open(app.data(), &format!("{TARGET}?format=cloudevents&max_in_flight=1"));
    // White space of the publisher's own would be line ends of the stream.
    let body = "{\n  \"order\": 7,\r\n  \"open\": true\n}";
    app.request("POST", "/v1/topics/T/messages").header("Content-Type: application/octet-stream").body(body).send();
    app.publish("T", "2");
    let event = stream.message();
    assert_eq!(
        (&event["specversion"], &event["mqtopic"], &event["mqgroup"]),
        (&json!("1.0"), &json!("T"), &json!("CID_a"))
    );
    assert_eq!(event["data"], json!({"order": 7, "open": true}));
    stream.assert_silent(SECOND / 2);
    let handle = event["mqreceipthandle"].as_str().expect("what acknowledges it");
    assert_eq!(app.ack("T", "CID_a", &[handle]).expect_json(200)["results"][0]["status"], 204);
    assert_eq!(stream.message()["data"], json!(2));
}
