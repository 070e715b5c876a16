//! The one place that spawns.

use tokio::task::JoinHandle;

/// Runs `work` on the runtime.
#[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
pub(super) fn spawn<F>(work: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(work)
}

/// Runs `work` on the current thread.
#[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
pub(super) fn spawn_local<F>(work: F) -> JoinHandle<F::Output>
where
    F: Future<Output: 'static> + 'static,
{
    tokio::task::spawn_local(work)
}
