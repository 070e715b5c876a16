//! Flags of the command line: the uppermost layer.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::embedded::EmbeddedStorage;
use super::findings::Findings;
use super::kind::Flaw;
use super::layers::Layer;
use super::log::{LogFormat, LogLevel};
use super::problem::Location;

/// What the flags say; none of them is needed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--listen`
    pub listen: Option<SocketAddr>,
    /// `--management-listen`
    pub management_listen: Option<SocketAddr>,
    /// `--embedded-listen`, which enables the embedded endpoint, too.
    pub embedded_listen: Option<SocketAddr>,
    /// `--in-memory` is [`EmbeddedStorage::Memory`].
    pub embedded_storage: Option<EmbeddedStorage>,
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
    /// `--log-level`
    pub log_level: Option<LogLevel>,
    /// `--log-format`
    pub log_format: Option<LogFormat>,
}

impl Overrides {
    /// The layer that the flags make.
    pub(super) fn layer(&self, findings: &mut Findings) -> Layer {
        let mut layer = Layer(toml::Table::new());
        let mut set = |flag: &'static str, key: &str, value: toml::Value| {
            layer.set(key, value);
            findings.set(key.to_owned(), Location::Flag(flag));
        };
        if let Some(address) = self.listen {
            set("--listen", "server.listen", text(address.to_string()));
        }
        if let Some(address) = self.management_listen {
            set("--management-listen", "management.listen", text(address.to_string()));
        }
        if let Some(address) = self.embedded_listen {
            set("--embedded-listen", "embedded.listen", text(address.to_string()));
            set("--embedded-listen", "embedded.enabled", toml::Value::Boolean(true));
        }
        if let Some(storage) = self.embedded_storage {
            set("--in-memory", "embedded.storage", text(storage.as_str()));
        }
        if let Some(level) = self.log_level {
            set("--log-level", "log.level", text(level.as_str()));
        }
        if let Some(format) = self.log_format {
            set("--log-format", "log.format", text(format.as_str()));
        }
        match self.data_dir.as_deref().map(|directory| directory.to_str().filter(|path| !path.is_empty())) {
            Some(Some(directory)) => set("--data-dir", "data_dir", text(directory)),
            Some(None) => {
                let flaw = Flaw::new("expects a path in UTF-8 that is not empty");
                findings.add_at(Location::Flag("--data-dir"), "data_dir", flaw);
            }
            None => {}
        }
        layer
    }
}

fn text(text: impl Into<String>) -> toml::Value {
    toml::Value::String(text.into())
}
