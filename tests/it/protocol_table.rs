//! What docs/protocols.md says each protocol can carry is what discovery says of topics of that protocol.

use std::path::Path;

use serde_json::Value;

use crate::support::ons::Credentials;
use crate::support::{Launch, TestApp};

/// The page's columns, and the profiles whose topics show them: as usual, and with `binary_bodies`.
const COLUMNS: &[(&str, &str, &str)] = &[
    ("`mq-http`", "mq", "mq-any"),
    ("`ons-http`", "ons", "ons-any"),
    ("`ons-http`, embedded", "embedded", "embedded-any"),
    ("`rocketmq`", "rocketmq", "rocketmq"),
];

fn configuration() -> String {
    let profile = |name: &str, protocol: &str, endpoint: &str, credentials: &str, more: &str| {
        format!(
            "[profiles.{name}]\nprotocol = \"{protocol}\"\nendpoints = [\"{endpoint}\"]\ncredentials = \"{credentials}\"\n{more}\n\
             [[topics]]\nname = \"{name}\"\nprofile = \"{name}\"\n"
        )
    };
    // Nobody listens there: nothing is asked of an MQ.
    let away = "http://127.0.0.1:1";
    [
        "[embedded]\nenabled = true\nstorage = \"memory\"\n[credentials.main]\ndirectory = \"{secrets}\"\n".to_owned(),
        profile("mq", "mq-http", away, "main", ""),
        profile("mq-any", "mq-http", away, "main", "binary_bodies = \"base64\""),
        profile("ons", "ons-http", away, "main", "producer_group = \"PID_a\""),
        profile("ons-any", "ons-http", away, "main", "producer_group = \"PID_a\"\nbinary_bodies = true"),
        profile("embedded", "ons-http", "embedded", "embedded", "producer_group = \"PID_a\""),
        profile("embedded-any", "ons-http", "embedded", "embedded", "producer_group = \"PID_a\"\nbinary_bodies = true"),
        profile("rocketmq", "rocketmq", away, "main", ""),
    ]
    .concat()
}

/// The cells of each row of the table whose heading begins so.
fn table(page: &str, heading: &str) -> Vec<Vec<String>> {
    let lines = page.lines().skip_while(|line| !line.starts_with(&format!("| {heading} |")));
    let rows = lines.take_while(|line| line.starts_with('|')).filter(|line| !line.starts_with("|--"));
    rows.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

fn of_topic(app: &TestApp, topic: &str) -> Value {
    app.get(&format!("/v1/topics/{topic}")).json()
}

#[test]
fn the_page_says_what_discovery_says() {
    let credentials = Credentials { access_key: "key".into(), secret_key: "secret".into() };
    let app = Launch::embedded_with(&configuration()).secrets(&credentials).start();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/protocols.md");
    let page = std::fs::read_to_string(page).expect("docs/protocols.md");

    let rows = table(&page, "`capabilities`");
    let columns: Vec<&str> = COLUMNS.iter().map(|(column, ..)| *column).collect();
    assert_eq!(rows[0][1..], columns, "the table's columns");
    let mut named: Vec<&str> = rows[1..].iter().map(|row| row[0].trim_matches('`')).collect();
    named.sort_unstable();
    let all = of_topic(&app, "mq")["capabilities"].as_object().expect("capabilities").clone();
    let mut all: Vec<&str> = all.keys().map(String::as_str).collect();
    all.sort_unstable();
    assert_eq!(named, all, "the table's capabilities");
    for (index, (column, usual, any)) in COLUMNS.iter().enumerate() {
        let [usual, any] = [usual, any].map(|topic| of_topic(&app, topic)["capabilities"].clone());
        for row in &rows[1..] {
            let name = row[0].trim_matches('`');
            let says = match (usual[name].as_bool(), any[name].as_bool()) {
                (Some(true), Some(true)) => "yes",
                (Some(false), Some(false)) => "no",
                (Some(false), Some(true)) => "optional",
                other => panic!("{name} of {column}: {other:?}"),
            };
            assert_eq!(row[index + 1], says, "{name} of {column}");
        }
    }

    let rows = table(&page, "`limits`");
    assert_eq!(rows.len(), 4, "{rows:?}");
    for (index, topic) in ["mq", "ons", "rocketmq"].into_iter().enumerate() {
        let limits = of_topic(&app, topic)["limits"].clone();
        for row in &rows[1..] {
            let name = row[0].trim_matches('`');
            let value = limits[name].as_u64().unwrap_or_else(|| panic!("{name} of {topic}: {limits}"));
            let shown = shown(name, value);
            assert!(row[index + 1].starts_with(&shown), "{name} of {topic}: {shown}, the page has {}", row[index + 1]);
        }
    }
}

fn shown(name: &str, value: u64) -> String {
    if name.ends_with("_bytes") {
        return if value.is_multiple_of(1 << 20) {
            format!("{} MiB", value >> 20)
        } else {
            format!("{} KiB", value >> 10)
        };
    }
    let digits = value.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}
