//! `[embedded.chaos]`: what the embedded endpoint does wrong on purpose, and that it does nothing wrong besides.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Launch, Meaning, Settings, TestApp, assert_problem};

/// In the protocol of the profile; a publish that meets an error ends soon.
fn with(protocol: &str, chaos: &str) -> TestApp {
    let settings = Settings::new().profile(&format!("protocol = \"{protocol}\"")).topic("deadline = \"1s\"\n");
    Launch::on_embedded(&format!("visibility_timeout = \"300s\"\n[embedded.chaos]\n{chaos}\n"), &settings).start()
}

/// The bodies that the store has, whatever anybody was told.
fn stored(app: &TestApp, topic: &str) -> Vec<String> {
    let answer = app.management_get(&format!("/v1/embedded/topics/{topic}/messages?max_messages=100")).expect_json(200);
    let messages = answer["messages"].as_array().unwrap();
    messages.iter().map(|it| it["body"].as_str().unwrap().to_owned()).collect()
}

fn counted(app: &TestApp, kind: &str) -> Option<f64> {
    app.metrics().get("mq_gateway_embedded_chaos_total", &[("kind", kind)])
}

const PROTOCOLS: [&str; 2] = ["ons-http", "mq-http"];

#[test]
fn nothing_goes_wrong_unless_it_is_asked_for_and_then_it_is_said_aloud() {
    let quiet = TestApp::embedded();
    assert!(!quiet.management_get("/readyz?verbose").text().contains("chaos"));
    assert!(!quiet.output().contains("chaos"));
    let loud = with("ons-http", "latency = \"1ms\"\nduplicate_deliveries = \"0.25\"\n");
    let ready = loud.management_get("/readyz?verbose");
    assert_eq!(ready.status, 200, "degraded is not unready");
    let line = "[-]embedded chaos degraded: on purpose: latency 1 ms, error_rate 0, duplicate_deliveries 0.25, dropped_answers 0";
    assert!(ready.text().contains(line), "{}", ready.text());
    assert!(loud.output().contains("embedded.chaos is set") && loud.output().contains("WARN"), "{}", loud.output());
}

#[test]
fn an_error_is_the_vendors_and_nothing_is_done() {
    for protocol in PROTOCOLS {
        let app = with(protocol, "error_rate = \"1\"\nseed = 3\n");
        let mut codes = std::collections::BTreeSet::new();
        for index in 0..6 {
            let answer = app.post_json("/v1/topics/orders/messages", json!({"body": format!("{index}")}).to_string());
            let problem = answer.json();
            codes.insert(problem["code"].as_str().unwrap().to_owned());
            assert!(["not_published", "unknown"].contains(&problem["outcome"].as_str().unwrap()), "{problem}");
        }
        // Both kinds come: one that says that nothing was done, one that leaves it open.
        let expected = ["upstream-error", "upstream-throttled"].map(str::to_owned).into_iter().collect();
        assert_eq!(codes, expected, "{protocol}");
        assert_eq!(stored(&app, "orders"), [] as [&str; 0], "{protocol}");
        assert!(counted(&app, "error").unwrap() >= 6.0);
    }
}

#[test]
fn what_was_published_is_stored_although_the_answer_is_dropped() {
    for protocol in PROTOCOLS {
        let app = with(protocol, "dropped_answers = \"1\"\n");
        let answer = app.post_json("/v1/topics/orders/messages", r#"{"body":"x"}"#);
        let problem = assert_problem(&answer, 502, "upstream-bad-response", Meaning::Unknown);
        assert_eq!(problem["outcome"], "unknown", "{protocol}");
        assert_eq!(stored(&app, "orders"), ["x"], "{protocol}");
        assert_eq!(counted(&app, "dropped_answer"), Some(1.0), "{protocol}");
    }
}

#[test]
fn a_message_is_delivered_once_more_at_once() {
    for protocol in PROTOCOLS {
        let app = with(protocol, "duplicate_deliveries = \"1\"\n");
        for body in ["1", "2", "3"] {
            app.publish("orders", body);
        }
        let attempts =
            |messages: &[Value]| messages.iter().map(|it| it["delivery_attempt"].clone()).collect::<Vec<_>>();
        let first = app.receive("orders", "CID_a", "{}");
        assert_eq!(attempts(&first), [1, 1, 1], "{protocol}");
        let second = app.receive("orders", "CID_a", "{}");
        assert_eq!(attempts(&second), [2, 2, 2], "{protocol}");
        assert_eq!(app.receive("orders", "CID_a", "{}").len(), 0, "{protocol}: twice, and no more");
        let handles: Vec<&str> = second.iter().map(|it| it["receipt_handle"].as_str().unwrap()).collect();
        assert_eq!(app.ack("orders", "CID_a", &handles).status, 200, "{protocol}");
        assert_eq!(counted(&app, "duplicate_delivery"), Some(3.0), "{protocol}");
    }
    let control = with("ons-http", "latency = \"1ms\"\n");
    control.publish("orders", "1");
    assert_eq!(control.receive("orders", "CID_a", "{}").len(), 1);
    assert_eq!(control.receive("orders", "CID_a", "{}").len(), 0, "only where it is asked for");
}

#[test]
fn answers_are_late() {
    let app = with("ons-http", "latency = \"400ms\"\n");
    let started = Instant::now();
    app.publish("orders", "x");
    assert!(started.elapsed() >= Duration::from_millis(400), "{:?}", started.elapsed());
    assert_eq!(stored(&app, "orders"), ["x"]);
}

#[test]
fn a_seed_does_the_same_again_and_another_does_not() {
    // So seldom that no five in a row open the circuit.
    let outcomes = |seed: u32| {
        let app = with("ons-http", &format!("dropped_answers = \"0.2\"\nseed = {seed}\n"));
        let publish =
            |index: u32| app.post_json("/v1/topics/orders/messages", json!({"body": index}).to_string()).status;
        let statuses: Vec<u16> = (0..40).map(publish).collect();
        assert_eq!(stored(&app, "orders").len(), 40, "all are stored, whatever was answered");
        statuses
    };
    let (one, same, other) = (outcomes(11), outcomes(11), outcomes(12));
    assert_eq!(one, same);
    assert_ne!(one, other);
    assert!(one.contains(&201) && one.contains(&502), "{one:?}");
}

#[test]
fn a_rate_that_is_none_is_refused() {
    for (line, words) in [
        ("error_rate = \"1.5\"", "a number from 0 to 1"),
        ("error_rate = 0.5", "in quotes"),
        ("latency = \"2m\"", "0s to 1m"),
        ("errors = \"1\"", "error_rate"),
        ("seed = -1", "from 0"),
    ] {
        let text = Settings::new().text_on_embedded(&format!("[embedded.chaos]\n{line}\n"));
        let checked =
            Launch::bare().file("gateway.toml", &text).arguments(&["check", "{directory}/gateway.toml"]).run();
        assert_eq!(checked.code, Some(1), "{line}: {checked:?}");
        assert!(checked.stdout.contains(words), "{line}: {checked:?}");
    }
}
