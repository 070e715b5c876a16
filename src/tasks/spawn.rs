//! The one place that spawns.

use std::panic::{AssertUnwindSafe, catch_unwind};

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

/// Runs `work`, which blocks, on a thread of its own; `None` where the process may start no more threads: there the runtime
/// panics, which must not end whoever asked.
pub fn spawn_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<JoinHandle<T>> {
    catch_unwind(AssertUnwindSafe(|| tokio::task::spawn_blocking(work))).ok()
}
