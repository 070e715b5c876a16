//! A running gateway, and its end: not ready and still serving, then what waits, what is under way, the services, the store.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::signals::{Signals, StopRequest};
use crate::embedded::Engine;
use crate::storage::DataDir;
use crate::tasks::{Services, Stage, Tasks};

/// Longest time to write the store's last pages.
const STORE_LIMIT: Duration = Duration::from_secs(5);

/// Where the listeners are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Addresses {
    /// The data listener.
    pub data: Option<SocketAddr>,
    /// The management listener.
    pub management: Option<SocketAddr>,
    /// The embedded endpoint.
    pub embedded: Option<SocketAddr>,
}

/// A running gateway. Dropping it breaks everything off.
#[derive(Debug)]
pub struct Application {
    pub(super) addresses: Addresses,
    pub(super) stage: watch::Sender<Stage>,
    pub(super) tasks: Tasks,
    pub(super) services: Services,
    pub(super) engine: Option<Engine>,
    /// Locked to the end.
    pub(super) data_directory: Option<DataDir>,
    pub(super) drain_delay: Duration,
    pub(super) shutdown_timeout: Duration,
}

impl Addresses {
    /// One event for each listener.
    pub(super) fn log(&self) {
        for (listener, address) in [("data", self.data), ("management", self.management), ("embedded", self.embedded)] {
            if let Some(address) = address {
                tracing::info!(listener, %address, "listening");
            }
        }
    }
}

impl Application {
    /// Where the listeners are.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Serves until a signal comes, then stops in order; a second signal ends it at once.
    pub async fn run_until(self, mut signals: Signals) {
        let delay = match signals.next().await {
            StopRequest::Terminate => self.drain_delay,
            StopRequest::Interrupt => Duration::ZERO,
        };
        tracing::info!(seconds = delay.as_secs_f64(), "stopping: no longer ready, still serving");
        self.stage.send_replace(Stage::Draining);
        tokio::select! {
            () = self.stop(delay) => tracing::info!("stopped"),
            _ = signals.next() => tracing::warn!("stopped at once by a second signal"),
        }
    }

    async fn stop(self, delay: Duration) {
        tokio::time::sleep(delay).await;
        // What waits ends now.
        self.stage.send_replace(Stage::Stopping);
        let deadline = Instant::now() + self.shutdown_timeout;
        // Publishes and acknowledgements first, also those whose caller hung up, which no connection stands for. Meanwhile
        // everybody who still comes gets an answer.
        if timeout_at(deadline, self.tasks.drain()).await.is_err() {
            let tasks = self.tasks.running();
            tracing::warn!(tasks, "the shutdown timeout is over: what is still under way is broken off");
        }
        self.services.stop(deadline).await;
        if let Some(engine) = self.engine
            && timeout(STORE_LIMIT, engine.close()).await.is_err()
        {
            tracing::warn!("the embedded endpoint's store was not closed in time: it recovers at the next start");
        }
        drop(self.data_directory);
    }
}
