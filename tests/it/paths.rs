//! Paths as people write them: those that mean a route, and the hints for those that do not.

use crate::support::embedded::on_embedded_mq_http;
use crate::support::mq::MqClient;
use crate::support::{Launch, Meaning, TestApp, assert_problem};

/// The detail of this 404.
#[track_caller]
fn detail(app: &TestApp, method: &str, target: &str) -> String {
    let response = app.request(method, target).json(r#"{"body":"x"}"#).send();
    let problem = assert_problem(&response, 404, "not-found", Meaning::NotDone);
    problem["detail"].as_str().unwrap().to_owned()
}

#[test]
fn verbs_may_come_with_their_colon_encoded() {
    let app = Launch::embedded().start();
    let batch = app.post_json("/v1/topics/T/messages%3Abatch", r#"{"messages":[{"body":"a"},{"body":"b"}]}"#);
    batch.expect_json(200);
    let received = app.post_json("/v1/topics/T/groups/G/messages%3areceive", "{}").expect_json(200);
    let messages = received["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 2);
    let handle = messages[0]["receipt_handle"].as_str().unwrap();
    let ack = format!(r#"{{"receipt_handles":["{handle}"]}}"#);
    app.post_json("/v1/topics/T/groups/G/messages%3Aack", ack).expect_json(200);
    let nack = format!(r#"{{"receipt_handles":["{}"]}}"#, messages[1]["receipt_handle"].as_str().unwrap());
    app.post_json("/v1/topics/T/groups/G/messages%3Anack", nack).expect_json(200);
    // Their metrics are those of the route.
    let labels = [("route", "/v1/topics/{topic}/messages:batch"), ("status", "200")];
    assert_eq!(app.metrics().get("mq_gateway_http_requests_total", &labels), Some(1.0));
}

#[test]
fn a_404_names_the_nearest_route() {
    let app = Launch::embedded().start();
    let check = |method: &str, target: &str, expected: &str| {
        let detail = detail(&app, method, target);
        assert!(detail.contains(expected), "{method} {target}: {detail}");
        assert!(detail.ends_with("/docs/ lists the routes"), "{detail}");
    };
    let messages = "did you mean /v1/topics/orders/messages?";
    check("POST", "/topics/orders/messages", messages);
    check("POST", "/v1/topic/orders/messages", messages);
    check("POST", "/v1/topics/orders/messages/", messages);
    check("POST", "/v1/topics/orders/message?tag=a", messages);
    check("POST", "/v1/topics/orders/messages/batch", "did you mean /v1/topics/orders/messages:batch?");
    check("POST", "/topics/orders/groups/G/messages:ack", "did you mean /v1/topics/orders/groups/G/messages:ack?");
    check("GET", "/metrics", "management.listen");
    check("GET", "/readyz", "management.listen");
    check("GET", "/nothing/like/it", "there is nothing at this path: /docs/");
}

#[test]
fn the_management_listener_names_the_other_one() {
    let app = Launch::embedded().start();
    let check = |target: &str, names_it: bool| {
        let problem = assert_problem(&app.management_get(target), 404, "not-found", Meaning::NotDone);
        assert_eq!(problem["detail"].as_str().unwrap().contains("server.listen"), names_it, "{problem}");
    };
    check("/v1/topics", true);
    check("/docs/", true);
    check("/nothing", false);
}

#[test]
fn the_root_leads_to_the_documentation() {
    let app = Launch::embedded().start();
    for method in ["GET", "HEAD"] {
        let root = app.request(method, "/").send();
        assert_eq!((root.status, root.header("location")), (302, Some("/docs/")));
    }
    assert_eq!(app.get("/docs/").status, 200);
    assert_problem(&app.request("POST", "/").send(), 405, "method-not-allowed", Meaning::Final);
}

/// Who sends JSON to a vendor's path means the REST API, unless it shows that it is a vendor's client.
#[test]
fn vendors_clients_are_never_taken_for_rest_callers() {
    let app = on_embedded_mq_http();
    assert!(detail(&app, "POST", "/topics/T/messages").contains("did you mean /v1/topics/T/messages?"));
    let client = MqClient::from((app.data(), app.embedded_credentials()));
    let mut json = client.publish("T", "x", "", "");
    json.content_type = Some("application/json".into());
    client.stored(&json);
    for header in ["Authorization: MQ a:b", "x-mq-version: 2015-06-06"] {
        let response = app.request("POST", "/topics/T/messages").header(header).json("{}").send();
        assert!(response.text().contains("<Code>"), "{response:?}");
    }
    let xml = app.request("POST", "/topics/T/messages").header("Content-Type: text/xml").body("<x/>").send();
    assert!(xml.text().contains("<Code>MissingAuthorizationHeader</Code>"), "{xml:?}");
}
