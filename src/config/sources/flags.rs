//! Flags of the command line: the uppermost layer.

use std::net::SocketAddr;
use std::path::PathBuf;

use config::Value;

use super::Layer;
use crate::config::findings::Findings;
use crate::config::problem::Location;
use crate::config::sections::EmbeddedStorage;
use crate::config::values::Flaw;

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
}

impl Overrides {
    /// The layer that the flags make.
    pub(in crate::config) fn layer(&self, findings: &mut Findings) -> Layer {
        let mut layer = Layer::default();
        let mut set = |flag: &'static str, key: &str, value: Option<Value>| {
            if let Some(value) = value {
                layer.0.insert(key.to_owned(), value);
                findings.set(key.to_owned(), Location::Flag(flag));
            }
        };
        let address = |address: Option<SocketAddr>| address.map(|address| address.to_string().into());
        set("--listen", "server.listen", address(self.listen));
        set("--management-listen", "management.listen", address(self.management_listen));
        set("--embedded-listen", "embedded.listen", address(self.embedded_listen));
        set("--embedded-listen", "embedded.enabled", self.embedded_listen.map(|_| true.into()));
        set("--in-memory", "embedded.storage", self.embedded_storage.map(|storage| storage.as_str().into()));
        let directory = self.data_dir.as_deref().map(|directory| directory.to_str().filter(|path| !path.is_empty()));
        set("--data-dir", "data_dir", directory.flatten().map(Value::from));
        if directory == Some(None) {
            let flaw = Flaw::new("expects a path in UTF-8 that is not empty");
            findings.add_at(Location::Flag("--data-dir"), "data_dir", flaw);
        }
        layer
    }
}
