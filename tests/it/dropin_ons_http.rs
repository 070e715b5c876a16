//! Clients of the ONS HTTP protocol, pointed at the gateway: their own spellings in, the vendor's answers out, and the
//! real key only behind it (protocol notes ONS 7).

use std::time::{Duration, Instant};

use crate::support::endpoint::{closed, good, respond};
use crate::support::ons::{self, Credentials, OnsClient, OnsRequest, consume_string_to_sign, handle, messages, sign};
use crate::support::time::{now_millis, until};
use crate::support::trap::dead_url;
use crate::support::{Connection, Endpoint, Launch, Response, Settings, TestApp, assert_problem};

/// With the embedded endpoint's own pair.
fn own_client(app: &TestApp) -> OnsClient {
    OnsClient::from((app.data(), app.embedded_credentials()))
}

/// With keys that are not checked.
fn anyone(app: &TestApp) -> OnsClient {
    OnsClient::from((app.data(), Credentials::of("nobody")))
}

/// With `client_auth` unset, on an embedded endpoint without its pauses.
fn embedded() -> TestApp {
    Launch::embedded().environment("MQ_GATEWAY__DROPIN__ERROR_HOLD", "0s").start()
}

fn open() -> Settings {
    Settings::new().more("[dropin]\nclient_auth = \"none\"\nerror_hold = \"0s\"\n")
}

#[track_caller]
fn assert_forbidden(response: &Response) {
    ons::assert_forbidden(response);
    assert_closes(response);
}

/// Every answer but a success closes the connection (item 14).
#[track_caller]
fn assert_closes(response: &Response) {
    assert!(response.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")), "{response:?}");
}

#[track_caller]
fn assert_bad(response: &Response, code: &str, info: &str) {
    assert_eq!(response.status, 400, "{response:?}");
    let kind = response.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("text/html"), "never application/json: {response:?}");
    assert_closes(response);
    let body = response.json();
    assert_eq!(body["code"], code, "{body}");
    assert!(body["info"].as_str().expect("info").contains(info), "{info:?} in {body}");
    assert_eq!(body.as_object().expect("an object").len(), 2, "{body}");
}

#[test]
fn a_message_is_published_received_and_acknowledged_with_the_embedded_pair() {
    let app = embedded();
    let client = own_client(&app);
    let id = client.stored(&client.publish("T", "你好").query("tag", "http").query("key", "k1 k2"));
    let received = client.received("T");
    assert_eq!(received.len(), 1);
    let message = &received[0];
    assert_eq!(message["msgId"], id.as_str());
    assert_eq!((message["body"].as_str(), message["tag"].as_str()), (Some("你好"), Some("http")));
    assert_eq!((message["key"].as_str(), message["reconsumeTimes"].as_u64()), (Some("k1 k2"), Some(0)));
    assert!(message["bornTime"].as_str().is_some_and(|time| time.parse::<u64>().is_ok()), "{message}");
    let handle = handle(message);
    assert!(!handle.starts_with("v2."), "the MQ's own: {handle}");
    for _ in 0..2 {
        let deleted = client.send(&client.delete("T", handle));
        assert_eq!((deleted.status, deleted.body.len()), (204, 0), "a stale handle is no failure");
    }
    assert!(client.received("T").is_empty());
    let metrics = app.metrics();
    let count = |operation: &str| {
        let labels = [("caller", "embedded"), ("protocol", "ons-http"), ("operation", operation), ("result", "ok")];
        metrics.get("mq_gateway_dropin_requests_total", &labels)
    };
    assert_eq!((count("publish"), count("receive"), count("ack")), (Some(1.0), Some(2.0), Some(2.0)));
    let published = [("topic", "T"), ("profile", "embedded"), ("outcome", "published")];
    assert_eq!(metrics.get("mq_gateway_messages_published_total", &published), Some(1.0));
}

