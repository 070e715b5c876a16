//! A machine whose clock is set while the gateway runs: nothing is lost, held or delivered early for it.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::time::{format_rfc3339_millis, now_millis, within};
use crate::support::{Launch, TestApp};

const HOUR: i64 = 3_600;

fn publish(app: &TestApp, envelope: &serde_json::Value) {
    app.post_json("/v1/topics/orders/messages", envelope.to_string()).expect_json(201);
}

/// Receives. Where the clock was set a moment ago the endpoint may find a signature too old, or too new.
fn bodies(app: &TestApp, wait_seconds: u64) -> Vec<String> {
    let options = json!({ "wait_seconds": wait_seconds }).to_string();
    let response = within(Duration::from_secs(10), || {
        let response = app.post_json("/v1/topics/orders/groups/GID_a/messages:receive", &options);
        (response.status == 200 || response.json()["code"] != "upstream-auth-rejected").then_some(response)
    });
    let answer = response.expect("an answer").expect_json(200);
    let messages = answer["messages"].as_array().unwrap();
    messages.iter().map(|it| it["body"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_delay_lasts_what_it_lasts_and_a_time_on_the_wall_follows_the_clock() {
    for protocol in ["ons-http", "mq-http"] {
        let settings = crate::support::Settings::new().profile(&format!("protocol = \"{protocol}\""));
        let app = Launch::on_embedded("", &settings).on_faulty_machine().start();
        assert!(bodies(&app, 0).is_empty());
        let since = Instant::now();
        publish(&app, &json!({ "body": "delayed", "delay_seconds": 2 }));
        let at = format_rfc3339_millis(now_millis() + 1_800_000);
        publish(&app, &json!({ "body": "at a time", "deliver_at": at }));
        app.set_clock(-HOUR);
        assert_eq!(bodies(&app, 10), ["delayed"], "{protocol}");
        let after = since.elapsed();
        assert!((Duration::from_secs(2)..Duration::from_secs(5)).contains(&after), "{protocol}: {after:?}");
        publish(&app, &json!({ "body": "not early", "delay_seconds": 1_800 }));
        app.set_clock(HOUR);
        assert_eq!(bodies(&app, 10), ["at a time"], "{protocol}");
        assert!(bodies(&app, 2).is_empty(), "{protocol}");
    }
}

#[test]
fn hours_ahead_for_seconds_drop_nothing() {
    let app = Launch::embedded().on_faulty_machine().start();
    for n in 0..10 {
        publish(&app, &json!({ "body": n.to_string() }));
    }
    app.set_clock(100 * HOUR);
    std::thread::sleep(Duration::from_secs(3));
    app.set_clock(0);
    let mut got = Vec::new();
    let all = within(Duration::from_secs(10), || {
        got.extend(bodies(&app, 0));
        (got.len() >= 10).then_some(())
    });
    assert!(all.is_some(), "{got:?}");
    let dropped = app.metrics().get("mq_gateway_embedded_dropped_messages_total", &[]);
    assert_eq!(dropped, Some(0.0));
}
