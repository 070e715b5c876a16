//! The files that a configuration is in, or names: who may read them, and what is no file.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::support::{Endpoint, Launch, Settings, time::until};

const URL: &str = "http://mq.example.com";

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_secret_that_others_may_read_is_warned_of() {
    let endpoint = Endpoint::start();
    let token = Settings::new().text(&endpoint.url()) + "\n[management]\ntoken_file = \"{directory}/token\"\n";
    let launch = || Launch::configured(&token).secrets(endpoint.credentials()).file("token", "t0ken");
    for (mode, words) in [
        (0o600, None),
        (0o400, None),
        (0o440, None),
        (0o640, None),
        (0o644, Some("may be read by every user of this machine: its mode is 0644")),
        (0o604, Some("may be read by every user of this machine: its mode is 0604")),
        (0o660, Some("may be changed by other users of this machine: its mode is 0660")),
    ] {
        let expected = usize::from(words.is_some()) * 2;
        let count = |output: &str| output.matches("its mode is").count();

        let good = launch();
        set_mode(&good.path("secrets/secret_key"), mode);
        set_mode(&good.path("token"), mode);
        let check = Launch::bare().in_directory_of(good.directory()).arguments(&["check", "gateway.toml"]).run();
        assert_eq!((check.code, count(&check.stdout)), (Some(0), expected), "{mode:o}: {check:?}");
        let doctor =
            Launch::bare().in_directory_of(good.directory()).arguments(&["doctor", "--config", "gateway.toml"]).run();
        assert_eq!(count(&doctor.stdout), expected, "{mode:o}: {doctor:?}");
        if let Some(words) = words {
            assert!(check.stdout.contains(words) && doctor.stdout.contains(words), "{check:?} {doctor:?}");
            assert!(check.stdout.contains("secret_key_file") && check.stdout.contains("chmod 600"), "{check:?}");
        }
        let app = good.start();
        // The warnings come before the listeners.
        until("the start", || app.output().contains("listening").then_some(()));
        assert_eq!(count(&app.output()), expected, "{mode:o}: {}", app.output());
    }
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    let endpoint = Endpoint::start();
    let good = Settings::new().text(URL);
    let directory = Launch::bare().secrets(endpoint.credentials()).file("gateway.toml", &good);
    let pipe = directory.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let run = |arguments: &[&str]| Launch::bare().in_directory_of(directory.directory()).arguments(arguments).run();
    for (file, words) in [("pipe", "a pipe or a device"), ("/dev/zero", "a pipe or a device"), (".", "a directory")] {
        for arguments in [
            &["check", file][..],
            &["check", "--user-properties", file],
            &["import", file, "--out", "out"],
            &["doctor", "--config", file],
            &["--config", file],
            &["--user-properties", file],
        ] {
            let finished = run(arguments);
            assert_eq!(finished.code, Some(2), "{arguments:?}: {finished:?}");
            assert!(finished.output().contains(words), "{arguments:?}: {finished:?}");
        }
        let file = if file == "pipe" { pipe.to_str().unwrap() } else { file };
        for (key, text) in [
            (
                "secret_key_file",
                good.replace(
                    "directory = \"{secrets}\"",
                    "access_key_file = \"{secrets}/access_key\"\nsecret_key_file = \"FILE\"",
                ),
            ),
            ("ca_file", good.replace("protocol = ", "ca_file = \"FILE\"\nprotocol = ").replace("http://", "https://")),
            ("token_file", format!("{good}\n[management]\ntoken_file = \"FILE\"\n")),
        ] {
            let launch = Launch::bare().in_directory_of(directory.directory());
            let launch = launch.file("named.toml", &text.replace("FILE", file));
            let finished = launch.arguments(&["check", "named.toml"]).run();
            assert_eq!(finished.code, Some(1), "{key} {file}: {finished:?}");
            assert!(finished.stdout.contains(key) && finished.stdout.contains("regular file"), "{finished:?}");
        }
    }
    let large = directory.path("large.toml");
    std::fs::write(&large, "#".repeat(5 << 20)).unwrap();
    let finished = run(&["check", "large.toml"]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(finished.output().contains("larger than 4194304 bytes"), "{finished:?}");
}