#[test]
fn requests_are_signed_anew_with_the_real_key() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, open());
    let client = anyone(&app);
    let request = client.publish("orders", "x\ny").query("tag", "t 1").query("key", "k");
    client.stored(&request.header("Cookie: a=b").header("X-Forwarded-For: 10.0.0.1"));
    let sent = endpoint.only_request();
    assert_eq!(sent.headers_named("AccessKey"), [endpoint.credentials().access_key.as_str()]);
    assert_eq!(sent.headers_named("ProducerID"), ["PID_ours"]);
    assert_eq!((sent.parameter("tag"), sent.parameter("key")), (Some("t 1"), Some("k")));
    assert_eq!(sent.body, b"x\ny");
    assert!(!String::from_utf8_lossy(&sent.raw).contains("nobody"));
    client.received("orders");
    let sent = endpoint.last_request();
    assert_eq!(sent.headers_named("ConsumerID"), ["CID_a"]);
    // The endpoint's own check of every request fails the test when one is not signed by the real key.
}

#[test]
fn with_client_auth_none_no_key_is_needed() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, open());
    let client = anyone(&app);
    client.stored(&client.publish("orders", "x").without_header("Signature").without_header("AccessKey"));
    client.stored(&OnsRequest::publish_at(&client.credentials, "orders", "PID_a", "x", 1_000_000_000_000));
    let anyone = [("caller", "_anyone"), ("protocol", "ons-http"), ("operation", "publish"), ("result", "ok")];
    assert_eq!(app.metrics().get("mq_gateway_dropin_requests_total", &anyone), Some(2.0));
    let bad = client.send(&client.publish("orders", "x").without_query("time"));
    assert_bad(&bad, "SC_BAD_REQUEST", "parameter:Time is invalid,can not be null or empty");
}

#[test]
fn every_spelling_of_a_client_is_read() {
    let app = embedded();
    let client = own_client(&app);
    for path in ["/message", "/message/", "//message/", "///message", "//message"] {
        client.stored(&client.publish("paths", path).path(path));
    }
    let mut absolute = client.publish("paths", "absolute");
    absolute.target = Some(format!("http://publictest-rest.ons.aliyun.com:80{}", absolute.target()));
    client.stored(&absolute);
    assert_eq!(client.received("paths").len(), 6);
    // Names in any case, both groups at once, parameters that mean nothing here.
    let respelled = |request: OnsRequest| {
        let headers = request.headers.iter().map(|line| {
            let (name, value) = line.split_once(':').expect("a header");
            // curl in PHP puts no blank behind the colon.
            format!("{}:{}", name.to_lowercase(), value.trim())
        });
        OnsRequest { headers: headers.collect(), ..request }
    };
    client.stored(&respelled(client.publish("heads", "lower")).header("ConsumerId: CID_other").query("num", "32"));
    client.stored(&client.publish("heads", "typed").header("Content-Type: text/html;charset=UTF-8"));
    client.stored(&client.publish("heads", "ordered").header("isOrder: TRUE").header("shardingKey: user 7"));
    client.stored(&client.publish("heads", "unordered").header("isOrder: true").header("shardingKey:"));
    let consume = respelled(client.consume("heads")).header("ProducerId: PID_other").query("tag", "other");
    let received = messages(&client.send(&consume.header("Accept: application/json")));
    let bodies: Vec<_> = received.iter().filter_map(|message| message["body"].as_str()).collect();
    assert_eq!(bodies, ["lower", "typed", "ordered", "unordered"]);
    // Blanks as `+` and as `%20`, escaped UTF-8, the first of duplicates.
    let mut plus = client.publish("query", "x").query("tag", "标 签");
    plus.target = Some(format!("{}&tag=second&key=%E9%94%AE", plus.target().replace("%20", "+")));
    client.stored(&plus);
    let received = client.received("query");
    assert_eq!((received[0]["tag"].as_str(), received[0]["key"].as_str()), (Some("标 签"), Some("键")));
    // A handle with a raw `=`, as the vendor's sample puts it.
    let mut raw = client.delete("query", handle(&received[0]));
    raw.target = Some(raw.target().replace("%3D", "="));
    assert_eq!(client.send(&raw.header("Content-Length: 0")).status, 204);
    // Another charset is honoured.
    client.stored(&client.publish("gbk", b"\xd6\xd0\xce\xc4").header("Content-Type: text/plain; charset=GBK"));
    assert_eq!(client.received("gbk")[0]["body"], "中文");
}

