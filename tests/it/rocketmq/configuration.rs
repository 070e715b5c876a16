//! Profiles with `protocol = "rocketmq"`.

use serde_json::json;

use super::app;
use crate::support::Launch;
use crate::support::ons::Credentials;
use crate::support::rocketmq::FakeProxy;

/// `check` of a configuration with these lines in its profile.
fn check(lines: &str) -> (bool, String) {
    let text = format!(
        "[profiles.main]\nprotocol = \"rocketmq\"\nendpoints = [\"http://127.0.0.1:8081\"]\n{lines}\n[[topics]]\nname = \
         \"orders\"\nprofile = \"main\"\nrequires = [\"visibility_timeout\"]\n"
    );
    let launch = Launch::bare().file("gateway.toml", &text);
    let finished = launch.arguments(&["check", "{directory}/gateway.toml"]).run();
    (finished.code == Some(0), finished.output())
}

#[test]
fn a_profile_needs_nothing_but_its_addresses() {
    let (good, output) = check("");
    assert!(good, "{output}");
    let (good, output) = check(
        "namespace = \"MQ_INST_1\"\nvisibility_timeout = \"60s\"\nmax_delay = \"72h\"\nmax_sessions = 10\nfollow_routes = false",
    );
    assert!(good, "{output}");
}

#[test]
fn what_has_no_effect_is_refused() {
    for (line, words) in [
        ("keep_alive = \"30s\"", "has no effect with rocketmq"),
        ("empty_poll_pause = \"1s\"", "has no effect with rocketmq"),
        ("clock_skew = \"report\"", "has no effect with rocketmq"),
        ("producer_group = \"PID\"", "is not a key of rocketmq"),
        ("binary_bodies = true", "is not a key of rocketmq"),
        ("visibility_timeout = \"5s\"", "from 10s to 12h"),
        ("credentials = \"main\"", "names no table"),
    ] {
        let (good, output) = check(line);
        assert!(!good && output.contains(words), "{line}: {output}");
    }
}

#[test]
fn a_groups_tags_are_such_as_the_mq_filters_by() {
    let check = |tags: &str| {
        let text = format!(
            "[profiles.main]\nprotocol = \"rocketmq\"\nendpoints = [\"http://127.0.0.1:8081\"]\n[[topics]]\nname = \
             \"orders\"\nprofile = \"main\"\ngroups = [{{ name = \"GID_a\", tags = {tags} }}]\n"
        );
        let launch = Launch::bare().file("gateway.toml", &text);
        let finished = launch.arguments(&["check", "{directory}/gateway.toml"]).run();
        (finished.code == Some(0), finished.output())
    };
    let list = |count: usize| format!("{:?}", (0..count).map(|index| format!("t{index}")).collect::<Vec<_>>());
    for good in ["[\"TagA\", \"标签 1\"]".to_owned(), list(32)] {
        let (good, output) = check(&good);
        assert!(good, "{output}");
    }
    for (tags, words) in [
        ("[]".to_owned(), "expects at least 1"),
        ("[\"a|b\"]".to_owned(), "must not contain '|'"),
        ("[\"\"]".to_owned(), "must not be empty"),
        ("[\" a\"]".to_owned(), "without blanks at its ends"),
        ("[\"  \"]".to_owned(), "without blanks at its ends"),
        ("[\"a\\tb\"]".to_owned(), "control characters"),
        ("[\"*\"]".to_owned(), "leave `tags` out for every message"),
        ("[\"a\", \"a\"]".to_owned(), "lists a tag twice"),
        (format!("[{:?}]", "t".repeat(129)), "has 129 characters, the limit is 128"),
        (list(33), "has 33 tags, the limit is 32"),
        ("\"a\"".to_owned(), "expects a list"),
    ] {
        let (good, output) = check(&tags);
        assert!(!good && output.contains(words) && output.contains("gateway.toml:7:"), "{tags}: {output}");
    }
}

#[test]
fn names_are_such_as_the_protocol_has() {
    let check = |protocol: &str, topic: &str, group: &str| {
        let own = match protocol {
            "rocketmq" => "",
            "ons-http" => "credentials = \"main\"\nproducer_group = \"PID\"\n",
            _ => "credentials = \"main\"\n",
        };
        let text = format!(
            "[credentials.main]\ndirectory = \"{{secrets}}\"\n[profiles.main]\nprotocol = \"{protocol}\"\nendpoints = \
             [\"http://127.0.0.1:8081\"]\n{own}[[topics]]\nname = \"{topic}\"\nprofile = \"main\"\ngroups = [\"{group}\"]\n"
        );
        let launch = Launch::bare().secrets(&Credentials::of("names")).file("gateway.toml", &text);
        let finished = launch.arguments(&["check", "{directory}/gateway.toml"]).run();
        (finished.code == Some(0), finished.output())
    };
    let (topic, group) = (|count: usize| "t".repeat(count), |count: usize| "g".repeat(count));
    for (protocol, topic, group) in [
        ("rocketmq", topic(127), group(255)),
        ("ons-http", topic(64), group(64)),
        ("mq-http", "订单".into(), group(64)),
    ] {
        let (good, output) = check(protocol, &topic, &group);
        assert!(good, "{output}");
    }
    for (protocol, topic, group, words) in [
        ("rocketmq", topic(128), group(1), "topics[0].name`: has 128 characters, the limit is 127"),
        ("rocketmq", topic(1), group(256), "topics[0].groups[0]`: has 256 characters, the limit is 255"),
        ("rocketmq", "订单".into(), group(1), "topics[0].name`: must not contain anything but A-Z a-z 0-9 _ % | -"),
        ("rocketmq", topic(1), "G.a".into(), "topics[0].groups[0].name`: must not contain anything but A-Z"),
        ("ons-http", topic(65), group(1), "topics[0].name`: has 65 characters, the limit is 64"),
        ("mq-http", topic(1), group(65), "topics[0].groups[0].name`: has 65 characters, the limit is 64"),
    ] {
        let (good, output) = check(protocol, &topic, &group);
        assert!(!good && output.contains(words), "{words}: {output}");
    }
}

#[test]
fn discovery_says_what_it_can() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    let topic = app.get("/v1/topics/orders").expect_json(200);
    assert_eq!(topic["protocol"], "rocketmq");
    let expected = json!({"max_message_bytes": 4 << 20, "max_batch_messages": 100, "max_receive_messages": 32,
        "max_wait_seconds": 30, "max_ack_handles": 100, "max_delay_seconds": 86_400,
        "min_visibility_timeout_seconds": 10, "max_visibility_timeout_seconds": 43_200});
    assert_eq!(topic["limits"], expected);
    let able = |name: &str| topic["capabilities"][name].as_bool().unwrap();
    for name in [
        "properties",
        "delayed_delivery",
        "message_groups",
        "binary_bodies",
        "ordered_groups",
        "visibility_timeout",
        "nack",
        "extend",
    ] {
        assert!(able(name), "{name}");
    }
    for name in ["empty_bodies", "tag_filter", "transactions", "delayed_message_groups"] {
        assert!(!able(name), "{name}");
    }
    assert_eq!(proxy.calls("Telemetry").len(), 0, "discovery makes no client");
}
