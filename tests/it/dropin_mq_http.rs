//! Clients of the MQ HTTP protocol, pointed at the gateway: whatever the protocol behind it, the answers are the
//! vendor's own (protocol notes MQ HTTP 2 to 5).

use crate::support::client::find;
use crate::support::embedded::on_embedded_mq_http;
use crate::support::encoding::md5_hex;
use crate::support::endpoint::{closed, respond};
use crate::support::mq::{MqClient, MqRequest, all, assert_refused, assert_vendors, message, only, received};
use crate::support::ons::Credentials;
use crate::support::time::{now_millis, until};
use crate::support::trap::dead_url;
use crate::support::{Connection, Endpoint, Launch, Settings, TestApp};

/// With the embedded endpoint's own pair.
fn own_client(app: &TestApp) -> MqClient {
    MqClient::from((app.data(), app.embedded_credentials()))
}

/// With keys that are not checked.
fn anyone(app: &TestApp) -> MqClient {
    MqClient::from((app.data(), Credentials::of("nobody")))
}

fn open() -> Settings {
    Settings::new().more("[dropin]\nclient_auth = \"none\"\nerror_hold = \"0s\"\n")
}

#[test]
fn a_message_is_published_received_and_acknowledged() {
    let app = on_embedded_mq_http();
    let client = own_client(&app);
    let body = "Hello <b>&\"'世界</b> ]]> \r\n tail";
    let id = client.stored(&client.publish("T", body, "TagA", "KEYS:K1|a:值|__SHARDINGKEY:s1|").with_md5());
    let taken = client.taken("T", 16, "&waitseconds=5&tag=TagA%7C%7CTagB&ns=MQ_INST_1");
    assert_eq!(taken.len(), 1);
    let message = &taken[0];
    assert_eq!((message.message_id.as_str(), message.body.as_str()), (id.as_str(), body));
    assert_eq!(message.body_md5, md5_hex(body.as_bytes()).to_uppercase());
    assert_eq!((message.tag.as_deref(), message.consumed_times), (Some("TagA"), 1));
    let properties = message.properties.clone().expect("properties");
    for pair in ["KEYS:K1", "a:值", "__SHARDINGKEY:s1"] {
        assert!(properties.split('|').any(|found| found == pair), "{pair} in {properties}");
    }
    assert!(!message.handle.starts_with("v2."), "the MQ's own: {}", message.handle);
    let response = client.send(&client.acknowledge("T", &[&message.handle, "bogus"]));
    assert_eq!(response.status, 404);
    assert_eq!(all(&response.text(), "ReceiptHandle"), ["bogus"]);
    assert_eq!(only(&response.text(), "ErrorCode"), "ReceiptHandleError");
    assert_eq!(client.send(&client.acknowledge("T", &[&message.handle])).status, 204);
    assert!(client.taken("T", 1, "").is_empty());
    let metrics = app.metrics();
    let count = |operation: &str, result: &str| {
        let labels = [("caller", "embedded"), ("protocol", "mq-http"), ("operation", operation), ("result", result)];
        metrics.get("mq_gateway_dropin_requests_total", &labels)
    };
    assert_eq!((count("publish", "ok"), count("receive", "ok")), (Some(1.0), Some(2.0)));
    assert_eq!((count("ack", "ok"), count("ack", "not_acknowledged")), (Some(1.0), Some(1.0)));
}

#[test]
fn order_and_long_polls_pass_through() {
    let app = on_embedded_mq_http();
    let client = own_client(&app);
    for body in ["1", "2"] {
        client.stored(&client.publish("T", body, "", "__SHARDINGKEY:s|"));
    }
    let first = client.taken("T", 1, "&trans=order");
    assert_eq!(first[0].body, "1");
    assert!(client.taken("T", 16, "&trans=order").is_empty());
    let (consume, address) = (client.consume("T", 16, "&trans=order&waitseconds=30"), client.address);
    let poll = std::thread::spawn(move || consume.send(address));
    until("the poll", || (app.metrics().get("mq_gateway_receive_waiters", &[]) == Some(1.0)).then_some(()));
    assert_eq!(client.send(&client.acknowledge("T", &[&first[0].handle])).status, 204);
    assert_eq!(received(&poll.join().expect("the poll"))[0].body, "2");
}

