//! What a client of a vendor's protocol reads when its request is refused: its own protocol's names, the limit, and what it can do about it.

use crate::support::embedded::on_embedded_mq_http;
use crate::support::mq::{MqClient, MqRequest, assert_refused, only};
use crate::support::ons::{Credentials, OnsClient, OnsRequest};
use crate::support::time::now_millis;
use crate::support::{Endpoint, Settings, TestApp};

/// Words of `/v1` and of the configuration, which no client of a vendor's protocol knows.
const FOREIGN: [&str; 12] = [
    "message_group",
    "deliver_at",
    "delay_seconds",
    "wait_seconds",
    "/v1",
    "profile",
    "binary_bodies",
    "leave tags",
    "mq-http",
    "ons-http",
    "JSON",
    "server.",
];

#[track_caller]
fn assert_own_words(text: &str) {
    for word in FOREIGN {
        assert!(!text.contains(word), "{word:?} in {text}");
    }
}

#[track_caller]
fn mq_refused(client: &MqClient, request: &MqRequest, expected: &str) {
    let response = client.send(request);
    assert_refused(&response, 400, "InvalidArgument");
    let text = only(&response.text(), "Message");
    assert_own_words(&text);
    assert_eq!(text, expected);
}

#[track_caller]
fn ons_refused(client: &OnsClient, request: &OnsRequest, code: &str, expected: &str) {
    let response = client.send(request);
    assert_eq!(response.status, 400, "{response:?}");
    let body = response.json();
    assert_own_words(body["info"].as_str().expect("info"));
    assert_eq!((body["code"].as_str(), body["info"].as_str()), (Some(code), Some(expected)));
}

fn schema(cause: &str) -> String {
    format!("The XML you provided did not validate against our published schema, cause by {cause}.")
}

#[test]
fn an_mq_http_client_reads_its_own_names() {
    let app = TestApp::embedded();
    let client = MqClient::from((app.data(), app.embedded_credentials()));
    let publish = |tag: &str, properties: &str| client.publish("T", "x", tag, properties);
    let far = now_millis() + 41 * 24 * 3600 * 1000;
    let soon = now_millis() + 60_000;
    let keys = ["k".repeat(100), "l".repeat(100)].join(" ");
    // The profile speaks ONS HTTP: what that lacks is told in this client's words.
    for (request, expected) in [
        (
            publish("", "a:b|"),
            "The value of Properties is invalid: the MQ behind this topic takes KEYS, __SHARDINGKEY and __STARTDELIVERTIME \
             only: put the others into MessageBody."
                .to_owned(),
        ),
        (
            publish("", &format!("KEYS:{keys}|")),
            "The value of KEYS is invalid: it has 201 characters, the limit of this topic is 128: send fewer or shorter keys."
                .to_owned(),
        ),
        (
            publish("", &format!("__SHARDINGKEY:s|__STARTDELIVERTIME:{soon}|")),
            "The value of __STARTDELIVERTIME is invalid: a message with a __SHARDINGKEY cannot be delayed: leave one of the two \
             out."
                .to_owned(),
        ),
        (
            publish("", &format!("__STARTDELIVERTIME:{far}|")),
            "The value of __STARTDELIVERTIME should be at most 40 days ahead.".to_owned(),
        ),
        (
            client.publish("T", &"x".repeat(65_537), "", ""),
            "The value of MessageBody should between 1 and 65536 bytes.".to_owned(),
        ),
        (publish("a|b", ""), schema("MessageTag: it must not contain '|': leave that out")),
        (publish(&"t".repeat(129), ""), schema("MessageTag: it has 129 characters, the limit is 128: shorten it")),
        (
            publish("", &format!("KEYS:{}|", "k".repeat(129))),
            schema("Properties: KEYS has 129 characters, the limit is 128: shorten it"),
        ),
        (
            publish("", "__SHARDINGKEY:订单|"),
            schema("Properties: __SHARDINGKEY must not contain anything but visible ASCII characters and blanks: leave that out"),
        ),
        (
            client.consume("T", 16, "&tag=TagA"),
            "The value of tag is invalid: the MQ behind this topic does not select by tag: leave it out, and look at each \
             message's MessageTag."
                .to_owned(),
        ),
        (
            client.consume("T", 16, "&trans=order"),
            "The value of trans is invalid: the MQ behind this topic has no consuming in order: consume without order.".to_owned(),
        ),
        (client.consume("T", 17, ""), "The value of numOfMessages should between 1 and 16.".to_owned()),
        (
            client.consume("T", 1, "&waitseconds=31"),
            "The value of waitseconds should between 0 and 30 seconds.".to_owned(),
        ),
    ] {
        mq_refused(&client, &request, &expected);
    }
    let endpoint = Endpoint::start();
    let settings = Settings::new().more("[dropin]\nclient_auth = \"none\"\n");
    let app = TestApp::with(&endpoint, settings);
    let client = MqClient::from((app.data(), Credentials::of("nobody")));
    // Bytes, which a client says to be in base64.
    mq_refused(
        &client,
        &client.publish("orders", "/wA=", "", "mq-gateway-body:base64|"),
        "The value of MessageBody is invalid: the MQ behind this topic takes text only, without control characters but tabs and \
         line ends: encode it, for example in base64.",
    );
    assert_eq!(endpoint.request_count(), 0);
    let long = client.consume("orders", 1, &format!("&more={}", "y".repeat(9000)));
    let response = client.send(&long);
    assert_refused(&response, 400, "InvalidRequestURL");
    let (actual, text) = (long.target.len(), only(&response.text(), "Message"));
    assert_eq!(text, format!("Http request URL format invalid: it has {actual} bytes, the limit is 8192."));
}

