//! The management listener: probes, metrics, redacted configuration.

use std::net::SocketAddr;

use serde_json::Value;

use crate::support::client::Request;
use crate::support::trap::dead_url;
use crate::support::{Connection, Endpoint, Launch, Meaning, Settings, TestApp, assert_problem};

#[test]
fn the_probes_answer() {
    let app = TestApp::embedded();
    for probe in ["/livez", "/readyz", "/startupz", "/readyz?verbose"] {
        assert_eq!(app.management_get(probe).status, 200, "{probe}");
    }
    assert!(app.management_get("/readyz?verbose").body.len() > app.management_get("/readyz").body.len());
}

#[test]
fn an_upstream_that_is_down_does_not_restart_the_gateway() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().profile(&format!("endpoints = [\"{}\"]", dead_url())));
    assert_eq!(app.post_json("/v1/topics/orders/messages", r#"{"body":"x"}"#).status, 503);
    assert_eq!(app.management_get("/livez").status, 200);
    assert_eq!(app.management_get("/startupz").status, 200);
}

#[test]
fn the_listeners_do_not_share_their_routes() {
    let app = TestApp::embedded();
    for target in ["/metrics", "/livez", "/readyz", "/config"] {
        assert_eq!(app.get(target).status, 404, "{target} on the data listener");
    }
    assert_eq!(app.management_get("/v1/topics").status, 404);
    assert_eq!(app.management_get("/message/?topic=T").status, 404);
}

/// A web page could be brought here by DNS rebinding.
#[test]
fn on_loopback_a_foreign_host_name_is_refused() {
    let app = TestApp::embedded();
    let port = app.management().port();
    let get = |target: &str, host: &str| Request::new(app.management(), "GET", target).host(host).send();
    for target in ["/livez", "/readyz", "/startupz", "/metrics", "/config"] {
        for host in ["evil.example", &format!("gateway:{port}"), "127.0.0.1.evil.example"] {
            let problem = assert_problem(&get(target, host), 403, "origin-not-allowed", Meaning::NotDone);
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("Host: localhost") && detail.contains("management.listen"), "{detail}");
        }
        for host in ["localhost".to_owned(), format!("localhost:{port}"), format!("127.0.0.1:{port}")] {
            assert_eq!(get(target, &host).status, 200, "{target} {host}");
        }
    }
    // The host that a target names is the one that counts.
    assert_eq!(get("http://evil.example/metrics", "localhost").status, 403);
    assert_eq!(get(&format!("http://localhost:{port}/metrics"), "evil.example").status, 200);
    let mut connection = Connection::open(app.management());
    connection.send(b"GET /metrics HTTP/1.1\r\nHost: \xff\r\n\r\n");
    assert_eq!(connection.receive("GET").status, 403);
}

#[test]
fn elsewhere_any_host_name_will_do() {
    let launch = Launch::bare().arguments(&["--listen", "127.0.0.1:0", "--management-listen", "0.0.0.0:0"]);
    let launch = launch.arguments(&["--embedded-listen", "127.0.0.1:0", "--data-dir", "{directory}/data"]);
    let app = launch.environment("MQ_GATEWAY__SERVER__DRAIN_DELAY", "0s").listeners(&["data", "management"]).start();
    let address = SocketAddr::from(([127, 0, 0, 1], app.management().port()));
    assert_eq!(Request::new(address, "GET", "/metrics").host("gateway.example").send().status, 200);
}

#[test]
fn metrics_count_what_happened() {
    let endpoint = Endpoint::start();
    let topics = "[[topics]]\nname = \"orders\"\nprofile = \"main\"\ngroups = [\"CID_billing\"]\n";
    let app = TestApp::with(&endpoint, Settings::new().topics(topics));
    app.publish("orders", "hello");
    app.publish("orders", "world");
    let messages = app.receive("orders", "CID_billing", "{}");
    let handle = messages[0]["receipt_handle"].as_str().unwrap();
    assert_eq!(app.ack("orders", "CID_billing", &[handle]).status, 200);
    assert_eq!(app.post_json("/v1/topics/made-up-name/messages", r#"{"body":"x"}"#).status, 404);

    let response = app.management_get("/metrics");
    assert!(response.header("content-type").unwrap().starts_with("text/plain"), "{response:?}");
    let metrics = app.metrics();
    let get = |name: &str, labels: &[(&str, &str)]| metrics.get(&format!("mq_gateway_{name}"), labels);
    let published = [("topic", "orders"), ("profile", "main"), ("outcome", "published")];
    assert_eq!(get("messages_published_total", &published), Some(2.0));
    assert_eq!(get("messages_received_total", &[("topic", "orders"), ("group", "CID_billing")]), Some(2.0));
    assert_eq!(get("messages_acked_total", &[("topic", "orders"), ("group", "CID_billing")]), Some(1.0));
    assert_eq!(get("upstream_requests_total", &[("profile", "main")]), Some(4.0));
    assert_eq!(get("http_requests_total", &[("method", "POST"), ("status", "201")]), Some(2.0));
    assert_eq!(get("panics_total", &[]), Some(0.0));
    assert_eq!(get("build_info", &[]), Some(1.0));
    assert!(get("http_request_duration_seconds_count", &[]).is_some());
    assert!(metrics.names().iter().any(|name| name.starts_with("process_")));
    assert!(!response.text().contains("made-up-name"), "a caller cannot invent label values");
}

#[test]
fn with_a_wildcard_only_a_hundred_topics_get_labels() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for index in 0..105 {
        app.publish(&format!("topic-{index}"), "x");
    }
    let metrics = app.metrics();
    let mut topics = metrics.values_of("mq_gateway_messages_published_total", "topic");
    topics.sort_unstable();
    topics.dedup();
    assert!(topics.len() <= 101, "{} label values", topics.len());
    let other = metrics.get("mq_gateway_messages_published_total", &[("topic", "_other"), ("outcome", "published")]);
    assert_eq!(other, Some(5.0));
}

#[test]
fn the_configuration_is_shown_redacted() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().server("allowed_origins = [\"https://shop.example\"]"));
    let response = app.management_get("/config");
    assert_eq!(response.status, 200, "{response:?}");
    let text = response.text();
    for shown in ["main", "ons-http", "PID_ours", "https://shop.example"] {
        assert!(text.contains(shown), "{shown} in {text}");
    }
    assert!(!text.contains(&endpoint.credentials().secret_key), "{text}");
}

#[test]
fn the_log_is_json_lines() {
    let app = TestApp::embedded();
    app.publish("orders", "hello");
    for line in app.output().lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for field in ["timestamp", "level", "message"] {
            assert!(event[field].is_string(), "{field} in {line}");
        }
    }
}
