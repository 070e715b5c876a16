//! Wiring: the only place, with `cli`, that knows all parts.
//!
//! [`start`] binds everything first, so port 0 works and a taken port is one clean message; service begins when every
//! listener is open, and never waits for the MQ. [`Application::run_until`] serves, and ends everything in order.

mod application;
mod credentials;
mod data_directory;
mod dependencies;
mod descriptors;
mod embedded;
mod endpoints;
mod error;
mod failure_summaries;
mod freed_memory;
mod gateway;
mod management;
mod pushes;
mod run_mode;
mod signals;
mod start;
mod tracing;

pub use application::{Addresses, Application};
pub use credentials::{CredentialsError, named_credentials, profile_credentials};
pub use dependencies::Dependencies;
pub use descriptors::raise as raise_descriptors;
pub use endpoints::{profile_endpoints, reachable};
pub use error::StartError;
pub use run_mode::RunMode;
pub use signals::Signals;
pub use start::start;