#[test]
fn an_ons_http_client_reads_its_own_names() {
    let invalid = |parameter: &str, what: &str| format!("parameter:{parameter} is invalid,{what}");
    // The profile speaks MQ HTTP: what that lacks is told in this client's words.
    let app = on_embedded_mq_http();
    let client = OnsClient::from((app.data(), app.embedded_credentials()));
    let publish = || client.publish("T", "x");
    let characters = "it must not contain any of & \" ' < > : |: leave that out";
    let far = (now_millis() + 41 * 24 * 3600 * 1000).to_string();
    for (request, expected) in [
        (publish().query("key", "order:7"), invalid("Key", characters)),
        (publish().header("isOrder: true").header("shardingKey: a|b"), invalid("ShardingKey", characters)),
        (
            publish().header("isOrder: true").header(&format!("shardingKey: {}", "s".repeat(129))),
            invalid("ShardingKey", "it has 129 characters, the limit is 128: shorten it"),
        ),
        (publish().query("tag", "a|b"), invalid("Tag", "it must not contain '|': leave that out")),
        (
            publish().query("tag", &"t".repeat(129)),
            invalid("Tag", "it has 129 characters, the limit is 128: shorten it"),
        ),
        (
            publish().query("key", &"k".repeat(129)),
            invalid("Key", "it has 129 characters, the limit is 128: shorten it"),
        ),
        (publish().query("startdelivertime", &far), invalid("StartDeliverTime", "must be at most 40 days ahead")),
        (
            publish().query("startdelivertime", "soon"),
            invalid("StartDeliverTime", "must be milliseconds since 1970 as digits"),
        ),
        (
            client.publish("a/b", "x"),
            invalid("Topic", "it must not contain anything but A-Z a-z 0-9 _ % | -: leave that out"),
        ),
    ] {
        ons_refused(&client, &request, "SC_BAD_REQUEST", &expected);
    }
    let endpoint = Endpoint::start_mq();
    let settings = Settings::new().more("[dropin]\nclient_auth = \"none\"\n").profile("protocol = \"mq-http\"");
    let app = TestApp::with(&endpoint, settings.profile("max_message_bytes = \"1000B\""));
    let client = OnsClient::from((app.data(), Credentials::of("nobody")));
    let text = "the MQ behind this topic takes text only (UTF-8), without control characters but tabs and line ends: encode it, for \
                example in base64";
    for body in [&b"\xff"[..], b"\x01"] {
        ons_refused(&client, &client.publish("orders", body), "SC_BAD_REQUEST", &invalid("Body", text));
    }
    let empty = invalid("Body", "the MQ behind this topic takes no empty body: send something");
    ons_refused(&client, &client.publish("orders", ""), "SC_BAD_REQUEST", &empty);
    let limit = "Message body size exceeds the upper limit of 1000 bytes";
    ons_refused(&client, &client.publish("orders", "x".repeat(1001)), "BODY_TOO_BIG", limit);
    let long = client.publish("orders", "x").query("more", &"y".repeat(9000));
    let actual = long.target().len();
    let expected =
        format!("the request target has {actual} bytes, the limit is 8192: send shorter values, or fewer keys");
    ons_refused(&client, &long, "SC_BAD_REQUEST", &expected);
    assert_eq!(endpoint.request_count(), 0);
}
