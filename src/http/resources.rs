//! What the process gives to every listener's service.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::config::LimitsConfig;
use crate::memory::MemoryBudget;
use crate::random::Random;
use crate::spans::Tracer;
use crate::tasks::Stage;
use crate::telemetry::{FailureLog, Metrics};

/// What is left of a request's time for writing the answer.
const MARGIN: Duration = Duration::from_secs(1);

/// When what a request asks for has to be done that came at `started`.
pub(super) fn deadline(limits: &LimitsConfig, started: Instant) -> Instant {
    started + limits.request_timeout.saturating_sub(MARGIN)
}

/// The process as a service sees it. Clones share all of it.
#[derive(Debug, Clone)]
pub struct ServiceResources {
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
    /// What requests hold.
    pub memory: MemoryBudget,
    /// Where to count.
    pub metrics: Arc<Metrics>,
    /// Where failures are logged.
    pub failures: Arc<FailureLog>,
    /// Where the process is in its life.
    pub stage: watch::Receiver<Stage>,
    /// Begins traces, where they are on.
    pub tracer: Option<Tracer>,
}

impl ServiceResources {
    pub(super) fn stage(&self) -> Stage {
        *self.stage.borrow()
    }

    /// Waits until the process stops.
    pub(super) async fn until_stopping(&self) {
        // An error says that nobody changes the stage any more.
        drop(self.stage.clone().wait_for(|stage| *stage == Stage::Stopping).await);
    }
}
