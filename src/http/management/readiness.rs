//! Whether this process should get requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use crate::tasks::Stage;

/// Started and not draining. The MQ being away does not count: another replica would not reach it either.
#[derive(Debug, Clone)]
pub struct Readiness {
    started: Arc<AtomicBool>,
    stage: watch::Receiver<Stage>,
}

impl Readiness {
    /// Not started yet.
    #[must_use]
    pub fn new(stage: watch::Receiver<Stage>) -> Self {
        Self { started: Arc::default(), stage }
    }

    /// Every listener is open.
    pub fn set_started(&self) {
        self.started.store(true, Ordering::SeqCst);
    }

    /// Whether every listener is open.
    #[must_use]
    pub fn started(&self) -> bool {
        self.started.load(Ordering::SeqCst)
    }

    /// Whether the process is stopping.
    #[must_use]
    pub fn draining(&self) -> bool {
        *self.stage.borrow() != Stage::Serving
    }
}
