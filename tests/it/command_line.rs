//! Commands, exit codes and what they leave behind.

use serde_json::Value;

use crate::support::app::{Finished, files_below};
use crate::support::{Endpoint, Launch, Settings, TestApp};

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
        let output = finished.output();
        assert!(output.contains(&place) && output.contains(key), "{place} and {key} in {output}");
    }
    let broken = check("[server\n", &[]);
    assert_eq!(broken.code, Some(1), "{broken:?}");
    assert!(broken.output().contains("gateway.toml:1:"), "{broken:?}");
}

#[test]
fn check_prints_json() {
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
    assert!(finished.output().contains("colour"), "{finished:?}");
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
        assert!(finished.output().contains(name), "{name} in {finished:?}");
        assert!(!finished.output().contains("zq-canary"), "{finished:?}");
    }
}

#[test]
fn variables_that_kubernetes_sets_are_ignored() {
    let launch = Launch::embedded().environment("MQ_GATEWAY_SERVICE_HOST", "10.0.0.1");
    let app = launch.environment("MQ_GATEWAY_PORT", "tcp://10.0.0.1:8080").start();
    app.publish("orders", "x");
}

#[test]
fn credentials_of_a_missing_data_directory_are_exit_1_and_create_nothing() {
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

/// A documentation's address, which is no machine's: what is wrong with it shows only when the endpoint listens.
#[test]
fn the_endpoint_alone_may_have_the_address_of_a_listener_that_does_not_run() {
    let address = "192.0.2.1:8080";
    for variable in ["MQ_GATEWAY__SERVER__LISTEN", "MQ_GATEWAY__MANAGEMENT__LISTEN"] {
        let run = |command: &[&str]| {
            let launch = Launch::bare().arguments(command).arguments(&["--embedded-listen", address]);
            launch.arguments(&["--data-dir", "{directory}/data"]).environment(variable, address).run()
        };
        let gateway = run(&[]);
        assert!(gateway.code == Some(1) && gateway.output().contains("is the address of"), "{gateway:?}");
        let alone = run(&["embedded-mq"]);
        assert!(alone.code == Some(1) && alone.output().contains("embedded.listen"), "{alone:?}");
        assert!(!alone.output().contains("is the address of"), "{alone:?}");
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

/// Starts the gateway and checks that it uses what [`properties`] has.
fn start_with_the_vendors_settings(launch: Launch, endpoint: &Endpoint) -> TestApp {
    let app = launch
        .arguments(&["--listen", "127.0.0.1:0", "--management-listen", "127.0.0.1:0", "--data-dir", "{directory}/data"])
        .environment("MQ_GATEWAY__SERVER__DRAIN_DELAY", "0s")
        .listeners(&["data", "management"])
        .start();
    app.publish("orders", "x");
    let request = endpoint.last_request();
    assert_eq!(request.header("producerid"), Some("PID_vendor"));
    assert_eq!((request.parameter("tag"), request.parameter("key")), (Some("vendor-tag"), Some("vendor-key")));
    assert_eq!(app.receive("orders", "CID_vendor", "{}").len(), 1);
    app
}

#[test]
fn the_vendors_properties_file_is_a_configuration() {
    let endpoint = Endpoint::start();
    let launch = Launch::bare().file("user.properties", &properties(&endpoint, "orders"));
    let app = start_with_the_vendors_settings(
        launch.arguments(&["--user-properties", "{directory}/user.properties"]),
        &endpoint,
    );
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
    assert!(finished.output().contains("Topic"), "{finished:?}");
    assert!(!finished.output().contains(&endpoint.credentials().secret_key), "{finished:?}");
}

/// What a command made: names below `directory`, sorted, with their modes.
fn made(directory: &std::path::Path) -> Vec<(String, u32)> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut found = Vec::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(directory).unwrap().display().to_string();
            found.push((name, std::fs::metadata(&path).unwrap().permissions().mode() & 0o777));
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_vendors_file_becomes_a_configuration_that_runs() {
    let endpoint = Endpoint::start();
    let launch = Launch::bare().file("user.properties", &properties(&endpoint, "orders"));
    let directory = std::sync::Arc::clone(launch.directory());
    let again = || Launch::bare().in_directory_of(&directory);
    let import = launch.arguments(&["import", "user.properties", "--out", "made/gateway"]);
    let finished = import.run();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.contains("next: mq-gateway check made/gateway/gateway.toml && "), "{finished:?}");
    assert!(!finished.output().contains(&endpoint.credentials().secret_key), "{finished:?}");
    let out = directory.path().join("made/gateway");
    let expected =
        [("gateway.toml", 0o600), ("secrets", 0o700), ("secrets/access_key", 0o600), ("secrets/secret_key", 0o600)];
    assert_eq!(made(&out), expected.map(|(name, mode)| (name.to_owned(), mode)));
    let text = std::fs::read_to_string(out.join("gateway.toml")).unwrap();
    assert!(!text.contains(&endpoint.credentials().secret_key), "{text}");

    let checked = again().arguments(&["check", "made/gateway/gateway.toml"]).run();
    assert_eq!((checked.code, checked.stdout.as_str()), (Some(0), "ok\n"), "{checked:?}");

    // The second time the files exist, and are kept.
    let contents = || files_below(&out).iter().map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>();
    let before = contents();
    let refused = import.run();
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.lines().count() == 1 && refused.stderr.contains("exists already"), "{refused:?}");
    assert!(contents() == before, "something was overwritten");

    start_with_the_vendors_settings(again().arguments(&["--config", "made/gateway/gateway.toml"]), &endpoint);
}

#[test]
fn an_import_that_fails_creates_nothing() {
    let endpoint = Endpoint::start();
    for (text, code, words) in [
        (Some(properties(&endpoint, "xxx")), 1, "user.properties:2:7: `Topic`"),
        (Some("[property]\nTopic=a\n".to_owned()), 1, "`Sk`: is missing"),
        (None, 2, "could not be read"),
    ] {
        let launch = Launch::bare();
        let launch = match &text {
            Some(text) => launch.file("user.properties", text),
            None => launch,
        };
        let launch = launch.arguments(&["import", "user.properties", "--out", "out"]);
        let finished = launch.run();
        assert_eq!(finished.code, Some(code), "{finished:?}");
        assert!(finished.stderr.contains(words), "{finished:?}");
        assert!(!finished.output().contains(&endpoint.credentials().secret_key), "{finished:?}");
        assert!(!launch.directory().path().join("out").exists(), "{finished:?}");
    }
    for kept in ["gateway.toml", "secrets/access_key", "secrets/secret_key"] {
        let launch = Launch::bare().file("user.properties", &properties(&endpoint, "orders"));
        let out = launch.directory().path().join("out");
        std::fs::create_dir_all(out.join("secrets")).unwrap();
        std::fs::write(out.join(kept), "kept").unwrap();
        let before = made(&out);
        let launch = launch.arguments(&["import", "user.properties", "--out", "out"]);
        let finished = launch.run();
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert!(finished.stderr.contains(&format!("out/{kept} exists already")), "{finished:?}");
        assert_eq!(made(&out), before);
        assert_eq!(std::fs::read_to_string(out.join(kept)).unwrap(), "kept");
    }
    assert_eq!(Launch::bare().arguments(&["import", "user.properties"]).run().code, Some(2), "--out is missing");
}

#[test]
fn issued_keys_are_new_private_and_never_shown() {
    let launch = Launch::bare();
    let launch = launch.arguments(&["issue-key", "--out", "keys/shop"]);
    let finished = launch.run();
    let output = "wrote keys/shop/access_key and keys/shop/secret_key\n\nadd to the configuration:\n\n\
                [dropin]\nclient_auth = \"keys\"\n\n\
                [credentials.shop]\ndirectory = \"keys/shop\" # relative to the configuration file, if it is relative\n\n\
                [callers.shop]\ncredentials = \"shop\"\ntopics = [\"…\"] # what the pair is good for\n";
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(0), output), "{finished:?}");
    let out = launch.directory().path().join("keys/shop");
    let expected = [("access_key".to_owned(), 0o600), ("secret_key".to_owned(), 0o600)];
    assert_eq!(made(&out), expected);
    let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    let (access_key, secret_key) = (read("access_key"), read("secret_key"));
    assert!(access_key.len() == 16 && access_key.starts_with("VK") && secret_key.len() == 30, "{access_key}");
    assert!(format!("{access_key}{secret_key}").bytes().all(|byte| byte.is_ascii_alphanumeric()), "{access_key}");
    assert!(!finished.output().contains(&access_key) && !finished.output().contains(&secret_key), "{finished:?}");

    let refused = launch.run();
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("keys/shop/access_key exists already"), "{refused:?}");
    assert_eq!((read("access_key"), read("secret_key")), (access_key.clone(), secret_key));

    // They are what the configuration takes for a caller.
    let other =
        Launch::bare().in_directory_of(launch.directory()).arguments(&["issue-key", "--out", "keys/stock"]).run();
    assert_eq!(other.code, Some(0), "{other:?}");
    let text = good()
        + "[credentials.shop]\ndirectory = \"keys/shop\"\n[credentials.stock]\ndirectory = \"keys/stock\"\n\
           [dropin]\nclient_auth = \"keys\"\n[callers.shop]\ncredentials = \"shop\"\ntopics = [\"*\"]\n\
           [callers.stock]\ncredentials = \"stock\"\ntopics = [\"orders\"]\n";
    let endpoint = Endpoint::start();
    let check = || {
        let check = Launch::bare().in_directory_of(launch.directory()).secrets(endpoint.credentials());
        check.file("gateway.toml", &text).arguments(&["check", "gateway.toml"]).run()
    };
    assert_eq!(check().code, Some(0), "{:?}", check());
    std::fs::copy(out.join("access_key"), launch.directory().path().join("keys/stock/access_key")).unwrap();
    let checked = check();
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(checked.stdout.contains("with the access key of caller `shop`"), "{checked:?}");
    assert!(!checked.output().contains(&access_key), "{checked:?}");
}

#[test]
fn a_requirement_that_the_protocol_lacks_is_refused_at_check_and_at_start() {
    let text = good().replace("groups = [\"*\"]", "groups = [\"*\"]\nrequires = [\"tag_filter\"]");
    let endpoint = Endpoint::start();
    let launch = || Launch::bare().secrets(endpoint.credentials()).file("gateway.toml", &text);
    for arguments in [&["check", "{directory}/gateway.toml"], &["--config", "{directory}/gateway.toml"]] {
        let finished = launch().arguments(arguments).run();
        assert_eq!(finished.code, Some(1), "{finished:?}");
        let output = finished.output();
        assert!(
            output.contains("topic `*` needs tag_filter, and its profile `main` (ons-http) does not have it"),
            "{output}"
        );
        assert!(output.contains("mq-http has it"), "{output}");
    }
}
