//! The protocols that go over HTTP, and what they share: failover between addresses, the MQ's clock, the words for its
//! refusals.

mod clock_skew;
mod failover;
mod monitor;
mod mq;
mod ons;
mod outcome;
mod plan;
mod refusal;

pub use mq::MqHttp;
pub use ons::OnsHttp;

pub(super) use monitor::watch;
pub(super) use mq::MqHttpSettings;
pub(super) use ons::OnsHttpSettings;
pub(super) use plan::HttpPlan;
