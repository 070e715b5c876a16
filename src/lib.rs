//! mq-gateway: services POST JSON, the gateway holds the keys.
//!
//! The layers are a table in `tests/it/architecture.rs`; ARCHITECTURE.md walks through them.

pub mod clock;
pub mod embedded;
pub mod model;
pub mod random;
pub mod signature;
pub mod storage;
pub mod tasks;
