//! The bytes that requests hold are bounded: large bodies are refused where there is no room, small ones never for them.

use crate::support::time::until;
use crate::support::{Connection, Endpoint, Launch, Meaning, Settings, TestApp, assert_problem};

const LARGE: usize = 4 << 20;

fn settings() -> Settings {
    // Three quarters are for large bodies: one of 4 MiB, and no second one.
    Settings::new().profile("max_message_bytes = \"4MiB\"").more("[server.limits]\nmemory = \"8MiB\"")
}

fn head(length: usize) -> String {
    format!(
        "POST /v1/topics/orders/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n\
         Content-Length: {length}\r\n\r\n"
    )
}

/// An upload that lacks its last byte.
fn stalled_upload(app: &TestApp) -> Connection {
    let mut connection = app.raw(head(LARGE).as_bytes());
    connection.send(&vec![b'x'; LARGE - 1]);
    connection
}

fn held(app: &TestApp, state: &str) -> f64 {
    app.metrics().get("mq_gateway_memory_budget_bytes", &[("state", state)]).expect("a series")
}

#[test]
fn a_large_upload_that_stalls_leaves_room_for_small_publishes() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, settings());
    let mut first = stalled_upload(&app);
    until("it is held", || (held(&app, "large") >= 4.0 * 1024.0 * 1024.0).then_some(()));
    // The second one is refused as soon as there is no room for it, and gives back what it held.
    let mut second = app.raw(head(LARGE).as_bytes());
    // It may be answered before it is sent.
    drop(second.try_send(&vec![b'x'; LARGE - 1]));
    let refused = second.receive("POST");
    let problem = assert_problem(&refused, 503, "overloaded", Meaning::NotPublishedTryAgain);
    assert!(
        refused.header("retry-after").is_some() && problem["detail"].as_str().unwrap().contains("memory"),
        "{problem}"
    );
    until("it gave its room back", || (held(&app, "large") < 7.0 * 1024.0 * 1024.0).then_some(()));
    for _ in 0..20 {
        app.publish("orders", "small");
    }
    // The one that was there first ends well.
    first.send(b"x");
    assert_eq!(first.receive("POST").status, 201);
    until("nothing is held", || (held(&app, "large") + held(&app, "small") == 0.0).then_some(()));
    assert_eq!(held(&app, "limit"), 8.0 * 1024.0 * 1024.0);
}

#[test]
fn a_receive_asks_for_what_there_is_room_for() {
    let app = Launch::on_embedded(
        "max_message_bytes = \"1MiB\"",
        &Settings::new().profile("max_message_bytes = \"1MiB\"").more("[server.limits]\nmemory = \"8MiB\""),
    )
    .start();
    let body = "x".repeat(1 << 20);
    for _ in 0..4 {
        app.publish("orders", &body);
    }
    // 6 MiB for large bodies are two messages of 1 MiB three times over.
    let answer = app.post_json("/v1/topics/orders/groups/billing/messages:receive", "{}").expect_json(200);
    assert_eq!(answer["applied"]["max_messages"], 1, "{}", answer["applied"]);
    let mut received = answer["messages"].as_array().unwrap().len();
    assert_eq!(received, 1);
    while received < 4 {
        let messages = app.receive("orders", "billing", "{}");
        assert!(!messages.is_empty() && messages.iter().all(|message| message["body"] == body));
        received += messages.len();
    }
    until("nothing is held", || (held(&app, "large") + held(&app, "small") == 0.0).then_some(()));
}
