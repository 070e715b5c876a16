//! RocketMQ 5 as an upstream: one gRPC connection per server and process, one client of the MQ per consumer group and server, and
//! polls that all threads share. Which servers there are besides the configured endpoints, the MQ's routes say.
//!
//! What lives longer than a request (connections, the groups' sessions, polls) is done in the profile's own service, whichever
//! thread began it: a poll is never broken off, since the server would go on with it and hide the next message from everybody
//! (protocol notes RocketMQ 5, 3.2).

mod client;
mod deliveries;
mod desk;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzzing;
mod give_back;
mod held;
mod link;
mod named_servers;
mod outcome;
mod place;
mod plan;
mod poll;
mod polls;
mod routes;
mod session;
mod sessions;
mod superseded;
mod topic_type;
mod watch;

pub use client::RocketMq;

pub(super) use plan::RocketMqPlan;
pub(super) use watch::watch;
