//! From a source, the environment and the flags to a checked [`Config`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::signature::Credentials;

use super::checks;
use super::findings::Findings;
use super::problem::{ConfigErrors, Location};
use super::regular_file::{MAX_FILE_BYTES, read_regular_file};
use super::section::Table;
use super::sections::CredentialsSource;
use super::settings::Config;
use super::sources::{
    Layer, Overrides, Place, decode, defaults, looks_like_user_properties, read_document, read_environment,
    read_opentelemetry, read_user_properties,
};
use super::values::Flaw;

/// Where the configuration comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// No file: a profile on the embedded endpoint, any topic, any group.
    BuiltIn,
    /// `--config`: a TOML file.
    File(PathBuf),
    /// `--user-properties`: the vendor's own file.
    UserProperties(PathBuf),
}

impl Source {
    /// What a file is that somebody names without a flag: told by its content. One that cannot be read is found out where it is
    /// loaded.
    #[must_use]
    pub fn of_file(path: &Path) -> Self {
        match read_file(path) {
            Ok(bytes) if looks_like_user_properties(&bytes) => Self::UserProperties(path.to_owned()),
            Ok(_) | Err(_) => Self::File(path.to_owned()),
        }
    }
}

/// What runs when nobody configures anything.
const BUILT_IN: &str = r#"
[embedded]
enabled = true
[profiles.embedded]
protocol = "ons-http"
endpoints = ["embedded"]
credentials = "embedded"
producer_group = "PID_gateway"
binary_bodies = true
zero_timeout = true
[[topics]]
name = "*"
profile = "embedded"
groups = ["*"]
"#;

/// A configuration, and where each of its keys came from.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) config: Config,
    pub(super) findings: Findings,
}

/// Reads, checks, layers and checks again.
pub(super) fn load(
    source: &Source,
    overrides: &Overrides,
    variables: &BTreeMap<String, String>,
) -> Result<Loaded, ConfigErrors> {
    let bytes = match source {
        Source::BuiltIn => Zeroizing::default(),
        Source::File(path) | Source::UserProperties(path) => read_file(path)?,
    };
    load_content(source, &bytes, overrides, variables)
}

/// The same of the content of the source's file.
pub(super) fn load_content(
    source: &Source,
    bytes: &[u8],
    overrides: &Overrides,
    variables: &BTreeMap<String, String>,
) -> Result<Loaded, ConfigErrors> {
    let (file, inline, mut findings) = read(source, bytes);
    let opentelemetry = read_opentelemetry(variables, &file.0, &mut findings);
    let environment = read_environment(variables, &mut findings);
    let flags = overrides.layer(&mut findings);
    let mut findings = stop_at_problems(findings)?;
    let Some(config) = merge([defaults(), file, opentelemetry, environment, flags], inline.as_ref()) else {
        findings.add("", Flaw::new("could not be put together, although every key is right: a bug of the gateway"));
        return Err(ConfigErrors::wrong(findings.problems));
    };
    checks::check(&config, &mut findings);
    let findings = stop_at_problems(findings)?;
    Ok(Loaded { config, findings })
}

fn stop_at_problems(findings: Findings) -> Result<Findings, ConfigErrors> {
    if findings.problems.is_empty() { Ok(findings) } else { Err(ConfigErrors::wrong(findings.problems)) }
}

/// Lays later layers over earlier ones. Every value was checked before, so only a bug of ours makes it fail; the library's
/// message quotes values and is not passed on.
fn merge(layers: [Layer; 5], inline: Option<&Credentials>) -> Option<Config> {
    let layered = layers.into_iter().fold(config::Config::builder(), |builder, layer| builder.add_source(layer));
    let mut config = Config::read(layered.build().ok()?.try_deserialize().ok()?)?;
    if let Some(inline) = inline {
        for (name, profile) in &mut config.profiles {
            profile.credentials = CredentialsSource::Inline(inline.clone());
            *config.table.pointer_mut(&format!("/profiles/{name}/credentials"))? = "[redacted]".into();
        }
    }
    Some(config)
}

fn read(source: &Source, bytes: &[u8]) -> (Layer, Option<Credentials>, Findings) {
    match source {
        Source::BuiltIn => {
            let mut findings = Findings::new(Location::BuiltIn);
            let table = read_document(BUILT_IN, Place::BuiltIn, &mut findings);
            (Layer(table), None, findings)
        }
        Source::File(path) => {
            let mut findings = Findings::new(Location::WholeFile(path.clone()));
            if looks_like_user_properties(bytes) {
                let flaw = Flaw::new("is the vendor's user.properties, and no configuration of the gateway (TOML)");
                findings.add("", flaw.hint(format!("write `--user-properties {}`", path.display())));
                return (Layer(Table::new()), None, findings);
            }
            let table = match decode(bytes) {
                Ok(text) => read_document(text, Place::File(path), &mut findings),
                Err((position, flaw)) => {
                    findings.add_at(Location::File(path.clone(), position), "", flaw);
                    Table::new()
                }
            };
            (Layer(table), None, findings)
        }
        Source::UserProperties(path) => {
            let mut findings = Findings::new(Location::WholeFile(path.clone()));
            let (table, credentials) = read_user_properties(bytes, path, &mut findings);
            (Layer(table), credentials, findings)
        }
    }
}

/// The bytes are zeroed afterwards: the vendor's file has keys in it, and by mistake ours may, too.
pub(super) fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, ConfigErrors> {
    read_regular_file(path, MAX_FILE_BYTES).map_err(|error| ConfigErrors::unreadable(path.to_owned(), &error))
}
