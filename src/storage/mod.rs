//! SQLite behind one thread.
//!
//! One operating-system thread owns the only connection, reads included. Callers send it closures over a bounded
//! channel and wait for the answer; the thread takes what has gathered, runs the closures inside one transaction, commits
//! once and only then answers them all (*group commit*: many callers share one sync of the disk). Where a closure fails,
//! the transaction begins anew with a savepoint for each, and the others' work stays. What was answered with success is on
//! the disk.
//!
//! The store reports its own faults: damage found at the start refuses the start ([`OpenError::Damaged`]), what goes wrong
//! later is in [`Storage::faults`], and a failed job is certainly undone, or its outcome is unknown
//! ([`StorageError::InDoubt`]).

mod check_file;
mod commit_stats;
mod data_dir;
mod disk;
mod error;
mod examine;
mod files;
mod health;
mod job;
mod location;
mod open;
mod reserve;
mod schema;
mod sql;
mod store;
mod thread;
mod verify;
mod wal;

#[cfg(test)]
mod reopening_tests;
#[cfg(test)]
mod tests;

use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

pub use commit_stats::CommitStats;
pub use data_dir::{DataDir, DataDirError};
pub use error::{OpenError, StorageError};
pub use health::{Fault, FaultKind};
pub use job::Access;
pub use location::StoreLocation;
pub use schema::Schema;
pub use sql::{blob, millis, optional_millis, to_sql, unsigned};

use crate::clock::Clock;
use crate::telemetry::Histogram;
use commit_stats::Counters;
use health::Health;
use job::{Job, Pending};

/// Jobs that may wait for the thread; the next one is refused with [`StorageError::Overloaded`].
const QUEUE_CAPACITY: usize = 4_096;

/// An open store. Clones share it; dropping the last one finishes the queued jobs and ends the thread.
#[derive(Debug, Clone)]
pub struct Storage(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// `None` once closed. A lock and not a flag, so that no job can slip in behind the last one.
    queue: RwLock<Option<SyncSender<Box<dyn Job>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Its sender lives in the thread: an error here means that the thread has ended.
    ended: watch::Receiver<()>,
    counters: Arc<Counters>,
    health: Arc<Health>,
    damaged: bool,
}

impl Storage {
    /// Opens or makes the store, brings it to the newest form of `schema` and starts its thread, called `name`. `clock`
    /// tells since when something is wrong.
    ///
    /// # Errors
    /// [`OpenError`]: the file is not ours, newer than this program, in use, not as it was left, or cannot be read or
    /// written.
    pub fn open(name: &'static str, location: &StoreLocation, schema: Schema, clock: Clock) -> Result<Self, OpenError> {
        let health = Arc::new(Health::new(clock));
        let open::Opened { store, damaged } = open::open(location, schema, Arc::clone(&health))?;
        let (queue, jobs) = sync_channel(QUEUE_CAPACITY);
        let (ending, ended) = watch::channel(());
        let counters = Arc::new(Counters::default());
        let counting = Arc::clone(&counters);
        let serve = move || {
            thread::serve(store, &jobs, &counting);
            drop(ending);
        };
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(serve)
            .map_err(|source| OpenError::Thread { source: Arc::new(source) })?;
        let (queue, thread) = (RwLock::new(Some(queue)), Mutex::new(Some(thread)));
        Ok(Self(Arc::new(Inner { queue, thread, ended, counters, health, damaged })))
    }

    /// What is wrong with the store now; cheap, and never waits for the disk. Empty when nothing is.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.0.health.faults()
    }

    /// Notes failures that the store's owner met: damage in a self-checked table, or a limit of its own that is reached.
    /// `reason` without content.
    pub fn note_failures(&self, kind: FaultKind, failures: u64, reason: impl FnOnce() -> String) {
        self.0.health.failed(kind, failures, reason);
    }

    /// Notes that a fault, which [`Storage::note_failures`] reported, has ended.
    pub fn note_success(&self, kind: FaultKind) {
        self.0.health.succeeded(kind);
    }

    /// Whether pages of self-checked tables were found damaged at the start: their rows are to be looked at.
    #[must_use]
    pub fn was_damaged(&self) -> bool {
        self.0.damaged
    }

    /// Runs `work` on the thread and returns its result after the commit. Once queued, the job is done even when the
    /// returned future is dropped. It may be run again where what it did had to be undone for another's sake; the last
    /// run counts.
    ///
    /// # Errors
    /// [`StorageError`]; but for [`StorageError::InDoubt`], whatever `work` wrote is then undone.
    pub async fn run<T, F>(&self, access: Access, work: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.run_then(access, work, |_| ()).await
    }

    /// As [`Storage::run`], and calls `committed` on the thread after the commit and before the answer, in the order
    /// of the jobs, whether or not somebody still waits for the answer. A result that it was not called for was undone.
    ///
    /// # Errors
    /// As [`Storage::run`].
    pub async fn run_then<T, F, C>(&self, access: Access, work: F, committed: C) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
        C: FnOnce(&mut T) + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.submit(access, work, move |mut result| {
            if let Ok(value) = &mut result {
                committed(value);
            }
            // Nobody waits any more: the value is dropped here, and may tidy up after itself in its `Drop`.
            drop(answer.send(result));
        })?;
        // The sender is gone without an answer only when the thread is.
        answered.await.unwrap_or(Err(StorageError::Closed))
    }

    /// Queues `work` and returns at once; `done` gets the result on the thread, after the commit.
    ///
    /// # Errors
    /// [`StorageError::Overloaded`] when the queue is full, [`StorageError::Closed`] when there is no thread any more.
    pub fn submit<T, F, D>(&self, access: Access, work: F, done: D) -> Result<(), StorageError>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
        D: FnOnce(Result<T, StorageError>) + Send + 'static,
    {
        let queue = self.0.queue.read().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = queue.as_ref() else { return Err(StorageError::Closed) };
        queue.try_send(Box::new(Pending::new(access, work, done))).map_err(|error| match error {
            TrySendError::Full(_) => StorageError::Overloaded,
            TrySendError::Disconnected(_) => StorageError::Closed,
        })
    }

    /// Shows in `times` how long each commit takes that writes something, from now on. The first call counts.
    pub fn show_sync_times(&self, times: Histogram) {
        // A second one changes nothing.
        drop(self.0.counters.sync_times.set(times));
    }

    /// How well callers shared commits.
    #[must_use]
    pub fn commit_stats(&self) -> CommitStats {
        let counters = &self.0.counters;
        CommitStats { groups: counters.groups.load(Ordering::Relaxed), jobs: counters.jobs.load(Ordering::Relaxed) }
    }

    /// Takes no more jobs, finishes those that are queued, moves the log into the file and ends the thread.
    pub async fn close(&self) {
        self.0.stop_taking_jobs();
        let mut ended = self.0.ended.clone();
        while ended.changed().await.is_ok() {}
        self.0.join();
    }
}

impl Inner {
    /// The thread ends by itself when the queue has no sender and no job left.
    fn stop_taking_jobs(&self) {
        self.queue.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn join(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            // The last owner may be a job: the thread cannot wait for itself.
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the storage thread ended with a panic");
        }
    }
}

impl Drop for Inner {
    /// Waits for the jobs that are queued, so that the file is free when the owner is gone.
    fn drop(&mut self) {
        self.stop_taking_jobs();
        self.join();
    }
}
