//! `[subscriptions.NAME]`: what is refused, what is warned of, what is shown, and what schedules come to.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::super::{CheckReport, Overrides, PushFormat, Source, check, load};
use super::{CANARY, Expected, Written, at, check as refuses, load_text, write};

const HEAD: &str = r#"
[embedded]
enabled = true
[credentials.main]
directory = "/run/secrets/mq"
[profiles.embedded]
protocol = "ons-http"
endpoints = ["embedded"]
credentials = "embedded"
producer_group = "P"
[profiles.ons]
protocol = "ons-http"
endpoints = ["http://mq"]
credentials = "main"
producer_group = "P"
[profiles.binary]
protocol = "ons-http"
endpoints = ["http://mq"]
credentials = "main"
producer_group = "P"
binary_bodies = true
[profiles.mq]
protocol = "mq-http"
endpoints = ["http://mq"]
credentials = "main"
[[topics]]
name = "orders"
profile = "embedded"
groups = ["GID_a", "GID_b"]
[[topics]]
name = "dead"
profile = "embedded"
groups = ["GID_a", "GID_d"]
[[topics]]
name = "%DLQ%GID_a"
profile = "embedded"
groups = ["GID_a", "GID_b"]
[[topics]]
name = "ons"
profile = "ons"
groups = ["GID_a"]
[[topics]]
name = "binary"
profile = "binary"
groups = ["GID_a"]
[[topics]]
name = "mq"
profile = "mq"
groups = ["GID_a", { name = "GID_o", ordered = true }]
"#;

/// The keys that have to be there come first, in lines 2 to 4 of the table.
fn text(topic: &str, lines: &str) -> String {
    format!(
        "[subscriptions.billing]\ntopic = \"{topic}\"\ngroup = \"GID_a\"\nurl = \"http://billing/hooks\"\n{lines}{HEAD}"
    )
}

fn refused(topic: &str, lines: &str, expected: Expected) {
    refuses(&text(topic, lines), &expected);
}

fn taken(topic: &str, lines: &str) {
    let text = text(topic, lines);
    if let Err(errors) = load_text(&text) {
        panic!("{text}\n{errors}");
    }
}

fn check_file(written: &Written) -> CheckReport {
    check(&Source::File(written.path.clone()), &Overrides::default(), &BTreeMap::new())
}

#[test]
fn the_least_is_topic_group_and_url() {
    let config = load_text(text("orders", "")).unwrap();
    let subscription = &config.subscriptions["billing"];
    assert_eq!((subscription.name.as_str(), subscription.format), ("billing", PushFormat::CloudEvents));
    assert_eq!(subscription.retry_schedule.len(), 7);
    assert_eq!(subscription.event_source("main"), "/mq-gateway/main");
    assert_eq!(subscription.deny_addresses.len(), 8);
    assert_eq!(subscription.dead_letter, None);
    assert!(subscription.secrets.is_empty() && subscription.allow_addresses.is_empty());
    let text = text(
        "orders",
        "dead_letter = { topic = \"dead\" }\nsecrets = [\"new\", { file = \"old\", until = \"2030-01-01T00:00:00Z\" }]\n",
    );
    let config = load_text(text).unwrap();
    let subscription = &config.subscriptions["billing"];
    assert_eq!(subscription.dead_letter.as_ref().unwrap().topic.as_str(), "dead");
    let secrets: Vec<_> =
        subscription.secrets.iter().map(|secret| (secret.file.ends_with("new"), secret.until)).collect();
    assert_eq!(secrets, [(true, None), (false, Some(crate::model::UnixMillis(1_893_456_000_000)))]);
    assert!(subscription.secrets[0].file.is_absolute());
}

