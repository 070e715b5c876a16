//! Puts the layers over each other (defaults, file, environment, flags) and makes the typed sections out of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use config::{ConfigError, Map, Source, Value, ValueKind};
use serde::Deserialize;

use super::callers::RawCaller;
use super::credentials::RawCredentials;
use super::dropin::DropInConfig;
use super::embedded::EmbeddedConfig;
use super::log::LogConfig;
use super::management::ManagementConfig;
use super::profiles::RawProfile;
use super::server::ServerConfig;
use super::topics::RawTopic;

/// All layers together, before names are resolved.
#[derive(Debug, Deserialize)]
pub(super) struct Layered {
    pub(super) data_dir: PathBuf,
    pub(super) server: ServerConfig,
    pub(super) management: ManagementConfig,
    pub(super) embedded: EmbeddedConfig,
    pub(super) log: LogConfig,
    pub(super) dropin: DropInConfig,
    #[serde(default)]
    pub(super) credentials: BTreeMap<String, RawCredentials>,
    #[serde(default)]
    pub(super) profiles: BTreeMap<String, RawProfile>,
    #[serde(default)]
    pub(super) topics: Vec<RawTopic>,
    #[serde(default)]
    pub(super) callers: BTreeMap<String, RawCaller>,
}

/// One layer: checked values, tables in tables.
#[derive(Debug, Clone)]
pub(super) struct Layer(pub(super) toml::Table);

impl Layer {
    /// Sets one fixed key.
    pub(super) fn set(&mut self, path: &str, value: toml::Value) {
        set(&mut self.0, path, value);
    }
}

fn set(table: &mut toml::Table, path: &str, value: toml::Value) {
    let Some((first, rest)) = path.split_once('.') else {
        table.insert(path.to_owned(), value);
        return;
    };
    let below = table.entry(first).or_insert_with(|| toml::Value::Table(toml::Table::new()));
    if let toml::Value::Table(below) = below {
        set(below, rest, value);
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.iter().map(|(key, value)| (key.clone(), convert(value))).collect())
    }
}

fn convert(value: &toml::Value) -> Value {
    let kind = match value {
        toml::Value::String(text) => ValueKind::String(text.clone()),
        toml::Value::Integer(number) => ValueKind::I64(*number),
        toml::Value::Float(number) => ValueKind::Float(*number),
        toml::Value::Boolean(flag) => ValueKind::Boolean(*flag),
        toml::Value::Datetime(time) => ValueKind::String(time.to_string()),
        toml::Value::Array(items) => ValueKind::Array(items.iter().map(convert).collect()),
        toml::Value::Table(table) => {
            ValueKind::Table(table.iter().map(|(key, value)| (key.clone(), convert(value))).collect())
        }
    };
    Value::new(None, kind)
}

/// Puts later layers over earlier ones. Every value was checked before, so an error is a bug of ours.
pub(super) fn merge(layers: impl IntoIterator<Item = Layer>) -> Result<Layered, ConfigError> {
    let builder = layers.into_iter().fold(config::Config::builder(), |builder, layer| builder.add_source(layer));
    builder.build()?.try_deserialize()
}
