//! Background tasks with a name and an end.
//!
//! Work that must outlive the request that started it (a publish whose caller hung up) and work that runs as long as
//! the process is spawned here, on the caller's own thread, so that shutdown can wait for the first kind.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
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

    /// Runs work on the current task, and goes on with it in a task of its own when the future is dropped before its
    /// end.
    pub fn run_to_end<F>(&self, name: &'static str, work: F) -> RunToEnd<F>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        RunToEnd { work: Some(Box::pin(work)), tasks: self.clone(), name }
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

/// Work that its own dropping does not end: see [`Tasks::run_to_end`].
#[must_use = "nothing happens before it is polled"]
pub struct RunToEnd<F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    /// `None` after the end.
    work: Option<Pin<Box<F>>>,
    tasks: Tasks,
    name: &'static str,
}

impl<F> Future for RunToEnd<F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Some(work) = &mut self.work else { return Poll::Pending };
        let polled = work.as_mut().poll(context);
        if polled.is_ready() {
            self.work = None;
        }
        polled
    }
}

impl<F> Drop for RunToEnd<F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn drop(&mut self) {
        // A panic while it was polled leaves nothing that could go on.
        if let Some(work) = self.work.take().filter(|_| !std::thread::panicking()) {
            drop(self.tasks.spawn(self.name, work));
        }
    }
}

impl<F> std::fmt::Debug for RunToEnd<F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunToEnd").field("name", &self.name).field("ended", &self.work.is_none()).finish()
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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn dropped_work_goes_on_and_is_waited_for() {
        tokio::task::LocalSet::new()
            .run_until(async {
                let tasks = Tasks::default();
                let (go, wait) = tokio::sync::oneshot::channel::<()>();
                let (done, mut seen) = tokio::sync::oneshot::channel();
                let work = tasks.run_to_end("work", async move {
                    wait.await.unwrap();
                    done.send(()).unwrap();
                });
                assert!(work.now_or_never().is_none());
                assert_eq!(tasks.running(), 1);
                let names = tasks.drain(Duration::from_millis(1)).await.unwrap_err();
                assert_eq!(names.get("work"), Some(&1));
                go.send(()).unwrap();
                tasks.drain(Duration::from_secs(10)).await.unwrap();
                assert_eq!(seen.try_recv(), Ok(()));
            })
            .await;
    }
}
