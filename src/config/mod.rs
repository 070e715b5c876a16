//! The configuration: a file per section, each with its keys, defaults and rules.
//!
//! A source is read with the place of every key (`document`), checked against the table of keys (`schema`), layered
//! (defaults, file, environment, flags: `layers`), resolved to types, and checked as a whole. Errors name file, line,
//! column, key and what was expected, and never repeat what was written, which may be a secret.

mod callers;
mod capabilities;
mod check;
mod credentials;
mod document;
mod dropin;
mod embedded;
mod endpoint;
mod environment;
mod findings;
mod import;
mod kind;
mod layers;
mod limits;
mod listeners;
mod loader;
mod log;
mod management;
mod names;
mod overrides;
mod problem;
mod profiles;
mod redacted;
mod reference;
mod references;
mod root;
mod schema;
mod secret_file;
mod server;
mod suggest;
mod syntax;
#[cfg(test)]
mod tests;
mod topics;
mod units;
mod user_properties;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use callers::{CallerConfig, CallerTopics};
pub use capabilities::Feature;
pub use check::{CheckReport, check};
pub use credentials::CredentialsConfig;
pub use dropin::{ClientAuth, DropInConfig};
pub use embedded::{EmbeddedConfig, EmbeddedStorage, NewGroupStarts, WhenFull};
pub use endpoint::Endpoint;
pub use import::{Imported, import};
pub use limits::LimitsConfig;
pub use loader::Source;
pub use log::{LogConfig, LogFormat, LogLevel};
pub use management::ManagementConfig;
pub use overrides::Overrides;
pub use problem::{ConfigErrors, Location, Position, Problem};
pub use profiles::{BinaryBodies, ClockSkew, CredentialsSource, ProfileConfig, Protocol};
pub use reference::reference;
pub use secret_file::{CredentialsError, load_credentials, load_secret};
pub use server::ServerConfig;
pub use topics::{Delivery, GroupConfig, Groups, OnUnknown, TopicConfig, TopicPattern};

/// A whole configuration, checked: every name in it exists, every value is in its range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The data listener.
    pub server: ServerConfig,
    /// The management listener.
    pub management: ManagementConfig,
    /// The embedded MQ endpoint.
    pub embedded: EmbeddedConfig,
    /// Log lines.
    pub log: LogConfig,
    /// Where state is kept; relative to the working directory.
    pub data_dir: PathBuf,
    /// Pairs of keys by name: their files.
    pub credentials: BTreeMap<String, CredentialsConfig>,
    /// The MQs by name.
    pub profiles: BTreeMap<String, ProfileConfig>,
    /// Topics in the order of the file; no name twice.
    pub topics: Vec<TopicConfig>,
    /// The vendors' own protocols on the data listener.
    pub dropin: DropInConfig,
    /// Who signs there with a pair of its own, by name.
    pub callers: BTreeMap<String, CallerConfig>,
}

/// Loads a configuration. No secret file is read, nothing is written.
///
/// `environment` holds the process's variables; those that do not begin with `MQ_GATEWAY__` are not looked at.
///
/// # Errors
/// Every problem of the text and its values at once, or, when there is none, every problem between the settings.
pub fn load(
    source: &Source,
    overrides: &Overrides,
    environment: &BTreeMap<String, String>,
) -> Result<Config, ConfigErrors> {
    loader::load(source, overrides, environment).map(|loaded| loaded.config)
}
