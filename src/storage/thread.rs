//! The thread: takes what has gathered, commits once, answers all.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::StorageError;
use super::commit_stats::Counters;
use super::job::Job;

/// Most jobs in one transaction.
const MAX_GROUP: usize = 1_024;
/// A transaction takes no more jobs after this time, so that its first caller does not wait for the last of many big ones.
const MAX_GROUP_TIME: Duration = Duration::from_millis(20);

/// Serves jobs until the queue has neither a sender nor a job, then moves the log into the file.
pub(super) fn serve(connection: Connection, jobs: &Receiver<Box<dyn Job>>, counters: &Counters) {
    let mut group = Vec::with_capacity(MAX_GROUP);
    while let Ok(first) = jobs.recv() {
        let committed = run_group(&connection, first, jobs, &mut group);
        counters.groups.fetch_add(1, Ordering::Relaxed);
        counters.jobs.fetch_add(u64::try_from(group.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
        for job in group.drain(..) {
            answer(job, committed.clone());
        }
    }
    if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
        // Nothing is lost: the next start reads the log.
        tracing::warn!(%error, "the store's log was not moved into its file at the end");
    }
}

/// Runs `first`, and what else has arrived by the time it is done, in one transaction. `group` then holds the jobs.
fn run_group(
    connection: &Connection,
    first: Box<dyn Job>,
    jobs: &Receiver<Box<dyn Job>>,
    group: &mut Vec<Box<dyn Job>>,
) -> Result<(), StorageError> {
    let begun_at = Instant::now();
    let mut next = Some(first);
    let begun = execute(connection, "BEGIN IMMEDIATE");
    while let Some(mut job) = next.take() {
        let ran = match &begun {
            Ok(()) => run_job(connection, job.as_mut()),
            Err(error) => Err(error.clone()),
        };
        group.push(job);
        // The transaction is gone, and with it what the earlier jobs wrote.
        ran?;
        if group.len() < MAX_GROUP && begun_at.elapsed() < MAX_GROUP_TIME {
            // Asked after each job, so that callers who were answered a moment ago come along with this commit.
            next = jobs.try_recv().ok();
        }
    }
    commit(connection)
}

/// Runs one job in a savepoint; an error means that the whole transaction is lost.
fn run_job(connection: &Connection, job: &mut dyn Job) -> Result<(), StorageError> {
    execute(connection, "SAVEPOINT job").or_else(|error| abandon(connection, error))?;
    let keep = catch_unwind(AssertUnwindSafe(|| job.run(connection))).unwrap_or(false);
    if connection.is_autocommit() {
        // SQLite itself rolled everything back, as it may when the disk is full.
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT_ROLLBACK),
            Some("another job of the same transaction made SQLite roll it back".to_owned()),
        )
        .into());
    }
    if !keep {
        execute(connection, "ROLLBACK TO job").or_else(|error| abandon(connection, error))?;
    }
    execute(connection, "RELEASE job").or_else(|error| abandon(connection, error))
}

fn commit(connection: &Connection) -> Result<(), StorageError> {
    execute(connection, "COMMIT").or_else(|error| abandon(connection, error))
}

/// Ends the transaction without its changes; always the error.
fn abandon(connection: &Connection, error: StorageError) -> Result<(), StorageError> {
    if !connection.is_autocommit()
        && let Err(second) = execute(connection, "ROLLBACK")
    {
        tracing::error!(error = %second, "the store could not roll back");
    }
    Err(error)
}

fn execute(connection: &Connection, sql: &str) -> Result<(), StorageError> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

/// A panic of one caller's code must not cost the others their answers.
fn answer(job: Box<dyn Job>, group: Result<(), StorageError>) {
    if catch_unwind(AssertUnwindSafe(|| job.answer(group))).is_err() {
        tracing::error!("the answer of a storage job panicked");
    }
}
