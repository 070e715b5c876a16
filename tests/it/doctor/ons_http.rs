//! What the doctor reports of an MQ that speaks ONS HTTP.

use std::time::{Duration, SystemTime};

use actix_web::http::header::HttpDate;

use super::{Diagnosis, ORDERS, orders_only};
use crate::support::endpoint::respond;
use crate::support::ons::Credentials;
use crate::support::{Endpoint, Settings};

#[test]
fn a_healthy_mq_passes_every_check_and_is_left_unchanged() {
    let endpoint = Endpoint::start();
    endpoint.offer("orders", serde_json::json!({"body": "stays", "msgId": "1"}));
    let dated = || respond(204, &[&format!("Date: {}", HttpDate::from(SystemTime::now()))], "");
    endpoint.rule(move |_| Some(dated()));
    let diagnosis = Diagnosis::about(&endpoint, &orders_only());
    assert_eq!(diagnosis.json.code, Some(0), "{diagnosis:?}");
    for (check, word) in [
        ("configuration", "gateway.toml"),
        ("credentials_files", "[credentials.main]"),
        ("dns", "127.0.0.1 is an address"),
        ("connect", "answers at 127.0.0.1:"),
        ("clock_skew", "the MQ's clock is"),
        ("credentials", "accepted a signed request (204"),
        ("topic", "`orders` was accepted"),
    ] {
        diagnosis.assert_only(check, "ok", &[word]);
    }
    diagnosis.assert_only("tls", "skipped", &["http://"]);
    diagnosis.assert_any("group", "ok", &["`CID_a` on `orders` was accepted"]);
    diagnosis.assert_any("group", "skipped", &["`PID_ours`, the producer group", "nothing is published"]);
    assert!(diagnosis.text.stdout.ends_with("\nok, 2 skipped\n"), "{}", diagnosis.text.stdout);
    assert_eq!(endpoint.request_count(), 2, "one probe for each run");
}

#[test]
fn a_clock_that_is_off_is_reported() {
    for (seconds, behind) in [(1200, false), (1200, true)] {
        let endpoint = Endpoint::start();
        let by = Duration::from_secs(seconds);
        let date = if behind { SystemTime::now() - by } else { SystemTime::now() + by };
        let date = format!("Date: {}", HttpDate::from(date));
        endpoint.rule(move |_| Some(respond(403, &[&date], "")));
        let diagnosis = Diagnosis::about(&endpoint, &orders_only());
        assert_eq!(diagnosis.json.code, Some(1), "{diagnosis:?}");
        let words = if behind { "s behind ours" } else { "s ahead of ours" };
        diagnosis.assert_only("clock_skew", "failed", &["the MQ's clock is 1", words, "NTP"]);
        diagnosis.assert_only("credentials", "failed", &["refused with 403", "the clocks alone explain it", words]);
        diagnosis.assert_only("topic", "skipped", &[]);
    }
}

#[test]
fn a_403_is_reported_with_every_cause_that_it_leaves_open() {
    let endpoint = Endpoint::start();
    let dated = || respond(403, &[&format!("Date: {}", HttpDate::from(SystemTime::now()))], "");
    endpoint.rule(move |_| Some(dated()));
    let diagnosis = Diagnosis::about(&endpoint, &orders_only());
    let words = ["the access key, the secret key, or a topic or group", "not the clock", "sign --explain"];
    diagnosis.assert_only("credentials", "failed", &words);
    diagnosis.assert_only("clock_skew", "ok", &[]);
    // With nothing named the probe has a placeholder for a topic, which no account owns.
    let diagnosis = Diagnosis::about(&endpoint, &Settings::new());
    assert_eq!(diagnosis.json.code, Some(0), "{diagnosis:?}");
    diagnosis.assert_only("credentials", "warning", &["placeholders", "name a topic and a group"]);

    endpoint.rule(|_| Some(respond(403, &[], "")));
    let diagnosis = Diagnosis::about(&endpoint, &orders_only());
    diagnosis.assert_only("clock_skew", "skipped", &["Date"]);
    diagnosis.assert_only("credentials", "failed", &["the clock, which could not be compared"]);
}

#[test]
fn a_refused_group_is_distinguished_from_its_topic() {
    let endpoint = Endpoint::start();
    endpoint.rule(|request| (request.header("consumerid") == Some("CID_b")).then(|| respond(403, &[], "")));
    let diagnosis =
        Diagnosis::about(&endpoint, &Settings::new().topics(&ORDERS.replace("\"CID_a\"", "\"CID_a\", \"CID_b\"")));
    assert_eq!(diagnosis.json.code, Some(1), "{diagnosis:?}");
    diagnosis.assert_only("topic", "ok", &[]);
    diagnosis.assert_any("group", "failed", &["`CID_b` on `orders` was refused, and the topic is good"]);
}

#[test]
fn an_mq_that_echoes_the_request_is_not_quoted() {
    let endpoint = Endpoint::start();
    let Credentials { access_key, secret_key } = endpoint.credentials().clone();
    endpoint.rule(move |request| {
        let signature = request.header("signature").unwrap_or_default();
        let body = format!(r#"{{"code":"{signature}","info":"{access_key} {secret_key} {signature}"}}"#);
        Some(respond(400, &[&format!("X-Echo: {signature}")], body))
    });
    let diagnosis = Diagnosis::about(&endpoint, &orders_only());
    diagnosis.assert_only("credentials", "warning", &["not known: the MQ answered 400"]);
}

#[test]
fn an_endpoint_that_is_no_mq_is_recognised() {
    let endpoint = Endpoint::start();
    endpoint.rule(|_| Some(respond(404, &["Content-Type: text/html"], "<html>nginx</html>")));
    let diagnosis = Diagnosis::about(&endpoint, &orders_only());
    diagnosis.assert_only("credentials", "failed", &["the answer was 404", "no proxy's or website's"]);
}
