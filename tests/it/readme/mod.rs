//! The commands of the README, and of the pages that go on from it, are performed against the real program and its answers
//! compared; their configurations are checked.
//!
//! [`documents`] lists them, [`blocks`] defines what their fenced blocks mean. One reader serves two shells:
//! [`simulated_shell`], which needs nothing but Rust, and [`bash`], which runs every command as it stands.

mod bash;
mod blocks;
mod curl;
mod documents;
mod expected;
mod run;
mod simulated_shell;

use bash::Bash;
use blocks::{Block, blocks};
use documents::{DOCUMENTS, Document};
use run::{Report, perform_all};
use simulated_shell::SimulatedShell;

use crate::support::Launch;
use crate::support::ons::Credentials;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn every_command_answers_as_printed() {
    for document in DOCUMENTS {
        let mut shell = SimulatedShell::default();
        assert_good(document, &perform_all(document.path, &document.text(), &mut shell));
        assert!(shell.programs >= document.programs, "{}: {} mq-gateway lines", document.path, shell.programs);
    }
}

#[test]
#[ignore = "needs bash, curl, the default ports and a release build: run by .ci/stages/readme.sh"]
fn every_command_answers_as_printed_in_bash() {
    for document in DOCUMENTS {
        let mut shell = Bash::start();
        let report = perform_all(document.path, &document.text(), &mut shell);
        assert_good(document, &report);
        shell.stop_server();
    }
}

#[track_caller]
fn assert_good(document: &Document, report: &Report) {
    assert!(report.failures.is_empty(), "{}", report.failures.join("\n\n"));
    let (path, answers, compared) = (document.path, report.answers, report.compared);
    assert!(answers >= document.answers, "{path}: only {answers} answers came to curl lines");
    assert!(compared >= document.compared, "{path}: only {compared} answers were compared");
}

#[test]
fn every_configuration_is_accepted() {
    let credentials = Credentials { access_key: "key".into(), secret_key: "secret".into() };
    let issued = Credentials { access_key: "issued".into(), secret_key: "secret".into() };
    for document in DOCUMENTS {
        let blocks = blocks(&document.text());
        let configurations: Vec<&Block> = blocks.iter().filter(|block| block.kind() == "toml").collect();
        assert!(configurations.len() >= document.configurations, "{}: {} blocks", document.path, configurations.len());
        let mut base = String::new();
        for block in configurations {
            let mut whole = block.text.clone();
            if block.info.iter().any(|word| word == "addition") {
                whole = format!("{base}\n{whole}");
            } else {
                base.clone_from(&whole);
            }
            let launch = Launch::bare().secrets(&credentials).secrets_in("issued", &issued);
            let launch = launch.file("shown.toml", &with_secrets(&whole));
            let finished = launch.arguments(&["check", "{directory}/shown.toml"]).run();
            assert_eq!(finished.code, Some(0), "{}:{}: {finished:?}", document.path, block.line);
        }
    }
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
    let report = perform_all("page.md", text, &mut shell);
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
        assert!(failure.starts_with(&format!("page.md:{line}:")) && failure.contains(problem), "{problem}: {failure}");
    }
}