#[test]
fn a_profile_of_the_other_protocol_serves_what_it_can_carry() {
    let app = TestApp::embedded();
    let client = own_client(&app);
    client.stored(&client.publish("T", "x", "TagA", "KEYS:k1 k2|__SHARDINGKEY:s|"));
    let taken = client.taken("T", 16, "&waitseconds=5");
    assert_eq!((taken[0].body.as_str(), taken[0].tag.as_deref()), ("x", Some("TagA")));
    assert_eq!(client.send(&client.acknowledge("T", &[&taken[0].handle])).status, 204);
    let text = client.refused(&client.publish("T", "x", "", "a:b|"), 400, "InvalidArgument");
    assert!(text.contains("Properties"), "{text}");
    client.refused(&client.consume("T", 1, "&tag=TagA"), 400, "InvalidArgument");
    client.refused(&client.consume("T", 1, "&trans=order"), 400, "InvalidArgument");
    let big = client.refused(&client.publish("T", &"x".repeat(65_537), "", ""), 400, "InvalidArgument");
    assert!(big.contains("65536"), "{big}");
}

#[test]
fn requests_with_a_wrong_identity_are_refused_and_not_relayed() {
    let app = on_embedded_mq_http();
    let client = own_client(&app);
    let publish = || client.publish("T", "x", "", "");
    let mut wrong_secret = publish();
    wrong_secret.credentials.secret_key.push('x');
    client.refused(&wrong_secret, 403, "SignatureDoesNotMatch");
    let mut unknown = publish();
    unknown.credentials.access_key = "unknown".into();
    client.refused(&unknown, 403, "InvalidAccessKeyId");
    client.refused(&publish().without("Authorization"), 400, "MissingAuthorizationHeader");
    client.refused(&publish().without("Date"), 400, "MissingDateHeader");
    client.refused(&publish().at(now_millis() - 16 * 60 * 1000), 408, "TimeExpired");
    let mut swapped = publish().with_md5();
    swapped.body = message("y", "", "").into_bytes();
    client.refused(&swapped, 400, "InvalidDigest");
    client.refused(&MqRequest::post(&client.credentials, "T", "<Message>"), 400, "MalformedXML");
    let bomb = "<!DOCTYPE b [<!ENTITY a \"aaaa\">]><Message><MessageBody>&a;</MessageBody></Message>";
    client.refused(&MqRequest::post(&client.credentials, "T", bomb), 400, "MalformedXML");
    client.refused(&client.publish("T", "x", "", "a<b:c|"), 400, "InvalidArgument");
    client.refused(&client.publish("T", "x", "", "__TransCheckT:10|"), 400, "InvalidArgument");
    client.refused(&client.consume("T", 1, "&trans=pop"), 400, "InvalidArgument");
    client.refused(&client.consume("T", 17, ""), 400, "InvalidArgument");
    client.refused(&client.acknowledge("T", &[]), 400, "MissingReceiptHandle");
    let far = now_millis() + 41 * 24 * 3600 * 1000;
    client.refused(&client.publish("T", "x", "", &format!("__STARTDELIVERTIME:{far}|")), 400, "InvalidArgument");
    assert!(client.taken("T", 16, "").is_empty());
    let published = app.metrics().get("mq_gateway_messages_published_total", &[("outcome", "published")]);
    assert_eq!(published.unwrap_or_default(), 0.0);
}

#[test]
fn nothing_on_the_vendors_path_is_a_rest_problem() {
    let app = on_embedded_mq_http();
    let client = own_client(&app);
    let many = (0..70).fold(client.publish("T", "x", "", ""), |it, number| it.header(&format!("X-{number}: y")));
    client.refused(&many, 400, "InvalidArgument");
    let long = format!("&more={}", "y".repeat(9000));
    client.refused(&client.consume("T", 1, &long), 400, "InvalidRequestURL");
    client.refused(&client.publish("T", &"x".repeat((4 << 20) + 1), "", ""), 400, "InvalidArgument");
    client.refused(&client.publish("T", &"\"".repeat(5 << 20), "", ""), 400, "InvalidArgument");
    // What the protocol allows is let through, however large its escapes make it.
    client.stored(&client.publish("largest", &"\"".repeat(4 << 20), "", ""));
    client.refused(&client.publish("T", "x", "", "").header("Content-Encoding: gzip"), 400, "InvalidArgument");
    client.refused(&client.publish("T", "x", "", "").header("Origin: http://evil.example.com"), 403, "AccessDenied");
    let mut put = client.publish("T", "x", "", "");
    put.method = "PUT";
    let response = client.send(&put);
    assert_eq!((response.status, response.header("allow")), (405, Some("POST, GET, DELETE")), "{response:?}");
    assert_vendors(&response);
    let bad_topic = client.publish("a b", "x", "", "");
    client.refused(&bad_topic, 400, "InvalidArgument");
}