#[test]
fn values_have_their_rules() {
    let key = "subscriptions.billing.";
    let url = |url: &str, words: &'static str| {
        let text = text("orders", "").replace("http://billing/hooks", url);
        refuses(&text, &at("4:7", "subscriptions.billing.url", words));
    };
    url("billing/CANARY", "begin with http:// or https://");
    url("ftp://billing/CANARY", "scheme that is not supported");
    url("http://user:CANARY@billing/", "headers_file");
    url("http://billing/#CANARY", "fragment");
    url("http://169.254.169.254/CANARY", "`deny_addresses` has (169.254.0.0/16)");
    url("http://[::ffff:169.254.169.254]/CANARY", "`deny_addresses` has (169.254.0.0/16)");
    assert_eq!(key, "subscriptions.billing.");
    for (line, column, name, words) in [
        ("formt = \"CANARY\"", 1, "formt", "did you mean `format`?"),
        ("format = \"CANARY\"", 10, "format", "\"cloudevents\" or"),
        ("retry_schedule = \"5s\" # CANARY", 18, "retry_schedule", "in brackets"),
        ("retry_schedule = [\"5s\", \"CANARY\"]", 25, "retry_schedule[1]", "from 0s to 24h"),
        ("retry_schedule = [\"25h\"] # CANARY", 19, "retry_schedule[0]", "this is outside"),
        ("concurrency = 0 # CANARY", 15, "concurrency", "from 1 to 1000"),
        ("allow_addresses = [\"CANARY\"]", 20, "allow_addresses[0]", "an IP address"),
        ("allow_addresses = [\"10.0.0.1/8\"] # CANARY", 20, "allow_addresses[0]", "is no network"),
        ("headers = [\"x-team: a\", \"X-Team: CANARY\"]", 25, "headers[1]", "was there before"),
        ("headers = [\"webhook-id: CANARY\"]", 12, "headers[0]", "the gateway sets itself"),
        ("headers = [\"authorization: CANARY\"]", 12, "headers[0]", "name that in `headers_file`"),
        ("secrets = [5] # CANARY", 12, "secrets[0]", "a path, or a table"),
        ("secrets = [{ file = \"a\", until = \"CANARY\" }]", 34, "secrets[0].until", "RFC 3339"),
        ("secrets = [{ until = \"2030-01-01T00:00:00Z\" }] # CANARY", 12, "secrets[0].file", "is missing"),
        ("secrets = [\"a\", \"a\"] # CANARY", 17, "secrets[1]", "names a file that was there before"),
        ("secrets = [{ file = \"a\", until = \"2030-01-01T00:00:00Z\" }] # CANARY", 11, "secrets", "leave out `until`"),
        ("secret_format = \"raw\" # CANARY", 17, "secret_format", "requests are not signed"),
        ("dead_letter = { topic = \"*\" } # CANARY", 25, "dead_letter.topic", "expects one topic"),
        ("dead_letter = { topc = \"CANARY\" }", 15, "dead_letter.topic", "is missing"),
        ("dead_letter = \"CANARY\"", 15, "dead_letter", "expects a table"),
        ("connect_timeout = \"20s\" # CANARY", 19, "connect_timeout", "longer than `timeout`"),
        ("ca_file = \"CANARY\"", 11, "ca_file", "is not https"),
        ("format = \"raw\"\nsource = \"/CANARY\"", 0, "source", "no effect with `format = \"raw\"`"),
        (
            "format = \"receive-item\"\ndata = \"json\" # CANARY",
            0,
            "data",
            "no effect with `format = \"receive-item\"`",
        ),
        ("tags = [\"CANARY\"]", 8, "tags", "which has no tag filter"),
    ] {
        let place = if column == 0 { format!("6:{}", name.len() + 4) } else { format!("5:{column}") };
        let (place, key): (&'static str, &'static str) = (place.leak(), format!("{key}{name}").leak());
        refused("orders", &format!("{line}\n"), at(place, key, words));
    }
    refused(
        "orders",
        "allow_addresses = [\"10.0.0.0/8\"]\nurl2 = \"CANARY\"\n",
        at("6:1", "subscriptions.billing.url2", "did you mean `url`?"),
    );
}

#[test]
fn topics_and_groups_are_configured_ones() {
    let topic = |name: &str, words: &'static str| {
        refused(name, "", at("2:9", "subscriptions.billing.topic", words));
    };
    topic("*", "name a topic");
    topic("order", "did you mean `orders`?");
    topic("nothing-like-it", "add it as [[topics]]");
    let group = |name: &str, words: &'static str| {
        let text = text("orders", "").replacen("GID_a", name, 1);
        refuses(&text, &at("3:9", "subscriptions.billing.group", words));
    };
    group("*", "name a group");
    group("GID_c", "did you mean");
    group("nothing", "add it to `groups` of the topic");
    refused(
        "orders",
        "dead_letter = { topic = \"deed\" } # CANARY\n",
        at("5:25", "subscriptions.billing.dead_letter.topic", "did you mean `dead`?"),
    );
    // `*` is for names that callers may write.
    let any = HEAD.replace("\"orders\"", "\"*\"").replace("[\"GID_a\", \"GID_b\"]", "[\"*\"]");
    let any = text("anything", "").replace(HEAD, &any);
    load_text(&any).unwrap();
}

