//! The thread: takes what has gathered, commits once, answers all.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::StorageError;
use super::commit_stats::Counters;
use super::job::{Access, Flaw, Job, Ran};
use super::store::Store;

/// Most jobs in one transaction.
const MAX_GROUP: usize = 1_024;
/// A transaction takes no more jobs after this time, so that its first caller does not wait for the last of many big ones.
const MAX_GROUP_TIME: Duration = Duration::from_millis(20);

/// Takes the lock at once: a transaction that begins by reading could be refused it later.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// How a transaction ended without a commit.
enum Lost {
    /// It was undone, since the disk was full: what does not add to the store is worth another try.
    Full,
    /// It was undone.
    Undone(StorageError, Flaw),
    /// Its end failed.
    InDoubt(StorageError),
}

/// Serves jobs until the queue has neither a sender nor a job, then moves the log into the file.
pub(super) fn serve(mut store: Store, jobs: &Receiver<Box<dyn Job>>, counters: &Counters) {
    let mut group = Vec::with_capacity(MAX_GROUP);
    loop {
        let next = match store.next_care() {
            None => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(time) => jobs.recv_timeout(time.saturating_duration_since(Instant::now())),
        };
        match next {
            Ok(first) => serve_group(&mut store, first, jobs, &mut group, counters),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        store.care();
    }
    store.close();
}

/// Serves `first`, and what else has arrived by the time it is done.
fn serve_group(
    store: &mut Store,
    first: Box<dyn Job>,
    jobs: &Receiver<Box<dyn Job>>,
    group: &mut Vec<Box<dyn Job>>,
    counters: &Counters,
) {
    let begun_at = Instant::now();
    // Asked after each job, so that callers who were answered a moment ago come along with this commit.
    let more =
        |taken| if taken < MAX_GROUP && begun_at.elapsed() < MAX_GROUP_TIME { jobs.try_recv().ok() } else { None };
    let ended = transact(store, first, more, group, counters);
    if !group.is_empty() {
        counters.groups.fetch_add(1, Ordering::Relaxed);
        counters.jobs.fetch_add(group.len() as u64, Ordering::Relaxed);
    }
    if matches!(ended, Err(Lost::Full)) {
        // Whose fault it was is not known: one by one, now that there is room.
        let (refused, tried): (Vec<_>, Vec<_>) = group.drain(..).partition(|job| job.access() == Access::Grows);
        store.meet_full(refused.len() as u64);
        refused.into_iter().for_each(|job| answer(job, Err(StorageError::Full)));
        for job in tried {
            let ended = transact(store, job, |_| None, group, counters);
            answer_all(store, ended, group);
        }
    } else {
        answer_all(store, ended, group);
    }
}

/// Answers the jobs of a transaction.
fn answer_all(store: &mut Store, ended: Result<(), Lost>, group: &mut Vec<Box<dyn Job>>) {
    let number = group.len() as u64;
    let result = match ended {
        Ok(()) => {
            store.committed();
            Ok(())
        }
        Err(Lost::Full) => {
            store.meet_full(number);
            Err(StorageError::Full)
        }
        Err(Lost::Undone(error, flaw)) => {
            store.meet(flaw, number, || error.to_string());
            Err(error)
        }
        Err(Lost::InDoubt(error)) => {
            store.meet(Flaw::Io, number, || error.to_string());
            Err(error)
        }
    };
    for job in group.drain(..) {
        answer(job, result.clone());
    }
}

/// Runs jobs in one transaction, as long as `more` has any for the number taken so far. `group` then holds the jobs.
///
/// They run without savepoints, as few of them fail, and a savepoint costs a copy of each page that a job changes. When one
/// does fail, all that was done is undone and done again, now and from here on with a savepoint for each.
fn transact(
    store: &mut Store,
    first: Box<dyn Job>,
    more: impl Fn(usize) -> Option<Box<dyn Job>>,
    group: &mut Vec<Box<dyn Job>>,
    counters: &Counters,
) -> Result<(), Lost> {
    let changes = store.connection().total_changes();
    let (mut begun, mut apart) = (false, false);
    let mut next = Some(first);
    while let Some(mut job) = next.take() {
        if let Some(error) = store.refusal(job.access()) {
            answer(job, Err(error));
            next = more(group.len());
            continue;
        }
        if !begun && let Err(error) = execute(store.connection(), BEGIN) {
            group.push(job);
            return Err(undone(error));
        }
        begun = true;
        let ran =
            if apart { run_apart(store.connection(), job.as_mut()) } else { run_job(store.connection(), job.as_mut()) };
        if let Ok(Ran::Badly(flaw)) = ran {
            store.meet(flaw, 1, || job.failure());
        }
        group.push(job);
        // With an error the transaction is gone, and with it what the earlier jobs wrote.
        if let Ran::Badly(_) = ran?
            && !apart
        {
            run_again(store, group)?;
            apart = true;
        }
        next = more(group.len());
    }
    if !begun {
        return Ok(());
    }
    let (started, has_written) = (Instant::now(), store.connection().total_changes() != changes);
    commit(store.connection())?;
    if has_written && let Some(times) = counters.sync_times.get() {
        times.observe(started.elapsed());
    }
    Ok(())
}

/// Undoes all that a transaction did, and does it again, the failure of one job apart from the others. That of the last
/// one was met already.
fn run_again(store: &mut Store, group: &mut [Box<dyn Job>]) -> Result<(), Lost> {
    let last = group.len().saturating_sub(1);
    execute(store.connection(), "ROLLBACK").map_err(|error| abandon(store.connection(), error))?;
    execute(store.connection(), BEGIN).map_err(undone)?;
    for (index, job) in group.iter_mut().enumerate() {
        if let Ran::Badly(flaw) = run_apart(store.connection(), job.as_mut())?
            && index < last
        {
            store.meet(flaw, 1, || job.failure());
        }
    }
    Ok(())
}

/// Runs one job in a savepoint; an error means that the whole transaction is lost.
fn run_apart(connection: &Connection, job: &mut dyn Job) -> Result<Ran, Lost> {
    execute(connection, "SAVEPOINT job").map_err(|error| abandon(connection, error))?;
    let ran = run_job(connection, job)?;
    if let Ran::Badly(_) = ran {
        execute(connection, "ROLLBACK TO job").map_err(|error| abandon(connection, error))?;
    }
    execute(connection, "RELEASE job").map_err(|error| abandon(connection, error))?;
    Ok(ran)
}

/// Runs one job; an error means that the whole transaction is lost.
fn run_job(connection: &Connection, job: &mut dyn Job) -> Result<Ran, Lost> {
    let ran = catch_unwind(AssertUnwindSafe(|| job.run(connection))).unwrap_or(Ran::Badly(Flaw::Other));
    let flaw = match ran {
        Ran::Badly(Flaw::Full) => {
            roll_back(connection);
            return Err(Lost::Full);
        }
        Ran::Badly(flaw) => flaw,
        Ran::Well => Flaw::Other,
    };
    if connection.is_autocommit() {
        // SQLite itself rolled everything back.
        let error = rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT_ROLLBACK),
            Some("another job of the same transaction made SQLite roll it back".to_owned()),
        );
        return Err(Lost::Undone(StorageError::from(error), flaw));
    }
    Ok(ran)
}