#[test]
fn with_client_auth_none_no_key_is_needed() {
    let endpoint = Endpoint::start_mq();
    let app = TestApp::with(&endpoint, open().profile("protocol = \"mq-http\""));
    let client = anyone(&app);
    client.stored(&client.publish("orders", "x", "", "").without("Authorization").without("Date"));
    let sent = endpoint.only_request();
    let authorization = sent.header("authorization").expect("signed by us");
    assert!(authorization.starts_with(&format!("MQ {}:", endpoint.credentials().access_key)), "{authorization}");
    // The whole request is made anew: nothing of the caller's head is passed on.
    client.stored(&client.publish("orders", "x", "", "").header("Cookie: a=b").header("security-token: theirs"));
    assert_eq!(endpoint.last_request().header("security-token"), None);
}

#[test]
fn callers_with_virtual_keys_have_their_own_topics() {
    let endpoint = Endpoint::start_mq();
    let billing = Credentials::of("billing");
    let settings = Settings::new().profile("protocol = \"mq-http\"").more(
        "[dropin]\nclient_auth = \"keys\"\n[credentials.billing]\ndirectory = \"{directory}/billing\"\n\
         [callers.billing]\ncredentials = \"billing\"\ntopics = [\"orders\"]\n",
    );
    let app = Launch::towards(&endpoint, settings).secrets_in("billing", &billing).start();
    let client = MqClient::from((app.data(), billing));
    client.stored(&client.publish("orders", "x", "", ""));
    client.refused(&client.publish("payments", "x", "", ""), 403, "AccessDenied");
    // Nothing is shown of topics that are not theirs, not even whether they exist.
    client.refused(&client.consume("payments", 1, ""), 403, "AccessDenied");
    client.refused(&client.publish("a b", "x", "", ""), 403, "AccessDenied");
    let real = MqClient::from((app.data(), endpoint.credentials().clone()));
    real.refused(&real.publish("orders", "x", "", ""), 403, "InvalidAccessKeyId");
    assert_eq!(endpoint.request_count(), 1);
}

#[test]
fn topics_and_groups_that_are_not_configured_do_not_exist() {
    let endpoint = Endpoint::start_mq();
    let topics = "[[topics]]\nname = \"orders\"\nprofile = \"main\"\ngroups = [\"GID_b\"]\n";
    let app = TestApp::with(&endpoint, open().profile("protocol = \"mq-http\"").topics(topics));
    let client = anyone(&app);
    client.refused(&client.publish("payments", "x", "", ""), 404, "TopicNotExist");
    client.refused(&client.consume("payments", 1, ""), 404, "TopicNotExist");
    client.refused(&client.consume("orders", 1, ""), 404, "SubscriptionNotExist");
    client.refused(&client.acknowledge("orders", &["h"]), 404, "SubscriptionNotExist");
    assert_eq!(endpoint.request_count(), 0);
}

#[test]
fn with_client_auth_unset_only_the_embedded_endpoint_is_served() {
    let endpoint = Endpoint::start_mq();
    let app = TestApp::with(&endpoint, Settings::new().profile("protocol = \"mq-http\""));
    let client = MqClient::from((app.data(), endpoint.credentials().clone()));
    client.refused(&client.publish("orders", "x", "", ""), 403, "AccessDenied");
    assert_eq!(endpoint.request_count(), 0);
    let labels = [("protocol", "mq-http"), ("operation", "publish"), ("result", "no_client_auth")];
    assert_eq!(app.metrics().get("mq_gateway_dropin_requests_total", &labels), Some(1.0));
    assert!(app.output().contains("until dropin.client_auth says who may call"), "{}", app.output());
}

