//! The management listener: probes, metrics, operators' verbs.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::section::section;
use crate::config::values::Kind;

section! {
    /// The management listener: `/livez`, `/readyz`, `/startupz`, `/metrics` and `/config`.
    pub struct ManagementConfig at "management" {
        /// Address of the management listener; port 0 takes a free one.
        listen: SocketAddr, Kind::Address, default("127.0.0.1:8081");
        /// For operators' verbs of a later version: file with the token for `Authorization: Bearer`. This version
        /// has no such verbs, and only checks that the file can be read. Relative to the configuration file.
        token_file: Option<PathBuf>, Kind::File, unset("no token");
    }
}
