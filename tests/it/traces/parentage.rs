//! A publish, a receive and an acknowledgement as their spans.

use serde_json::json;

use super::{MESSAGES, RECEIVE, TRACEPARENT, traced};
use crate::support::collector::{Collector, attributes};
use crate::support::time::{now_millis, until};
use crate::support::{Endpoint, Settings, TestApp};

#[test]
fn a_publish_is_a_span_of_the_request_and_one_of_the_exchange() {
    let (endpoint, collector) = (Endpoint::start(), Collector::start());
    let app = traced(&endpoint, Settings::new(), &collector)
        .environment("OTEL_SERVICE_NAME", "payments-mq")
        .environment("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
        .start();
    let before = now_millis();
    let request = app.request("POST", MESSAGES).header(format!("traceparent: {TRACEPARENT}"));
    let request = request.header("tracestate: a=1").header("tracestate: b=2").header("x-request-id: r-1");
    let answer = request.json(r#"{"body":"x"}"#).send();
    let message_id = answer.expect_json(201)["message_id"].as_str().unwrap().to_owned();
    let [server, exchange] = collector.until_spans(["POST /v1/topics/{topic}/messages", "publish orders"]);

    assert_eq!((server.kind, server.status), (2, 0));
    assert_eq!(server.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!((server.parent.as_str(), server.state.as_str()), ("00f067aa0ba902b7", "a=1,b=2"));
    assert_eq!(server.flags, 0x301, "recorded, and its parent is remote");
    let expected = attributes([
        ("http.request.method", "POST".into()),
        ("http.route", "/v1/topics/{topic}/messages".into()),
        ("http.response.status_code", 201.into()),
        ("url.path", MESSAGES.into()),
        ("url.scheme", "http".into()),
        ("mq_gateway.request_id", "r-1".into()),
    ]);
    assert_eq!(server.attributes, expected);
    let says = format!("00-{}-{}-01", server.trace_id, server.span_id);
    assert_eq!(answer.header("traceparent"), Some(says.as_str()));

    assert_eq!((exchange.kind, exchange.status, exchange.flags), (3, 0, 0x101));
    assert_eq!((&exchange.trace_id, &exchange.parent), (&server.trace_id, &server.span_id));
    assert_eq!(exchange.state, "a=1,b=2");
    let port = i64::from(endpoint.address().port());
    let expected = attributes([
        ("messaging.system", "rocketmq".into()),
        ("messaging.operation.name", "publish".into()),
        ("messaging.operation.type", "send".into()),
        ("messaging.destination.name", "orders".into()),
        ("messaging.message.id", message_id.as_str().into()),
        ("http.response.status_code", 201.into()),
        ("server.address", "127.0.0.1".into()),
        ("server.port", port.into()),
        ("network.peer.address", "127.0.0.1".into()),
        ("network.peer.port", port.into()),
        ("mq_gateway.profile", "main".into()),
        ("mq_gateway.protocol", "ons-http".into()),
        ("mq_gateway.attempt", 1.into()),
    ]);
    assert_eq!(exchange.attributes, expected);
    let nanos = |millis: u64| millis * 1_000_000;
    assert!(server.start >= nanos(before) && server.end <= nanos(now_millis() + 1), "{server:#?}");
    assert!(server.start <= exchange.start && exchange.end <= server.end, "{server:#?} {exchange:#?}");

    let export = &collector.exports()[0];
    assert_eq!(export.scope.0, "mq-gateway");
    let resource = |key: &str| export.resource.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
    assert_eq!(resource("service.name"), Some("payments-mq".into()));
    assert_eq!(resource("deployment.environment.name"), Some("test".into()));
    assert_eq!(resource("telemetry.sdk.language"), Some("rust".into()));
    until("the count", || {
        app.metrics().get("mq_gateway_trace_spans_total", &[("result", "exported")]).filter(|count| *count == 2.0)
    });
}

#[test]
fn a_receive_has_a_span_for_itself_and_one_for_each_poll() {
    let (endpoint, collector) = (Endpoint::start(), Collector::start());
    let app = traced(&endpoint, Settings::new(), &collector).start();
    app.publish("orders", "x");
    let answer = app.request("POST", RECEIVE).header(format!("traceparent: {TRACEPARENT}")).json("{}").send();
    let received = answer.expect_json(200);
    let handle = received["messages"][0]["receipt_handle"].as_str().unwrap();
    let route = "POST /v1/topics/{topic}/groups/{group}/messages:receive";
    let [server, receive, poll] = collector.until_spans([route, "receive orders", "poll orders"]);
    assert_eq!((&receive.parent, &poll.parent), (&server.span_id, &receive.span_id));
    assert_eq!((&receive.trace_id, &poll.trace_id), (&server.trace_id, &server.trace_id));
    let expected = attributes([
        ("messaging.system", "rocketmq".into()),
        ("messaging.operation.name", "receive".into()),
        ("messaging.operation.type", "receive".into()),
        ("messaging.destination.name", "orders".into()),
        ("messaging.consumer.group.name", "CID_a".into()),
        ("messaging.batch.message_count", 1.into()),
    ]);
    assert_eq!((receive.kind, &receive.attributes), (3, &expected));
    assert_eq!(receive.links, [], "the profile carries no traces");
    assert_eq!(poll.text("messaging.consumer.group.name"), "CID_a");
    assert_eq!(poll.number("messaging.batch.message_count"), Some(1));

    assert_eq!(app.ack("orders", "CID_a", &[handle]).status, 200);
    let route = "POST /v1/topics/{topic}/groups/{group}/messages:ack";
    let [server, ack] = collector.until_spans([route, "ack orders"]);
    assert_eq!((&ack.trace_id, &ack.parent), (&server.trace_id, &server.span_id));
    assert_eq!((ack.text("messaging.operation.type"), ack.number("http.response.status_code")), ("settle", Some(204)));
    assert_ne!(server.trace_id, receive.trace_id, "nobody said that they belong together");
    assert_eq!((server.parent.as_str(), server.flags), ("", 0x101));
}

#[test]
fn each_message_of_a_batch_is_a_span() {
    let (endpoint, collector) = (Endpoint::start(), Collector::start());
    let app = traced(&endpoint, Settings::new(), &collector).start();
    let batch = r#"{"messages":[{"body":"a"},{"body":"b"},{"body":"c"}]}"#;
    app.post_json("/v1/topics/orders/messages:batch", batch).expect_json(200);
    let [server] = collector.until_spans(["POST /v1/topics/{topic}/messages:batch"]);
    let exchanges = collector.until_count("publish orders", 3);
    assert!(exchanges.iter().all(|span| span.parent == server.span_id), "{exchanges:#?}");
    let mut ids: Vec<_> = exchanges.iter().map(|span| span.text("messaging.message.id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[test]
fn where_traces_are_off_a_traceparent_has_no_answer_and_nothing_is_counted() {
    let app = TestApp::embedded();
    let request = app.request("POST", MESSAGES).header(format!("traceparent: {TRACEPARENT}"));
    let answer = request.json(r#"{"body":"x"}"#).send();
    assert_eq!((answer.status, answer.header("traceparent")), (201, None));
    assert_eq!(app.metrics().get("mq_gateway_trace_spans_total", &[]), None);
    assert_eq!(app.management_get("/config").json()["tracing"]["endpoint"], json!(null));
}
