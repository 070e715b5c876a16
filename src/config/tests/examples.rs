//! The files in `config/`, and what is generated for it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::super::schema::SECTIONS;
use super::super::section::Preset;
use super::super::sources::preset;
use super::super::*;
use super::{load_built_in, load_text, repository};
use crate::model::{Feature, Protocol};
use crate::spans::Ratio;

fn load_example(name: &str) -> Config {
    let path = repository("config/examples").join(name);
    load(&Source::File(path), &Overrides::default(), &BTreeMap::new()).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let config = load_text("[embedded]\nenabled = true").unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.server.workers, std::thread::available_parallelism().unwrap().get());
    assert_eq!(config.server.allowed_origins, Vec::<String>::new());
    let seconds = Duration::from_secs;
    let expected = LimitsConfig {
        body_bytes: 4 << 20,
        batch_messages: 100,
        ack_handles: 100,
        uri_bytes: 8192,
        headers: 64,
        header_bytes: 32_768,
        json_depth: 128,
        request_timeout: seconds(30),
        body_timeout: seconds(10),
        head_timeout: seconds(5),
        min_body_rate: 1024,
        write_timeout: seconds(30),
        // What the machine has.
        memory: config.server.limits.memory,
        connections: config.server.limits.connections,
        streams: None,
        socket_buffer: config.server.limits.socket_buffer,
        connections_per_address: 0,
    };
    assert_eq!(config.server.limits, expected);
    assert!((8 << 20..=1 << 30).contains(&expected.memory), "{}", expected.memory);
    assert_eq!((expected.streams_among(25_000), expected.streams_among(64)), (10_000, 32));
    assert!((64..=25_000).contains(&expected.connections), "{}", expected.connections);
    assert_eq!(config.server.keep_alive, seconds(75));
    assert_eq!(config.server.drain_delay, seconds(5));
    assert_eq!(config.server.shutdown_timeout, seconds(20));
    assert_eq!(config.management.listen.to_string(), "127.0.0.1:8081");
    assert_eq!(config.management.token_file, None);
    assert_eq!((config.log.level, config.log.format), (LogLevel::Info, LogFormat::Auto));
    assert_eq!(config.data_dir, Path::new("./data"));
    let expected = EmbeddedConfig {
        enabled: true,
        listen: ([127, 0, 0, 1], 8090).into(),
        storage: EmbeddedStorage::Disk,
        credentials: None,
        topics: vec![],
        visibility_timeout: seconds(300),
        max_redeliveries: 16,
        new_group_starts: NewGroupStarts::Earliest,
        retention: seconds(72 * 3600),
        retention_bytes: 1 << 30,
        when_full: WhenFull::DropOldest,
        clock_past: seconds(15),
        clock_future: seconds(60),
        clock_window: seconds(15 * 60),
        max_message_bytes: None,
        default_wait: seconds(3),
        error_hold: seconds(1),
        chaos: ChaosConfig {
            latency: seconds(0),
            error_rate: Ratio::parse("0").unwrap(),
            duplicate_deliveries: Ratio::parse("0").unwrap(),
            dropped_answers: Ratio::parse("0").unwrap(),
            seed: None,
        },
    };
    assert!(!config.embedded.chaos.is_on());
    assert_eq!(config.embedded, expected);
    let expected = DropInConfig {
        enabled: true,
        client_auth: ClientAuth::EmbeddedOnly,
        clock_past: seconds(15),
        clock_future: seconds(60),
        clock_window: seconds(15 * 60),
        default_wait: seconds(3),
        error_hold: seconds(1),
    };
    assert_eq!((config.dropin, config.callers), (expected, BTreeMap::new()));
    assert!(config.credentials.is_empty() && config.profiles.is_empty() && config.topics.is_empty());
}

#[test]
fn the_built_in_profile_is_the_embedded_endpoint() {
    let config = load_built_in();
    assert!(config.embedded.enabled);
    let expected = ProfileConfig {
        name: "embedded".to_owned(),
        protocol: ProtocolConfig::OnsHttp(OnsHttpConfig {
            producer_group: "PID_gateway".to_owned(),
            visibility_timeout: Duration::from_secs(300),
            binary_bodies: BinaryBodies::AsIs,
            zero_timeout: true,
            content_type: "text/html;charset=UTF-8".to_owned(),
        }),
        endpoints: vec![Endpoint::Embedded],
        credentials: CredentialsSource::Embedded,
        max_message_bytes: 65_536,
        ca_file: None,
        connect_timeout: Duration::from_secs(1),
        empty_poll_pause: Duration::from_secs(2),
        dns_refresh: Duration::from_secs(30),
        keep_alive: Duration::from_secs(30),
        connections: 1024,
        clock_skew: ClockSkew::Correct,
        answer_timeout: Duration::from_secs(4),
        breaker_failures: 5,
        breaker_open: Duration::from_secs(30),
    };
    assert_eq!(config.profiles, BTreeMap::from([("embedded".to_owned(), expected)]));
    let expected = TopicConfig {
        name: TopicPattern::Any,
        profile: "embedded".to_owned(),
        groups: Groups::Any { ordered: false, tags: None },
        requires: vec![],
        default_tag: None,
        default_key: None,
        deadline: Duration::from_secs(5),
        delivery: DeliveryMode::Direct,
        on_unknown: OnUnknown::Report,
        max_in_flight: 0,
        publishes_per_second: 0,
        cloudevents: CloudEventsForm::Auto,
        cloudevents_source: None,
        cloudevents_type: "mq.message".to_owned(),
    };
    assert_eq!(config.topics, vec![expected]);
}