#[test]
fn a_group_has_one_subscription() {
    let second = "[subscriptions.second]\ntopic = \"orders\"\ngroup = \"GID_a\"\nurl = \"http://second\" # CANARY\n";
    refused("orders", second, at("7:9", "subscriptions.second.group", "the group of subscription `billing`, too"));
    taken("orders", &second.replace("GID_a", "GID_b"));
    // On another topic, too; but not where another MQ is behind it.
    let other = second.replace("\"orders\"", "\"dead\"");
    refused("orders", &other, at("7:9", "subscriptions.second.group", "receive the same topics"));
    taken("orders", &second.replace("\"orders\"", "\"mq\""));
}

#[test]
fn dead_letters_go_somewhere_and_not_round() {
    let dead = |name: &str, group: &str, to: &str| {
        format!(
            "[subscriptions.{name}]\ntopic = \"dead\"\ngroup = \"{group}\"\nurl = \"http://{name}\"\ndead_letter = {{ topic = \"{to}\" }}\n"
        )
    };
    refused("%DLQ%GID_a", "", at("2:9", "subscriptions.billing.topic", "add `dead_letter"));
    taken("%DLQ%GID_a", "dead_letter = { topic = \"dead\" }\n");
    refused(
        "orders",
        "dead_letter = { topic = \"orders\" } # CANARY\n",
        at("5:25", "subscriptions.billing.dead_letter.topic", "in a circle: orders → orders"),
    );
    refused(
        "orders",
        &format!("dead_letter = {{ topic = \"dead\" }} # CANARY\n{}", dead("zoo", "GID_d", "orders")),
        at("5:25", "subscriptions.billing.dead_letter.topic", "in a circle: orders → dead → orders"),
    );
    taken("orders", &format!("dead_letter = {{ topic = \"dead\" }}\n{}", dead("zoo", "GID_d", "ons")));
    // By way of the MQ's own dead letters.
    let by_the_mq = "dead_letter = { topic = \"orders\" } # CANARY\n[subscriptions.first]\ntopic = \"orders\"\ngroup = \"GID_a\"\nurl = \"http://first\"\n";
    refuses(
        &text("%DLQ%GID_a", by_the_mq).replacen("group = \"GID_a\"", "group = \"GID_b\"", 1),
        &at("5:25", "subscriptions.billing.dead_letter.topic", "in a circle: %DLQ%GID_a → orders → %DLQ%GID_a"),
    );
    // A circle that somebody else makes is told there alone.
    let errors = load_text(text(
        "orders",
        &format!(
            "dead_letter = {{ topic = \"dead\" }}\n{}{}",
            dead("one", "GID_d", "mq"),
            "[subscriptions.two]\ntopic = \"mq\"\ngroup = \"GID_a\"\nurl = \"http://two\"\ndead_letter = { topic = \"dead\" }\n"
        ),
    ))
    .unwrap_err();
    let keys: Vec<_> = errors.problems().iter().filter_map(|problem| problem.key.as_deref()).collect();
    assert_eq!(keys, ["subscriptions.one.dead_letter.topic"], "{errors}");
}

#[test]
fn order_and_signatures_have_to_be_possible() {
    let ordered = "ordered = true # CANARY\n";
    refused("orders", ordered, at("5:11", "subscriptions.billing.ordered", "mq-http and rocketmq have it"));
    refused("mq", ordered, at("5:11", "subscriptions.billing.ordered", "`{ name = \"GROUP\", ordered = true }`"));
    load_text(text("mq", ordered).replacen("GID_a", "GID_o", 1)).unwrap();
    for format in ["raw", "cloudevents-binary"] {
        let lines = format!("format = \"{format}\"\nsecrets = [\"CANARY\"]\n");
        refused("binary", &lines, at("5:10", "subscriptions.billing.format", "not UTF-8"));
        taken("orders", &lines);
        taken("binary", &format!("{lines}data = \"text\"\n"));
        taken("binary", &format!("format = \"{format}\"\n"));
    }
    taken("binary", "secrets = [\"CANARY\"]\n");
}

