//! Whole configurations, as operators write them.

mod broken;
mod check;
mod dropin;
mod environment;
mod examples;
mod import;
mod mq_http;
mod names;
mod properties;
mod subscriptions;
mod tracing;
mod user_properties;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Config, ConfigErrors, Overrides, Position, Source, load};

/// Stands for a secret that somebody wrote into the wrong place.
const CANARY: &str = "CANARY-7f3a9c";

/// A text in a file of its own, which is gone with the value.
struct Written {
    directory: tempfile::TempDir,
    path: PathBuf,
}

fn write(text: impl AsRef<[u8]>) -> Written {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mq.toml");
    fs::write(&path, text).unwrap();
    Written { directory, path }
}

fn load_text(text: impl AsRef<[u8]>) -> Result<Config, ConfigErrors> {
    let written = write(text);
    load(&Source::File(written.path), &Overrides::default(), &BTreeMap::new())
}

fn load_built_in() -> Config {
    load(&Source::BuiltIn, &Overrides::default(), &BTreeMap::new()).unwrap()
}

/// A file of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Everything that an operator could get to see of errors.
fn all_words(errors: &ConfigErrors) -> String {
    let json: Vec<_> = errors.problems().iter().map(|problem| problem.to_json().to_string()).collect();
    format!("{errors}\n{errors:?}\n{errors:#?}\n{}", json.join("\n"))
}

/// What is expected of the first problem: `line:column`, key, a part of detail and hint.
struct Expected {
    place: &'static str,
    key: Option<&'static str>,
    words: &'static str,
}

const fn at(place: &'static str, key: &'static str, words: &'static str) -> Expected {
    Expected { place, key: Some(key), words }
}

const fn syntax(place: &'static str, words: &'static str) -> Expected {
    Expected { place, key: None, words }
}

fn check(text: &str, expected: &Expected) {
    let text = text.replace("CANARY", CANARY);
    let errors = load_text(&text).map(|config| format!("{config:?}")).expect_err(&text);
    let problem = &errors.problems()[0];
    let Some(Position { line, column }) = problem.location.position() else {
        panic!("{text}\n{errors} has no position");
    };
    assert_eq!(format!("{line}:{column}"), expected.place, "{text}\n{errors}");
    assert_eq!(problem.key.as_deref(), expected.key, "{text}\n{errors}");
    assert!(problem.to_string().contains(expected.words), "{text}\n{errors} lacks {:?}", expected.words);
    assert!(!all_words(&errors).contains(CANARY), "{text}\n{errors}");
}
