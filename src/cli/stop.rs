//! A person, or the system, asks a command to end: the first time in order, the second at once.

use std::cell::Cell;
use std::pin::pin;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::failure::Failure;

/// SIGINT (Ctrl-C) and SIGTERM.
pub(super) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// Takes both over: from now on they end nothing by themselves.
    pub(super) fn listen() -> Result<Self, Failure> {
        let listen =
            |kind| signal(kind).map_err(|error| Failure::bad(format!("could not listen for signals: {error}")));
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// The next of them.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => (),
            _ = self.terminate.recv() => (),
        }
    }

    /// What `work` comes to. The first signal begins the end, which `work` may know of, and waits for it all the same; `None`: the
    /// second broke it off.
    pub(super) async fn see_through<T>(&mut self, ending: &Ending, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                result = &mut work => return Some(result),
                () = self.next() => if ending.has_begun() { return None } else { ending.begin() },
            }
        }
    }
}

/// Tells what is under way that the command ends: waits end early then. One thread's.
#[derive(Debug, Default)]
pub(super) struct Ending {
    begun: Cell<bool>,
    told: Notify,
}

impl Ending {
    pub(super) fn begin(&self) {
        self.begun.set(true);
        self.told.notify_waiters();
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun.get()
    }

    /// Waits so long, or until the end begins.
    pub(super) async fn wait(&self, time: Duration) {
        if !self.has_begun() {
            // Whether it was told or the time passed: `has_begun` says it.
            drop(timeout(time, self.told.notified()).await);
        }
    }
}
