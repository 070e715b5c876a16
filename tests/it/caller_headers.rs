//! A caller's headers and parameters never reach the MQ.

use crate::support::{Endpoint, TestApp};

/// Headers with a mark in their values; none of them may be passed on.
const CALLERS: [&str; 26] = [
    "Signature: zq-mark",
    "signature: zq-mark",
    "AccessKey: zq-mark",
    "ProducerID: zq-mark",
    "ProducerId: zq-mark",
    "ConsumerID: zq-mark",
    "isOrder: true",
    "shardingKey: zq-mark",
    "Authorization: Bearer zq-mark",
    "Proxy-Authorization: Basic zq-mark",
    "Cookie: session=zq-mark",
    "Keep-Alive: timeout=zq-mark",
    "TE: trailers",
    "Trailer: zq-mark",
    "Proxy-Connection: zq-mark",
    "X-Forwarded-For: zq-mark",
    "X-Forwarded-Host: zq-mark",
    "X-Forwarded-Proto: https",
    "Forwarded: for=zq-mark",
    "X-Real-IP: zq-mark",
    "Via: 1.1 zq-mark",
    "User-Agent: zq-mark",
    "Referer: http://zq-mark/",
    "Accept-Encoding: gzip",
    "X-Custom: zq-mark",
    "Date: Mon, 01 Jan 2001 00:00:00 GMT",
];

#[test]
fn headers_of_the_caller_are_never_passed_on() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let group = "/v1/topics/orders/groups/CID_a/messages";
    let send = |target: &str, body: &str, headers: &[&str]| {
        let request = headers.iter().fold(app.request("POST", target), |request, header| request.header(header));
        let response = request.json(body).send();
        assert!((200..300).contains(&response.status), "{headers:?}: {response:?}");
        response
    };
    let mut sets: Vec<&[&str]> = CALLERS.chunks(1).collect();
    sets.push(&CALLERS);
    for headers in sets {
        let before = endpoint.request_count();
        send("/v1/topics/orders/messages", r#"{"body":"x"}"#, headers);
        let received = send(&format!("{group}:receive"), "{}", headers).json();
        let handle = received["messages"][0]["receipt_handle"].as_str().expect("the message").to_owned();
        send(&format!("{group}:ack"), &format!(r#"{{"receipt_handles":["{handle}"]}}"#), headers);
        let arrived = endpoint.requests().split_off(before);
        assert_eq!(arrived.len(), 3);
        for request in arrived {
            let head = String::from_utf8_lossy(&request.raw).to_ascii_lowercase();
            for mark in ["zq-mark", "isorder", "shardingkey", "trailers", "https", "gzip", "jan 2001"] {
                assert!(!head.contains(mark), "{mark} in {request:?}");
            }
        }
    }
}

#[test]
fn a_connection_header_removes_nothing_from_the_request() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let request = app.request("POST", "/v1/topics/orders/messages");
    let request = request.header("Connection: keep-alive, Signature, AccessKey, ProducerID, Content-Length");
    assert_eq!(request.json(r#"{"body":"x"}"#).send().status, 201);
    assert_eq!(endpoint.only_request().body, b"x");
}

#[test]
fn parameters_of_the_caller_are_no_parameters_upstream() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for query in ["topic=other", "time=1", "startdelivertime=1", "secondTopic=s", "timeout=1", "msgHandle=h"] {
        let target = format!("/v1/topics/orders/messages?{query}");
        let response = app.request("POST", &target).header("Content-Type: text/plain").body("x").send();
        assert_eq!(response.status, 422, "{query}: {response:?}");
    }
    assert_eq!(endpoint.request_count(), 0);
}

/// `java.net.http` offers it with each request over plain HTTP: it is declined by a plain answer.
#[test]
fn an_offered_upgrade_to_http_2_is_answered_as_if_it_were_not_there() {
    let app = TestApp::embedded();
    let post = |target: &str, json: &str| {
        let request = app.request("POST", target).header("Connection: Upgrade, HTTP2-Settings").header("Upgrade: h2c");
        let request = request.header("HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA");
        request.header("User-Agent: Java-http-client/17.0.15").json(json).send()
    };
    let published = post("/v1/topics/orders/messages", r#"{"body":"x"}"#).expect_json(201);
    let group = "/v1/topics/orders/groups/billing/messages";
    let received = post(&format!("{group}:receive"), r#"{"max_messages":1,"wait_seconds":20}"#).expect_json(200);
    assert_eq!(received["messages"][0]["message_id"], published["message_id"]);
    let handle = &received["messages"][0]["receipt_handle"];
    post(&format!("{group}:ack"), &format!(r#"{{"receipt_handles":[{handle}]}}"#)).expect_json(200);
}
