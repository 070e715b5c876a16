//! The vendor's file, made a configuration of ours.

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;

use super::super::*;
use super::{CANARY, all_words, repository, write};

const GOOD: &str =
    "[property]\nTopic=orders\nURL=http://mq.example.com\nAk=ak\nSk=sk\nProducerID=PID\nConsumerID=CID\n";

fn load_from(source: &Source) -> Config {
    load(source, &Overrides::default(), &BTreeMap::new()).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Both ways to the configuration.
fn both(properties: &str) -> (Config, Config) {
    let written = write(properties);
    let imported = import(&written.path).unwrap_or_else(|errors| panic!("{properties}\n{errors}"));
    let file = written.directory.path().join("gateway.toml");
    fs::write(&file, &imported.text).unwrap();
    let secrets = written.directory.path().join("secrets");
    fs::create_dir(&secrets).unwrap();
    fs::write(secrets.join("access_key"), &imported.credentials.access_key).unwrap();
    fs::write(secrets.join("secret_key"), imported.credentials.secret_key.expose()).unwrap();
    let report = check(&Source::File(file.clone()), &Overrides::default(), &BTreeMap::new());
    assert!(report.is_ok(), "{}\n{report}", imported.text);
    let mut ours = load_from(&Source::File(file));
    let theirs = load_from(&Source::UserProperties(written.path));

    let profile = ours.profiles.get_mut("main").unwrap();
    assert_eq!(profile.credentials, CredentialsSource::Named("main".to_owned()));
    profile.credentials = theirs.profiles["main"].credentials.clone();
    let keys = load_credentials(&ours.credentials.remove("main").unwrap()).unwrap();
    assert_eq!(profile.credentials, CredentialsSource::Inline(keys));
    // What an operator is shown differs in nothing but where the keys are.
    ours.table["profiles"]["main"]["credentials"] = "[redacted]".into();
    let shown = ours.table["credentials"].as_object_mut().unwrap().remove("main").unwrap();
    assert!(shown["directory"].as_str().unwrap().ends_with("secrets"), "{shown}");
    (ours, theirs)
}

#[test]
fn it_means_the_same() {
    let example = fs::read_to_string(repository("config/examples/user.properties.example")).unwrap();
    let example = example.replace("replace-with-your-", "my-");
    let more = "Tag=a\"'\\b\nKey=订单\nContentType=text/plain; charset=\"utf-8\"\n";
    for text in [GOOD.to_owned(), example, format!("{GOOD}{more}"), GOOD.replace("Topic=orders", "Topic=订 \"单'")] {
        let (ours, theirs) = both(&text);
        assert_eq!(ours, theirs, "{text}");
    }
}

#[test]
fn the_text_has_no_key_and_every_setting_once() {
    let text = GOOD.replace("Ak=ak", "Ak=CANARY-AK").replace("Sk=sk", &format!("Sk={CANARY}"));
    let imported = import(&write(text).path).unwrap();
    assert!(!format!("{imported:?}").contains("CANARY"), "{}", imported.text);
    assert_eq!(imported.text.matches("producer_group = \"PID\"").count(), 1, "{}", imported.text);
    assert_eq!(imported.credentials.access_key, "CANARY-AK");
}

#[test]
fn mistakes_are_those_of_the_vendors_file() {
    for text in [GOOD.replace("Sk=sk", "Sk=xxx"), GOOD.replace("Topic=orders", "Topic=CANARY/x"), CANARY.to_owned()] {
        let written = write(&text);
        let expected = load(&Source::UserProperties(written.path.clone()), &Overrides::default(), &BTreeMap::new());
        let errors = import(&written.path).unwrap_err();
        assert_eq!(Err(errors.clone()), expected);
        assert!(!errors.is_unreadable() && !all_words(&errors).contains(CANARY), "{errors}");
    }
    let errors = import(&repository("missing.properties")).unwrap_err();
    assert!(errors.is_unreadable(), "{errors}");
    // A file of its own would not take this secret.
    let errors = import(&write(GOOD.replace("Sk=sk", &format!("Sk=\u{feff}{CANARY}"))).path).unwrap_err();
    assert!(errors.to_string().contains(":5:4: `Sk`: begins with a byte order mark"), "{errors}");
    assert!(!all_words(&errors).contains(CANARY), "{errors}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_legal_value_comes_through(secret in "[!-~]{1,40}", topic in "[^/\\p{C}\\p{Z}]{1,64}", tag in "[^|\\p{C}\\p{Z}]{1,64}") {
        let text = GOOD.replace("Topic=orders", &format!("Topic={topic}")).replace("Sk=sk", &format!("Sk={secret}"));
        let text = format!("{text}Tag={tag}\n");
        let written = write(&text);
        prop_assume!(import(&written.path).is_ok());
        let (ours, theirs) = both(&text);
        prop_assert_eq!(ours, theirs);
    }
}
