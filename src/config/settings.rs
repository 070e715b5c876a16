//! The whole configuration as types, and as operators may see it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::sections::{
    CallerConfig, CredentialsConfig, DropInConfig, EmbeddedConfig, LogConfig, ManagementConfig, ProfileConfig,
    ServerConfig, SubscriptionConfig, TopicConfig, TracingConfig,
};
use super::values::setting;

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
    /// Traces.
    pub tracing: TracingConfig,
    /// Where state is kept; relative to the working directory.
    pub data_dir: PathBuf,
    /// Pairs of keys by name: their files.
    pub credentials: BTreeMap<String, CredentialsConfig>,
    /// The MQs by name.
    pub profiles: BTreeMap<String, ProfileConfig>,
    /// Topics in the order of the file; no name twice.
    pub topics: Vec<TopicConfig>,
    /// What the gateway sends to services itself, by name.
    pub subscriptions: BTreeMap<String, SubscriptionConfig>,
    /// The vendors' own protocols on the data listener.
    pub dropin: DropInConfig,
    /// Who signs there with a pair of its own, by name.
    pub callers: BTreeMap<String, CallerConfig>,
    /// What all of it was read from.
    pub(super) table: Value,
}

impl Config {
    /// Takes it out of the layers' checked values.
    pub(super) fn read(mut table: Value) -> Option<Self> {
        let embedded: EmbeddedConfig = setting(&table, "embedded")?;
        let mut profiles: BTreeMap<String, ProfileConfig> = setting(&table, "profiles")?;
        for profile in profiles.values_mut().filter(|profile| profile.is_embedded()) {
            profile.report_visibility_timeout(embedded.visibility_timeout);
        }
        let subscriptions: BTreeMap<String, SubscriptionConfig> = setting(&table, "subscriptions")?;
        for (name, subscription) in &subscriptions {
            let table = table.get_mut("subscriptions")?.get_mut(name)?.as_object_mut()?;
            table.insert("url".to_owned(), subscription.url.redacted().into());
            let headers = subscription.headers.iter().map(|header| format!("{}: [redacted]", header.name).into());
            table.insert("headers".to_owned(), Value::Array(headers.collect()));
        }
        Some(Self {
            server: setting(&table, "server")?,
            management: setting(&table, "management")?,
            embedded,
            log: setting(&table, "log")?,
            tracing: setting(&table, "tracing")?,
            data_dir: setting(&table, "data_dir")?,
            credentials: setting(&table, "credentials")?,
            profiles,
            topics: setting(&table, "topics")?,
            subscriptions,
            dropin: setting(&table, "dropin")?,
            callers: setting(&table, "callers")?,
            table,
        })
    }

    /// The whole configuration as JSON, with the names of the file's keys: all layers together, each value in its canonical
    /// form, keys that are not set as `null`. Keys and tokens are never part of it: those out of `user.properties`, which no
    /// table names, what the URLs of subscriptions have after their `?`, and the values of their headers are shown as
    /// `"[redacted]"`.
    #[must_use]
    pub fn redacted(&self) -> Value {
        self.table.clone()
    }
}