#[test]
fn times_and_waits_follow_the_vendor() {
    let app = embedded();
    let client = own_client(&app);
    let due = now_millis() + 1200;
    client.stored(&client.publish("T", "later").query("startdelivertime", &due.to_string()));
    client.stored(&client.publish("T", "past").query("startdelivertime", "1503907519123"));
    assert_eq!(client.received("T")[0]["body"], "past");
    // A time is ignored for ordered messages (item 20).
    let ordered = client.publish("T", "ordered").header("isOrder: 1").header("shardingKey: s");
    client.stored(&ordered.query("startdelivertime", &(due + 60_000).to_string()));
    assert_eq!(client.received("T")[0]["body"], "ordered");
    let consume = client.consume("T").query("timeout", "35000");
    assert_eq!(messages(&client.send(&consume))[0]["body"], "later");
    assert!(now_millis() >= due);
    // Without `timeout` a poll is held for a while, and an empty one is `[]`.
    let started = Instant::now();
    let response = client.send(&client.consume("T"));
    assert_eq!(response.text(), "[]");
    assert!(started.elapsed() >= Duration::from_millis(2900), "{:?}", started.elapsed());
}

#[test]
fn requests_with_a_wrong_identity_get_403_and_are_not_relayed() {
    let app = embedded();
    let client = own_client(&app);
    let other = |access_key: &str, secret_key: &str| Credentials {
        access_key: access_key.into(),
        secret_key: secret_key.into(),
    };
    let own = &client.credentials;
    let wrong_secret = other(&own.access_key, "wrong");
    let unknown_key = other("unknown", &own.secret_key);
    let now = now_millis();
    let requests = [
        OnsRequest::publish(&wrong_secret, "T", "PID_a", "x"),
        OnsRequest::publish(&unknown_key, "T", "PID_a", "x"),
        OnsRequest::publish_at(own, "T", "PID_a", "x", now - 20_000),
        OnsRequest::publish_at(own, "T", "PID_a", "x", now + 70_000),
        OnsRequest::consume(&wrong_secret, "T", "CID_a"),
        OnsRequest::delete(&wrong_secret, "T", "CID_a", "handle"),
        OnsRequest { body: b"another".to_vec(), ..client.publish("T", "x") },
    ];
    for request in &requests {
        assert_forbidden(&client.send(request));
    }
    assert!(client.received("T").is_empty());
    let count = |result: &str| {
        let labels = [("caller", "_unknown"), ("protocol", "ons-http"), ("operation", "publish"), ("result", result)];
        app.metrics().get("mq_gateway_dropin_requests_total", &labels)
    };
    assert_eq!((count("signature"), count("access_key"), count("clock")), (Some(2.0), Some(1.0), Some(2.0)));
    let published = app.metrics().get("mq_gateway_messages_published_total", &[("outcome", "published")]);
    assert_eq!(published.unwrap_or_default(), 0.0);
}

