//! Keys as people paste them: with quotes, with characters that no key has, or as the examples have them.

use crate::support::ons::Credentials;
use crate::support::time::until;
use crate::support::{Endpoint, Launch, Settings, TestApp};

const URL: &str = "http://127.0.0.1:1";
const UNUSABLE: [(&str, &str); 4] = [
    ("replace-with-your-secret-key", "is still the template's placeholder"),
    ("PLACEHOLDER\n", "is still the template's placeholder"),
    ("zq-canary\u{200b}", "holds U+200B as its character 10, and keys are visible ASCII characters only"),
    ("zq canary", "holds U+0020 as its character 3, and keys are visible ASCII characters only"),
];

fn launch(secret_key: &str) -> Launch {
    let credentials = Credentials { access_key: "LTAI".to_owned(), secret_key: secret_key.to_owned() };
    Launch::configured(&Settings::new().text(URL)).secrets(&credentials)
}

/// Nothing that a command or the program wrote shows the key.
#[track_caller]
fn assert_silent(output: &str) {
    assert!(!output.contains("zq") && !output.contains("canary"), "{output}");
}

#[test]
fn what_is_no_key_is_refused_by_every_command_and_the_start() {
    for (key, words) in UNUSABLE {
        let start = launch(key);
        for (command, code) in [(&["check", "gateway.toml"][..], 1), (&["doctor", "gateway.toml"], 1)] {
            let finished = Launch::bare().in_directory_of(start.directory()).arguments(command).run();
            assert_eq!(finished.code, Some(code), "{key:?}: {finished:?}");
            let output = finished.output();
            assert!(output.contains("secret_key") && output.contains(words), "{key:?}: {output}");
            assert_silent(&output);
        }
        let finished = start.run();
        assert_eq!(finished.code, Some(1), "{key:?}: {finished:?}");
        assert!(finished.stderr.contains("secrets/secret_key") && finished.stderr.contains(words), "{finished:?}");
        assert_silent(&finished.output());

        let text =
            format!("[property]\nTopic=t\nURL={URL}\nAk=LTAI\nSk={}\nProducerID=p\nConsumerID=c\n", key.trim_end());
        let properties = Launch::bare().file("user.properties", &text);
        let finished = properties.arguments(&["--user-properties", "user.properties"]).run();
        assert_eq!(finished.code, Some(1), "{key:?}: {finished:?}");
        assert!(
            finished.stderr.contains("user.properties:5:4: `Sk`: ") && finished.stderr.contains(words),
            "{finished:?}"
        );
        assert_silent(&finished.output());
    }
}

#[test]
fn quotes_around_a_key_are_warned_of() {
    let words = "has its key in quotes, and they are taken as part of it";
    let start = launch("\"zq-canary\"\n");
    for command in ["check", "doctor"] {
        let finished = Launch::bare().in_directory_of(start.directory()).arguments(&[command, "gateway.toml"]).run();
        assert_eq!(finished.stdout.matches(words).count(), 1, "{command}: {finished:?}");
        assert_silent(&finished.output());
    }
    let app = start.start();
    assert_eq!(app.output().matches(words).count(), 1, "{}", app.output());
    assert_silent(&app.output());
    let plain = launch("a\"b\"c");
    let finished = Launch::bare().in_directory_of(plain.directory()).arguments(&["check", "gateway.toml"]).run();
    assert_eq!((finished.code, finished.stdout.contains(words)), (Some(0), false), "{finished:?}");
}

/// Writes both keys anew, as a rotation does.
fn rotate(app: &TestApp, access_key: &str, secret_key: &str) {
    for (name, key) in [("access_key", access_key), ("secret_key", secret_key)] {
        std::fs::write(app.directory().path().join("secrets").join(name), key).unwrap();
    }
}

#[test]
fn a_rotation_to_what_is_no_key_keeps_the_old_pair_and_says_why() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    app.publish("orders", "before");
    for (number, (key, words)) in UNUSABLE.into_iter().enumerate() {
        rotate(&app, &format!("LTAI{number}"), key);
        until("the reason", || app.output().contains(words).then_some(()));
        app.publish("orders", "with the old pair");
        let access_key = endpoint.last_request().header("accesskey").map(str::to_owned);
        assert_eq!(access_key.as_deref(), Some(endpoint.credentials().access_key.as_str()), "{key:?}");
    }
    assert!(app.output().contains("the old pair stays"), "{}", app.output());
    assert!(!app.output().contains("credentials changed"), "{}", app.output());
    // A positive control: a pair in quotes is one, and is warned of.
    rotate(&app, "\"LTAI\"", "\"zq-canary\"");
    until("the new pair", || app.output().contains("credentials changed").then_some(()));
    until("the warning", || app.output().contains("a changed key is in quotes").then_some(()));
    assert_silent(&app.output());
}
