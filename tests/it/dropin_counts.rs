//! Under whom requests of the vendors' clients count: under their caller as soon as the signature is known to be good, and under
//! nobody before.

use crate::support::embedded::on_embedded_mq_http;
use crate::support::mq::{MqClient, MqRequest, message};
use crate::support::ons::{Credentials, OnsClient, OnsRequest, consume_string_to_sign, publish_string_to_sign, sign};
use crate::support::time::now_millis;
use crate::support::{Launch, TestApp};

/// How many requests there were, by who is said to have sent them.
fn counts(app: &TestApp, protocol: &str, operation: &str, result: &str) -> [f64; 2] {
    ["embedded", "_unknown"].map(|caller| {
        let labels = [("caller", caller), ("protocol", protocol), ("operation", operation), ("result", result)];
        app.metrics().get("mq_gateway_dropin_requests_total", &labels).unwrap_or_default()
    })
}

#[test]
fn a_refused_mq_http_request_counts_under_the_caller_who_signed_it() {
    let app = on_embedded_mq_http();
    let client = MqClient::from((app.data(), app.embedded_credentials()));
    let consume = |query: &str| client.consume("T", 1, "").target(&format!("/topics/T/messages?{query}"));
    let mut swapped = client.publish("T", "x", "", "").with_md5();
    swapped.body = message("y", "", "").into_bytes();
    let far = now_millis() + 41 * 24 * 3600 * 1000;
    let refused = [
        (consume("consumer=G&numOfMessages=x"), 400, "receive", "invalid_query"),
        (consume("numOfMessages=1"), 400, "receive", "invalid_query"),
        (consume("consumer=G&numOfMessages=17"), 400, "receive", "invalid_argument"),
        (consume("consumer=G&numOfMessages=1&trans=pop"), 400, "receive", "invalid_argument"),
        (
            client.consume("%FF", 1, "").target("/topics/%FF/messages?consumer=G&numOfMessages=1"),
            400,
            "receive",
            "invalid_url",
        ),
        (MqRequest::post(&client.credentials, "T", "<Message>"), 400, "publish", "malformed_xml"),
        (swapped, 400, "publish", "digest"),
        (client.publish("T", &"x".repeat((4 << 20) + 1), "", ""), 400, "publish", "invalid_argument"),
        (client.publish("T", "x", "", &format!("__STARTDELIVERTIME:{far}|")), 400, "publish", "invalid_argument"),
        (client.publish("T", "x", "", "").header("Content-Encoding: gzip"), 400, "publish", "invalid_argument"),
        (client.acknowledge("T", &[]), 400, "ack", "missing_receipt_handle"),
        (client.acknowledge("T", &["h"]).target("/topics/T/messages"), 400, "ack", "invalid_query"),
    ];
    for (request, status, operation, result) in refused {
        let before = counts(&app, "mq-http", operation, result);
        assert_eq!(client.send(&request).status, status, "{}", request.target);
        let after = counts(&app, "mq-http", operation, result);
        assert_eq!([after[0] - before[0], after[1] - before[1]], [1.0, 0.0], "{operation} {result} {}", request.target);
    }
    // Who signed nothing that is good has not become known: neither by the name of a key, nor by a signature of another time.
    let forged = |mut request: MqRequest| {
        request.signature = Some("x".repeat(28));
        request
    };
    let of_nobody = [
        (forged(consume("consumer=G&numOfMessages=x")), 403, "receive", "signature"),
        (forged(MqRequest::post(&client.credentials, "T", "<Message>")), 403, "publish", "signature"),
        (forged(client.acknowledge("T", &["h"]).target("/topics/T/messages")), 403, "ack", "signature"),
        (consume("consumer=G&numOfMessages=x").at(now_millis() - 16 * 60 * 1000), 408, "receive", "clock"),
    ];
    for (request, status, operation, result) in of_nobody {
        assert_eq!(client.send(&request).status, status, "{}", request.target);
        assert_eq!(counts(&app, "mq-http", operation, result), [0.0, 1.0], "{operation} {result}");
    }
}

/// Signed as it stands, whatever `time` says.
fn timed(request: OnsRequest, credentials: &Credentials, group: &str, time: &str) -> OnsRequest {
    let text = match request.body.as_slice() {
        [] => consume_string_to_sign("T", group, time),
        body => publish_string_to_sign("T", group, body, time),
    };
    let request = request.without_query("time").query("time", time).without_header("Signature");
    request.header(&format!("Signature: {}", sign(&credentials.secret_key, &text)))
}

#[test]
fn a_refused_ons_http_request_counts_under_the_caller_who_signed_it() {
    let app = Launch::embedded().environment("MQ_GATEWAY__DROPIN__ERROR_HOLD", "0s").start();
    let client = OnsClient::from((app.data(), app.embedded_credentials()));
    let publish = || client.publish("T", "x");
    let mut not_utf8 = publish();
    not_utf8.target = Some(format!("{}&tag=%FF", not_utf8.target()));
    let refused = [
        (publish().query("startdelivertime", "soon"), "publish", "invalid_parameter"),
        (publish().query("tag", "a|b"), "publish", "invalid_parameter"),
        (not_utf8, "publish", "invalid_parameter"),
        (timed(publish(), &client.credentials, "PID_a", "tomorrow"), "publish", "invalid_parameter"),
        (timed(client.consume("T"), &client.credentials, "CID_a", "tomorrow"), "receive", "invalid_parameter"),
        (client.delete("T", "no handle of ours"), "ack", "rejected"),
    ];
    for (request, operation, result) in refused {
        let before = counts(&app, "ons-http", operation, result);
        assert_eq!(client.send(&request).status, 400, "{}", request.target());
        let after = counts(&app, "ons-http", operation, result);
        let counted = [after[0] - before[0], after[1] - before[1]];
        assert_eq!(counted, [1.0, 0.0], "{operation} {result} {}", request.target());
    }
    // The signature covers the body, the topic and the group: without one of them nobody can have signed.
    let forged =
        |request: OnsRequest| request.without_header("Signature").header(&format!("Signature: {}", "x".repeat(28)));
    let of_nobody = [
        (client.publish("T", "x".repeat(70_000)), 400, "publish", "body_too_big"),
        (publish().without_query("topic"), 400, "publish", "missing_parameter"),
        (client.consume("T").without_header("ConsumerID"), 400, "receive", "missing_parameter"),
        (forged(publish().query("startdelivertime", "soon")), 403, "publish", "signature"),
        (forged(timed(client.consume("T"), &client.credentials, "CID_a", "tomorrow")), 403, "receive", "signature"),
    ];
    for (request, status, operation, result) in of_nobody {
        assert_eq!(client.send(&request).status, status, "{}", request.target());
        assert_eq!(counts(&app, "ons-http", operation, result), [0.0, 1.0], "{operation} {result}");
    }
}