#[test]
fn what_is_missing_or_wrong_is_named_in_the_vendors_words() {
    let app = embedded();
    let client = own_client(&app);
    let missing = |name: &str| format!("parameter:{name} is invalid,can not be null or empty");
    let publish = || client.publish("T", "x");
    for (request, name) in [
        (publish().without_header("Signature"), "Signature"),
        (publish().without_header("AccessKey"), "AccessKey"),
        (publish().without_header("ProducerID"), "ProducerId"),
        (publish().without_query("topic"), "Topic"),
        (publish().without_query("time"), "Time"),
        (client.consume("T").without_header("ConsumerID"), "ConsumerId"),
        (client.delete("T", "h").without_query("msgHandle"), "MsgHandle"),
        (client.delete("T", "h").without_header("ConsumerID").header("ConsumerID:"), "ConsumerId"),
    ] {
        assert_bad(&client.send(&request), "SC_BAD_REQUEST", &missing(name));
    }
    assert_bad(&client.send(&publish().query("tag", &"t".repeat(129))), "SC_BAD_REQUEST", "Tag");
    assert_bad(&client.send(&publish().query("tag", "a|b")), "SC_BAD_REQUEST", "Tag");
    assert_bad(&client.send(&publish().query("startdelivertime", "soon")), "SC_BAD_REQUEST", "StartDeliverTime");
    let far = (now_millis() + 41 * 24 * 3600 * 1000).to_string();
    assert_bad(&client.send(&publish().query("startdelivertime", &far)), "SC_BAD_REQUEST", "StartDeliverTime");
    assert_bad(&client.send(&client.delete("T", "no handle of ours")), "SC_BAD_REQUEST", "refused");
    let big = client.send(&client.publish("T", "x".repeat(65_537)));
    assert_bad(&big, "BODY_TOO_BIG", "Message body size exceeds the upper limit of 64KB");
    client.stored(&client.publish("T", "x".repeat(65_536)));
    let huge = client.send(&client.publish("T", "x".repeat((4 << 20) + 1)));
    assert_bad(&huge, "BODY_TOO_BIG", "Message body size exceeds");
}

#[test]
fn nothing_on_the_vendors_path_is_a_rest_problem() {
    let app = embedded();
    let client = own_client(&app);
    let not_json = |response: &Response| {
        let kind = response.header("content-type").unwrap_or_default();
        assert!(!kind.contains("json"), "{response:?}");
    };
    let many = (0..70).fold(client.publish("T", "x"), |request, number| request.header(&format!("X-{number}: y")));
    let response = client.send(&many);
    assert_bad(&response, "SC_BAD_REQUEST", "headers");
    let long = client.send(&client.publish("T", "x").query("more", &"y".repeat(9000)));
    assert_bad(&long, "SC_BAD_REQUEST", "target");
    let encoded = client.send(&client.publish("T", "x").header("Content-Encoding: gzip"));
    assert_bad(&encoded, "SC_BAD_REQUEST", "Content-Encoding");
    let page = client.send(&client.publish("T", "x").header("Origin: http://evil.example.com"));
    assert_forbidden(&page);
    for method in ["PUT", "PATCH", "HEAD", "OPTIONS"] {
        let response = app.request(method, "/message/?topic=T").send();
        assert_eq!((response.status, response.header("allow")), (405, Some("POST, GET, DELETE")), "{method}");
        not_json(&response);
        assert!(response.body.is_empty());
    }
}

#[test]
fn unknown_callers_are_refused_before_their_body() {
    let app = embedded();
    let client = own_client(&app);
    let unknown = OnsRequest::publish(&Credentials::of("unknown"), "T", "PID_a", "x".repeat(60_000));
    let late = OnsRequest::publish_at(&client.credentials, "T", "PID_a", "x".repeat(60_000), now_millis() - 20_000);
    let big = client.publish("T", "x".repeat(70_000));
    for (request, status) in [(unknown, 403), (late, 403), (big, 400)] {
        let bytes = request.bytes();
        let mut connection = Connection::open(client.address);
        // The head and a little of the body: the answer waits for nothing more.
        connection.send(&bytes[..bytes.len() - 50_000]);
        let response = connection.receive("POST");
        assert_eq!(response.status, status, "{response:?}");
        assert_closes(&response);
    }
}

#[test]
fn an_error_to_a_poll_is_held() {
    let app = Launch::embedded().start();
    let client = own_client(&app);
    let poll = OnsRequest::consume(&Credentials::of("wrong"), "T", "CID_a");
    let started = Instant::now();
    assert_forbidden(&client.send(&poll));
    assert!(started.elapsed() >= Duration::from_millis(950), "{:?}", started.elapsed());
}

