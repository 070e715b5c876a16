//! From a source, the environment and the flags to a checked [`Config`].

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::signature::Credentials;

use super::document::{self, Place};
use super::findings::Findings;
use super::kind::Flaw;
use super::layers::{Layer, Layered, merge};
use super::overrides::Overrides;
use super::problem::{ConfigErrors, Location};
use super::syntax::decode;
use super::{
    Config, callers, capabilities, credentials, embedded, environment, listeners, profiles, references, schema, topics,
    user_properties,
};

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

/// What runs when nobody configures anything.
pub(super) const BUILT_IN: &str = r#"
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
    let (file, inline, mut findings) = read(source)?;
    let environment = environment::read(variables, &mut findings);
    let flags = overrides.layer(&mut findings);
    let mut findings = stop_at_problems(findings)?;
    match merge([defaults(), file, environment, flags]) {
        Ok(layered) => {
            let config = resolve(layered, inline.as_ref(), &mut findings);
            let findings = stop_at_problems(findings)?;
            Ok(Loaded { config, findings })
        }
        Err(_) => {
            // The library's message quotes values, so it is not shown.
            findings.add("", Flaw::new("could not be put together, although every key is right: a bug of the gateway"));
            Err(ConfigErrors::wrong(findings.problems))
        }
    }
}

fn stop_at_problems(findings: Findings) -> Result<Findings, ConfigErrors> {
    if findings.problems.is_empty() { Ok(findings) } else { Err(ConfigErrors::wrong(findings.problems)) }
}

fn read(source: &Source) -> Result<(Layer, Option<Credentials>, Findings), ConfigErrors> {
    match source {
        Source::BuiltIn => {
            let mut findings = Findings::new(Location::BuiltIn);
            let table = document::read(BUILT_IN, Place::BuiltIn, &mut findings);
            Ok((Layer(table), None, findings))
        }
        Source::File(path) => {
            let bytes = read_file(path)?;
            let mut findings = Findings::new(Location::WholeFile(path.clone()));
            let table = match decode(&bytes) {
                Ok(text) => document::read(text, Place::File(path), &mut findings),
                Err((position, flaw)) => {
                    findings.add_at(Location::File(path.clone(), position), "", flaw);
                    toml::Table::new()
                }
            };
            Ok((Layer(table), None, findings))
        }
        Source::UserProperties(path) => {
            let bytes = read_file(path)?;
            let mut findings = Findings::new(Location::WholeFile(path.clone()));
            let (table, credentials) = user_properties::read(&bytes, path, &mut findings);
            Ok((Layer(table), credentials, findings))
        }
    }
}

/// The bytes are zeroed afterwards: the vendor's file has keys in it, and by mistake ours may, too.
pub(super) fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, ConfigErrors> {
    fs::read(path).map(Zeroizing::new).map_err(|error| ConfigErrors::unreadable(path.to_owned(), &error))
}

fn defaults() -> Layer {
    let mut findings = Findings::new(Location::BuiltIn);
    Layer(document::read(&schema::defaults(), Place::BuiltIn, &mut findings))
}

fn resolve(layered: Layered, inline: Option<&Credentials>, findings: &mut Findings) -> Config {
    let config = Config {
        server: layered.server,
        management: layered.management,
        embedded: layered.embedded,
        log: layered.log,
        data_dir: layered.data_dir,
        credentials: credentials::resolve(layered.credentials, findings),
        profiles: profiles::resolve(layered.profiles, inline, findings),
        topics: topics::resolve(layered.topics, findings),
        dropin: layered.dropin,
        callers: callers::resolve(layered.callers, findings),
    };
    listeners::check(&config, findings);
    references::check_profiles(&config, findings);
    topics::check(&config, findings);
    capabilities::check(&config, findings);
    callers::check(&config, findings);
    embedded::check(&config, findings);
    if config.profiles.is_empty() && config.topics.is_empty() && !config.embedded.enabled {
        let flaw =
            Flaw::new("configures nothing to do: no profile, no topic, and the embedded endpoint is not enabled");
        findings.add("", flaw.hint("add [profiles.NAME] and [[topics]], or `enabled = true` below [embedded]"));
    }
    config
}
