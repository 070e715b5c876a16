//! What a gateway is given from outside.

use std::sync::Arc;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::http::ServiceResources;
use crate::memory::MemoryBudget;
use crate::random::Random;
use crate::spans::Tracer;
use crate::tasks::Stage;
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

impl Dependencies {
    /// What the listeners' services get of them.
    pub(super) fn for_services(
        &self,
        memory: MemoryBudget,
        stage: watch::Receiver<Stage>,
        tracer: Option<Tracer>,
    ) -> ServiceResources {
        let Self { clock, random, metrics } = self.clone();
        ServiceResources { clock, random, memory, metrics, failures: Arc::default(), stage, tracer }
    }
}
