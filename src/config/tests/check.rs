//! `check` reads what `load` does not: the files that a configuration names.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::json;

use super::super::{Overrides, Source, check, load};
use super::{CANARY, repository, write};

const CONFIG: &str = "[credentials.main]\ndirectory = 'secrets'\n[profiles.main]\nprotocol = 'ons-http'\n\
    endpoints = ['https://mq']\ncredentials = 'main'\nproducer_group = 'PID'\nca_file = 'secrets/ca.pem'\n\
    [management]\ntoken_file = 'secrets/token'\n[[topics]]\nname = '*'\nprofile = 'main'\n";

fn check_file(path: &Path) -> super::super::CheckReport {
    check(&Source::File(path.to_owned()), &Overrides::default(), &BTreeMap::new())
}

#[test]
fn every_named_file_is_read() {
    let written = write(CONFIG);
    let secrets = written.directory.path().join("secrets");
    fs::create_dir(&secrets).unwrap();
    let report = check_file(&written.path);
    let places: Vec<_> = report
        .problems()
        .iter()
        .map(|problem| (problem.location.position().unwrap().line, problem.key.as_deref().unwrap()))
        .collect();
    let expected =
        [(1, "credentials.main.access_key_file"), (8, "profiles.main.ca_file"), (10, "management.token_file")];
    assert_eq!(places, expected, "{report}");
    assert_eq!(report.exit_code(), 1);

    let certificate = rcgen::generate_simple_self_signed(["mq".to_owned()]).unwrap().cert.pem();
    for (name, content) in [("access_key", "ak\n"), ("secret_key", CANARY), ("token", CANARY), ("ca.pem", &certificate)]
    {
        fs::write(secrets.join(name), content).unwrap();
        fs::set_permissions(secrets.join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let report = check_file(&written.path);
    assert!(report.is_ok(), "{report}");
    assert_eq!((report.exit_code(), report.to_string().as_str()), (0, "ok"));
    assert_eq!(report.to_json(), json!({"ok": true, "problems": [], "warnings": [], "subscriptions": []}));

    for (name, content, words) in [
        ("secret_key", format!("{CANARY}\n{CANARY}"), "more than one line"),
        ("security_token", "t".to_owned(), "ons-http has no place for one"),
        ("token", format!("{CANARY}\0"), "U+0000"),
        ("secret_key", "replace-with-your-CANARY".to_owned(), "is still the template's placeholder"),
        ("access_key", "PLACEHOLDER\n".to_owned(), "is still the template's placeholder"),
        ("access_key", format!("\u{201c}{CANARY}"), "holds U+201C as its character 1"),
        ("ca.pem", CANARY.to_owned(), "holds no certificate"),
        ("ca.pem", certificate.replace("-----END", "!CANARY"), "is damaged"),
    ] {
        let good = fs::read(secrets.join(name)).ok();
        fs::write(secrets.join(name), content).unwrap();
        let report = check_file(&written.path);
        assert!(report.to_string().contains(words), "{name}: {report}");
        assert!(!format!("{report} {report:?} {}", report.to_json()).contains("CANARY"), "{report}");
        match good {
            Some(good) => fs::write(secrets.join(name), good).unwrap(),
            None => fs::remove_file(secrets.join(name)).unwrap(),
        }
    }
}

#[test]
fn keys_in_quotes_are_warned_of() {
    let written = write(CONFIG.replace("ca_file = 'secrets/ca.pem'\n", ""));
    let secrets = written.directory.path().join("secrets");
    fs::create_dir(&secrets).unwrap();
    for (name, content) in [("access_key", "\"LTAI\"\n"), ("secret_key", "'CANARY'"), ("token", "ab\"c\"")] {
        fs::write(secrets.join(name), content).unwrap();
        fs::set_permissions(secrets.join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let report = check_file(&written.path);
    let keys: Vec<_> = report.warnings().iter().filter_map(|warning| warning.key.as_deref()).collect();
    assert_eq!(keys, ["credentials.main.access_key_file", "credentials.main.secret_key_file"], "{report}");
    assert!(report.is_ok() && report.to_string().contains("has its key in quotes"), "{report}");
    assert!(!format!("{report} {report:?}").contains("CANARY"), "{report}");

    let text = "[property]\nTopic=t\nURL=mq\nAk=\"a\"\nSk=CANARY\nProducerID=p\nConsumerID=c\n";
    let properties = write(text);
    fs::set_permissions(&properties.path, fs::Permissions::from_mode(0o600)).unwrap();
    let report = check(&Source::UserProperties(properties.path), &Overrides::default(), &BTreeMap::new());
    let [warning] = report.warnings() else { panic!("{report}") };
    assert_eq!((warning.location.position().unwrap().line, warning.key.as_deref()), (4, Some("Ak")));
}

/// What our own examples have in place of keys.
#[test]
fn no_placeholder_of_the_examples_is_a_key() {
    let properties = repository("config/examples/user.properties.example");
    let report = check(&Source::UserProperties(properties), &Overrides::default(), &BTreeMap::new());
    let keys: Vec<_> = report.problems().iter().filter_map(|problem| problem.key.as_deref()).collect();
    assert_eq!(keys, ["Ak", "Sk"], "{report}");
    let secret = fs::read_to_string(repository("deploy/kubernetes/credentials.example.yaml")).unwrap();
    let values = secret.lines().filter_map(|line| line.trim().split_once("_key: ")).map(|(_, value)| value);
    let values: Vec<_> = values.map(super::super::values::check_secret).collect();
    assert_eq!(values.len(), 2);
    assert!(values.iter().all(Result::is_err), "{values:?}");
}

#[test]
fn the_vendors_file_is_known_by_its_content() {
    let good = "Topic=t\nURL=mq\nAk=CANARY\nSk=CANARY\nProducerID=p\nConsumerID=c\n";
    for (text, is_vendors) in [
        (format!("[property]\n{good}"), true),
        (format!("\u{feff}# x\r\n[ Property ]\r\n{good}"), true),
        (good.to_owned(), true),
        ("ak = 1\n".to_owned(), false),
        ("[server]\n[property]\n".to_owned(), false),
        (CONFIG.to_owned(), false),
        (String::new(), false),
    ] {
        let written = write(&text);
        let is_found = matches!(Source::of_file(&written.path), Source::UserProperties(_));
        assert_eq!(is_found, is_vendors, "{text}");
        let errors = load(&Source::File(written.path.clone()), &Overrides::default(), &BTreeMap::new()).err();
        let told = errors.is_some_and(|errors| {
            let text = errors.to_string();
            assert!(!text.contains("CANARY"), "{text}");
            text.contains(&format!("hint: write `--user-properties {}`", written.path.display()))
        });
        assert_eq!(told, is_vendors, "{text}");
    }
}

#[test]
fn loading_reads_no_secret_file() {
    let written = write(CONFIG);
    let config = load(&Source::File(written.path.clone()), &Overrides::default(), &BTreeMap::new()).unwrap();
    let secrets = written.directory.path().join("secrets");
    assert_eq!(config.credentials["main"].secret_key_file, secrets.join("secret_key"));
    assert_eq!(config.credentials["main"].security_token_file, None);
    fs::create_dir(&secrets).unwrap();
    fs::write(secrets.join("security_token"), "t").unwrap();
    let errors = load(&Source::File(written.path), &Overrides::default(), &BTreeMap::new()).unwrap_err();
    assert!(errors.to_string().contains("ons-http has no place for one"), "{errors}");
}

#[test]
fn an_unreadable_file_is_not_a_bad_one() {
    let written = write("x = 1");
    let missing = written.directory.path().join("missing.toml");
    for path in [missing.as_path(), written.directory.path()] {
        for source in [Source::File(path.to_owned()), Source::UserProperties(path.to_owned())] {
            let report = check(&source, &Overrides::default(), &BTreeMap::new());
            assert_eq!(report.exit_code(), 2, "{report}");
            assert!(report.to_string().contains("could not be read: "), "{report}");
        }
    }
    assert_eq!(check_file(&written.path).exit_code(), 1);
}

#[test]
fn text_and_json_tell_the_same() {
    let written = write(format!("[server]\nlissten = '{CANARY}'\n[embedded]\nenabled = true\n"));
    let report = check_file(&written.path);
    let file = written.path.display();
    let text = format!("{file}:2:1: `server.lissten`: unknown key\n    hint: did you mean `listen`?\n1 problem");
    assert_eq!(report.to_string(), text);
    let problem = json!({
        "file": file.to_string(), "line": 2, "column": 1, "key": "server.lissten",
        "detail": "unknown key", "hint": "did you mean `listen`?",
    });
    assert_eq!(report.to_json(), json!({"ok": false, "problems": [problem], "warnings": [], "subscriptions": []}));
}

#[test]
fn the_vendors_file_is_checked_too() {
    let source = Source::UserProperties(repository("tests/fixtures/user.properties"));
    let report = check(&source, &Overrides::default(), &BTreeMap::new());
    assert_eq!((report.exit_code(), report.problems().len()), (1, 5));
}
