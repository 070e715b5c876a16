//! What the doctor reports of the embedded endpoint, in either protocol.

use super::{Diagnosis, ORDERS, orders_only, orders_only_over_mq_http};
use crate::support::app::files_below;
use crate::support::ons::Credentials;
use crate::support::trap::dead_url;
use crate::support::{Launch, Settings};

#[test]
fn the_embedded_endpoint_is_found_by_its_data_directory_and_left_unchanged() {
    let app = Launch::embedded().start();
    let files = files_below(&app.data_directory());
    let credentials: Credentials = app.embedded_credentials();
    let launch = || bare().in_directory_of(app.directory());
    let forbidden = [credentials.access_key.as_str(), credentials.secret_key.as_str()];
    for arguments in [&[][..], &["--data-dir", "data"], &["--profile", "embedded"]] {
        let diagnosis = Diagnosis::of(launch, arguments, &forbidden);
        assert_eq!(diagnosis.json.code, Some(0), "{diagnosis:?}");
        diagnosis.assert_only("connect", "ok", &[&app.embedded_address().to_string()]);
        diagnosis.assert_only("clock_skew", "ok", &[]);
        diagnosis.assert_only("credentials", "ok", &["400 to the acknowledgement of a handle that does not exist"]);
        diagnosis.assert_only("topic", "skipped", &["only `*`"]);
    }
    assert_eq!(files_below(&app.data_directory()), files);
    let groups = || app.management_get("/metrics").text().matches("embedded_messages{").count();
    assert_eq!(groups(), 0, "no topic or group was made");
    app.receive("orders", "CID_a", "{}");
    assert_ne!(groups(), 0, "they would be seen");
}

#[test]
fn an_embedded_endpoint_that_does_not_run_is_not_started() {
    let dead = dead_url();
    let dead = dead.strip_prefix("http://").unwrap();
    let directory = bare();
    let launch = || {
        let launch = bare().in_directory_of(directory.directory());
        launch.environment("MQ_GATEWAY__EMBEDDED__LISTEN", dead)
    };
    let diagnosis = Diagnosis::of(launch, &[], &[]);
    assert_eq!(diagnosis.json.code, Some(1), "{diagnosis:?}");
    diagnosis.assert_only("configuration", "ok", &["built in"]);
    diagnosis.assert_only("credentials_files", "failed", &["does not exist", "start `mq-gateway`"]);
    diagnosis.assert_only("connect", "failed", &["the embedded endpoint is not running at http://", "start it"]);
    diagnosis.assert_skipped_after("connect");
    assert!(files_below(directory.directory().path()).is_empty(), "nothing was made");
}

#[test]
fn an_embedded_endpoint_with_other_keys_is_recognised() {
    let app = Launch::embedded().start();
    let secret = "another-secret-5d2f0c7a";
    let file =
        format!(r#"{{"access_key":"another","secret_key":"{secret}","url":"http://{}"}}"#, app.embedded_address());
    let launch = || bare().file("embedded-credentials.json", &file);
    let diagnosis = Diagnosis::of(launch, &["--data-dir", "."], &[secret]);
    assert_eq!(diagnosis.json.code, Some(1), "{diagnosis:?}");
    diagnosis.assert_only("credentials", "failed", &["refused with 403", "another data directory"]);
}

/// Knows no gateway's management listener: none of another test, nor of this machine, is asked.
fn bare() -> Launch {
    Launch::bare().environment("MQ_GATEWAY__MANAGEMENT__LISTEN", "127.0.0.1:0")
}

/// The diagnosis of two topics, `ghost` and `orders`, of which the endpoint has the second.
fn about_an_unknown_topic(settings: &Settings) -> Diagnosis {
    let app = Launch::on_embedded("topics = [\"orders\"]\n", settings).start();
    // The endpoint's own file would not name a topic that the endpoint does not have: `check` refuses that.
    let topics = ORDERS.replace("orders", "ghost") + ORDERS;
    let other = settings.clone().topics(&topics).text_on_embedded("");
    let launch = || bare().in_directory_of(app.directory()).file("other.toml", &other);
    let diagnosis = Diagnosis::of(launch, &["--config", "other.toml", "--data-dir", "data"], &[]);
    assert_eq!(diagnosis.json.code, Some(1), "{diagnosis:?}");
    diagnosis.assert_only("credentials", "ok", &[]);
    assert_eq!(diagnosis.verdicts("topic"), ["failed", "ok"]);
    assert_eq!(diagnosis.verdicts("group"), ["skipped", "ok", "skipped"]);
    diagnosis
}

#[test]
fn unknown_topics_are_distinguished_from_wrong_keys() {
    let words =
        ["`ghost` was refused, and the keys are good: the endpoint does not have it", "`topics` below [embedded]"];
    about_an_unknown_topic(&orders_only()).assert_any("topic", "failed", &words);
}

#[test]
fn unknown_topics_are_reported_in_mq_http() {
    let words = ["`ghost` is not known to the MQ: 404 TopicNotExist", "`topics` below [embedded]"];
    about_an_unknown_topic(&orders_only_over_mq_http()).assert_any("topic", "failed", &words);
}

#[test]
fn the_embedded_endpoint_answers_in_mq_http_and_is_left_unchanged() {
    let app = Launch::on_embedded("", &orders_only_over_mq_http()).start();
    let credentials = app.embedded_credentials();
    let forbidden = [credentials.access_key.as_str(), credentials.secret_key.as_str()];
    let launch = || bare().in_directory_of(app.directory());
    let diagnosis = Diagnosis::of(launch, &["--config", "gateway.toml", "--data-dir", "data"], &forbidden);
    assert_eq!(diagnosis.json.code, Some(0), "{diagnosis:?}");
    diagnosis.assert_only("connect", "ok", &[&app.embedded_address().to_string()]);
    diagnosis.assert_only("clock_skew", "ok", &[]);
    diagnosis.assert_only("credentials", "ok", &["404 ReceiptHandleError to the acknowledgement of a handle"]);
    diagnosis.assert_only("topic", "ok", &["`orders` was accepted"]);
    let groups = || app.management_get("/metrics").text().matches("embedded_messages{").count();
    assert_eq!(groups(), 0, "no topic or group was made");
    app.receive("orders", "CID_a", "{}");
    assert_ne!(groups(), 0, "they would be seen");
}

#[test]
fn an_embedded_endpoint_with_other_keys_is_recognised_in_mq_http() {
    let app = Launch::on_embedded("", &orders_only_over_mq_http()).start();
    let own = app.embedded_credentials();
    let secret = "another-secret-5d2f0c7a";
    for (access_key, code) in
        [(own.access_key.as_str(), "SignatureDoesNotMatch"), ("zq-unknown-key", "InvalidAccessKeyId")]
    {
        let file = format!(
            r#"{{"access_key":"{access_key}","secret_key":"{secret}","url":"http://{}"}}"#,
            app.embedded_address()
        );
        let launch = || {
            let launch = bare().file("gateway.toml", &orders_only_over_mq_http().text_on_embedded(""));
            launch.file("embedded-credentials.json", &file)
        };
        let diagnosis = Diagnosis::of(launch, &["--config", "gateway.toml", "--data-dir", "."], &[secret, access_key]);
        assert_eq!(diagnosis.json.code, Some(1), "{diagnosis:?}");
        let words = format!("refused with 403 {code}: an embedded endpoint with other keys");
        diagnosis.assert_only("credentials", "failed", &[&words, "another data directory"]);
    }
}
