//! Broken configurations: each has its place, its key and its words, and none repeats what was written.

use super::super::Position;
use super::{CANARY, Expected, all_words, at, check, load_text, syntax};

const GOOD: &str = r#"
[credentials.main]
directory = "/run/secrets/mq"
[profiles.main]
protocol = "ons-http"
endpoints = ["http://mq.example.com"]
credentials = "main"
producer_group = "PID_orders"
[[topics]]
name = "orders"
profile = "main"
groups = ["CID_billing"]
"#;

/// Lines put before the good configuration, so that places are easy to read.
fn check_top(lines: &str, expected: Expected) {
    check(&format!("{lines}{GOOD}"), &expected);
}

/// One line of the good configuration replaced by others.
fn check_line(old: &str, new: &str, expected: Expected) {
    assert_eq!(GOOD.matches(old).count(), 1, "{old}");
    check(&GOOD.replace(old, new), &expected);
}

#[test]
fn the_good_one_is_good() {
    load_text(GOOD).unwrap();
}

#[test]
fn a_topic_of_the_embedded_endpoint_must_be_one_that_it_has() {
    let text = "[embedded]\nenabled = true\ntopics = [\"payments\"]\n[profiles.main]\nprotocol = \"ons-http\"\n\
                endpoints = [\"embedded\"]\ncredentials = \"embedded\"\nproducer_group = \"P\"\n[[topics]]\n\
                name = \"orders\" # CANARY\nprofile = \"main\"\n";
    check(text, &at("10:8", "topics[0].name", "add it to `topics` below [embedded]"));
    load_text(text.replace("payments", "orders")).unwrap();
}

