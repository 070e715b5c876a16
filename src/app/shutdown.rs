//! The end: not ready and still serving, then no more connections, then what is under way.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Application;
use crate::tasks::Stage;

/// Longest time to write the store's last pages.
const ENGINE_LIMIT: Duration = Duration::from_secs(5);

/// What asks the process to stop.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

/// How the process was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// SIGTERM: load balancers need time to notice.
    Terminate,
    /// SIGINT: a person waits at a terminal.
    Interrupt,
}

impl Signals {
    /// Takes over SIGTERM and SIGINT.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Terminate,
            _ = self.interrupt.recv() => Asked::Interrupt,
        }
    }
}

impl Application {
    /// Serves until a signal comes, then stops in order; a second signal ends it at once.
    pub async fn run_until(mut self, mut signals: Signals) {
        let asked = signals.next().await;
        let delay = if asked == Asked::Terminate { self.drain_delay } else { Duration::ZERO };
        tracing::info!(seconds = delay.as_secs_f64(), "stopping: not ready any more, still serving");
        self.stage.send_replace(Stage::Draining);
        tokio::select! {
            () = self.stop(delay) => tracing::info!("stopped"),
            _ = signals.next() => tracing::warn!("stopped at once by a second signal"),
        }
    }

    async fn stop(&mut self, delay: Duration) {
        tokio::time::sleep(delay).await;
        self.stage.send_replace(Stage::Stopping);
        let in_order = async {
            // Publishes and acknowledgements first, also those whose caller hung up, which no connection stands for.
            // Meanwhile everybody who still comes gets an answer.
            self.tasks.drain().await;
            // The management listener last: probes and the last scrape see the process to its end.
            for handle in [&self.data, &self.embedded, &self.management].into_iter().flatten() {
                handle.stop(true).await;
            }
        };
        if tokio::time::timeout(self.shutdown_timeout, in_order).await.is_err() {
            let tasks = self.tasks.running();
            tracing::warn!(tasks, "the shutdown timeout is over: what is still under way is broken off");
        }
        if let Some(engine) = self.engine.take()
            && tokio::time::timeout(ENGINE_LIMIT, engine.close()).await.is_err()
        {
            tracing::warn!("the embedded endpoint's store was not closed in time: it recovers at the next start");
        }
        self.background.clear();
    }
}