#[test]
fn the_default_file_says_what_is_built_in() {
    let path = repository("config/default.toml");
    let config = load(&Source::File(path.clone()), &Overrides::default(), &BTreeMap::new()).unwrap();
    assert_eq!(config, load_built_in());
    let text = fs::read_to_string(path).unwrap();
    for section in SECTIONS {
        for key in section.keys {
            let path = section.key_path(key);
            let written = text.lines().any(|line| {
                let line = line.trim_start_matches("# ");
                line.strip_prefix(key.name).is_some_and(|rest| rest.starts_with(" = "))
            });
            assert!(written, "config/default.toml lacks {path}");
        }
    }
}

#[test]
fn every_default_is_legal() {
    for section in SECTIONS {
        for key in section.keys {
            assert_eq!(preset(key).is_none(), matches!(key.preset, Preset::Required), "{}", section.key_path(key));
        }
    }
}

#[test]
fn every_example_loads() {
    let config = load_example("ons-http.toml");
    assert!(!config.embedded.enabled);
    assert_eq!(config.credentials["main"].secret_key_file, Path::new("/run/secrets/mq/secret_key"));
    assert_eq!(config.profiles["main"].endpoints[0].to_string(), "http://mq.example.com:80");
    assert_eq!(config.topics[1].groups, Groups::Named(vec![]));

    let config = load_example("embedded.toml");
    assert!(config.embedded.enabled);
    assert_eq!(config.profiles["local"].credentials, CredentialsSource::Embedded);

    let config = load_example("embedded-only-topics.toml");
    assert_eq!(config.embedded.topics.len(), 2);
    assert_eq!(config.embedded.visibility_timeout, Duration::from_secs(2));

    let config = load_example("failover-tls.toml");
    let profile = &config.profiles["main"];
    assert!(profile.endpoints.iter().all(|endpoint| matches!(endpoint, Endpoint::Url { tls: true, port: 8443, .. })));
    assert_eq!(profile.ca_file, Some(repository("config/examples/secrets/ca.pem")));
    assert_eq!(config.credentials["main"].access_key_file, repository("config/examples/secrets/access_key"));

    let config = load_example("kubernetes.toml");
    assert!(config.server.listen.ip().is_unspecified() && config.management.listen.ip().is_unspecified());

    let config = load_example("embedded-mq-http.toml");
    let profile = &config.profiles["embedded"];
    let ProtocolConfig::MqHttp(mq_http) = &profile.protocol else { panic!("{profile:?}") };
    assert_eq!((profile.protocol.kind(), mq_http.binary_bodies), (Protocol::MqHttp, BinaryBodies::Base64));
    assert_eq!((profile.credentials.clone(), profile.max_message_bytes), (CredentialsSource::Embedded, 4 << 20));
    assert_eq!(config.topics[0].groups, Groups::Any { ordered: false, tags: None });

    let config = load_example("mq-http.toml");
    let ProtocolConfig::MqHttp(mq_http) = &config.profiles["main"].protocol else { panic!("{config:?}") };
    assert_eq!(mq_http.instance_id.as_deref(), Some("MQ_INST_1234567890123456_BXabcdef"));
    assert_eq!(mq_http.binary_bodies, BinaryBodies::Refuse);
    assert_eq!(config.topics[0].requires, [Feature::DelayedDelivery]);
    let Groups::Named(groups) = &config.topics[0].groups else { panic!("{:?}", config.topics) };
    let groups: Vec<_> = groups.iter().map(|group| (group.name.as_str(), group.ordered)).collect();
    assert_eq!(groups, [("GID_billing", false), ("GID_ledger", true)]);

    let config = load_example("dropin.toml");
    assert_eq!(config.dropin.client_auth, ClientAuth::Keys);
    assert_eq!(config.credentials["shop"].access_key_file, repository("config/examples/secrets/shop/access_key"));
    let shop = &config.callers["shop"];
    assert_eq!((shop.name.as_str(), shop.credentials.as_str()), ("shop", "shop"));
    assert!(shop.topics.has("orders") && !shop.topics.has("stock"));
    assert!(config.callers["warehouse"].topics.has("stock"));

    let config = load_example("subscriptions.toml");
    let billing = &config.subscriptions["billing"];
    assert_eq!((billing.format, billing.secrets.len()), (PushFormat::CloudEvents, 2));
    assert_eq!(billing.secrets[0].file, repository("config/examples/secrets/billing/new"));
    assert_eq!(billing.dead_letter.as_ref().map(|dead| dead.topic.as_str()), Some("orders.dead"));
    assert_eq!(config.subscriptions["audit"].format, PushFormat::Raw);

    let path = repository("config/examples/rocketmq5.toml");
    let config = load(&Source::File(path), &Overrides::default(), &BTreeMap::new()).unwrap();
    let profile = &config.profiles["main"];
    let expected = RocketMqConfig {
        namespace: None,
        visibility_timeout: Duration::from_secs(60),
        max_delay: Duration::from_secs(86_400),
        follow_routes: true,
        max_sessions: 256,
        propagate_trace: false,
    };
    assert_eq!((profile.protocol.clone(), profile.endpoints.len()), (ProtocolConfig::RocketMq(expected), 2));

    let path = repository("config/examples/user.properties.example");
    let filled_in = fs::read_to_string(path).unwrap().replace("replace-with-your-", "my-");
    let written = super::write(filled_in);
    load(&Source::UserProperties(written.path), &Overrides::default(), &BTreeMap::new()).unwrap();
    assert_eq!(fs::read_dir(repository("config/examples")).unwrap().count(), 11, "an example without a test");
}

