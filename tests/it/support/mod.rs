//! What the tests share: the application as a process, clients, the checking endpoint, and the shape of answers.

pub mod app;
pub mod callers;
pub mod client;
#[cfg(feature = "traces")]
pub mod collector;
pub mod embedded;
pub mod encoding;
pub mod endpoint;
pub mod event_source;
pub mod event_stream;
#[cfg(feature = "grpc")]
pub mod local_server;
pub mod loopback;
pub mod machine_faults;
pub mod messages;
pub mod metrics;
pub mod mq;
pub mod ons;
pub mod problem;
#[cfg(feature = "rocketmq")]
pub mod rocketmq;
pub mod secrecy;
pub mod settings;
pub mod slow;
pub mod time;
pub mod tls;
pub mod trap;
pub mod vectors;

pub use app::{Launch, TestApp};
pub use client::{Connection, Response};
pub use endpoint::Endpoint;
pub use event_stream::EventStream;
pub use problem::{Meaning, assert_problem, assert_problem_value};
pub use settings::Settings;