#[test]
fn syntax_is_explained_in_our_own_words() {
    check_top("data_dir = CANARY\n", syntax("1:12", "text without quotes"));
    check_top("data_dir = \"CANARY\n", syntax("1:26", "not closed"));
    check_top("sk='CANARY\n", syntax("1:18", "not closed"));
    check_top("data_dir CANARY\n", syntax("1:10", "without a value"));
    check_top("data_dir =\n", syntax("1:11", "is not a value"));
    check_top("[server # CANARY\n", syntax("1:8", "header"));
    check_top("data_dir = \"\\q CANARY\"\n", syntax("1:14", "backslash"));
    check_top("data_dir = \"a\"\ndata_dir = \"CANARY\"\n", syntax("2:1", "second of this name"));
    check_top("[server]\nallowed_origins = [\"CANARY\"\n", syntax("4:1", "comma"));
    check_top("订单 = \"CANARY\"\n", syntax("1:1", "not a key as TOML"));
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_name() {
    check_top("data_dri = \"CANARY\"\n", at("1:1", "data_dri", "did you mean `data_dir`?"));
    check_top("[server]\n  lissten = \"CANARY\"\n", at("2:3", "server.lissten", "did you mean `listen`?"));
    check_top("[sever]\nx = \"CANARY\"\n", at("1:2", "sever", "did you mean `server`?"));
    let tables = "known keys: data_dir, server, management, log, tracing, credentials, profiles, topics, subscriptions, dropin, callers, embedded";
    check_top("[nonsense]\nx = \"CANARY\"\n", at("1:2", "nonsense", tables));
    check_top("[server.limits]\nbody = \"CANARY\"\n", at("2:1", "server.limits.body", "known keys: body_bytes"));
    check_line(
        "directory = \"/run/secrets/mq\"",
        "secret_key = \"CANARY\"",
        at("3:1", "credentials.main.secret_key", "set `secret_key_file`"),
    );
    check_line("profile = \"main\"", "profle = \"CANARY\"", at("9:1", "topics[0].profile", "is missing"));
}

#[test]
fn types_are_exact() {
    check_top("[server]\nlisten = 8080 # CANARY\n", at("2:10", "server.listen", "found an integer"));
    check_top("[server]\nworkers = \"CANARY\"\n", at("2:11", "server.workers", "expects an integer from 1 to 1024"));
    check_top("[server]\nkeep_alive = 75 # CANARY\n", at("2:14", "server.keep_alive", "as \"5s\""));
    check_top("[embedded]\nenabled = \"CANARY\"\n", at("2:11", "embedded.enabled", "without quotes"));
    check_top("data_dir = 1.10 # CANARY\n", at("1:12", "data_dir", "a number with a fraction"));
    check_top("data_dir = 2024-01-01 # CANARY\n", at("1:12", "data_dir", "a date or time"));
    check_top("server = \"CANARY\"\n", at("1:10", "server", "write [server]"));
}

#[test]
fn tables_of_the_wrong_shape_are_refused() {
    check("topics = \"CANARY\"\n", &at("1:10", "topics", "write [[topics]]"));
    check("[topics.orders]\nprofile = \"CANARY\"\n", &at("1:2", "topics", "write [[topics]]"));
    check("topics = [\"CANARY\"]\n", &at("1:11", "topics[0]", "expects a table"));
    check("profiles = \"CANARY\"\n", &at("1:12", "profiles", "write [profiles.NAME]"));
    check("[profiles.\"a b\"]\nprotocol = \"CANARY\"\n", &at("1:11", "profiles", "expects a name"));
    check_line(
        "endpoints = [\"http://mq.example.com\"]",
        "endpoints = \"http://CANARY\"",
        at("6:13", "profiles.main.endpoints", "write it in brackets"),
    );
}

#[test]
fn ranges_are_checked() {
    check_top("[server]\nworkers = 0 # CANARY\n", at("2:11", "server.workers", "from 1 to 1024"));
    check_top("[server]\nlisten = \"CANARY\"\n", at("2:10", "server.listen", "names of hosts are not looked up"));
    check_top("[server]\nkeep_alive = \"CANARY\"\n", at("2:14", "server.keep_alive", "from 1s to 1h"));
    check_top("[server]\nkeep_alive = \"2h\" # CANARY\n", at("2:14", "server.keep_alive", "outside"));
    check_top("[server.limits]\nbody_bytes = -1 # CANARY\n", at("2:14", "server.limits.body_bytes", "from 1B to 1GiB"));
    check_top("[server.limits]\nbody_bytes = \"CANARY\"\n", at("2:14", "server.limits.body_bytes", "64KiB"));
    check_top("[server]\nworkers = 99999999999999999999\n", at("2:11", "server.workers", "more than 64 bits"));
    check_top("[log]\nlevel = \"CANARY\"\n", at("2:9", "log.level", "\"error\" or \"warn\""));
    check_top("data_dir = \"\" # CANARY\n", at("1:12", "data_dir", "empty"));
    check_top("[server]\nallowed_origins = [\"CANARY\"]\n", at("2:20", "server.allowed_origins[0]", "http://"));
}

#[test]
fn what_comes_later_is_named() {
    let delivery = "groups = [\"CID_billing\"]\ndelivery = \"outbox\" # CANARY";
    check_line(
        "groups = [\"CID_billing\"]",
        delivery,
        at("13:12", "topics[0].delivery", "not supported by this version"),
    );
    check_line(
        "protocol = \"ons-http\"",
        "protocol = \"CANARY\"",
        at("5:12", "profiles.main.protocol", "something else"),
    );
    check_line(
        "protocol = \"ons-http\"",
        "protocol = \"MQ_HTTP\" # CANARY",
        at("5:12", "profiles.main.protocol", "did you mean `mq-http`?"),
    );
}

#[test]
fn endpoints_have_scheme_host_and_port_only() {
    for (endpoint, words) in [
        ("ftp://CANARY", "not supported"),
        ("CANARY", "with its scheme"),
        ("http://ak:CANARY@mq.example.com", "user information"),
        ("http://mq.example.com/CANARY", "path"),
        ("http://mq.example.com?sk=CANARY", "query"),
        ("http://mq.example.com:CANARY", "port"),
        ("http://[CANARY]", "no IPv6 address"),
    ] {
        let line = format!("endpoints = [\"http://first\", \"{endpoint}\"]");
        let place = at("6:30", "profiles.main.endpoints[1]", words);
        check_line("endpoints = [\"http://mq.example.com\"]", &line, place);
    }
    check_line(
        "endpoints = [\"http://mq.example.com\"]",
        "endpoints = [] # CANARY",
        at("6:13", "profiles.main.endpoints", "at least 1"),
    );
    check_line(
        "endpoints = [\"http://mq.example.com\"]",
        "endpoints = [\"http://a\", \"http://A:80/\"]",
        at("6:26", "profiles.main.endpoints[1]", "listed twice"),
    );
}

#[test]
fn producer_groups_travel_in_a_header() {
    for (group, words) in [("", "empty"), ("PID\\tCANARY", "visible ASCII"), ("订单CANARY", "visible ASCII")] {
        let line = format!("producer_group = \"{group}\"");
        check_line("producer_group = \"PID_orders\"", &line, at("8:18", "profiles.main.producer_group", words));
    }
    let long = format!("producer_group = \"CANARY{}\"", "x".repeat(60));
    check_line("producer_group = \"PID_orders\"", &long, at("8:18", "profiles.main.producer_group", "at most 64"));
    check_line("producer_group = \"PID_orders\"", "# CANARY", at("4:1", "profiles.main.producer_group", "is missing"));
}

#[test]
fn names_and_tags_follow_the_model() {
    check_line("name = \"orders\"", "name = \"a/CANARY\"", at("10:8", "topics[0].name", "slash"));
    check_line("groups = [\"CID_billing\"]", "groups = [\"CANARY/\"]", at("12:11", "topics[0].groups[0]", "slash"));
    check_line("groups = [\"CID_billing\"]", "default_tag = \"a|CANARY\"", at("12:15", "topics[0].default_tag", "'|'"));
    check_line(
        "groups = [\"CID_billing\"]",
        "default_key = \"a CANARY\"",
        at("12:15", "topics[0].default_key", "white space"),
    );
    check_line(
        "groups = [\"CID_billing\"]",
        "groups = [\"CANARY\", \"*\"]",
        at("12:10", "topics[0].groups", "stands alone"),
    );
    check_line(
        "groups = [\"CID_billing\"]",
        "groups = [\"CANARY\", \"CANARY\"]",
        at("12:10", "topics[0].groups", "twice"),
    );
}

#[test]
fn references_must_lead_somewhere() {
    check_line(
        "credentials = \"main\"",
        "credentials = \"CANARY\"",
        at("7:15", "profiles.main.credentials", "there are `main`"),
    );
    check_line(
        "credentials = \"main\"",
        "credentials = \"mian\"",
        at("7:15", "profiles.main.credentials", "there are `main`"),
    );
    check_line(
        "credentials = \"main\"",
        "credentials = \"embedded\"",
        at("7:15", "profiles.main.credentials", "own pair"),
    );
    check_line(
        "profile = \"main\"",
        "profile = \"CANARY\"",
        at("11:11", "topics[0].profile", "names no table below [profiles]"),
    );
    check_line("profile = \"main\"", "profile = \"man\"", at("11:11", "topics[0].profile", "did you mean `main`?"));
    check_top("[embedded]\ncredentials = \"CANARY\"\n", at("2:15", "embedded.credentials", "names no table"));
    check_line(
        "endpoints = [\"http://mq.example.com\"]",
        "endpoints = [\"embedded\"] # CANARY",
        at("6:13", "profiles.main.endpoints", "not enabled"),
    );
    check_line(
        "producer_group = \"PID_orders\"",
        "producer_group = \"PID_orders\"\nca_file = \"CANARY\"",
        at("9:11", "profiles.main.ca_file", "no endpoint is https"),
    );
}

#[test]
fn the_embedded_endpoint_and_its_profiles_must_agree_on_the_keys() {
    let text = GOOD.replace("http://mq.example.com", "embedded");
    let own_pair = format!("{text}[embedded]\nenabled = true # CANARY\n");
    check(&own_pair, &at("7:15", "profiles.main.credentials", "does not accept"));
    load_text(format!("{own_pair}credentials = \"main\"\n")).unwrap();
    load_text(own_pair.replace("credentials = \"main\"", "credentials = \"embedded\"")).unwrap();
    check_line(
        "[credentials.main]",
        "[credentials.embedded] # CANARY",
        at("2:1", "credentials.embedded", "must not be called"),
    );
    check_top(
        "[embedded]\ncredentials = \"embedded\" # CANARY\n",
        at("2:15", "embedded.credentials", "leave the key out"),
    );
    check_line(
        "endpoints = [\"http://mq.example.com\"]",
        "endpoints = [\"http://mq.example.com\", \"embedded\"] # CANARY",
        at("6:13", "profiles.main.endpoints", "stands alone"),
    );
}

#[test]
fn the_whole_must_make_sense() {
    let twice = "[[topics]]\nname = \"orders\"\nprofile = \"main\" # CANARY\n";
    check(&format!("{GOOD}{twice}"), &at("14:8", "topics[1].name", "the other one is in line 10"));
    check_top(
        "[management]\nlisten = \"127.0.0.1:8080\" # CANARY\n",
        at("2:10", "management.listen", "`server.listen`"),
    );
    check_line("directory = \"/run/secrets/mq\"", "# CANARY", at("2:1", "credentials.main", "names no files"));
    check_line(
        "directory = \"/run/secrets/mq\"",
        "secret_key_file = \"CANARY\"",
        at("2:1", "credentials.main", "`access_key_file` is missing"),
    );
    check_line(
        "directory = \"/run/secrets/mq\"",
        "directory = \"CANARY\"\nsecret_key_file = \"CANARY\"",
        at("2:1", "credentials.main", "a file beside it"),
    );
    let without_topics = GOOD.split("[[topics]]").next().unwrap();
    check(without_topics, &at("4:2", "profiles", "no topic"));
}

#[test]
fn all_problems_are_told_at_once_and_in_order() {
    let text = GOOD.replace("ons-http", "nats").replace("\"main\"\n", "7\n").replace("name = \"orders\"", "nam = 1");
    let errors = load_text(text).unwrap_err();
    let places: Vec<_> = errors
        .problems()
        .iter()
        .map(|problem| (problem.location.position().unwrap().line, problem.key.as_deref().unwrap()))
        .collect();
    let expected = [
        (5, "profiles.main.protocol"),
        (7, "profiles.main.credentials"),
        (9, "topics[0].name"),
        (10, "topics[0].nam"),
        (11, "topics[0].profile"),
    ];
    assert_eq!(places, expected);
}

#[test]
fn a_file_that_is_no_text_is_refused_at_its_place() {
    let errors = load_text([b"data_dir = 'a'\n# \xe9 ".as_slice(), CANARY.as_bytes()].concat()).unwrap_err();
    assert_eq!(errors.problems()[0].location.position(), Some(Position { line: 2, column: 3 }));
    assert!(errors.to_string().contains("UTF-8") && !all_words(&errors).contains(CANARY), "{errors}");
}

#[test]
fn an_empty_file_has_nothing_to_do() {
    let errors = load_text("").unwrap_err();
    assert!(errors.to_string().contains("nothing to do"), "{errors}");
}

#[test]
fn a_byte_order_mark_and_crlf_are_no_problem() {
    load_text(format!("\u{feff}{}", GOOD.replace('\n', "\r\n"))).unwrap();
}
