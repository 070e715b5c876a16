//! `mq-gateway doctor`: what it finds, what it advises, what it never shows and never does.

mod bundle;
mod connection;
mod embedded;
mod mq_http;
mod ons_http;
#[cfg(feature = "rocketmq")]
mod rocketmq;
mod store;

use serde_json::Value;

use crate::support::app::Finished;
use crate::support::ons::Credentials;
use crate::support::trap::dead_url;
use crate::support::{Endpoint, Launch, Settings};

const ORDERS: &str = "[[topics]]\nname = \"orders\"\nprofile = \"main\"\ngroups = [\"CID_a\"]\n";
const ALL: [&str; 9] =
    ["configuration", "credentials_files", "dns", "connect", "tls", "clock_skew", "credentials", "topic", "group"];

/// What the doctor printed, as JSON and as text.
#[derive(Debug)]
struct Diagnosis {
    json: Finished,
    text: Finished,
    checks: Vec<Value>,
}

impl Diagnosis {
    /// Runs it twice; both must agree, and neither may hold `forbidden`.
    #[track_caller]
    fn of(launch: impl Fn() -> Launch, arguments: &[&str], forbidden: &[&str]) -> Self {
        let first = launch().arguments(&["doctor"]).arguments(arguments);
        let second = launch().arguments(&["doctor", "--format", "json"]).arguments(arguments);
        let (text, json) = (first.run(), second.in_directory_of(first.directory()).run());
        assert_eq!(text.code, json.code, "{text:?} {json:?}");
        for secret in forbidden {
            assert!(!text.output().contains(secret) && !json.output().contains(secret), "{secret}: {text:?} {json:?}");
        }
        assert!(!text.output().contains('\u{1b}'), "no colours but on a terminal: {text:?}");
        let report: Value = serde_json::from_str(&json.stdout).unwrap_or_else(|error| panic!("{error}: {json:?}"));
        assert_eq!(report["ok"], json.code == Some(0), "{report}");
        let checks = report["checks"].as_array().unwrap().clone();
        for check in &checks {
            let names: Vec<&String> = check.as_object().unwrap().keys().collect();
            assert_eq!(names, ["advice", "check", "detail", "profile", "verdict"]);
            let wants_advice = matches!(check["verdict"].as_str(), Some("warning" | "failed"));
            assert_eq!(check["advice"].is_string(), wants_advice, "{check}");
            if !check["detail"].as_str().unwrap().contains(" s ") {
                assert!(text.stdout.contains(check["detail"].as_str().unwrap()), "{check} in {text:?}");
            }
        }
        let mut order: Vec<&str> = checks.iter().map(|check| check["check"].as_str().unwrap()).collect();
        order.dedup();
        if let Some(at) = order.iter().position(|check| *check == "embedded_store") {
            assert_eq!((at, order.remove(at)), (1, "embedded_store"), "after the configuration: {order:?}");
        }
        for profile in order.split(|&check| check == "configuration").flat_map(|all| all.split(|it| *it == "group")) {
            assert!(profile.is_empty() || profile == &ALL[1..8], "the order of {order:?}");
        }
        Self { json, text, checks }
    }

    /// Towards an endpoint with these settings. Its keys and every signature that it got are looked for.
    #[track_caller]
    fn about(endpoint: &Endpoint, settings: &Settings) -> Self {
        Self::at(endpoint, &endpoint.url(), settings)
    }

    #[track_caller]
    fn at(endpoint: &Endpoint, url: &str, settings: &Settings) -> Self {
        let launch = || Launch::bare().secrets(endpoint.credentials()).file("gateway.toml", &settings.text(url));
        let Credentials { access_key, secret_key } = endpoint.credentials();
        let diagnosis = Self::of(launch, &["--config", "gateway.toml"], &[access_key, secret_key]);
        for request in endpoint.requests() {
            assert_eq!(request.method, "DELETE", "nothing is published or taken");
            let signature = request.header("signature").or_else(|| request.header("authorization")?.split(':').nth(1));
            let signature = signature.unwrap();
            assert!(
                !diagnosis.json.output().contains(signature) && !diagnosis.text.output().contains(signature),
                "{diagnosis:?}"
            );
        }
        diagnosis
    }

    /// The verdicts of one check.
    fn verdicts(&self, check: &str) -> Vec<&str> {
        let found = self.checks.iter().filter(|it| it["check"] == check);
        found.map(|it| it["verdict"].as_str().unwrap()).collect()
    }

    /// The verdict of the one finding of this check; its detail and advice must hold these words.
    #[track_caller]
    fn assert_only(&self, check: &str, verdict: &str, words: &[&str]) {
        assert_eq!(self.verdicts(check), [verdict], "{check}: {:#?}", self.checks);
        self.assert_any(check, verdict, words);
    }

