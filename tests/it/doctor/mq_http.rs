//! What the doctor reports of an MQ that speaks MQ HTTP.

use std::time::{Duration, SystemTime};

use actix_web::http::header::HttpDate;

use super::{Diagnosis, orders_only_over_mq_http};
use crate::support::endpoint::check_mq::error;
use crate::support::endpoint::{Script, respond};
use crate::support::mq::all;
use crate::support::ons::Credentials;
use crate::support::{Endpoint, Launch};

/// An `Error` of MQ HTTP, with the time and these seconds more.
fn mq_error(status: u16, code: &str, ahead: i64) -> Script {
    let by = Duration::from_secs(ahead.unsigned_abs());
    let date = if ahead < 0 { SystemTime::now() - by } else { SystemTime::now() + by };
    let date = format!("Date: {}", HttpDate::from(date));
    respond(status, &["Content-Type: text/xml;charset=utf-8", &date], error(code))
}

#[test]
fn a_healthy_mq_http_passes_every_check_and_is_left_unchanged() {
    let endpoint = Endpoint::start_mq();
    let Credentials { access_key, secret_key } = endpoint.credentials();
    let token = "zq-security-token-5d2f";
    let launch = || {
        let launch = Launch::bare().secrets(endpoint.credentials());
        std::fs::write(launch.path("secrets").join("security_token"), token).unwrap();
        launch.file("gateway.toml", &orders_only_over_mq_http().text(&endpoint.url()))
    };
    let diagnosis = Diagnosis::of(launch, &["--config", "gateway.toml"], &[access_key, secret_key, token]);
    assert_eq!(diagnosis.json.code, Some(0), "{diagnosis:?}");
    diagnosis.assert_only("credentials", "ok", &["accepted a signed request (204 to the acknowledgement"]);
    diagnosis.assert_only("topic", "ok", &["`orders` was accepted"]);
    diagnosis.assert_any("group", "ok", &["`CID_a` on `orders` was accepted"]);
    diagnosis.assert_any("group", "skipped", &["`PID_ours`, the producer group: mq-http sends none"]);
    let requests = endpoint.requests();
    assert_eq!(requests.len(), 2, "one probe for each run");
    for request in requests {
        assert_eq!(
            (request.method.as_str(), request.target.as_str()),
            ("DELETE", "/topics/orders/messages?consumer=CID_a")
        );
        assert_eq!(request.headers_named("security-token"), [token]);
        let document = String::from_utf8(request.body.clone()).unwrap();
        let handles = all(&document, "ReceiptHandle");
        assert!(handles.len() == 1 && handles[0].starts_with("00000000000000000000000000000000-"), "{document}");
    }
}

#[test]
fn a_refusal_of_mq_http_is_reported_with_its_code() {
    let endpoint = Endpoint::start_mq();
    for (status, code, verdict, words) in [
        (403, "SignatureDoesNotMatch", "failed", ["is about the signature: the secret key", "compare the secret key"]),
        (403, "InvalidAccessKeyId", "failed", ["is about the access key: it is not known", "compare the access key"]),
        (403, "AccessDenied", "failed", ["refused with", "the access key may not do this"]),
        (408, "TimeExpired", "failed", ["is about the time of the request", "yet the clocks agree"]),
        (400, "MissingAuthorizationHeader", "failed", ["did not come as it was sent", "a proxy on the way"]),
        (404, "TopicNotExist", "warning", ["may not have looked at the signature", "instance_id"]),
        (404, "SubscriptionNotExist", "warning", ["may not have looked at the signature", "instance_id"]),
        (400, "InvalidDigest", "warning", ["not known", "may not have looked at the signature"]),
        (503, "QpsLimitExceeded", "failed", ["it could not serve the request", "try again later"]),
        (404, "MessageNotExist", "ok", ["accepted a signed request", "a handle that does not exist"]),
    ] {
        endpoint.rule(move |_| Some(mq_error(status, code, 0)));
        let diagnosis = Diagnosis::about(&endpoint, &orders_only_over_mq_http());
        diagnosis.assert_only("clock_skew", "ok", &[]);
        diagnosis.assert_only("credentials", verdict, &[&format!("{status} {code}"), words[0], words[1]]);
        let (topic, group) = match code {
            "TopicNotExist" => ("failed", "skipped"),
            "SubscriptionNotExist" => ("skipped", "failed"),
            "MessageNotExist" => ("ok", "ok"),
            _ => ("skipped", "skipped"),
        };
        assert_eq!(
            (diagnosis.verdicts("topic"), diagnosis.verdicts("group")),
            (vec![topic], vec![group, "skipped"]),
            "{code}"
        );
        let failed = [verdict, topic, group].contains(&"failed");
        assert_eq!(diagnosis.json.code, Some(i32::from(failed)), "{code}");
    }
}

#[test]
fn mq_http_allows_the_clock_a_quarter_of_an_hour() {
    let endpoint = Endpoint::start_mq();
    for (ahead, words) in [(1200, "s ahead of ours"), (-1200, "s behind ours")] {
        endpoint.rule(move |_| Some(mq_error(408, "TimeExpired", ahead)));
        let diagnosis = Diagnosis::about(&endpoint, &orders_only_over_mq_http());
        assert_eq!(diagnosis.json.code, Some(1), "{diagnosis:?}");
        diagnosis.assert_only(
            "clock_skew",
            "failed",
            &["the MQ's clock is 1", words, "15 minutes ahead or behind", "NTP"],
        );
        diagnosis.assert_only(
            "credentials",
            "failed",
            &["408 TimeExpired is about the time", "correct the clock first"],
        );
    }
    endpoint.rule(move |_| Some(mq_error(404, "MessageNotExist", 600)));
    let diagnosis = Diagnosis::about(&endpoint, &orders_only_over_mq_http());
    assert_eq!(diagnosis.json.code, Some(0), "{diagnosis:?}");
    diagnosis.assert_only("clock_skew", "warning", &["s ahead of ours", "15 minutes ahead or behind"]);
}

#[test]
fn an_mq_http_that_echoes_the_request_is_not_quoted() {
    let endpoint = Endpoint::start_mq();
    let Credentials { access_key, secret_key } = endpoint.credentials().clone();
    endpoint.rule(move |request| {
        let authorization = request.header("authorization").unwrap_or_default();
        Some(respond(400, &[], error(&format!("{authorization} {access_key} {secret_key}"))))
    });
    let diagnosis = Diagnosis::about(&endpoint, &orders_only_over_mq_http());
    diagnosis.assert_only("credentials", "warning", &["the MQ answered 400 with a code that is not shown"]);
}

#[test]
fn an_endpoint_that_is_no_mq_http_is_recognised() {
    let endpoint = Endpoint::start_mq();
    for (status, body) in [(404, "<html>nginx</html>"), (403, "<html>no</html>"), (400, r#"{"code":"SC_BAD_REQUEST"}"#)]
    {
        endpoint.rule(move |_| Some(respond(status, &[], body)));
        let diagnosis = Diagnosis::about(&endpoint, &orders_only_over_mq_http());
        let answer = format!("the answer was {status}");
        diagnosis.assert_only(
            "credentials",
            "failed",
            &[&answer, "no proxy's or website's", "the profile's `protocol`"],
        );
    }
}
