//! Work that outlives the request that started it: a publish whose caller hung up, a poll that others wait for. It stays on its
//! thread, and shutdown waits for it.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::sync::Notify;

use super::spawn::spawn_local;

/// Counts the work that must end before the process may. Clones share one count.
#[derive(Debug, Clone, Default)]
pub struct Tasks(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    running: AtomicUsize,
    ended: Notify,
}

impl Tasks {
    /// Runs work on the current task, and goes on with it in a task of its own when the future is dropped before its
    /// end.
    pub fn run_to_end<T: 'static>(&self, work: Work<T>) -> RunToEnd<T> {
        RunToEnd { work: Some((work, Guard::new(self))) }
    }

    /// Goes on with `work` in a task of its own on this thread.
    pub fn go_on(&self, work: impl Future<Output = ()> + 'static) {
        let guard = Guard::new(self);
        drop(spawn_local(async move {
            let _guard = guard;
            work.await;
        }));
    }

    /// How much work is under way.
    #[must_use]
    pub fn running(&self) -> usize {
        self.0.running.load(Ordering::SeqCst)
    }

    /// Waits until no work is under way.
    pub async fn drain(&self) {
        loop {
            let mut ended = pin!(self.0.ended.notified());
            // Registered before the look: no end can slip between.
            ended.as_mut().enable();
            if self.running() == 0 {
                return;
            }
            ended.await;
        }
    }
}

/// Work of any kind, on the thread that began it.
pub type Work<T> = Pin<Box<dyn Future<Output = T>>>;

/// Work that its own dropping does not end: see [`Tasks::run_to_end`].
#[must_use = "nothing happens before it is polled"]
pub struct RunToEnd<T: 'static> {
    /// `None` after the end.
    work: Option<(Work<T>, Guard)>,
}

impl<T: 'static> Future for RunToEnd<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some((work, _)) = &mut self.work else { return Poll::Pending };
        let polled = work.as_mut().poll(context);
        if polled.is_ready() {
            self.work = None;
        }
        polled
    }
}

impl<T: 'static> Drop for RunToEnd<T> {
    fn drop(&mut self) {
        // A panic while it was polled leaves nothing that could go on.
        if let Some((work, guard)) = self.work.take().filter(|_| !std::thread::panicking()) {
            drop(spawn_local(async move {
                let _guard = guard;
                drop(work.await);
            }));
        }
    }
}

impl<T: 'static> std::fmt::Debug for RunToEnd<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunToEnd").field("ended", &self.work.is_none()).finish()
    }
}

/// Counts one piece of work, also when it panics.
struct Guard(Tasks);

impl Guard {
    fn new(tasks: &Tasks) -> Self {
        tasks.0.running.fetch_add(1, Ordering::SeqCst);
        Self(tasks.clone())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let inner = &self.0.0;
        if inner.running.fetch_sub(1, Ordering::SeqCst) == 1 {
            inner.ended.notify_waiters();
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
                let work = tasks.run_to_end(Box::pin(async move {
                    wait.await.unwrap();
                    done.send(()).unwrap();
                }));
                assert!(work.now_or_never().is_none());
                assert_eq!(tasks.running(), 1);
                assert!(tasks.drain().now_or_never().is_none());
                go.send(()).unwrap();
                tasks.drain().await;
                assert_eq!(seen.try_recv(), Ok(()));
            })
            .await;
    }
}
