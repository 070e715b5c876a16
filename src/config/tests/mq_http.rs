//! The MQ HTTP protocol in a configuration, and what topics ask of a protocol.

use super::super::*;
use super::{Expected, at, check, load_text};
use crate::model::{Feature, Protocol};

const GOOD: &str = r#"
[credentials.main]
directory = "/run/secrets/mq"
[profiles.main]
protocol = "mq-http"
endpoints = ["http://mq.example.com"]
credentials = "main"
[[topics]]
name = "orders"
profile = "main"
groups = ["GID_a"]
"#;

/// A line of the good configuration replaced by others.
fn with(old: &str, new: &str) -> String {
    assert_eq!(GOOD.matches(old).count(), 1, "{old}");
    GOOD.replace(old, new)
}

fn check_line(old: &str, new: &str, expected: Expected) {
    check(&with(old, new), &expected);
}

/// The same for ONS HTTP, which has one line more.
fn check_ons(old: &str, new: &str, expected: Expected) {
    let text = with(old, new).replace("\"mq-http\"", "\"ons-http\"");
    check(&text.replace("credentials = \"main\"\n", "credentials = \"main\"\nproducer_group = 'PID'\n"), &expected);
}

#[test]
fn defaults_follow_the_protocol() {
    let config = load_text(GOOD).unwrap();
    let profile = &config.profiles["main"];
    let expected = MqHttpConfig { instance_id: None, binary_bodies: BinaryBodies::Refuse, propagate_trace: false };
    assert_eq!((&profile.protocol, profile.max_message_bytes), (&ProtocolConfig::MqHttp(expected), 4 << 20));
    assert_eq!((profile.protocol.kind(), profile.protocol.kind().as_str()), (Protocol::MqHttp, "mq-http"));
    let able = profile.capabilities();
    assert_eq!((able.protocol, able.limits.max_receive_messages), (Protocol::MqHttp, 16));
    assert_eq!(able.limits.max_message_bytes, 4 << 20);
    let has = |feature| able.has(feature);
    assert!(!has(Feature::BinaryBodies) && has(Feature::OrderedGroups));
    assert!(has(Feature::Properties) && has(Feature::TagFilter));

    let keys = "credentials = \"main\"\ninstance_id = 'MQ_INST_1'\nmax_message_bytes = '1MiB'";
    for (written, expected) in
        [("'refuse'", BinaryBodies::Refuse), ("false", BinaryBodies::Refuse), ("'base64'", BinaryBodies::Base64)]
    {
        let text = with("credentials = \"main\"", &format!("{keys}\nbinary_bodies = {written}"));
        let profile = &load_text(text).unwrap().profiles["main"];
        let own =
            MqHttpConfig { instance_id: Some("MQ_INST_1".to_owned()), binary_bodies: expected, propagate_trace: false };
        assert_eq!((&profile.protocol, profile.max_message_bytes), (&ProtocolConfig::MqHttp(own), 1 << 20));
        assert_eq!(profile.capabilities().has(Feature::BinaryBodies), expected == BinaryBodies::Base64);
    }
}

