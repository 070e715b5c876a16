//! Commands, exit codes and what they leave behind (api.md 6 and 7).

use serde_json::Value;

use crate::support::app::{Finished, files_below};
use crate::support::{Endpoint, Launch, Settings};

/// Checks a configuration text; `{secrets}` is a good credentials directory.
fn check(text: &str, more: &[&str]) -> Finished {
    let endpoint = Endpoint::start();
    let launch = Launch::bare().secrets(endpoint.credentials()).file("gateway.toml", text);
    launch.arguments(&["check", "{directory}/gateway.toml"]).arguments(more).run()
}

fn good() -> String {
    Settings::new().text("http://mq.example.com")
}

#[test]
fn a_good_configuration_is_exit_0() {
    for more in [&[][..], &["--format", "json"]] {
        let finished = check(&good(), more);
        assert_eq!(finished.code, Some(0), "{finished:?}");
    }
    assert_eq!(check("", &[]).code, Some(1), "a file that asks for nothing is a mistake");
}

#[test]
fn a_bad_configuration_is_exit_1_and_names_the_place() {
    let line_of =
        |text: &str, part: &str| text.lines().position(|line| line.starts_with(&format!("{part} ="))).unwrap() + 1;
    for (bad, key) in [
        (good().replace("[server]", "[server]\ncolour = \"red\""), "colour"),
        (good().replace("protocol = \"ons-http\"", "protocol = \"carrier-pigeon\""), "protocol"),
        (good().replace("producer_group = \"PID_ours\"", "producer_group = 7"), "producer_group"),
        (good().replace("drain_delay = \"0s\"", "drain_delay = \"soon\""), "drain_delay"),
        (good().replace("drain_delay = \"0s\"", "drain_delay = 5"), "drain_delay"),
        (good().replace("[server]", "[server]\nlisten = \"nowhere\""), "listen"),
        (good().replace("profile = \"main\"", "profile = \"other\""), "profile"),
        (good().replace("credentials = \"main\"", "credentials = \"other\""), "credentials"),
        (
            good().replace("endpoints = [\"http://mq.example.com\"]", "endpoints = [\"ftp://mq.example.com\"]"),
            "endpoints",
        ),
        (good().replace("name = \"*\"", "name = \"a/b\""), "name"),
    ] {
        let finished = check(&bad, &[]);
        assert_eq!(finished.code, Some(1), "{key}: {finished:?}");
        let place = format!("gateway.toml:{}:", line_of(&bad, key));
        let said = finished.said();
        assert!(said.contains(&place) && said.contains(key), "{place} and {key} in {said}");
    }
    let broken = check("[server\n", &[]);
    assert_eq!(broken.code, Some(1), "{broken:?}");
    assert!(broken.said().contains("gateway.toml:1:"), "{broken:?}");
}

#[test]
fn check_speaks_json() {
    let finished = check(&good().replace("[server]", "[server]\ncolour = \"red\""), &["--format", "json"]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let report: Value = serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished:?}"));
    assert!(report.to_string().contains("colour"), "{report}");
}

#[test]
fn usage_errors_and_unreadable_files_are_exit_2() {
    for arguments in [
        &["--no-such-flag"][..],
        &["no-such-command"],
        &["check"],
        &["check", "{directory}/missing.toml"],
        &["--config", "{directory}/missing.toml"],
        &["--config", "{directory}/a.toml", "--user-properties", "{directory}/b"],
        &["--listen"],
    ] {
        let finished = Launch::bare().arguments(arguments).run();
        assert_eq!(finished.code, Some(2), "{arguments:?}: {finished:?}");
    }
}

#[test]
fn help_and_version_are_exit_0() {
    for flag in ["--help", "--version"] {
        let finished = Launch::bare().arguments(&[flag]).run();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(finished.stdout.contains("mq-gateway"), "{finished:?}");
    }
}

#[test]
fn a_broken_configuration_does_not_run() {
    let launch = Launch::bare().file("gateway.toml", "[server]\ncolour = 1\n");
    let finished = launch.arguments(&["--config", "{directory}/gateway.toml", "--listen", "127.0.0.1:0"]).run();
    assert_ne!(finished.code, Some(0), "{finished:?}");
    assert!(finished.said().contains("colour"), "{finished:?}");
}

#[test]
fn unknown_variables_are_errors() {
    for name in [
        "MQ_GATEWAY__SERVER__COLOUR",
        "MQ_GATEWAY__PROFILES__MAIN__PROTOCOL",
        "MQ_GATEWAY__CREDENTIALS__MAIN__SECRET_KEY",
    ] {
        let launch = Launch::bare().environment(name, "zq-canary");
        let finished = launch.arguments(&["--data-dir", "{directory}/data", "--listen", "127.0.0.1:0"]).run();
        assert_ne!(finished.code, Some(0), "{name}: {finished:?}");
        assert!(finished.said().contains(name), "{name} in {finished:?}");
        assert!(!finished.said().contains("zq-canary"), "{finished:?}");
    }
}

