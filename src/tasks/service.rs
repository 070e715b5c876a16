//! One task with a name, a signal to stop and an end.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::runtime::block_on;
use super::spawn::{spawn, spawn_local};

/// A task that runs until it is asked to stop. One that ends before, or panics, is logged by its name at once. Dropping the
/// service breaks it off.
#[derive(Debug)]
#[must_use = "the service is broken off when this is dropped"]
pub struct Service {
    name: String,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Service {
    /// Starts, on the runtime, what `work` makes of the signal to stop.
    pub fn start<F>(name: impl Into<String>, work: impl FnOnce(StopSignal) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (name, (stop, signal)) = (name.into(), StopSignal::new());
        let task = spawn(supervised(name.clone(), signal.clone(), work(signal)));
        Self { name, stop, task }
    }

    /// The same on the current thread, for futures that must stay there.
    pub fn start_local<F>(name: impl Into<String>, work: impl FnOnce(StopSignal) -> F) -> Self
    where
        F: Future<Output = ()> + 'static,
    {
        let (name, (stop, signal)) = (name.into(), StopSignal::new());
        let task = spawn_local(supervised(name.clone(), signal.clone(), work(signal)));
        Self { name, stop, task }
    }

    /// The same on a thread of its own, for futures that must stay on one and would keep those of other threads waiting, or be
    /// kept waiting by them.
    ///
    /// # Errors
    /// When the process may start no more threads.
    pub fn start_on_thread<F>(
        name: impl Into<String>,
        work: impl FnOnce(StopSignal) -> F + Send + 'static,
    ) -> std::io::Result<Self>
    where
        F: Future<Output = ()> + 'static,
    {
        let (name, (stop, signal)) = (name.into(), StopSignal::new());
        let (tell_end, has_ended) = oneshot::channel::<()>();
        let (is_held, mut is_dropped) = oneshot::channel::<()>();
        let label = name.clone();
        std::thread::Builder::new().name(name.clone()).spawn(move || {
            block_on(async move {
                let work = supervised(label, signal.clone(), async move { work(signal).await });
                tokio::select! {
                    () = work => {}
                    // Nobody holds the service any more: it is broken off.
                    _ = &mut is_dropped => {}
                }
            });
            drop(tell_end);
        })?;
        let task = spawn(async move {
            let _is_held = is_held;
            // An error is the end of the thread.
            drop(has_ended.await);
        });
        Ok(Self { name, stop, task })
    }

    /// What it is called in log lines.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks it to stop. The first time counts.
    pub(super) fn ask_to_stop(&self) {
        self.stop.send_replace(true);
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Waits for its end.
    pub(super) async fn ended(&mut self) {
        if !self.has_ended() {
            // A panic is caught and logged inside, and nobody else cancels it.
            drop((&mut self.task).await);
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Runs `work` and logs it when it ends as it should not.
async fn supervised(service: String, signal: StopSignal, work: impl Future<Output = ()>) {
    let panicked = AssertUnwindSafe(work).catch_unwind().await.is_err();
    if panicked {
        tracing::error!(service, "a service panicked: it does nothing more until the next start");
    } else if !signal.is_given() {
        tracing::error!(service, "a service ended by itself: it does nothing more until the next start");
    }
}

/// What asks a service to stop. Clones are the same signal.
#[derive(Debug, Clone)]
pub struct StopSignal(watch::Receiver<bool>);

impl StopSignal {
    fn new() -> (watch::Sender<bool>, Self) {
        let (stop, stopped) = watch::channel(false);
        (stop, Self(stopped))
    }

    /// Whether the service shall stop, also because nobody holds it any more.
    #[must_use]
    pub fn is_given(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits until it shall.
    pub async fn given(&mut self) {
        // An error means that nobody holds it.
        drop(self.0.wait_for(|stop| *stop).await);
    }

    /// Runs `work`, which may be broken off anywhere, until the signal is given.
    pub async fn interrupts(mut self, work: impl Future<Output = ()>) {
        tokio::select! {
            () = self.given() => {}
            () = work => {}
        }
    }
}
