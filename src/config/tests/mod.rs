//! Whole configurations, as operators write them.

mod broken;
mod check;
mod environment;
mod examples;
mod properties;
mod user_properties;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Config, ConfigErrors, Overrides, Source, load};

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
