//! Which file a command looks at: `FILE`, `--config FILE` and `--user-properties FILE`, alike in all of them, and the vendor's file in
//! the place of ours.

use crate::support::app::Finished;
use crate::support::{Endpoint, Launch, Settings};

const PROPERTIES: &str =
    "[property]\nTopic=orders\nURL=http://127.0.0.1:1\nAk=LTAI\nSk=zq-canary\nProducerID=PID_a\nConsumerID=CID_a\n";
const SIGN: [&str; 6] = ["sign", "--explain", "--operation", "publish", "--topic", "orders"];
/// How each command begins, and the exit code for the configuration here, whose MQ is not there.
const COMMANDS: [(&[&str], i32); 3] = [(&["check"], 0), (&["doctor"], 1), (&SIGN, 0)];

/// Runs a command in a directory with both kinds of file.
fn run(command: &[&str], more: &[&str]) -> Finished {
    let endpoint = Endpoint::start();
    let text = Settings::new().text("http://127.0.0.1:1");
    let launch = Launch::bare().secrets(endpoint.credentials()).file("gateway.toml", &text);
    let finished = launch.file("user.properties", PROPERTIES).arguments(command).arguments(more).run();
    assert!(!finished.output().contains("zq-canary"), "{finished:?}");
    finished
}

#[test]
fn commands_take_a_file_with_and_without_its_flag() {
    for (command, code) in COMMANDS {
        for more in [&["gateway.toml"][..], &["--config", "gateway.toml"], &["--user-properties", "user.properties"]] {
            let finished = run(command, more);
            assert_eq!(finished.code, Some(code), "{command:?} {more:?}: {finished:?}");
            assert_eq!(finished.stderr, "", "{command:?} {more:?}");
        }
    }
}

#[test]
fn two_files_are_one_too_many() {
    for (command, _) in COMMANDS {
        for more in [
            &["gateway.toml", "--config", "gateway.toml"][..],
            &["gateway.toml", "--user-properties", "user.properties"],
            &["--config", "gateway.toml", "--user-properties", "user.properties"],
        ] {
            let finished = run(command, more);
            assert_eq!(finished.code, Some(2), "{command:?} {more:?}: {finished:?}");
            assert!(finished.stderr.contains("cannot be used with"), "{finished:?}");
        }
    }
}

#[test]
fn the_vendors_file_is_known_wherever_it_stands() {
    for (command, code) in COMMANDS {
        let finished = run(command, &["user.properties"]);
        assert_eq!(finished.code, Some(code), "{finished:?}");
        let told =
            "user.properties is the vendor's user.properties, and is read as with `--user-properties user.properties`";
        assert!(finished.stderr.contains(told), "{finished:?}");
        // Where a configuration is asked for by its flag, it is a mistake.
        let finished = run(command, &["--config", "user.properties"]);
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert!(finished.output().contains("write `--user-properties user.properties`"), "{finished:?}");
    }
    let start = run(&["--config", "user.properties"], &["--listen", "127.0.0.1:0"]);
    assert_eq!(start.code, Some(1), "{start:?}");
    let expected = "mq-gateway: user.properties: is the vendor's user.properties, and no configuration of the gateway (TOML)\n    \
                    hint: write `--user-properties user.properties`\n";
    assert_eq!(start.stderr, expected);
}
