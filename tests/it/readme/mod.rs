//! The README's commands are performed against the real program and its answers compared; its configurations are checked.
//!
//! [`blocks`] defines what the fenced blocks mean. One reader serves two shells: [`simulated_shell`], which needs nothing
//! but Rust, and [`bash`], which runs every command as it stands.

mod bash;
mod blocks;
mod curl;
mod expected;
mod run;
mod simulated_shell;

use std::path::Path;

use bash::Bash;
use blocks::{Block, blocks};
use run::{Report, perform_all};
use simulated_shell::SimulatedShell;

use crate::support::Launch;
use crate::support::ons::Credentials;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn every_command_answers_as_printed() {
    let mut shell = SimulatedShell::default();
    assert_good(&perform_all(&readme(), &mut shell));
    assert!(shell.programs >= 2, "only {} mq-gateway lines were performed", shell.programs);
}

#[test]
#[ignore = "needs bash, curl, the default ports and a release build: run by .ci/stages/readme.sh"]
fn every_command_answers_as_printed_in_bash() {
    let mut shell = Bash::start();
    let report = perform_all(&readme(), &mut shell);
    shell.stop_server();
    assert_good(&report);
}

#[track_caller]
fn assert_good(report: &Report) {
    assert!(report.failures.is_empty(), "{}", report.failures.join("\n\n"));
    assert!(report.answers >= 8, "only {} curl lines were performed", report.answers);
    assert!(report.compared > 0, "no answer was compared");
}

#[test]
fn every_configuration_is_accepted() {
    let blocks = blocks(&readme());
    let configurations: Vec<&Block> = blocks.iter().filter(|block| block.kind() == "toml").collect();
    assert!(!configurations.is_empty(), "the README shows no configuration");
    let credentials = Credentials { access_key: "key".into(), secret_key: "secret".into() };
    let issued = Credentials { access_key: "issued".into(), secret_key: "secret".into() };
    let mut whole = String::new();
    for block in configurations {
        // A ```toml addition goes with the configuration before it.
        if block.info.get(1).is_none_or(|word| word != "addition") {
            whole.clear();
        }
        whole.push_str(&block.text);
        whole.push('\n');
        let launch = Launch::bare().secrets(&credentials).secrets_in("issued", &issued);
        let launch = launch.file("readme.toml", &with_secrets(&whole));
        let finished = launch.arguments(&["check", "{directory}/readme.toml"]).run();
        assert_eq!(finished.code, Some(0), "README.md:{}: {finished:?}", block.line);
    }
}

fn readme() -> String {
    std::fs::read_to_string(Path::new(ROOT).join("README.md")).expect("README.md")
}

/// The configuration with every credentials directory replaced by one that exists.
fn with_secrets(text: &str) -> String {
    let mut in_credentials = false;
    let lines = text.lines().map(|line| {
        if line.starts_with('[') {
            in_credentials = line.starts_with("[credentials.");
        }
        match line.strip_prefix("directory = ") {
            Some(directory) if in_credentials && directory.starts_with("\"/run/secrets/mq\"") => {
                "directory = \"{secrets}\""
            }
            Some(_) if in_credentials => "directory = \"{directory}/issued\"",
            Some(_) | None => line,
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn wrong_answers_are_noticed() {
    let mut shell = SimulatedShell::default();
    let text = concat!(
        "```sh\ncurl -s http://127.0.0.1:8080/v1/topics\n```\n",
        "```sh server\ncargo run --release\n```\n",
        "```sh\n# right\ncurl -s http://127.0.0.1:8080/v1/topics\n```\n\n```json 200\n{\"topics\": [\"…\"]}\n```\n",
        "```sh\ncurl -s http://127.0.0.1:8080/v1/topics\n```\n\n```json\n{\"topics\": []}\n```\n",
        "```sh\ncurl -s http://127.0.0.1:8080/v1/topics\n```\n\n```json 201\n{\"topics\": \"…\"}\n```\n",
        "```sh\ncurl -s http://127.0.0.1:8080/nowhere\n```\n\nNothing is said of a problem.\n\n```json 404\n{}\n```\n",
        "```sh\ncurl -s http://127.0.0.1:8081/livez\n```\n```text\nno\n```\n",
        "```sh\n./target/release/mq-gateway check missing.toml\n```\n",
        "```sh\ncurl -v http://127.0.0.1:8080/v1/topics\n```\n",
        "```sh server\ncargo run\n```\n```shell\nnot run\n```\n",
    );
    let report = perform_all(text, &mut shell);
    assert_eq!((report.answers, shell.programs, report.compared), (5, 1, 4), "{report:?}");
    let expected = [
        (1, "no server was started"),
        (15, "$.topics: 1 elements, expected 0"),
        (22, "HTTP status 200"),
        (29, "HTTP status 404"),
        (38, "the text differs"),
        (44, "ended with Some(2)"),
        (47, "the flag -v is not supported"),
        (50, "the only supported server"),
    ];
    assert_eq!(report.failures.len(), expected.len(), "{:#?}", report.failures);
    for (failure, (line, problem)) in report.failures.iter().zip(expected) {
        assert!(
            failure.starts_with(&format!("README.md:{line}:")) && failure.contains(problem),
            "{problem}: {failure}"
        );
    }
}
