//! What a gateway is given from outside.

use std::sync::Arc;

use crate::clock::Clock;
use crate::random::Random;
use crate::telemetry::Metrics;

/// What a gateway is made of besides its configuration.
#[derive(Debug, Clone)]
pub struct Dependencies {
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
    /// Where to count.
    pub metrics: Arc<Metrics>,
}
