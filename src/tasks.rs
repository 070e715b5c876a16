//! Background tasks with a name and an end.
//!
//! Work that must outlive the request that started it (a publish whose caller hung up) and work that runs as long as
//! the process is spawned here, on the caller's own thread, so that shutdown can wait for the first kind.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Counts the tasks that must end before the process may. Clones share one count.
#[derive(Debug, Clone, Default)]
pub struct Tasks(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    running: AtomicUsize,
    ended: watch::Sender<()>,
    names: std::sync::Mutex<BTreeMap<&'static str, usize>>,
}

impl Tasks {
    /// Spawns work on the current thread that shutdown waits for. Dropping the handle does not end it.
    pub fn spawn<F>(&self, name: &'static str, work: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let guard = Guard::new(self.clone(), name);
        spawn_local(async move {
            let _guard = guard;
            work.await
        })
    }

    /// How many tasks run.
    #[must_use]
    pub fn running(&self) -> usize {
        self.0.running.load(Ordering::SeqCst)
    }

    /// Waits until no task runs, at most `limit`.
    ///
    /// # Errors
    /// The names of those that still run, with their numbers.
    pub async fn drain(&self, limit: Duration) -> Result<(), BTreeMap<&'static str, usize>> {
        let all_ended = async {
            let mut ended = self.0.ended.subscribe();
            while self.running() > 0 {
                if ended.changed().await.is_err() {
                    return;
                }
            }
        };
        match tokio::time::timeout(limit, all_ended).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.names()),
        }
    }

    fn names(&self) -> BTreeMap<&'static str, usize> {
        let mut names = self.0.names.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        names.retain(|_, count| *count > 0);
        names
    }
}

/// Ends with the process: work that repeats for ever (a refresh, a sweep). Aborted when the handle is dropped.
#[derive(Debug)]
#[must_use = "the task ends when this is dropped"]
pub struct Background(JoinHandle<()>);

impl Background {
    /// Spawns `work` on the current thread.
    pub fn spawn<F: Future<Output = ()> + 'static>(work: F) -> Self {
        Self(spawn_local(work))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
fn spawn_local<F>(work: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    tokio::task::spawn_local(work)
}

/// Counts one running task, also when it panics.
struct Guard {
    tasks: Tasks,
    name: &'static str,
}

impl Guard {
    fn new(tasks: Tasks, name: &'static str) -> Self {
        tasks.0.running.fetch_add(1, Ordering::SeqCst);
        *tasks.0.names.lock().unwrap_or_else(std::sync::PoisonError::into_inner).entry(name).or_default() += 1;
        Self { tasks, name }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let inner = &self.tasks.0;
        if let Some(count) = inner.names.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_mut(self.name) {
            *count = count.saturating_sub(1);
        }
        if inner.running.fetch_sub(1, Ordering::SeqCst) == 1 {
            inner.ended.send_replace(());
        }
    }
}
