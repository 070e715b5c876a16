//! Work that any thread begins and that outlives whoever began it: it is done on one thread, inside one service, which knows all
//! of it and breaks it off at its own end.

use std::fmt;
use std::pin::Pin;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Takes work in. Clones are the same nursery. How much there can be is bounded by those who hand it in.
#[derive(Clone)]
pub struct Nursery(UnboundedSender<Job>);

/// What was handed in, for the service that does it.
#[must_use = "what is handed in is done only while this runs"]
pub struct NurseryWork {
    jobs: UnboundedReceiver<Job>,
    running: JoinSet<()>,
}

impl Nursery {
    /// A nursery, and what its service runs.
    pub fn new() -> (Self, NurseryWork) {
        let (sender, jobs) = unbounded_channel();
        (Self(sender), NurseryWork { jobs, running: JoinSet::new() })
    }

    /// Hands work in. After the service's end it is dropped.
    pub fn run(&self, job: impl Future<Output = ()> + Send + 'static) {
        // Nobody takes it any more when the process ends.
        drop(self.0.send(Box::pin(job)));
    }
}

impl NurseryWork {
    /// Does what is handed in. Dropping this future does not break the work off; dropping the whole does.
    pub async fn work(&mut self) {
        loop {
            tokio::select! {
                job = self.jobs.recv() => match job {
                    Some(job) => {
                        self.running.spawn(job);
                    }
                    None => return,
                },
                Some(ended) = self.running.join_next() => note(ended),
            }
        }
    }

    /// Does what is there, and what that hands in, until nothing is left.
    pub async fn finish(&mut self) {
        loop {
            while let Ok(job) = self.jobs.try_recv() {
                self.running.spawn(job);
            }
            match self.running.join_next().await {
                Some(ended) => note(ended),
                None => return,
            }
        }
    }
}

fn note(ended: Result<(), tokio::task::JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        tracing::error!("background work panicked: it is begun anew when it is needed");
    }
}

impl fmt::Debug for Nursery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nursery")
    }
}

impl fmt::Debug for NurseryWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NurseryWork").field("running", &self.running.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_is_done_finished_or_broken_off_with_the_service() {
        let (nursery, mut work) = Nursery::new();
        let done = Arc::new(AtomicUsize::new(0));
        let job = |seconds| {
            let done = Arc::clone(&done);
            async move {
                sleep(Duration::from_secs(seconds)).await;
                done.fetch_add(1, Ordering::SeqCst);
            }
        };
        nursery.run(job(1));
        nursery.run(job(5));
        nursery.run(async { panic!("one job's own matter") });
        drop(tokio::time::timeout(Duration::from_secs(2), work.work()).await);
        assert_eq!(done.load(Ordering::SeqCst), 1);
        // What a job hands in at the end is done, too.
        let (inner, last) = (nursery.clone(), job(1));
        nursery.run(async move { inner.run(last) });
        work.finish().await;
        assert_eq!(done.load(Ordering::SeqCst), 3);
        nursery.run(job(1));
        drop(work);
        nursery.run(job(1));
        sleep(Duration::from_secs(2)).await;
        assert_eq!(done.load(Ordering::SeqCst), 3, "broken off");
    }
}