#[test]
fn failures_of_the_mq_become_the_vendors_codes() {
    let endpoint = Endpoint::start_mq();
    let settings = open().profile("protocol = \"mq-http\"").profile("breaker_failures = 1000");
    let app = TestApp::with(&endpoint, settings.topic("deadline = \"1s\""));
    let client = anyone(&app);
    let publish = || client.publish("orders", "x", "", "");
    let rows = [
        (respond(500, &[], ""), 1, 500, "InternalError"),
        (closed(), 1, 500, "InternalError"),
        (respond(408, &[], ""), 1, 500, "InternalError"),
        (respond(403, &[], ""), 2, 500, "InternalError"),
        (respond(404, &[], ""), 1, 500, "InternalError"),
        (respond(503, &["Retry-After: 60"], ""), 1, 503, "QpsLimitExceeded"),
        (respond(400, &[], ""), 1, 400, "InvalidArgument"),
    ];
    for (script, times, status, code) in rows {
        for _ in 0..times {
            endpoint.script(script.clone());
        }
        client.refused(&publish(), status, code);
        for _ in 0..times {
            endpoint.script(script.clone());
        }
        // Nothing was acknowledged; the handle is blamed only where the MQ says so.
        let response = client.send(&client.acknowledge("orders", &["h"]));
        if status == 400 {
            assert_eq!(only(&response.text(), "ErrorCode"), "ReceiptHandleError");
        } else {
            assert_refused(&response, status, code);
        }
    }
    let limited = open().profile("protocol = \"mq-http\"").topic("publishes_per_second = 1");
    let app = TestApp::with(&endpoint, limited);
    let client = anyone(&app);
    client.stored(&client.publish("orders", "x", "", ""));
    client.refused(&client.publish("orders", "x", "", ""), 503, "QpsLimitExceeded");
    let away = open().profile("protocol = \"mq-http\"").profile(&format!("endpoints = [\"{}\"]", dead_url()));
    let app = Launch::towards(&endpoint, away).start();
    let client = anyone(&app);
    client.refused(&client.publish("orders", "x", "", ""), 500, "InternalError");
}

#[test]
fn one_connection_carries_everything() {
    let app = on_embedded_mq_http();
    let client = own_client(&app);
    let mut connection = Connection::open(client.address);
    for _ in 0..3 {
        assert_eq!(connection.exchange(&client.publish("T", "x", "", "").bytes(), "POST").status, 201);
        let taken = received(&connection.exchange(&client.consume("T", 1, "&waitseconds=5").bytes(), "GET"));
        let done = connection.exchange(&client.acknowledge("T", &[&taken[0].handle]).bytes(), "DELETE");
        assert_eq!((done.status, done.body.len()), (204, 0));
        assert!(received(&connection.exchange(&client.consume("T", 1, "").bytes(), "GET")).is_empty());
    }
}

/// Some clients take a refusal that comes before they sent their body, and the end of its connection, for a broken one.
#[test]
fn refused_requests_are_read_to_their_end_and_keep_their_connection() {
    let app = on_embedded_mq_http();
    let (mq, wrong) = (own_client(&app), anyone(&app));
    let half = mq.publish("T", "half", "", "__TransCheckT:10|");
    let commit = mq.acknowledge("T", &["handle"]).target("/topics/T/messages?consumer=GID_a&trans=commit");
    let pop = mq.consume("T", 1, "&trans=pop");
    let cases = [
        ("half message", &half, 400),
        ("commit", &commit, 400),
        ("half messages", &pop, 400),
        ("unknown key", &wrong.publish("T", "x", "", ""), 403),
        ("no such topic", &mq.publish("T".repeat(300).as_str(), "x", "", ""), 400),
    ];
    for (name, request, status) in cases {
        for listener in [app.embedded_address(), app.data()] {
            let bytes = request.bytes();
            let end_of_head = find(&bytes, b"\r\n\r\n").expect("a head") + 4;
            let method = std::str::from_utf8(&bytes).expect("ASCII").split(' ').next().expect("a method");
            let mut connection = Connection::open(listener);
            connection.send(&bytes[..end_of_head]);
            // On its own way, as these clients send it.
            connection.send(&bytes[end_of_head..]);
            let refused = connection.receive(method);
            assert_eq!(refused.status, status, "{name}: {refused:?}");
            assert_eq!(refused.header("connection"), None, "{name}: {refused:?}");
            let next = connection.exchange(&mq.publish("T", "next", "", "").bytes(), "POST");
            assert_eq!(next.status, 201, "{name}: {next:?}");
        }
    }
    // Whoever sends more than anybody would want is not listened to.
    let large = wrong.publish("T", &"x".repeat(100 << 10), "", "").bytes();
    for listener in [app.embedded_address(), app.data()] {
        let refused = Connection::open(listener).exchange(&large, "POST");
        assert_eq!((refused.status, refused.header("connection")), (403, Some("close")), "{refused:?}");
    }
}