#[test]
fn topics_and_groups_that_are_not_configured_get_403() {
    let endpoint = Endpoint::start();
    let topics = "[[topics]]\nname = \"orders\"\nprofile = \"main\"\ngroups = [\"CID_a\"]\n";
    let app = TestApp::with(&endpoint, open().topics(topics));
    let client = anyone(&app);
    assert_forbidden(&client.send(&client.publish("payments", "x")));
    assert_forbidden(&client.send(&client.consume("payments")));
    assert_forbidden(&client.send(&OnsRequest::consume(&client.credentials, "orders", "CID_b")));
    assert_forbidden(&client.send(&OnsRequest::delete(&client.credentials, "orders", "CID_b", "aGFuZGxl")));
    assert_bad(&client.send(&client.publish("a/b", "x")), "SC_BAD_REQUEST", "Topic");
    assert_eq!(endpoint.request_count(), 0);
    client.stored(&client.publish("orders", "x"));
}

#[test]
fn failures_of_the_mq_become_the_vendors_statuses() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, open().profile("breaker_failures = 1000").topic("deadline = \"1s\""));
    let client = anyone(&app);
    let rows = [
        ("408", respond(408, &[], ""), 408),
        ("500", respond(500, &[], ""), 503),
        ("a broken answer", closed(), 503),
        ("403, twice", respond(403, &[], ""), 503),
        ("404", respond(404, &[], ""), 503),
        ("503", respond(503, &["Retry-After: 60"], ""), 503),
    ];
    for (name, script, status) in rows {
        endpoint.script(script.clone());
        if name.starts_with("403") {
            endpoint.script(script);
        }
        let response = client.send(&client.publish("orders", "x"));
        assert_eq!((response.status, response.body.len()), (status, 0), "{name}: {response:?}");
        assert_closes(&response);
    }
    endpoint.script(respond(400, &[], r#"{"code":"TOPIC_FORBIDDEN","info":"x"}"#));
    assert_bad(&client.send(&client.publish("orders", "x")), "TOPIC_FORBIDDEN", "refused");
    endpoint.script(good());
    client.stored(&client.publish("orders", "x"));
    let away = Launch::towards(&endpoint, open().profile(&format!("endpoints = [\"{}\"]", dead_url()))).start();
    let client = anyone(&away);
    let response = client.send(&client.publish("orders", "x"));
    assert_eq!((response.status, response.header("retry-after")), (503, Some("1")), "{response:?}");
}

#[test]
fn callers_with_virtual_keys_have_their_own_topics() {
    let endpoint = Endpoint::start();
    let (billing, shop) = (Credentials::of("billing"), Credentials::of("shop"));
    let settings = Settings::new().more(
        "[dropin]\nclient_auth = \"keys\"\nerror_hold = \"0s\"\n\
         [credentials.billing]\ndirectory = \"{directory}/billing\"\n\
         [credentials.shop]\ndirectory = \"{directory}/shop\"\n\
         [callers.billing]\ncredentials = \"billing\"\ntopics = [\"orders\"]\n\
         [callers.shop]\ncredentials = \"shop\"\ntopics = [\"*\"]\n",
    );
    let launch = Launch::towards(&endpoint, settings).secrets_in("billing", &billing).secrets_in("shop", &shop);
    let app = launch.start();
    let client = |credentials: &Credentials| OnsClient::from((app.data(), credentials.clone()));
    let (billing, shop) = (client(&billing), client(&shop));
    billing.stored(&billing.publish("orders", "x"));
    shop.stored(&shop.publish("payments", "x"));
    assert_forbidden(&billing.send(&billing.publish("payments", "x")));
    assert_forbidden(&billing.send(&billing.consume("payments")));
    // The real key is no virtual key.
    let real = client(endpoint.credentials());
    assert_forbidden(&real.send(&real.publish("orders", "x")));
    assert_eq!(endpoint.request_count(), 2);
    let metrics = app.metrics();
    let count = |caller: &str, result: &str| {
        let labels = [("caller", caller), ("operation", "publish"), ("result", result)];
        metrics.get("mq_gateway_dropin_requests_total", &labels)
    };
    assert_eq!((count("billing", "ok"), count("billing", "caller_topic")), (Some(1.0), Some(1.0)));
    assert_eq!((count("shop", "ok"), count("_unknown", "access_key")), (Some(1.0), Some(1.0)));
    // Keys rotate without a restart.
    let rotated = Credentials::of("rotated");
    for (name, value) in [("access_key", &rotated.access_key), ("secret_key", &rotated.secret_key)] {
        std::fs::write(app.directory().path().join("billing").join(name), value).expect("a file");
    }
    let rotated = client(&rotated);
    until("the new key", || (rotated.send(&rotated.publish("orders", "new")).status == 201).then_some(()));
    assert_forbidden(&billing.send(&billing.publish("orders", "x")));
}

#[test]
fn with_client_auth_unset_only_the_embedded_endpoint_is_served() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().more("[dropin]\nerror_hold = \"0s\"\n"));
    let client = OnsClient::from((app.data(), endpoint.credentials().clone()));
    assert_forbidden(&client.send(&client.publish("orders", "x")));
    assert_forbidden(&client.send(&client.consume("orders")));
    assert_eq!(endpoint.request_count(), 0);
}

