//! How the vendors' clients poll: their spellings of "do not wait", and bodies where nobody has one, at the data listener and at the embedded
//! endpoint.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::embedded::on_embedded_mq_http;
use crate::support::mq::{MqClient, assert_refused, only, received};
use crate::support::ons::{Credentials, OnsClient, OnsRequest, messages};
use crate::support::{Connection, Endpoint, Response, Settings, TestApp};

/// PHP's `consumeMessage(16)` waits for -1 seconds, and so does whoever counts down and does not stop at nothing.
#[test]
fn an_mq_http_wait_of_less_than_nothing_is_a_short_poll() {
    let app = on_embedded_mq_http();
    let mq = MqClient::from((app.data(), app.embedded_credentials()));
    for listener in [app.embedded_address(), app.data()] {
        for wait in ["-1", "-30", "", "0"] {
            // In PHP's order, and with its one content type.
            let php = |group: &str| {
                let target = format!("/topics/T/messages?numOfMessages=16&consumer={group}&waitseconds={wait}");
                let mut consume = mq.consume("T", 16, "").target(&target);
                consume.content_type = Some("text/xml".into());
                consume
            };
            let body = format!("waitseconds={wait}");
            mq.stored(&mq.publish("T", &body, "", ""));
            let taken = received(&php("GID_a").send(listener));
            assert_eq!((taken.len(), taken[0].body.as_str()), (1, body.as_str()));
            assert_eq!(mq.send(&mq.acknowledge("T", &[&taken[0].handle])).status, 204);
            let started = Instant::now();
            assert_refused(&php("GID_a").send(listener), 404, "MessageNotExist");
            assert!(started.elapsed() < Duration::from_secs(2), "{wait:?} waited {:?}", started.elapsed());
        }
        for (wait, code) in [("31", "InvalidArgument"), ("x", "InvalidQueryString"), ("+5", "InvalidQueryString")] {
            let response = mq.consume("T", 16, &format!("&waitseconds={wait}")).send(listener);
            assert_refused(&response, 400, code);
            assert!(only(&response.text(), "Message").contains("waitseconds"), "{response:?}");
        }
    }
}

/// Polls with a body of one byte, which comes on its own.
fn head_first(connection: &mut Connection, poll: &[u8]) -> Response {
    let (head, body) = poll.split_at(poll.len() - 1);
    connection.send(head);
    connection.send(body);
    connection.receive("GET")
}

/// C# sends every consume with a body of one byte.
#[test]
fn an_mq_http_poll_with_a_body_keeps_its_connection() {
    let app = on_embedded_mq_http();
    let mq = MqClient::from((app.data(), app.embedded_credentials()));
    for listener in [app.embedded_address(), app.data()] {
        let mut connection = Connection::open(listener);
        for body in ["1", "2"] {
            assert_eq!(connection.exchange(&mq.publish("T", body, "", "").bytes(), "POST").status, 201);
            let mut consume = mq.consume("T", 16, "");
            consume.body = b"a".to_vec();
            consume.content_type = Some("text/xml".into());
            let taken = received(&head_first(&mut connection, &consume.bytes()));
            assert_eq!((taken.len(), taken[0].body.as_str()), (1, body));
            let done = connection.exchange(&mq.acknowledge("T", &[&taken[0].handle]).bytes(), "DELETE");
            assert_eq!((done.status, done.header("connection")), (204, None));
            let empty = head_first(&mut connection, &consume.bytes());
            assert_refused(&empty, 404, "MessageNotExist");
            assert_eq!(empty.header("connection"), None, "{empty:?}");
        }
    }
}

/// A client that says it does not wait knows its MQ: what it says is passed on, whatever the profile says for `/v1`.
#[test]
fn a_timeout_of_zero_is_passed_on() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().more("[dropin]\nclient_auth = \"none\"\n"));
    let client = OnsClient::from((app.data(), Credentials::of("nobody")));
    let asked = |request: OnsRequest| {
        assert_eq!(messages(&client.send(&request)), [] as [Value; 0]);
        let sent = endpoint.last_request();
        assert_eq!(sent.method, "GET");
        sent.parameter("timeout").map(str::to_owned)
    };
    let consume = || client.consume("orders");
    assert_eq!(asked(consume().query("timeout", "0")).as_deref(), Some("0"));
    let waited = asked(consume().query("timeout", "200")).and_then(|millis| millis.parse::<u64>().ok());
    assert!(waited.is_some_and(|millis| (1..=200).contains(&millis)), "{waited:?}");
    // What is no number counts as none: the relay's own wait.
    for absent in ["", "soon", "-1"] {
        let waited = asked(consume().query("timeout", absent)).and_then(|millis| millis.parse::<u64>().ok());
        assert!(waited.is_some_and(|millis| millis > 200), "{absent:?}: {waited:?}");
    }
    // `/v1` has a wait of nothing by default, and the profile says what becomes of it.
    assert!(app.receive("orders", "CID_a", "{}").is_empty());
    assert_eq!(endpoint.last_request().parameter("timeout"), None);
}

#[test]
fn a_timeout_of_zero_does_not_wait() {
    let app = TestApp::embedded();
    for address in [app.data(), app.embedded_address()] {
        let client = OnsClient::from((address, app.embedded_credentials()));
        let took = |request: OnsRequest| {
            let started = Instant::now();
            assert_eq!(client.send(&request).text(), "[]");
            started.elapsed()
        };
        let waited = took(client.consume("T").query("timeout", "1000"));
        assert!(waited >= Duration::from_millis(950), "a poll waits where it may: {waited:?}");
        let waited = took(client.consume("T").query("timeout", "0"));
        assert!(waited < Duration::from_millis(900), "{waited:?}");
    }
}

/// As C# does it in the other protocol: a poll's body means nothing, and the connection goes on.
#[test]
fn an_ons_http_poll_with_a_body_keeps_its_connection() {
    let app = TestApp::embedded();
    for address in [app.data(), app.embedded_address()] {
        let client = OnsClient::from((address, app.embedded_credentials()));
        let mut connection = Connection::open(address);
        for _ in 0..2 {
            let mut consume = client.consume("T").query("timeout", "0").header("Content-Length: 1").bytes();
            consume.push(b'a');
            let response = head_first(&mut connection, &consume);
            assert_eq!((response.text().as_str(), response.header("connection")), ("[]", None), "{response:?}");
        }
        assert_eq!(connection.exchange(&client.publish("U", "x").bytes(), "POST").status, 201);
    }
}
