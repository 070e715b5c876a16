//! The configuration: a file per section, each with its keys, defaults and rules.
//!
//! `values` holds kinds of values and their types; `sections` the tables of keys, each a list of rows that is a type at the same
//! time (`section`); `schema` lists the sections. Each of the `sources` (defaults, file, environment, flags) is checked against
//! the schema, with the place of every key, and becomes a layer of checked values; the `config` crate lays them over each other;
//! the result is read into types (`settings`), and `checks` looks at what tables say of each other. Errors name file, line,
//! column, key and what was expected, and never repeat what was written, which may be a secret.

mod check;
mod checks;
mod exposure;
mod findings;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod headers_file;
mod import;
mod loader;
mod problem;
mod push_schedule;
mod quoted_keys;
mod reference;
mod regular_file;
mod schema;
mod secret_file;
mod section;
mod sections;
mod settings;
mod sources;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;

pub use check::{CheckReport, check, warnings};
pub use headers_file::{Headers, load_headers, load_push_headers};
pub use import::{Imported, import};
pub use loader::Source;
pub use problem::{ConfigErrors, Location, Position, Problem};
pub use push_schedule::{SubscriptionPlan, mq_http_visibility_timeout};
pub use quoted_keys::has_quoted_key;
pub use reference::reference;
pub use regular_file::{MAX_FILE_BYTES, read_regular_file};
pub use secret_file::{CredentialsError, load_credentials, load_secret, load_signing_secret};
pub use sections::{
    CallerConfig, CallerTopics, ChaosConfig, ClientAuth, ClockSkew, CloudEventsForm, CredentialsConfig,
    CredentialsSource, DeadLetterConfig, DeliveryMode, DropInConfig, EmbeddedConfig, EmbeddedStorage, GroupConfig,
    Groups, LimitsConfig, LogConfig, LogFormat, LogLevel, ManagementConfig, MqHttpConfig, NewGroupStarts, OnUnknown,
    OnsHttpConfig, ProfileConfig, ProtocolConfig, PushData, PushFormat, RocketMqConfig, SecretFormat, ServerConfig,
    SigningSecretConfig, SubscriptionConfig, TopicConfig, TopicPattern, TraceCompression, TraceExporter, TraceProtocol,
    TraceSampler, TracingConfig, WhenFull,
};
pub use settings::Config;
pub use sources::Overrides;
pub use values::{AddressRange, BinaryBodies, Endpoint, ExtraHeader, TargetUrl, parse_duration};

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
