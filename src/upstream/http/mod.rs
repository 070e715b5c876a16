//! The protocols that go over HTTP, and what they share: failover between addresses, the MQ's clock, the words for its
//! refusals.

mod clock_skew;
mod failover;
mod mq;
mod ons;
mod outcome;
mod plan;
mod refusal;

pub use mq::MqHttp;
pub use ons::OnsHttp;

#[cfg(feature = "rocketmq")]
pub(super) use outcome::left_alone;
pub(super) use plan::HttpPlan;