#[test]
fn variables_of_kubernetes_are_none_of_ours() {
    let launch = Launch::embedded().environment("MQ_GATEWAY_SERVICE_HOST", "10.0.0.1");
    let app = launch.environment("MQ_GATEWAY_PORT", "tcp://10.0.0.1:8080").start();
    app.publish("orders", "x");
}

#[test]
fn credentials_of_nothing_are_exit_1_and_create_nothing() {
    for directory in ["{directory}", "{directory}/missing"] {
        let launch = Launch::bare();
        let finished = launch.arguments(&["embedded-mq", "credentials", "--data-dir", directory]);
        let result = finished.run();
        assert_eq!(result.code, Some(1), "{result:?}");
        assert!(result.stdout.is_empty(), "{result:?}");
        assert!(std::fs::read_dir(finished.directory().path()).unwrap().next().is_none(), "something was created");
    }
}

#[test]
fn credentials_are_printed_beside_a_running_gateway() {
    let app = Launch::embedded().start();
    let data = app.data_directory().display().to_string();
    let before = files_below(&app.data_directory()).len();
    let finished = Launch::bare().arguments(&["embedded-mq", "credentials", "--data-dir", &data]).run();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let printed: Value = serde_json::from_str(&finished.stdout).unwrap();
    let names: Vec<&String> = printed.as_object().unwrap().keys().collect();
    assert_eq!(names, ["access_key", "secret_key", "url"]);
    assert!(printed["url"].as_str().unwrap().starts_with("http://"), "{}", printed["url"]);
    assert_eq!(files_below(&app.data_directory()).len(), before);
    assert_eq!(app.embedded_credentials().secret_key, printed["secret_key"]);
}

#[test]
fn the_endpoint_runs_alone() {
    use crate::support::ons::{Credentials, OnsRequest};
    for more in [&[][..], &["--in-memory"]] {
        let launch = Launch::bare().arguments(&[
            "embedded-mq",
            "--embedded-listen",
            "127.0.0.1:0",
            "--data-dir",
            "{directory}/data",
        ]);
        let app = launch
            .arguments(more)
            .environment("MQ_GATEWAY__SERVER__DRAIN_DELAY", "0s")
            .listeners(&["embedded"])
            .start();
        let credentials: Credentials = app.embedded_credentials();
        let response = OnsRequest::publish(&credentials, "T", "PID_a", "x").send(app.embedded_address());
        assert_eq!(response.status, 201, "{more:?}: {response:?}");
    }
}

/// The vendor's own file.
fn properties(endpoint: &Endpoint, topic: &str) -> String {
    let credentials = endpoint.credentials();
    format!(
        "[property]\nTopic={topic}\nURL={}\nAk={}\nSk={}\nProducerID=PID_vendor\nConsumerID=CID_vendor\nTag=vendor-tag\nKey=vendor-key\n",
        endpoint.url(),
        credentials.access_key,
        credentials.secret_key
    )
}

#[test]
fn the_vendors_properties_file_is_a_configuration() {
    let endpoint = Endpoint::start();
    let launch = Launch::bare().file("user.properties", &properties(&endpoint, "orders"));
    let app = launch
        .arguments(&["--user-properties", "{directory}/user.properties", "--listen", "127.0.0.1:0"])
        .arguments(&["--management-listen", "127.0.0.1:0", "--data-dir", "{directory}/data"])
        .environment("MQ_GATEWAY__SERVER__DRAIN_DELAY", "0s")
        .listeners(&["data", "management"])
        .start();
    app.publish("orders", "x");
    let request = endpoint.last_request();
    assert_eq!(request.header("producerid"), Some("PID_vendor"));
    assert_eq!((request.parameter("tag"), request.parameter("key")), (Some("vendor-tag"), Some("vendor-key")));
    assert_eq!(app.receive("orders", "CID_vendor", "{}").len(), 1);
    assert_eq!(app.post_json("/v1/topics/other/messages", r#"{"body":"x"}"#).status, 404);
}

#[test]
fn an_untouched_template_is_an_error_naming_the_key() {
    let endpoint = Endpoint::start();
    let launch = Launch::bare().file("user.properties", &properties(&endpoint, "xxx"));
    let finished = launch
        .arguments(&["--user-properties", "{directory}/user.properties", "--listen", "127.0.0.1:0"])
        .arguments(&["--management-listen", "127.0.0.1:0"])
        .run();
    assert_ne!(finished.code, Some(0), "{finished:?}");
    assert!(finished.said().contains("Topic"), "{finished:?}");
    assert!(!finished.said().contains(&endpoint.credentials().secret_key), "{finished:?}");
}