    #[track_caller]
    fn assert_any(&self, check: &str, verdict: &str, words: &[&str]) {
        let mut found = self.checks.iter().filter(|it| it["check"] == check && it["verdict"] == verdict);
        let hit = found.any(|it| words.iter().all(|word| format!("{} {}", it["detail"], it["advice"]).contains(word)));
        assert!(hit, "{check} {verdict} {words:?}: {:#?}", self.checks);
    }

    #[track_caller]
    fn assert_skipped_after(&self, check: &str) {
        let at = ALL.iter().position(|it| *it == check).unwrap();
        for later in &ALL[at + 1..] {
            assert_eq!(self.verdicts(later), ["skipped"], "{later}: {:#?}", self.checks);
        }
    }
}

/// One topic with one group, of a profile of ONS HTTP.
fn orders_only() -> Settings {
    Settings::new().topics(ORDERS)
}

/// The same of a profile of MQ HTTP.
fn orders_only_over_mq_http() -> Settings {
    orders_only().profile("protocol = \"mq-http\"")
}

#[test]
fn an_empty_secret_file_is_named_and_nothing_is_asked() {
    let endpoint = Endpoint::start();
    let Credentials { access_key, .. } = endpoint.credentials().clone();
    let empty = Credentials { access_key: access_key.clone(), secret_key: String::new() };
    let launch = || Launch::bare().secrets(&empty).file("gateway.toml", &orders_only().text(&endpoint.url()));
    let diagnosis = Diagnosis::of(launch, &["--config", "gateway.toml"], &[&access_key]);
    assert_eq!(diagnosis.json.code, Some(1), "{diagnosis:?}");
    diagnosis.assert_only("configuration", "ok", &[]);
    diagnosis.assert_only("credentials_files", "failed", &["secret_key is empty", "without quotes"]);
    diagnosis.assert_only("connect", "ok", &[]);
    diagnosis.assert_skipped_after("tls");
    assert_eq!(endpoint.request_count(), 0);
}

#[test]
fn profiles_are_checked_all_or_one() {
    let endpoint = Endpoint::start();
    let second = format!(
        "[profiles.second]\nprotocol = \"ons-http\"\ncredentials = \"main\"\nproducer_group = \"PID\"\nendpoints = [\"{}\"]\n",
        dead_url()
    );
    let text = orders_only().more(&second).text(&endpoint.url());
    let launch = || Launch::bare().secrets(endpoint.credentials()).file("gateway.toml", &text);
    let all = Diagnosis::of(launch, &["--config", "gateway.toml"], &[]);
    assert_eq!((all.json.code, all.verdicts("connect")), (Some(1), vec!["ok", "failed"]));
    assert!(all.text.stdout.contains("\nprofile main\n") && all.text.stdout.contains("\nprofile second\n"), "{all:?}");
    let one = Diagnosis::of(launch, &["--config", "gateway.toml", "--profile", "main"], &[]);
    assert_eq!((one.json.code, one.verdicts("connect")), (Some(0), vec!["ok"]));
    let none = launch().arguments(&["doctor", "--config", "gateway.toml", "--profile", "mian"]).run();
    assert_eq!(none.code, Some(2), "{none:?}");
    assert!(none.stderr.contains("`main`, `second`") && none.stdout.is_empty(), "{none:?}");
}

#[test]
fn unusable_configurations_are_reported() {
    let launch = || Launch::bare().file("gateway.toml", "[server]\ncolour = \"zq-canary\"\n");
    let diagnosis = Diagnosis::of(launch, &["--config", "gateway.toml"], &["zq-canary"]);
    assert_eq!(diagnosis.json.code, Some(1), "{diagnosis:?}");
    diagnosis.assert_only("configuration", "failed", &["gateway.toml:2:1", "colour"]);
    diagnosis.assert_skipped_after("configuration");
    let diagnosis = Diagnosis::of(Launch::bare, &["--config", "missing.toml"], &[]);
    assert_eq!(diagnosis.json.code, Some(2), "{diagnosis:?}");
    diagnosis.assert_only("configuration", "failed", &["missing.toml: could not be read"]);
    let both = ["doctor", "--config", "a", "--user-properties", "b"];
    assert_eq!(Launch::bare().arguments(&both).run().code, Some(2));
}

#[test]
fn the_vendors_properties_file_can_be_checked() {
    let endpoint = Endpoint::start();
    let Credentials { access_key, secret_key } = endpoint.credentials();
    let text = format!(
        "[property]\nTopic=orders\nURL={}\nAk={access_key}\nSk={secret_key}\nProducerID=PID_v\nConsumerID=CID_v\n",
        endpoint.url()
    );
    let launch = || Launch::bare().file("user.properties", &text);
    let diagnosis = Diagnosis::of(launch, &["--user-properties", "user.properties"], &[access_key, secret_key]);
    assert_eq!(diagnosis.json.code, Some(0), "{diagnosis:?}");
    diagnosis.assert_any("group", "ok", &["`CID_v` on `orders`"]);
}
