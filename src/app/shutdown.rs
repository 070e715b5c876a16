//! The end: not ready and still serving, then no more connections, then what is under way.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Application;

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
        self.draining.send_replace(true);
        tokio::select! {
            () = self.stop(delay) => tracing::info!("stopped"),
            _ = signals.next() => tracing::warn!("stopped at once by a second signal"),
        }
    }

    async fn stop(&mut self, delay: Duration) {
        tokio::time::sleep(delay).await;
        if let Some(data) = &self.data {
            data.pause().await;
        }
        // Publishes whose caller hung up are known to nobody else.
        if let Err(running) = self.tasks.drain(self.shutdown_timeout).await {
            tracing::warn!(?running, "tasks still run at the end of the shutdown timeout");
        }
        // The endpoint last but one: requests under way may need it, as do probes and the last scrape the management.
        for handle in [&self.data, &self.embedded, &self.management].into_iter().flatten() {
            handle.stop(true).await;
        }
        if let Some(engine) = self.engine.take() {
            engine.close().await;
        }
        self.background.clear();
    }
}