#[test]
fn keys_of_the_other_protocol_are_refused_where_they_are_written() {
    let after = |line: &str| format!("credentials = \"main\"\n{line} # CANARY");
    for (line, place, key) in [
        ("zero_timeout = false", "8:16", "profiles.main.zero_timeout"),
        ("content_type = 'text/CANARY'", "8:16", "profiles.main.content_type"),
        ("producer_group = 'CANARY'", "8:18", "profiles.main.producer_group"),
    ] {
        check_line("credentials = \"main\"", &after(line), at(place, key, "only ons-http has it"));
    }
    check_line(
        "credentials = \"main\"",
        &after("visibility_timeout = '5s'"),
        at("8:22", "profiles.main.visibility_timeout", "only ons-http and rocketmq have it"),
    );
    check_line(
        "credentials = \"main\"",
        &after("binary_bodies = true"),
        at("8:17", "profiles.main.binary_bodies", "write \"base64\""),
    );
    check_line(
        "credentials = \"main\"",
        &after("binary_bodies = 'CANARY'"),
        at("8:17", "profiles.main.binary_bodies", "\"refuse\" or \"base64\""),
    );
    check_line(
        "credentials = \"main\"",
        &after("binary_bodies = 1"),
        at("8:17", "profiles.main.binary_bodies", "`true`, `false`, \"refuse\" or \"base64\", found an integer"),
    );
    for instance in ["", "CANARY ns", "订", &"CANARY".repeat(11)] {
        check_line(
            "credentials = \"main\"",
            &after(&format!("instance_id = '{instance}'")),
            at("8:15", "profiles.main.instance_id", "1 to 64 visible ASCII"),
        );
    }
    check_ons(
        "[[topics]]",
        "instance_id = 'CANARY'\n[[topics]]",
        at("9:15", "profiles.main.instance_id", "only mq-http has it"),
    );
    check_ons(
        "[[topics]]",
        "binary_bodies = 'base64'\n[[topics]]",
        at("9:17", "profiles.main.binary_bodies", "write true where"),
    );
    load_text(
        with("[[topics]]", "binary_bodies = 'refuse'\nproducer_group = 'P'\n[[topics]]").replace("mq-h", "ons-h"),
    )
    .unwrap();
}

#[test]
fn a_security_token_is_fine() {
    let files = "access_key_file = 'a'\nsecret_key_file = 'b'\nsecurity_token_file = 'c'";
    let text = with("directory = \"/run/secrets/mq\"", files);
    assert!(load_text(&text).unwrap().credentials["main"].security_token_file.is_some());
    let ons = text.replace("mq-http", "ons-http").replace("[[topics]]", "producer_group = 'P'\n[[topics]]");
    check(&ons, &at("9:15", "profiles.main.credentials", "mq-http has a place for one"));
}

#[test]
fn groups_are_texts_or_tables() {
    let named = |groups: &str| match load_text(with("groups = [\"GID_a\"]", groups)).unwrap().topics.remove(0).groups {
        Groups::Named(groups) => {
            groups.iter().map(|group| (group.name.as_str().to_owned(), group.ordered)).collect::<Vec<_>>()
        }
        Groups::Any { .. } => panic!("any"),
    };
    let expected = [("a".to_owned(), true), ("b".to_owned(), false), ("c".to_owned(), false)];
    assert_eq!(named("groups = [{ name = 'a', ordered = true }, 'b', { name = 'c' }]"), expected);
    let tables = "[[topics.groups]]\nname = 'a'\nordered = true\n[[topics.groups]]\nname = 'b'\n\
                  [[topics.groups]]\nname = 'c'\nordered = false";
    assert_eq!(named(tables), expected);
    for (groups, ordered) in [("['*']", false), ("[{ name = '*' }]", false), ("[{ name = '*', ordered = true }]", true)]
    {
        let config = load_text(with("groups = [\"GID_a\"]", &format!("groups = {groups}"))).unwrap();
        assert_eq!(config.topics[0].groups, Groups::Any { ordered, tags: None });
        let dumped = serde_json::json!([{ "name": "*", "ordered": ordered, "tags": null }]);
        assert_eq!(config.redacted()["topics"][0]["groups"], dumped);
    }
}

