//! Any text at all: an answer, never a panic, and a place inside the text.

use std::path::Path;

use proptest::prelude::*;

use super::super::Location;
use super::super::findings::Findings;
use super::super::sources::{Place, read_document, read_user_properties};

/// Texts that resemble a configuration enough to get past the first character.
fn toml_like() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "[server]",
        "[[topics]]",
        "[profiles.main]",
        "[credentials.\"ü\"]",
        "[server.limits]",
        "listen",
        "workers",
        "name",
        "endpoints",
        " = ",
        "=",
        "\"",
        "'",
        "\"\"\"",
        "[",
        "]",
        "{",
        "}",
        ",",
        "#",
        "\n",
        "\r\n",
        "\\",
        "1",
        "-9e9",
        "1.5",
        "true",
        "订",
        "\u{0}",
        "\"http://[::1]:80\"",
        "\"5s\"",
        "1979-05-27",
        "0x_",
        ".",
        "..",
        "*",
        " ",
    ]);
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

fn places_are_inside(text: &str, findings: &Findings) {
    let lines: Vec<&str> = text.split('\n').collect();
    for problem in &findings.problems {
        if let Some(position) = problem.location.position() {
            let line = lines.get(position.line - 1).unwrap_or_else(|| panic!("{problem} in {text:?}"));
            assert!(position.column <= line.chars().count() + 1, "{problem} in {text:?}");
        }
    }
}

proptest! {
    #[test]
    fn toml_is_read_or_refused(text in prop_oneof![toml_like(), any::<String>()]) {
        let path = Path::new("/etc/mq.toml");
        let mut findings = Findings::new(Location::WholeFile(path.to_owned()));
        read_document(&text, Place::File(path), &mut findings);
        places_are_inside(&text, &findings);
    }

    #[test]
    fn user_properties_are_read_or_refused(
        before in any::<Vec<u8>>(),
        lines in prop::collection::vec("(Topic|URL|Ak|Sk|ProducerID|ConsumerID|Tag)?[ =:;\\\\]{0,3}\\PC{0,12}", 0..12),
    ) {
        let path = Path::new("/etc/user.properties");
        let mut findings = Findings::new(Location::WholeFile(path.to_owned()));
        let text = format!("\n[property]\n{}", lines.join("\n"));
        drop(read_user_properties(&[before.as_slice(), text.as_bytes()].concat(), path, &mut findings));
        prop_assert!(findings.problems.iter().all(|problem| !problem.detail.is_empty()));
    }

    #[test]
    fn a_legal_secret_comes_back_as_it_was(secret in "[!-~]{1,40}") {
        prop_assume!(!secret.eq_ignore_ascii_case("xxx"));
        let path = Path::new("/etc/user.properties");
        let mut findings = Findings::new(Location::WholeFile(path.to_owned()));
        let text = format!("[property]\nTopic=t\nURL=mq\nAk=ak\nSk={secret}\nProducerID=p\nConsumerID=c\n");
        let (_, credentials) = read_user_properties(text.as_bytes(), path, &mut findings);
        prop_assert_eq!(credentials.map(|credentials| credentials.secret_key.expose().to_owned()), Some(secret));
    }
}
