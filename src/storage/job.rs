//! One piece of work for the storage thread: run first, answered after the commit.

use rusqlite::{Connection, ErrorCode};

use super::StorageError;

/// What a job does to what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It changes nothing, and is done also while nothing can be written.
    Reads,
    /// It moves, marks or removes; on a full disk it is done with the space kept for that.
    Writes,
    /// It adds something: refused while the disk is full.
    Grows,
}

/// How a run of a job ended.
#[derive(Debug)]
pub(super) enum Ran {
    /// What it wrote stays.
    Well,
    /// What it wrote is to be undone.
    Badly(Flaw),
}

/// What was wrong, as far as the thread has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    Full,
    Io,
    Damage,
    /// The job's own business.
    Other,
}

impl Flaw {
    pub(super) fn of(error: &rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => Self::Io,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damage,
            Some(_) | None => Self::Other,
        }
    }
}

/// What the thread knows of a job.
pub(super) trait Job: Send {
    fn access(&self) -> Access;

    /// Runs the work and keeps its result, in place of that of an earlier run.
    fn run(&mut self, connection: &Connection) -> Ran;

    /// Why the last run ended badly, without content.
    fn failure(&self) -> String;

    /// Hands the result over. With an error of the whole group, that is the result.
    fn answer(self: Box<Self>, group: Result<(), StorageError>);
}

/// A job with its types: one box holds the work, its result, and who gets it.
pub(super) struct Pending<T, F, D> {
    access: Access,
    work: F,
    state: State<T>,
    done: D,
}

enum State<T> {
    Queued,
    /// Found again only when the work panicked.
    Running,
    Ran(Result<T, StorageError>),
}

impl<T, F, D> Pending<T, F, D>
where
    F: FnMut(&Connection) -> rusqlite::Result<T>,
    D: FnOnce(Result<T, StorageError>),
{
    /// Not run yet.
    pub(super) fn new(access: Access, work: F, done: D) -> Self {
        Self { access, work, state: State::Queued, done }
    }
}

impl<T, F, D> Job for Pending<T, F, D>
where
    T: Send,
    F: FnMut(&Connection) -> rusqlite::Result<T> + Send,
    D: FnOnce(Result<T, StorageError>) + Send,
{
    fn access(&self) -> Access {
        self.access
    }

    fn run(&mut self, connection: &Connection) -> Ran {
        self.state = State::Running;
        let result = (self.work)(connection);
        let ran = match &result {
            Ok(_) => Ran::Well,
            Err(error) => Ran::Badly(Flaw::of(error)),
        };
        self.state = State::Ran(result.map_err(StorageError::from));
        ran
    }

    fn failure(&self) -> String {
        match &self.state {
            State::Ran(Err(error)) => error.to_string(),
            State::Queued | State::Running | State::Ran(Ok(_)) => StorageError::Panicked.to_string(),
        }
    }

    fn answer(self: Box<Self>, group: Result<(), StorageError>) {
        let result = match self.state {
            State::Ran(Ok(value)) => group.map(|()| value),
            State::Ran(Err(error)) => Err(error),
            State::Running => Err(StorageError::Panicked),
            // The transaction ended before this job's turn, or it was never begun.
            State::Queued => Err(group.err().unwrap_or(StorageError::Closed)),
        };
        (self.done)(result);
    }
}