#[test]
fn schedules_fit_their_mq() {
    let name = |key: &str| -> &'static str { format!("subscriptions.billing.{key}").leak() };
    taken("orders", "");
    taken("ons", "");
    taken("mq", "");
    refused(
        "ons",
        "retry_schedule = [\"2h\"] # CANARY\n",
        at(
            "5:18",
            name("retry_schedule"),
            "up to 28 deliveries with ons-http and a visibility timeout of 5m, and the MQ gives a message up after 17",
        ),
    );
    taken("ons", "retry_schedule = [\"2h\"]\nmax_deliveries = 28\n");
    refused(
        "ons",
        "retry_schedule = [\"2h\"]\nmax_deliveries = 27 # CANARY\n",
        at("5:18", name("retry_schedule"), "after 27"),
    );
    // Delays are the MQ's.
    taken("orders", "retry_schedule = [\"2h\", \"5h\", \"10h\"]\n");
    let few = text("orders", "retry_schedule = [\"2h\", \"5h\"] # CANARY\n")
        .replace("enabled = true", "enabled = true\nmax_redeliveries = 1");
    refuses(&few, &at("5:18", name("retry_schedule"), "raise `max_redeliveries`"));
    refused("orders", "max_deliveries = 20 # CANARY\n", at("5:18", name("max_deliveries"), "below [embedded]"));
    refused(
        "orders",
        "retry_schedule = [\"24h\", \"24h\", \"24h\"] # CANARY\n",
        at("5:18", name("retry_schedule"), "keeps messages for 72h"),
    );
    refused(
        "orders",
        "timeout = \"5m\" # CANARY\n",
        at("5:11", name("timeout"), "is not below the visibility timeout, 5m"),
    );
    refused("orders", "timeout = \"15s\"\nvisibility_timeout = \"15s\" # CANARY\n", at("5:11", name("timeout"), "15s"));
    taken("orders", "visibility_timeout = \"16s\"\n");
    refused(
        "orders",
        "visibility_timeout = \"500ms\" # CANARY\n",
        at("5:22", name("visibility_timeout"), "from 1s to 12h"),
    );
    refused("ons", "visibility_timeout = \"1m\" # CANARY\n", at("5:22", name("visibility_timeout"), "of the profile"));
    taken("mq", "visibility_timeout = \"1m\"\n");
    // An ordered group of the vendor's is hidden for a minute.
    let slow = text("mq", "timeout = \"1m\" # CANARY\n").replacen("GID_a", "GID_o", 1);
    refuses(&slow, &at("5:11", name("timeout"), "timeout, 1m"));
    taken("mq", "timeout = \"1m\"\n");
}

