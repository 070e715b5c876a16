//! Whether this process should get requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// Started and not draining. The MQ being away does not count: another replica would not reach it either.
#[derive(Debug, Clone)]
pub struct Readiness {
    started: Arc<AtomicBool>,
    draining: watch::Receiver<bool>,
}

impl Readiness {
    /// Not started yet.
    #[must_use]
    pub fn new(draining: watch::Receiver<bool>) -> Self {
        Self { started: Arc::default(), draining }
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
        *self.draining.borrow()
    }
}
