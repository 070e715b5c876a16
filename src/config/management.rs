//! The management listener: probes, metrics, operators' verbs.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::kind::Kind;
use super::schema::{Key, Preset, Section};

/// `[management]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ManagementConfig {
    /// The management listener's address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The file with the bearer token of operators; without it they act from the loopback address only.
    pub token_file: Option<PathBuf>,
}

pub(super) const SECTION: Section = Section {
    path: "management",
    meaning: "The management listener: `/livez`, `/readyz`, `/startupz`, `/metrics` and `/config`.",
    keys: &[
        Key {
            name: "listen",
            kind: Kind::Address,
            preset: Preset::Value("\"127.0.0.1:8081\""),
            meaning: "Address of the management listener; port 0 takes a free one.",
        },
        Key {
            name: "token_file",
            kind: Kind::File,
            preset: Preset::Unset("no token"),
            meaning: "For operators' verbs of a later version: file with the token for `Authorization: Bearer`. This version \
                      has no such verbs, and only checks that the file can be read. Relative to the configuration file.",
        },
    ],
};
