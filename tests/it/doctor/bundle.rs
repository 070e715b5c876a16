//! `doctor --bundle`: what somebody needs who was not there, and no secret.

use serde_json::Value;

use crate::support::secrecy::spellings;
use crate::support::{Endpoint, Launch, Settings, TestApp};

/// Runs the doctor with this file for the bundle, and returns what is in it.
#[track_caller]
fn bundle(launch: Launch, config: &str) -> (Value, String) {
    // It goes away with its last user.
    let (_directory, file) = (launch.directory().clone(), launch.path("bundle.json"));
    let finished = launch.arguments(&["doctor", "--config", config, "--bundle", file.to_str().unwrap()]).run();
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{error}: {finished:?}"));
    (serde_json::from_str(&text).unwrap(), text)
}

#[test]
fn of_a_running_gateway() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new());
    app.publish("orders", "zq-canary-content");
    let own = app.management();
    let settings = Settings::new().more(&format!("[management]\nlisten = \"{own}\"\n"));
    let launch = Launch::bare().secrets(endpoint.credentials()).file("gateway.toml", &settings.text(&endpoint.url()));
    let directory = launch.directory().clone();
    let (json, text) = bundle(launch, "gateway.toml");
    assert_eq!(json["program"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(json["configuration"]["profiles"]["main"]["protocol"], "ons-http");
    assert_eq!(json["doctor"]["ok"], true, "{json}");
    let gateway = &json["gateway"];
    assert!(gateway["readyz"].as_str().unwrap().contains("upstream main ok"), "{gateway}");
    assert_eq!(gateway["configuration"]["profiles"]["main"]["protocol"], "ons-http");
    let metrics = gateway["metrics"].as_array().unwrap();
    let published = |line: &Value| line.as_str().unwrap().starts_with("mq_gateway_messages_published_total");
    assert!(metrics.iter().any(published), "{metrics:?}");
    for secret in spellings(&endpoint.credentials().secret_key) {
        assert!(!text.contains(&secret), "{secret}");
    }
    assert!(!text.contains("zq-canary-content"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(directory.path().join("bundle.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn where_no_gateway_runs_or_the_configuration_is_broken() {
    let endpoint = Endpoint::start();
    let settings = Settings::new().more("[management]\nlisten = \"127.0.0.1:1\"\n").text(&endpoint.url());
    let launch = || Launch::bare().secrets(endpoint.credentials());
    let (json, _) = bundle(launch().file("gateway.toml", &settings), "gateway.toml");
    assert!(json["gateway"]["reason"].as_str().unwrap().contains("nobody listens there"), "{json}");
    let (json, text) = bundle(launch().file("gateway.toml", "secret_key = 'zq-canary\n"), "gateway.toml");
    assert_eq!((&json["configuration"]["unusable"], &json["doctor"]["ok"]), (&"see doctor".into(), &false.into()));
    assert!(!text.contains("zq-canary"), "{text}");
}

/// Whoever listens there may write anything.
#[test]
fn what_is_no_gateway_is_not_repeated() {
    let endpoint = Endpoint::start();
    let settings = Settings::new().more(&format!("[management]\nlisten = \"{}\"\n", endpoint.address()));
    let launch = Launch::bare().secrets(endpoint.credentials()).file("gateway.toml", &settings.text(&endpoint.url()));
    let (json, _) = bundle(launch, "gateway.toml");
    assert_eq!(json["gateway"]["reason"], "something else than a gateway answers there");
    assert!(!endpoint.take_failures().is_empty(), "it was asked for what it does not have");
}

/// A pod has nowhere to write.
#[test]
fn to_stdout_where_there_is_no_place_for_a_file() {
    let launch = Launch::bare().file("gateway.toml", "[management]\nlisten = \"127.0.0.1:1\"\n");
    let finished = launch.arguments(&["doctor", "--config", "gateway.toml", "--bundle", "-"]).run();
    let json: Value = serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished:?}"));
    assert_eq!(json["doctor"]["ok"], finished.code == Some(0), "{finished:?}");
    assert_eq!(json["program"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_file_that_is_there_stays() {
    let launch = Launch::bare().file("gateway.toml", "").file("bundle.json", "mine");
    let (_directory, file) = (launch.directory().clone(), launch.path("bundle.json"));
    let finished = launch.arguments(&["doctor", "--config", "gateway.toml", "--bundle", file.to_str().unwrap()]).run();
    assert!(finished.code == Some(1) && finished.stderr.contains("exists already"), "{finished:?}");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "mine");
}
