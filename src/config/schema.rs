//! Every section: what the check of unknown keys, the defaults, the environment and the reference all use.

use super::section::{Section, join};
use super::sections::{
    CREDENTIALS, CallerConfig, ChaosConfig, DeadLetterConfig, DropInConfig, EmbeddedConfig, GroupConfig, LimitsConfig,
    LogConfig, ManagementConfig, MqHttpConfig, OnsHttpConfig, ProfileConfig, RocketMqConfig, ServerConfig,
    SigningSecretConfig, SubscriptionConfig, TOP, TopicConfig, TracingConfig,
};

/// Every section, in the order of the reference; what a protocol adds to a table follows the table.
pub(crate) const SECTIONS: &[&Section] = &[
    &TOP,
    &ServerConfig::SECTION,
    &LimitsConfig::SECTION,
    &ManagementConfig::SECTION,
    &LogConfig::SECTION,
    &TracingConfig::SECTION,
    &CREDENTIALS,
    &ProfileConfig::SECTION,
    &OnsHttpConfig::SECTION,
    &MqHttpConfig::SECTION,
    &RocketMqConfig::SECTION,
    &TopicConfig::SECTION,
    &GroupConfig::SECTION,
    &SubscriptionConfig::SECTION,
    &DeadLetterConfig::SECTION,
    &SigningSecretConfig::SECTION,
    &DropInConfig::SECTION,
    &CallerConfig::SECTION,
    &EmbeddedConfig::SECTION,
    &ChaosConfig::SECTION,
];

/// The section at a path.
pub(crate) fn find(path: &str) -> Option<&'static Section> {
    at(path).next()
}

/// The section at a path, and what each protocol adds to it.
pub(crate) fn at(path: &str) -> impl Iterator<Item = &'static Section> {
    SECTIONS.iter().copied().filter(move |section| section.path == path)
}

/// The names of the tables that may stand in the table at a path.
pub(crate) fn names_below(path: &str) -> impl Iterator<Item = &'static str> {
    let tables = SECTIONS.iter().filter(|section| section.protocol.is_none());
    tables.filter_map(move |section| below(path, section.path))
}

/// The path of a table that stands directly in a table at `parent`, without that.
fn below(parent: &str, path: &'static str) -> Option<&'static str> {
    if path.is_empty() {
        return None;
    }
    let rest = if parent.is_empty() { path } else { path.strip_prefix(parent)?.strip_prefix('.')? };
    let name = rest.strip_suffix(".*").or_else(|| rest.strip_suffix("[]")).unwrap_or(rest);
    (!name.contains('.')).then_some(name)
}

/// How a table of some name may stand in the table at a path.
pub(crate) enum Below {
    /// Once.
    Table(&'static Section),
    /// Under names of the operator's choice.
    Named(&'static Section),
    /// In a list.
    Listed(&'static Section),
}

impl Below {
    /// The table `name` in the table at `path`, if there may be one.
    pub(crate) fn find(path: &str, name: &str) -> Option<Self> {
        let below = join(path, name);
        find(&below)
            .map(Self::Table)
            .or_else(|| find(&format!("{below}.*")).map(Self::Named))
            .or_else(|| find(&format!("{below}[]")).map(Self::Listed))
    }
}