#[test]
fn a_check_shows_what_a_schedule_comes_to() {
    let lines = "retry_schedule = [\"5s\", \"10m\"]\njitter_percent = 0\n";
    let directory = "directory = \"/run/secrets/mq\"";
    let with_keys = |text: String| {
        let written = write(text.replace(directory, "directory = \"keys\""));
        let keys = written.directory.path().join("keys");
        fs::create_dir(&keys).unwrap();
        for name in ["access_key", "secret_key"] {
            fs::write(keys.join(name), "k").unwrap();
            fs::set_permissions(keys.join(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        written
    };
    let written = with_keys(text("ons", lines));
    let report = check_file(&written);
    let expected = "\
subscription `billing`: 3 attempts, ons-http (visibility timeout 5m), 3 deliveries of at most 17, a dead letter after at most 10m15s, left to the MQ
    attempt 1   after 0s         delivery 1    first delivery
    attempt 2   after 5s         delivery 1    timer
    attempt 3   after 15m        delivery 4    redelivery
ok";
    // 605 s are rounded up to the third redelivery.
    let expected = expected.replace("3 deliveries", "4 deliveries").replace("10m15s", "15m15s");
    assert_eq!(report.to_string(), expected);
    let written = with_keys(text("orders", &format!("{lines}dead_letter = {{ topic = \"dead\" }}\n")));
    let report = check_file(&written);
    let plan = json!([{
        "name": "billing", "protocol": "ons-http", "visibility_timeout_seconds": 300.0, "deliveries": 2,
        "max_deliveries": 17, "dead_letter_after_seconds": 620.0, "dead_letter": "dead",
        "attempts": [
            {"after_seconds": 0.0, "delivery": 1, "started_by": "first delivery"},
            {"after_seconds": 5.0, "delivery": 1, "started_by": "timer"},
            {"after_seconds": 605.0, "delivery": 2, "started_by": "nack"},
        ],
    }]);
    assert_eq!(report.to_json()["subscriptions"], plan, "{report}");
}

#[test]
fn names_that_have_to_be_encoded_are_warned_of() {
    let lines = "format = \"cloudevents-binary\"\nsource = \"/a%20b\"\ndead_letter = { topic = \"dead\" }\n";
    let warned = |text: String| {
        let report = check_file(&write(text));
        let keys = report.warnings().iter().filter_map(|warning| warning.key.clone()).collect::<Vec<_>>();
        (keys, report.to_string())
    };
    let (keys, report) = warned(text("%DLQ%GID_a", lines));
    assert_eq!(keys, ["subscriptions.billing.topic", "subscriptions.billing.source"], "{report}");
    assert!(report.contains("use `format = \"cloudevents\"`"), "{report}");
    let (keys, report) = warned(text("orders", "format = \"cloudevents-binary\"\n"));
    assert!(keys.is_empty(), "{report}");
    let (keys, report) = warned(text("%DLQ%GID_a", "dead_letter = { topic = \"dead\" }\n"));
    assert!(keys.is_empty(), "{report}");
}

#[test]
fn every_file_of_a_subscription_is_read() {
    let lines = "secrets = [\"new\", \"old\"]\nheaders_file = \"headers\"\nheaders = [\"x-team: mq\"]\n";
    let written = write(text("orders", lines));
    let place = |name: &str| written.directory.path().join(name);
    let put = |name: &str, text: &str| {
        fs::write(place(name), text).unwrap();
        fs::set_permissions(place(name), fs::Permissions::from_mode(0o600)).unwrap();
    };
    let found = || {
        let report = check_file(&written);
        let text = format!("{report} {report:?} {}", report.to_json());
        assert!(!text.contains("CANARY"), "{text}");
        let of_ours = |key: &&str| key.starts_with("subscriptions");
        let keys = report.problems().iter().filter_map(|problem| problem.key.as_deref()).filter(of_ours);
        (keys.map(str::to_owned).collect::<Vec<_>>(), text)
    };
    let key = |name: &str| format!("subscriptions.billing.{name}");
    let (keys, text) = found();
    assert_eq!(keys, [key("secrets[0]"), key("secrets[1]"), key("headers_file")], "{text}");
    assert!(text.contains("could not be read: no such file"), "{text}");

    let (new, old) = ("whsec_CANARYCANARYCANARYCANARYCANARYCA\n", "whsec_ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoM=");
    put("new", new);
    put("old", old);
    put("headers", "authorization: Bearer CANARY\n");
    let (keys, text) = found();
    assert!(keys.is_empty(), "{text}");
    for (file, content, name, words) in [
        ("new", CANARY, "secrets[0]", "does not begin with whsec_: it has to be whsec_ and the base64 of 24 to 64"),
        ("new", "whsk_CANARYCANARYCANARYCANARYCANARYCA", "secrets[0]", "asymmetric scheme"),
        ("new", "whsec_CANARY", "secrets[0]", "something else than base64"),
        ("new", "whsec_CANARYAA", "secrets[0]", "has 6 bytes after whsec_"),
        ("old", new, "secrets[1]", "holds the same secret as `secrets[0]`"),
        ("headers", "webhook-id: CANARY", "headers_file", "the gateway sets itself in line 1"),
        ("headers", "X-Team: CANARY", "headers_file", "a header that `headers` has, too"),
    ] {
        let good = fs::read_to_string(place(file)).unwrap();
        put(file, content);
        let (keys, text) = found();
        assert_eq!(keys, [key(name)], "{text}");
        assert!(text.contains(words), "{text}");
        put(file, &good);
    }
    // What others may read is warned of.
    fs::set_permissions(place("old"), fs::Permissions::from_mode(0o644)).unwrap();
    let (_, text) = found();
    assert!(text.contains("secrets[1]") && text.contains("may be read by every user"), "{text}");
}

#[test]
fn nothing_secret_is_shown() {
    let lines = "headers = [\"x-team: CANARY\"]\n";
    let text = text("orders", lines).replace("billing/hooks", "billing/hooks?token=CANARY").replace("CANARY", CANARY);
    let written = write(text);
    let config = load(&Source::File(written.path.clone()), &Overrides::default(), &BTreeMap::new()).unwrap();
    let shown = config.redacted();
    assert_eq!(shown["subscriptions"]["billing"]["url"], "http://billing/hooks?[redacted]");
    assert_eq!(shown["subscriptions"]["billing"]["headers"], json!(["x-team: [redacted]"]));
    assert!(!format!("{config:?} {shown}").contains(CANARY));
    let report = check_file(&written);
    assert!(!format!("{report} {report:?} {}", report.to_json()).contains(CANARY));
    let subscription = &config.subscriptions["billing"];
    assert_eq!(subscription.url.request_target(), format!("/hooks?token={CANARY}"));
    assert_eq!(subscription.headers[0].value.expose(), CANARY);
}
