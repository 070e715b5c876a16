//! The drop-in relay and the callers that sign there.

use std::collections::BTreeMap;
use std::fs;

use super::super::{CallerTopics, ClientAuth, Overrides, Source, check as check_files};
use super::{CANARY, Expected, at, check, load_text, write};

const GOOD: &str = r#"
[credentials.main]
directory = "secrets/main"
[credentials.shop]
directory = "secrets/shop"
[credentials.stock]
directory = "secrets/stock"
[profiles.main]
protocol = "ons-http"
endpoints = ["http://mq.example.com"]
credentials = "main"
producer_group = "PID"
[[topics]]
name = "orders"
profile = "main"
[dropin]
client_auth = "keys"
[callers.shop]
credentials = "shop"
topics = ["orders"]
[callers.stock]
credentials = "stock"
topics = ["*"]
"#;

fn with(old: &str, new: &str) -> String {
    assert_eq!(GOOD.matches(old).count(), 1, "{old}");
    GOOD.replace(old, new)
}

fn check_line(old: &str, new: &str, expected: Expected) {
    check(&with(old, new), &expected);
}

#[test]
fn the_good_one_is_good() {
    let config = load_text(GOOD).unwrap();
    assert_eq!(config.dropin.client_auth, ClientAuth::Keys);
    assert_eq!(config.callers["stock"].topics, CallerTopics::Any);
    let dump = config.redacted();
    assert_eq!(dump["callers"]["stock"], serde_json::json!({ "credentials": "stock", "topics": ["*"] }));
    assert_eq!(dump["dropin"]["client_auth"], "keys");
    assert!(load_text("[embedded]\nenabled = true").unwrap().redacted()["dropin"]["client_auth"].is_null());
}

#[test]
fn windows_have_their_ranges() {
    for (line, place, key) in [
        ("clock_window = '500ms'", "18:16", "dropin.clock_window"),
        ("clock_window = '61m'", "18:16", "dropin.clock_window"),
        ("clock_past = '2h'", "18:14", "dropin.clock_past"),
        ("default_wait = '31s'", "18:16", "dropin.default_wait"),
        ("error_hold = 'CANARY'", "18:14", "dropin.error_hold"),
    ] {
        let lines = format!("client_auth = \"keys\"\n{line} # CANARY");
        check_line("client_auth = \"keys\"", &lines, at(place, key, "expects a duration from"));
    }
    check_line("client_auth = \"keys\"", "client_auth = 'CANARY'", at("17:15", "dropin.client_auth", "\"none\" or"));
    check("[embedded]\nenabled = true\nclock_window = '25h'", &at("3:16", "embedded.clock_window", "from 1s to 24h"));
}

#[test]
fn callers_need_somebody_who_asks_them() {
    for lines in ["client_auth = \"none\"", "# CANARY"] {
        check_line("client_auth = \"keys\"", lines, at("18:2", "callers", "set `client_auth = \"keys\"`"));
    }
    let without = GOOD.split("[callers.shop]").next().unwrap();
    check(without, &at("17:15", "dropin.client_auth", "add [callers.NAME]"));
}

#[test]
fn a_pair_belongs_to_one_caller() {
    for (written, words) in [
        ("main", "is the pair of profile `main`"),
        ("CANARY", "names no table below [credentials]"),
        ("shpo", "there are `main`, `shop`, `stock`"),
        ("embedded", "is the embedded endpoint's own pair"),
    ] {
        let line = format!("credentials = \"{written}\"");
        check_line("credentials = \"shop\"", &line, at("19:15", "callers.shop.credentials", words));
    }
    check_line(
        "credentials = \"stock\"",
        "credentials = \"shop\" # CANARY",
        at("22:15", "callers.stock.credentials", "is the pair of caller `shop`, too"),
    );
    check_line("credentials = \"stock\"", "# CANARY", at("21:1", "callers.stock.credentials", "is missing"));
    check(
        &format!("{GOOD}[embedded]\ncredentials = \"shop\" # CANARY\n"),
        &at("19:15", "callers.shop.credentials", "is the pair of the embedded endpoint"),
    );
}

#[test]
fn topics_of_a_caller_are_configured() {
    for (topics, place, key, words) in [
        ("[\"order\"]", "20:11", "callers.shop.topics[0]", "did you mean `orders`?"),
        ("[\"orders\", \"CANARY\"]", "20:21", "callers.shop.topics[1]", "is not a configured topic"),
        ("[\"CANARY/\"]", "20:11", "callers.shop.topics[0]", "slash"),
        ("[]", "20:10", "callers.shop.topics", "at least 1"),
        ("[\"orders\", \"*\"]", "20:10", "callers.shop.topics", "stands alone"),
        ("[\"orders\", \"orders\"]", "20:10", "callers.shop.topics", "twice"),
        ("\"orders\"", "20:10", "callers.shop.topics", "write it in brackets"),
    ] {
        let line = format!("topics = {topics} # CANARY");
        check_line("topics = [\"orders\"]", &line, at(place, key, words));
    }
    // `*` covers what callers may write, and no more.
    let any = GOOD.replace("name = \"orders\"", "name = \"*\"");
    load_text(&any).unwrap();
    let text = any.replace("[\"orders\"]", "[\"订单\"]");
    check(&text, &at("20:11", "callers.shop.topics[0]", "is not a configured topic"));
}

#[test]
fn the_files_hold_different_access_keys() {
    let written = write(GOOD);
    let put = |name: &str, access_key: &str| {
        let directory = written.directory.path().join("secrets").join(name);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("access_key"), access_key).unwrap();
        fs::write(directory.join("secret_key"), format!("{CANARY}-{name}")).unwrap();
    };
    let report = || check_files(&Source::File(written.path.clone()), &Overrides::default(), &BTreeMap::new());
    put("main", "AK-real");
    put("shop", "VK1");
    put("stock", "VK2");
    assert!(report().is_ok(), "{}", report());
    for (name, access_key, line, words) in [
        ("stock", "VK1", 22, "with the access key of caller `shop`"),
        ("shop", "AK-real", 19, "with the access key of profile `main`"),
    ] {
        put("stock", "VK2");
        put(name, access_key);
        let report = report();
        let [problem] = report.problems() else { panic!("{report}") };
        assert_eq!(problem.location.position().unwrap().line, line);
        assert!(report.to_string().contains(words) && report.to_string().contains("issue-key"), "{report}");
        assert!(!report.to_string().contains(access_key) && !report.to_string().contains(CANARY), "{report}");
        put("shop", "VK1");
    }
}