#[test]
fn when_switched_off_the_path_does_not_exist() {
    let app = Launch::embedded().environment("MQ_GATEWAY__DROPIN__ENABLED", "false").start();
    let client = own_client(&app);
    let response = client.send(&OnsRequest { host: app.data().to_string(), ..client.publish("T", "x") });
    assert_problem(&response, 404, "not-found", crate::support::Meaning::NotDone);
}

#[test]
fn a_stale_handle_is_no_failure_with_mq_http_behind_it() {
    let app = Launch::on_embedded("", &Settings::new().profile("protocol = \"mq-http\"")).start();
    let client = own_client(&app);
    client.stored(&client.publish("T", "x").query("tag", "http"));
    let received = client.received("T");
    assert_eq!((received[0]["body"].as_str(), received[0]["tag"].as_str()), (Some("x"), Some("http")));
    let handle = handle(&received[0]);
    for _ in 0..2 {
        assert_eq!(client.send(&client.delete("T", handle)).status, 204);
    }
    // npm ons would repeat a failed one every half second, for ever.
    assert_eq!(client.send(&client.delete("T", "c29tZXRoaW5nIGVsc2U=")).status, 204);
}

#[test]
fn an_offered_upgrade_is_declined() {
    let app = embedded();
    let client = own_client(&app);
    let offered = |request: OnsRequest| {
        request.header("Connection: Upgrade, HTTP2-Settings").header("Upgrade: h2c").header("HTTP2-Settings: AAMAAABk")
    };
    for address in [app.data(), app.embedded_address()] {
        let response = offered(client.publish("T", "x")).send(address);
        assert_eq!((response.status, response.header("connection")), (201, Some("close")), "{response:?}");
    }
    let rest = app.request("GET", "/v1/topics").header("Connection: Upgrade, HTTP2-Settings").header("Upgrade: h2c");
    assert_eq!(rest.send().status, 200);
}

#[test]
fn a_publish_whose_caller_hangs_up_is_completed() {
    let app = embedded();
    let client = own_client(&app);
    let mut connection = Connection::open(client.address);
    connection.send(&client.publish("T", "gone").bytes());
    drop(connection);
    until("the message", || (client.received("T").len() == 1).then_some(()));
}

#[test]
fn a_poll_signed_by_hand_is_accepted() {
    // A poll signed by hand, so that the helpers above cannot hide a mistake.
    let app = embedded();
    let client = own_client(&app);
    let time = now_millis().to_string();
    let signature = sign(&client.credentials.secret_key, &consume_string_to_sign("T", "CID_x", &time));
    let request = format!(
        "GET /message/?topic=T&time={time}&num=32&timeout=0 HTTP/1.1\r\nHost: x\r\nAccept-Encoding: identity\r\nConsumerID: CID_x\r\nAccessKey: {}\r\nSignature: {signature}\r\n\r\n",
        client.credentials.access_key
    );
    let response = Connection::open(client.address).exchange(request.as_bytes(), "GET");
    assert_eq!((response.status, response.text().as_str()), (200, "[]"));
}
