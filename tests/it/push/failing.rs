//! Targets that do not take a message: each status of the table, no answer, and answers that are no use.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::receiver::{Answer, Receiver};
use super::{backlog, billing, file, pushing, wait_for_deliveries};
use crate::support::client::Request;
use crate::support::loopback::own_address;
use crate::support::tls::TlsServer;
use crate::support::{Launch, TestApp, time};

/// How often requests had this result.
fn attempts(app: &TestApp, result: &str) -> f64 {
    let labels = [("subscription", "billing"), ("result", result)];
    app.metrics().get("mq_gateway_subscription_attempts_total", &labels).unwrap_or_default()
}

#[track_caller]
fn wait_for_attempts(app: &TestApp, result: &str, count: f64) {
    time::until(&format!("{count} attempts {result}"), || (attempts(app, result) >= count).then_some(()));
}

/// The gateway's own view of the subscription.
fn status(app: &TestApp) -> Value {
    app.management_get("/v1/subscriptions").expect_json(200)["subscriptions"][0].clone()
}

#[test]
fn what_goes_by_the_schedule_is_sent_again_until_it_is_taken() {
    for (status, result) in [
        (301, "redirected"),
        (400, "refused"),
        (401, "refused"),
        (403, "refused"),
        (404, "refused"),
        (408, "refused"),
        (409, "refused"),
        (422, "refused"),
        (425, "refused"),
        (429, "throttled"),
        (500, "failed"),
        (502, "failed"),
        (503, "throttled"),
        (504, "failed"),
        (999, "failed"),
    ] {
        let target = Receiver::start(move |_, number| match number {
            0 | 1 => Answer::With(status, &["Location: /elsewhere"], "foreign words"),
            _ => Answer::Status(200),
        });
        let app = pushing(&billing(&target.url(), "retry_schedule = [\"50ms\", \"60ms\", \"70ms\"]"));
        let id = app.publish("orders", "1");
        wait_for_deliveries(&app, "acknowledged", 1.0);
        let requests = target.requests();
        assert_eq!(requests.len(), 3, "{status}");
        for (number, pushed) in (1..).zip(&requests) {
            assert_eq!(pushed.header("webhook-id"), format!("billing-{id}"), "the same on each attempt");
            assert_eq!(pushed.header("mq-delivery-attempt"), number.to_string());
            assert_eq!((pushed.target.as_str(), &pushed.body), ("/hooks", &requests[0].body), "never the redirect's");
        }
        assert!(requests[1].at - requests[0].at >= Duration::from_millis(50), "{status}");
        assert!(requests[2].at - requests[1].at >= Duration::from_millis(60), "{status}");
        assert!((attempts(&app, result) - 2.0).abs() < 0.1, "{status}");
        assert!((attempts(&app, "delivered") - 1.0).abs() < 0.1, "{status}");
        assert!(!app.output().contains("foreign words"), "the answer's body is no matter of the log's");
    }
}

