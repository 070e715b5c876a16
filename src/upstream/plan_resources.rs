//! What a plan is made of besides the profile's settings, and what may be wrong with it.

use super::Keys;
use crate::clock::Clock;
use crate::memory::MemoryBudget;
use crate::model::{ConsumerGroup, Protocol, Topic};
use crate::outbound::{EndpointAddress, InvalidHost, TlsError};
use crate::random::{Random, RandomError};
use crate::telemetry::Metrics;

/// What a plan needs besides the profile's settings.
#[derive(Debug)]
pub struct PlanResources<'a> {
    /// Where the MQ is.
    pub addresses: Vec<EndpointAddress>,
    /// The profile's topics that are configured by name.
    pub topics: Vec<Topic>,
    /// The groups of these topics that are configured by name.
    pub groups: Vec<(Topic, ConsumerGroup)>,
    /// Signed with.
    pub keys: Keys,
    /// The clock that signs.
    pub clock: Clock,
    /// Jitter.
    pub random: Random,
    /// What answers are charged to.
    pub memory: MemoryBudget,
    /// Where to count.
    pub metrics: &'a Metrics,
}

/// What is wrong with a profile that the configuration's own checks let pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// An address whose host is not one.
    #[error("endpoints: {0}")]
    Host(#[from] InvalidHost),
    /// A protocol that was left out of this build.
    #[error("{0} is not part of this build")]
    NotBuilt(Protocol),
    /// Randomness for ids.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The file of a private CA.
    #[error(transparent)]
    Tls(#[from] TlsError),
}
