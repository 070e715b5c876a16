//! From the span that published a message to the one that received it.

use serde_json::json;

use super::{TRACEPARENT, traced_on_embedded};
use crate::support::collector::{Collector, attributes};

const MESSAGES: &str = "/v1/topics/T/messages";
const SERVER: &str = "POST /v1/topics/{topic}/messages";

#[test]
fn a_receive_is_linked_to_the_publish_of_each_message() {
    let collector = Collector::start();
    let app = traced_on_embedded("propagate_trace = true", &collector).start();
    let publish = |traceparent: &str| {
        let request = app.request("POST", MESSAGES).header(format!("traceparent: {traceparent}"));
        let answer = request.header("tracestate: a=1").json(r#"{"body":"x","properties":{"p":"1"}}"#).send();
        answer.expect_json(201)["message_id"].as_str().unwrap().to_owned()
    };
    let first = publish(TRACEPARENT);
    let second = publish("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let published = collector.until_count(SERVER, 2);
    let messages = app.receive("T", "G", r#"{"wait_seconds":2}"#);
    assert_eq!(messages.len(), 2, "{messages:?}");
    let [receive] = collector.until_spans(["receive T"]);
    let mut expected = Vec::new();
    for (id, server) in [&first, &second].into_iter().zip(&published) {
        let message = messages.iter().find(|message| message["message_id"] == *id).expect("the message");
        let says = format!("00-{}-{}-01", server.trace_id, server.span_id);
        // The consumer can go on with it.
        assert_eq!(message["properties"], json!({"p": "1", "traceparent": says, "tracestate": "a=1"}));
        expected.push((
            server.trace_id.clone(),
            server.span_id.clone(),
            attributes([("messaging.message.id", id.as_str().into())]),
        ));
    }
    let mut links: Vec<_> = receive
        .links
        .iter()
        .map(|link| (link.trace_id.clone(), link.span_id.clone(), link.attributes.clone()))
        .collect();
    links.sort_by(|one, other| one.0.cmp(&other.0));
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(links, expected);
    assert_ne!(receive.trace_id, published[0].trace_id, "a link, and not a part of it");
}

#[test]
fn a_publishers_own_traceparent_is_left_as_it_is() {
    let collector = Collector::start();
    let app = traced_on_embedded("propagate_trace = true", &collector).start();
    let own = json!({"body": "x", "properties": {"traceparent": TRACEPARENT}});
    app.post_json(MESSAGES, own.to_string()).expect_json(201);
    let messages = app.receive("T", "G", r#"{"wait_seconds":2}"#);
    assert_eq!(messages[0]["properties"], json!({"traceparent": TRACEPARENT}));
    let [receive] = collector.until_spans(["receive T"]);
    assert_eq!(receive.links.len(), 1);
    assert_eq!(receive.links[0].span_id, "00f067aa0ba902b7");
}

#[test]
fn beside_a_publishers_own_half_nothing_is_added() {
    let collector = Collector::start();
    let app = traced_on_embedded("propagate_trace = true", &collector).start();
    for own in [json!({"tracestate": "own=1"}), json!({"traceparent": TRACEPARENT})] {
        let request = app
            .request("POST", MESSAGES)
            .header("traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        let message = json!({"body": "x", "properties": own}).to_string();
        request.header("tracestate: a=1").json(&message).send().expect_json(201);
        assert_eq!(app.receive("T", "G", r#"{"wait_seconds":2}"#)[0]["properties"], own);
    }
}

#[test]
fn what_the_protocol_cannot_carry_is_left_out() {
    let collector = Collector::start();
    let app = traced_on_embedded("propagate_trace = true", &collector).start();
    // A colon is fine in a tracestate, and no part of a property here.
    let request =
        app.request("POST", MESSAGES).header(format!("traceparent: {TRACEPARENT}")).header("tracestate: a=b:c");
    assert_eq!(request.json(r#"{"body":"x"}"#).send().status, 201);
    let properties = app.receive("T", "G", r#"{"wait_seconds":2}"#)[0]["properties"].clone();
    assert!(properties["traceparent"].is_string() && properties.get("tracestate").is_none(), "{properties}");
}

#[test]
fn messages_carry_nothing_unless_the_profile_says_so() {
    let collector = Collector::start();
    let app = traced_on_embedded("", &collector).start();
    let request = app.request("POST", MESSAGES).header(format!("traceparent: {TRACEPARENT}"));
    assert_eq!(request.json(r#"{"body":"x"}"#).send().status, 201);
    let messages = app.receive("T", "G", r#"{"wait_seconds":2}"#);
    assert_eq!(messages[0]["properties"], json!({}));
    let [receive] = collector.until_spans(["receive T"]);
    assert_eq!(receive.links, []);
}

#[test]
fn without_traces_a_callers_own_is_passed_on() {
    let collector = Collector::start();
    let app = traced_on_embedded("propagate_trace = true", &collector).environment("OTEL_SDK_DISABLED", "true").start();
    let request = app.request("POST", MESSAGES).header(format!("traceparent: {TRACEPARENT}"));
    assert_eq!(request.json(r#"{"body":"x"}"#).send().status, 201);
    app.post_json(MESSAGES, r#"{"body":"y"}"#).expect_json(201);
    let messages = app.receive("T", "G", r#"{"wait_seconds":2}"#);
    let of = |body: &str| messages.iter().find(|it| it["body"] == body).expect("the message")["properties"].clone();
    assert_eq!((of("x"), of("y")), (json!({"traceparent": TRACEPARENT}), json!({})));
    assert_eq!(collector.calls(), 0);
}

#[cfg(feature = "rocketmq")]
#[test]
fn rocketmq_has_a_field_for_it() {
    use crate::support::Launch;
    use crate::support::rocketmq::FakeProxy;

    let (proxy, collector) = (FakeProxy::start(), Collector::start());
    let launch = Launch::configured(&proxy.configuration("propagate_trace = true"));
    let app = super::exporting(launch, &collector.url()).start();
    let request = app.request("POST", "/v1/topics/orders/messages").header(format!("traceparent: {TRACEPARENT}"));
    let answer = request.json(r#"{"body":"x","properties":{"p":"1"}}"#).send().expect_json(201);
    let [server, route, exchange] = collector.until_spans([SERVER, "query_route orders", "publish orders"]);
    assert_eq!((&route.parent, &exchange.parent), (&server.span_id, &server.span_id));
    assert_eq!(exchange.text("messaging.message.id"), answer["message_id"].as_str().unwrap());
    assert_eq!(
        (exchange.text("mq_gateway.protocol"), exchange.number("server.port")),
        ("rocketmq", Some(proxy.address().port().into()))
    );
    assert!(!route.attributes.contains_key("messaging.operation.type"));
    let says = format!("00-{}-{}-01", server.trace_id, server.span_id);
    let stored = proxy.stored().remove(0);
    assert_eq!(stored.system_properties.unwrap().trace_context.as_deref(), Some(says.as_str()));
    assert_eq!(stored.user_properties.into_iter().collect::<Vec<_>>(), [("p".to_owned(), "1".to_owned())]);

    let messages = app.receive("orders", "GID_a", r#"{"wait_seconds":5}"#);
    assert_eq!(messages[0]["properties"], json!({"p": "1", "traceparent": says}));
    let [receive] = collector.until_spans(["receive orders"]);
    assert_eq!((receive.links.len(), &receive.links[0].span_id), (1, &server.span_id));
    let handle = messages[0]["receipt_handle"].as_str().unwrap();
    let extended = app.extend("orders", "GID_a", &[handle], 60).expect_json(200);
    let handle = extended["results"][0]["receipt_handle"].as_str().unwrap();
    assert_eq!(app.ack("orders", "GID_a", &[handle]).status, 200);
    let [extend, ack] = collector.until_spans(["extend orders", "ack orders"]);
    for span in [&extend, &ack] {
        assert_eq!((span.text("messaging.operation.type"), span.status), ("settle", 0), "{span:#?}");
        assert_eq!(span.text("messaging.consumer.group.name"), "GID_a");
    }
}
