//! Environment and flags over a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::{ClientAuth, Config, ConfigErrors, EmbeddedStorage, Location, LogLevel, Overrides, Source, load};
use super::{CANARY, all_words, write};

fn variables(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn load_with(environment: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    load(&Source::BuiltIn, &Overrides::default(), &variables(environment))
}

#[test]
fn fixed_keys_can_be_set() {
    let config = load_with(&[
        ("MQ_GATEWAY__SERVER__LISTEN", "0.0.0.0:9000"),
        ("MQ_GATEWAY__SERVER__WORKERS", "3"),
        ("MQ_GATEWAY__SERVER__LIMITS__BODY_BYTES", "1MiB"),
        ("MQ_GATEWAY__SERVER__LIMITS__URI_BYTES", "1000"),
        ("MQ_GATEWAY__SERVER__KEEP_ALIVE", "1m30s"),
        ("MQ_GATEWAY__EMBEDDED__STORAGE", "memory"),
        ("MQ_GATEWAY__MANAGEMENT__TOKEN_FILE", "token"),
        ("MQ_GATEWAY__LOG__LEVEL", "debug"),
        ("MQ_GATEWAY__DATA_DIR", "/var/lib/mq"),
        ("MQ_GATEWAY__DROPIN__CLIENT_AUTH", "none"),
        ("MQ_GATEWAY__DROPIN__ENABLED", "false"),
        ("MQ_GATEWAY__EMBEDDED__MAX_MESSAGE_BYTES", "1MiB"),
    ])
    .unwrap();
    assert_eq!(config.server.listen.to_string(), "0.0.0.0:9000");
    assert_eq!(config.server.workers, 3);
    assert_eq!(config.server.limits.body_bytes, 1 << 20);
    assert_eq!(config.server.limits.uri_bytes, 1000);
    assert_eq!(config.server.keep_alive, Duration::from_secs(90));
    assert_eq!(config.embedded.storage, EmbeddedStorage::Memory);
    assert_eq!(config.management.token_file.as_deref(), Some(Path::new("token")));
    assert_eq!(config.log.level, LogLevel::Debug);
    assert_eq!(config.data_dir, Path::new("/var/lib/mq"));
    assert_eq!((config.dropin.client_auth, config.dropin.enabled), (ClientAuth::None, false));
    assert_eq!(config.embedded.max_message_bytes, Some(1 << 20));
}

#[test]
fn what_kubernetes_injects_is_ignored() {
    load_with(&[
        ("MQ_GATEWAY_PORT", "tcp://10.0.0.1:8080"),
        ("MQ_GATEWAY_SERVICE_HOST", "10.0.0.1"),
        ("MQ_GATEWAY_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("PATH", "/bin"),
    ])
    .unwrap();
}

#[test]
fn other_variables_are_refused_by_name() {
    for (name, text, words) in [
        ("MQ_GATEWAY__SERVER__LISTN", CANARY, "did you mean `MQ_GATEWAY__SERVER__LISTEN`?"),
        ("MQ_GATEWAY__server__listen", "127.0.0.1:1", "written in capitals"),
        ("MQ_GATEWAY__SERVER_LISTEN", CANARY, "did you mean `MQ_GATEWAY__SERVER__LISTEN`?"),
        ("MQ_GATEWAY__NOTHING__LIKE__IT", CANARY, "unknown variable"),
        ("MQ_GATEWAY__CREDENTIALS__MAIN__SECRET_KEY_FILE", CANARY, "below `credentials`"),
        ("MQ_GATEWAY__PROFILES__MAIN__ENDPOINTS", CANARY, "below `profiles`"),
        ("MQ_GATEWAY__TOPICS__ORDERS__DEADLINE", CANARY, "below `topics`"),
        ("MQ_GATEWAY__SUBSCRIPTIONS__BILLING__URL", CANARY, "below `subscriptions`"),
        ("MQ_GATEWAY__CALLERS__SHOP__CREDENTIALS", CANARY, "below `callers`"),
        ("MQ_GATEWAY__DROPIN__CLIENT_AUTH", CANARY, "\"none\" or \"keys\""),
        ("MQ_GATEWAY__DROPIN__CLIENT_AUTH", "embeddedonly", "\"none\" or \"keys\""),
        ("MQ_GATEWAY__SERVER__ALLOWED_ORIGINS", CANARY, "in the configuration file only"),
        ("MQ_GATEWAY__SERVER__LISTEN", CANARY, "an IP address and a port"),
        ("MQ_GATEWAY__SERVER__LISTEN", "", "an IP address and a port"),
        ("MQ_GATEWAY__SERVER__WORKERS", CANARY, "an integer from 1 to 1024"),
        ("MQ_GATEWAY__SERVER__KEEP_ALIVE", "75", "as \"5s\""),
        ("MQ_GATEWAY__EMBEDDED__ENABLED", "yes", "`true` or `false`"),
        ("MQ_GATEWAY__DATA_DIR", "", "empty"),
    ] {
        let errors = load_with(&[(name, text)]).expect_err(name);
        let [problem] = errors.problems() else { panic!("{errors}") };
        assert_eq!(problem.location, Location::Environment(name.to_owned()));
        assert!(problem.to_string().starts_with(&format!("environment variable {name}: `")), "{problem}");
        assert!(problem.to_string().contains(words), "{problem}");
        assert!(!all_words(&errors).contains(CANARY), "{errors}");
    }
}

#[test]
fn flags_go_before_the_environment_and_that_before_the_file() {
    let file = write("[server]\nlisten = '127.0.0.1:1'\nworkers = 1\nkeep_alive = '2s'\n[embedded]\nenabled = false\n");
    let overrides = Overrides {
        listen: Some(([127, 0, 0, 1], 3).into()),
        management_listen: Some(([127, 0, 0, 1], 4).into()),
        embedded_listen: Some(([127, 0, 0, 1], 5).into()),
        embedded_storage: Some(EmbeddedStorage::Memory),
        data_dir: Some(PathBuf::from("flagged")),
    };
    let environment = variables(&[("MQ_GATEWAY__SERVER__LISTEN", "127.0.0.1:2"), ("MQ_GATEWAY__SERVER__WORKERS", "2")]);
    let config = load(&Source::File(file.path), &overrides, &environment).unwrap();
    assert_eq!(config.server.listen.port(), 3);
    assert_eq!(config.server.workers, 2);
    assert_eq!(config.server.keep_alive, Duration::from_secs(2));
    assert_eq!(config.management.listen.port(), 4);
    assert_eq!(config.embedded.listen.port(), 5);
    assert!(config.embedded.enabled, "--embedded-listen enables it");
    assert_eq!(config.embedded.storage, EmbeddedStorage::Memory);
    assert_eq!(config.data_dir, Path::new("flagged"));
}

#[test]
fn problems_between_settings_name_the_layer_that_made_them() {
    let overrides = Overrides { management_listen: Some(([127, 0, 0, 1], 8080).into()), ..Overrides::default() };
    let errors = load(&Source::BuiltIn, &overrides, &BTreeMap::new()).unwrap_err();
    assert_eq!(errors.problems()[0].location, Location::Flag("--management-listen"));
}