#[test]
fn the_reference_is_up_to_date() {
    let path = repository("config/reference.md");
    if std::env::vars().any(|(name, _)| name == "UPDATE_REFERENCE") {
        fs::write(&path, reference()).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(committed, reference(), "run UPDATE_REFERENCE=1 cargo test reference");
}

#[test]
fn a_named_topic_beside_any_is_fine() {
    let config = load_text(
        "[embedded]\nenabled = true\n[profiles.a]\nprotocol = 'ons-http'\nendpoints = ['embedded']\n\
         credentials = 'embedded'\nproducer_group = 'PID'\n[[topics]]\nname = '*'\nprofile = 'a'\n\
         [[topics]]\nname = '订单'\nprofile = 'a'\n",
    )
    .unwrap();
    assert_eq!(config.topics.len(), 2);
}

/// Every key of the sections that are for this table; `path` is one of a dump.
fn assert_dumped(dump: &serde_json::Value, section: &section::Section) {
    let path = section.path.replace('.', "/").replace("/*", "/main").replace("[]", "/0");
    let pointer = if path.is_empty() { String::new() } else { format!("/{path}") };
    let table = dump.pointer(&pointer).unwrap_or_else(|| panic!("the dump lacks {path}"));
    if section.protocol.is_some_and(|protocol| table["protocol"] != protocol.as_str()) {
        return;
    }
    for key in section.keys {
        assert!(table.get(key.name).is_some(), "the dump lacks {}", section.key_path(key));
    }
}

#[test]
fn the_redacted_dump_has_every_setting() {
    let path = repository("config/examples/failover-tls.toml");
    let caller = "[dropin]\nclient_auth = 'keys'\n[credentials.orders]\ndirectory = 'orders'\n\
                  [callers.main]\ncredentials = 'orders'\ntopics = ['orders']\n\
                  [subscriptions.main]\ntopic = 'orders'\ngroup = 'CID_billing'\nurl = 'http://target'\nsecrets = ['a']\n\
                  dead_letter = { topic = 'dead' }\n[[topics]]\nname = 'dead'\nprofile = 'main'\n";
    let text = fs::read_to_string(path).unwrap() + caller;
    let dump = load_text(&text).unwrap().redacted();
    let mq_http = text.replace("ons-http", "mq-http").replace("producer_group = \"PID_orders\"", "");
    for dump in [&dump, &load_text(mq_http).unwrap().redacted()] {
        SECTIONS.iter().for_each(|section| assert_dumped(dump, section));
    }
    assert_eq!(dump["profiles"]["main"]["connect_timeout"], "500ms");
    assert_eq!(dump["profiles"]["main"]["endpoints"][0], "https://mq-a.example.internal:8443");
    assert_eq!(dump["profiles"]["main"]["instance_id"], serde_json::Value::Null);
    assert_eq!(dump["server"]["limits"]["body_bytes"], 4 << 20);
    assert_eq!(dump["embedded"]["credentials"], serde_json::Value::Null);
    assert_eq!(
        dump["credentials"]["main"]["secret_key_file"].as_str().map(|path| path.ends_with("secret_key")),
        Some(true)
    );
}