fn commit(connection: &Connection) -> Result<(), Lost> {
    execute(connection, "COMMIT").map_err(|error| {
        roll_back(connection);
        match Flaw::of(&error) {
            // The last frame, which makes the others a commit, was not written.
            Flaw::Full => Lost::Full,
            // It may have been: the error may be that of the sync.
            Flaw::Io | Flaw::Damage | Flaw::Other => Lost::InDoubt(StorageError::InDoubt(Arc::new(error))),
        }
    })
}

/// Ends the transaction without its changes.
fn abandon(connection: &Connection, error: rusqlite::Error) -> Lost {
    roll_back(connection);
    undone(error)
}

fn undone(error: rusqlite::Error) -> Lost {
    match Flaw::of(&error) {
        Flaw::Full => Lost::Full,
        flaw @ (Flaw::Io | Flaw::Damage | Flaw::Other) => Lost::Undone(StorageError::from(error), flaw),
    }
}

fn roll_back(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(error) = execute(connection, "ROLLBACK")
    {
        tracing::error!(%error, "the store could not roll back");
    }
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

/// A panic of one caller's code must not cost the others their answers.
fn answer(job: Box<dyn Job>, group: Result<(), StorageError>) {
    if catch_unwind(AssertUnwindSafe(|| job.answer(group))).is_err() {
        tracing::error!("the answer of a storage job panicked");
    }
}