#[test]
fn mistakes_in_a_groups_table_have_their_place() {
    for (groups, expected) in [
        ("[{ name = 'CANARY/' }]", at("11:20", "topics[0].groups[0].name", "slash")),
        ("['a', { name = 'b', orderd = true }]", at("11:30", "topics[0].groups[1].orderd", "did you mean `ordered`?")),
        ("[{ name = 'b', CANARY = true }]", at("11:25", "topics[0].groups[0].x", "known keys: name, ordered, tags")),
        ("[{ name = 'b', ordered = 'CANARY' }]", at("11:35", "topics[0].groups[0].ordered", "`true` or `false`")),
        ("[{ ordered = true }]", at("11:11", "topics[0].groups[0].name", "is missing")),
        ("[7]", at("11:11", "topics[0].groups[0]", "or a table, found an integer")),
        ("'CANARY'", at("11:10", "topics[0].groups", "or a table, found a text")),
        ("[{ name = 'a' }, 'a']", at("11:10", "topics[0].groups", "twice")),
        ("[{ name = '*' }, 'a']", at("11:10", "topics[0].groups", "stands alone")),
    ] {
        // A key is shown, so it is no canary.
        let groups = groups.replace("CANARY = true", "x = true");
        check_line("groups = [\"GID_a\"]", &format!("groups = {groups} # CANARY"), expected);
    }
    check_line(
        "groups = [\"GID_a\"]",
        "[[topics.groups]]\nname = 'a'\nordred = true # CANARY",
        at("13:1", "topics[0].groups[0].ordred", "did you mean `ordered`?"),
    );
    check_line("profile = \"main\"", "profile = \"main\"\ncolour = 1 # CANARY", {
        at("11:1", "topics[0].colour", "known keys: name, profile, groups, requires, default_tag,")
    });
}

#[test]
fn what_topics_ask_the_protocol_must_have() {
    let requires = |names: &str| format!("profile = \"main\"\nrequires = [{names}] # CANARY");
    load_text(with("profile = \"main\"", &requires("'properties', 'tag_filter', 'ordered_groups'"))).unwrap();
    check_line(
        "profile = \"main\"",
        &requires("'properties', 'empty_bodies'"),
        at(
            "11:27",
            "topics[0].requires[1]",
            "topic `orders` needs empty_bodies, and its profile `main` (mq-http) does not",
        ),
    );
    check_line(
        "profile = \"main\"",
        &requires("'empty_bodies'"),
        at("11:13", "topics[0].requires[0]", "set `binary_bodies = \"base64\"` on the profile"),
    );
    check_line(
        "profile = \"main\"",
        &requires("'transactions'"),
        at("11:13", "topics[0].requires[0]", "no protocol of this version"),
    );
    check_line(
        "profile = \"main\"",
        &requires("'nack'"),
        at("11:13", "topics[0].requires[0]", "rocketmq and ons-http with `endpoints = [\"embedded\"]` have it"),
    );
    check_line(
        "profile = \"main\"",
        &requires("'binary_bodies'"),
        at("11:13", "topics[0].requires[0]", "set `binary_bodies = \"base64\"` on the profile"),
    );
    check_line(
        "profile = \"main\"",
        &requires("'tag_filters'"),
        at("11:13", "topics[0].requires[0]", "did you mean `tag_filter`?"),
    );
    check_line(
        "profile = \"main\"",
        &requires("'CANARY'"),
        at("11:13", "topics[0].requires[0]", "there are properties, delayed_delivery,"),
    );
    check_ons(
        "groups = [\"GID_a\"]",
        "groups = ['GID_b', { name = 'CANARY', ordered = true }]",
        at("12:56", "topics[0].groups[1].ordered", "needs ordered_groups, and its profile `main` (ons-http)"),
    );
    check_ons(
        "groups = [\"GID_a\"]",
        "groups = [{ name = '*', ordered = true }] # CANARY",
        at("12:35", "topics[0].groups[0].ordered", "mq-http and rocketmq have it"),
    );
    let tags = "groups = [{ name = '*', tags = ['CANARY'] }]";
    let of_tags = |place, words| at(place, "topics[0].groups[0].tags", words);
    check_ons("groups = [\"GID_a\"]", tags, of_tags("12:32", "which has no tag filter"));
    check_line("groups = [\"GID_a\"]", tags, of_tags("11:32", "whose receives choose their tags themselves"));
}