#[test]
fn what_gives_no_usable_answer_is_sent_again() {
    let late = || Answer::Late(Duration::from_millis(600), Box::new(Answer::Status(200)));
    type Case = (&'static str, Box<dyn Fn() -> Answer + Send>);
    let cases: Vec<Case> = vec![
        ("no_answer", Box::new(|| Answer::Close)),
        ("no_answer", Box::new(|| Answer::Raw(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()))),
        ("timeout", Box::new(|| Answer::Never)),
        // The target took it, and said so too late: it comes again under the same id.
        ("timeout", Box::new(late)),
    ];
    for (result, answer) in cases {
        let target = Receiver::start(move |_, number| if number == 0 { answer() } else { Answer::Status(200) });
        let app = pushing(&billing(&target.url(), "timeout = \"300ms\"\nretry_schedule = [\"50ms\"]"));
        app.publish("orders", "1");
        wait_for_deliveries(&app, "acknowledged", 1.0);
        let requests = target.wait_for(2);
        assert_eq!(requests[0].header("webhook-id"), requests[1].header("webhook-id"), "{result}");
        assert!((attempts(&app, result) - 1.0).abs() < 0.1, "{result}");
    }
}

#[test]
fn a_target_that_is_not_there_is_found_when_it_is() {
    let address = TcpListener::bind((own_address(), 0)).unwrap().local_addr().unwrap();
    let url = format!("http://{address}/hooks");
    let app = pushing(&billing(
        &url,
        "retry_schedule = [\"50ms\", \"5s\", \"5s\", \"5s\"]\nvisibility_timeout = \"4s\"\ntimeout = \"1s\"",
    ));
    app.publish("orders", "1");
    wait_for_attempts(&app, "not_connected", 2.0);
    // A pause that is longer than the message is hidden is the MQ's.
    wait_for_deliveries(&app, "put_off", 1.0);
    assert!((backlog(&app) - 1.0).abs() < 0.1, "it waits in the MQ");
    let shown = status(&app);
    assert_eq!((&shown["state"], &shown["last_error"]["result"]), (&json!("failing"), &json!("not_connected")));
    assert_eq!((&shown["last_error"]["status"], &shown["last_success_at"]), (&Value::Null, &Value::Null));
    let ready = app.management_get("/readyz?verbose");
    assert_eq!(ready.status, 200, "degraded is not unready");
    assert!(ready.text().contains("[-]subscription billing degraded: its target fails: not_connected"), "{ready:?}");
    let lines = app.output().lines().filter(|line| line.contains("a subscription's target fails")).count();
    assert_eq!(lines, 1, "one line, not one for each attempt");
    // When the MQ gives the message again.
    let target = Receiver::willing_at(address);
    wait_for_deliveries(&app, "acknowledged", 1.0);
    assert_eq!(target.wait_for(1).len(), 1);
}

#[test]
fn a_name_that_leads_nowhere_and_addresses_that_are_not_allowed_are_told_apart() {
    let target = Receiver::willing();
    let port = target.address.port();
    for (host, more, result) in [
        ("no-such-host.invalid", "", "dns_failed"),
        ("localhost", "deny_addresses = [\"127.0.0.0/8\", \"::1\"]", "address_denied"),
        ("localhost", "allow_addresses = [\"10.0.0.0/8\"]", "address_denied"),
    ] {
        let url = format!("http://{host}:{port}/hooks");
        let app = pushing(&billing(&url, more));
        app.publish("orders", "1");
        wait_for_attempts(&app, result, 1.0);
        assert!(!app.output().contains("panicked"));
    }
    assert_eq!(target.connections(), 0);
    // The control: the same service, allowed.
    let url = format!("http://localhost:{port}/hooks");
    let app = pushing(&billing(&url, "allow_addresses = [\"127.0.0.0/8\"]\ndeny_addresses = [\"10.0.0.0/8\"]"));
    app.publish("orders", "1");
    wait_for_deliveries(&app, "acknowledged", 1.0);
}

#[test]
fn a_certificate_of_somebody_else_is_no_target() {
    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let (good, other) = (TlsServer::start("127.0.0.1", OK, |_| ()), TlsServer::start("127.0.0.1", OK, |_| ()));
    let start = |url: String| {
        let lines = "ca_file = \"{directory}/ca.pem\"\nretry_schedule = [\"50ms\", \"10m\"]";
        let text = file("storage = \"memory\"", &billing(&url, lines));
        Launch::embedded()
            .file("ca.pem", &good.certificate)
            .file("gateway.toml", &text)
            .arguments(&["--config", "{directory}/gateway.toml"])
            .start()
    };
    let app = start(format!("https://{}/", other.address));
    app.publish("orders", "1");
    wait_for_attempts(&app, "tls_failed", 2.0);
    assert!((backlog(&app) - 1.0).abs() < 0.1);
    // Plain text where TLS is spoken, and TLS where it is not.
    let plain = Receiver::willing();
    let app = start(format!("https://{}/", plain.address));
    app.publish("orders", "1");
    wait_for_attempts(&app, "tls_failed", 1.0);
    // The control.
    let app = start(format!("https://{}/", good.address));
    app.publish("orders", "1");
    wait_for_deliveries(&app, "acknowledged", 1.0);
}

#[test]
fn retry_after_holds_for_the_whole_subscription() {
    let target = Receiver::start(|_, number| match number {
        0 => Answer::With(429, &["Retry-After: 2"], ""),
        _ => Answer::Status(200),
    });
    let app = pushing(&billing(&target.url(), "concurrency = 1\nretry_schedule = [\"50ms\"]"));
    app.publish("orders", "1");
    target.wait_for(1);
    let asked = Instant::now();
    app.publish("orders", "2");
    let requests = target.wait_for(3);
    assert!(requests[1].at.duration_since(asked) >= Duration::from_millis(1500), "nothing before its time");
    wait_for_deliveries(&app, "acknowledged", 2.0);
    assert!(status(&app)["closed_until"].is_null());
}

#[test]
fn a_full_target_gets_half_at_once() {
    let target = Receiver::start(|_, number| match number {
        0..8 => Answer::Late(Duration::from_millis(50), Box::new(Answer::Status(503))),
        _ => Answer::Late(Duration::from_millis(50), Box::new(Answer::Status(200))),
    });
    let app = pushing(&billing(&target.url(), "concurrency = 8\nretry_schedule = [\"10ms\", \"20ms\", \"30ms\"]"));
    for number in 0..8 {
        app.publish("orders", &number.to_string());
    }
    wait_for_deliveries(&app, "acknowledged", 8.0);
    let allowed = status(&app)["allowed"].as_u64().unwrap();
    assert!((1..8).contains(&allowed), "{allowed}");
}

#[test]
fn a_target_that_is_gone_pauses_its_subscription_and_the_message_stays() {
    let target = Receiver::start(|_, number| if number == 0 { Answer::Status(410) } else { Answer::Status(200) });
    let app = pushing(&billing(&target.url(), "visibility_timeout = \"1s\"\ntimeout = \"500ms\""));
    app.publish("orders", "1");
    time::until("a pause", || (status(&app)["state"] == "paused").then_some(()));
    assert_eq!(status(&app)["paused"]["reason"], "gone");
    let ready = app.management_get("/readyz?verbose");
    assert!(ready.status == 200 && ready.text().contains("subscription billing degraded: paused"), "{ready:?}");
    app.publish("orders", "2");
    time::until("two messages that wait", || ((backlog(&app) - 2.0).abs() < 0.1).then_some(()));
    let metrics = app.metrics();
    assert_eq!(metrics.get("mq_gateway_subscription_paused", &[("subscription", "billing")]), Some(1.0));
    assert_eq!(target.count(), 1);
    let resume = Request::new(app.management(), "POST", "/v1/subscriptions/billing:resume").send();
    assert_eq!(resume.expect_json(200)["subscriptions"][0]["state"], "failing");
    wait_for_deliveries(&app, "acknowledged", 2.0);
    assert_eq!((status(&app)["state"].as_str(), target.count()), (Some("running"), 3));
}

#[test]
fn a_body_decides_where_it_is_asked() {
    let answers = [r#"{"status":"RETRY"}"#, r#"{"status":"SUCCESS"}"#, r#"{"status":"DROP"}"#];
    let target = Receiver::start(move |_, number| Answer::With(200, &[], answers[number.min(2)]));
    let app = pushing(&billing(&target.url(), "answer_status = true\nretry_schedule = [\"50ms\"]\nconcurrency = 1"));
    app.publish("orders", "1");
    wait_for_deliveries(&app, "acknowledged", 1.0);
    assert_eq!(target.count(), 2);
    app.publish("orders", "2");
    wait_for_deliveries(&app, "dropped", 1.0);
    for (result, count) in [("asked_again", 1.0), ("delivered", 1.0), ("dropped", 1.0)] {
        assert!((attempts(&app, result) - count).abs() < 0.1, "{result}");
    }
    assert!(backlog(&app) < 0.5);
}

/// Answers 200 whose bodies want the message again, and do not come whole.
fn incomplete() -> [(&'static str, Answer); 3] {
    let head = |length: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").into_bytes();
    let begun = [head(18), b"{\"status\":\"RET".to_vec()].concat();
    let long = format!("{{\"status\":\"RETRY\",\"more\":\"{}\"}}", "x".repeat(70 << 10));
    let long = [head(long.len()), long.into_bytes()].concat();
    [("cut", Answer::Cut(begun.clone())), ("slow", Answer::Raw(begun)), ("long", Answer::Raw(long))]
}

#[test]
fn a_body_that_decides_and_does_not_come_whole_is_no_success() {
    for (what, answer) in incomplete() {
        let target = Receiver::start(move |_, number| match number {
            0 => answer.clone(),
            _ => Answer::With(200, &[], r#"{"status":"SUCCESS"}"#),
        });
        let lines = "answer_status = true\ntimeout = \"500ms\"\nretry_schedule = [\"50ms\"]";
        let app = pushing(&billing(&target.url(), lines));
        app.publish("orders", "1");
        wait_for_deliveries(&app, "acknowledged", 1.0);
        assert_eq!(target.count(), 2, "{what}");
        let counted = ["incomplete", "delivered"].map(|result| attempts(&app, result));
        assert!(counted.iter().all(|count| (count - 1.0).abs() < 0.1), "{what}: {counted:?}");
        let error = status(&app)["last_error"].clone();
        assert_eq!((&error["result"], &error["status"]), (&json!("incomplete"), &json!(200)), "{what}");
    }
}

#[test]
fn a_body_that_nobody_asked_for_changes_nothing_however_it_ends() {
    for (what, answer) in incomplete() {
        let target = Receiver::start(move |_, _| answer.clone());
        let app = pushing(&billing(&target.url(), "retry_schedule = [\"50ms\"]"));
        app.publish("orders", "1");
        wait_for_deliveries(&app, "acknowledged", 1.0);
        assert_eq!((target.count(), attempts(&app, "delivered").round()), (1, 1.0), "{what}");
    }
}

#[test]
fn a_target_that_wants_everything_again_fails() {
    let target = Receiver::start(|_, _| Answer::With(200, &[], r#"{"status":"RETRY"}"#));
    let app = pushing(&billing(&target.url(), "answer_status = true\nretry_schedule = [\"50ms\", \"10m\"]"));
    app.publish("orders", "1");
    wait_for_attempts(&app, "asked_again", 2.0);
    let shown = status(&app);
    assert_eq!(
        (&shown["state"], &shown["last_error"]["result"]),
        (&json!("failing"), &json!("asked_again")),
        "{shown}"
    );
    assert_eq!((&shown["last_success_at"], &shown["per_second"]), (&Value::Null, &json!(0.0)), "{shown}");
    assert_eq!(app.metrics().get("mq_gateway_subscription_failing", &[("subscription", "billing")]), Some(1.0));
    target.answer(|_, _| Answer::With(200, &[], r#"{"status":"SUCCESS"}"#));
    app.publish("orders", "2");
    wait_for_deliveries(&app, "acknowledged", 1.0);
    assert_eq!(status(&app)["state"], "running");
}

#[test]
fn an_operator_who_resumes_it_lifts_what_the_target_asked_for() {
    let target = Receiver::start(|_, number| match number {
        0 => Answer::With(429, &["Retry-After: 600"], ""),
        _ => Answer::Status(200),
    });
    let app = pushing(&billing(&target.url(), "retry_schedule = [\"50ms\"]"));
    app.publish("orders", "1");
    time::until("a pause that the target asked for", || (!status(&app)["closed_until"].is_null()).then_some(()));
    let resume = Request::new(app.management(), "POST", "/v1/subscriptions/billing:resume").send().expect_json(200);
    assert_eq!(resume["subscriptions"][0]["closed_until"], Value::Null);
    app.publish("orders", "2");
    wait_for_deliveries(&app, "acknowledged", 1.0);
    assert_eq!(target.wait_for(2)[1].data(), "2");
    assert!(status(&app)["closed_until"].is_null());
}
