//! The management listener: probes, metrics, operators' verbs.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::section::section;
use crate::config::values::Kind;

section! {
    /// The management listener: `/livez`, `/readyz`, `/startupz`, `/metrics` and `/config`, and operators' verbs.
    pub struct ManagementConfig at "management" {
        /// Address of the management listener; port 0 takes a free one.
        listen: SocketAddr, Kind::Address, default("127.0.0.1:8081");
        /// File with the token of the operators' verbs (`/v1/…` of this listener), which want it as `Authorization: Bearer`. It may change at
        /// any time. Without one they are open on a loopback address, and refused on any other. Relative to the
        /// configuration file.
        token_file: Option<PathBuf>, Kind::File, unset("no token: verbs on loopback only");
    }
}
