//! mq-gateway: services POST JSON, the gateway holds the keys.
//!
//! The layers are a table in `tests/it/architecture`; ARCHITECTURE.md walks through them.

pub mod app;
pub mod change_report;
pub mod cli;
pub mod clock;
pub mod config;
pub mod context;
pub mod control_characters;
pub mod counted;
pub mod embedded;
pub mod file_watch;
#[cfg(any(test, fuzzing))]
mod fuzz_input;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod gateway;
pub mod http;
pub mod http_message;
pub mod json_text;
pub mod listener;
pub mod memory;
pub mod model;
pub mod near_word;
#[cfg(feature = "traces")]
pub mod otlp;
pub mod outbound;
pub mod plain_json;
pub mod protocol;
pub mod push;
pub mod random;
pub mod retry_schedule;
pub mod signature;
pub mod spans;
pub mod storage;
pub mod tasks;
pub mod telemetry;
pub mod trace_context;
pub mod upstream;
