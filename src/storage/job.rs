//! One piece of work for the storage thread: run first, answered after the commit.

use rusqlite::Connection;

use super::StorageError;

/// What the thread knows of a job.
pub(super) trait Job: Send {
    /// Runs the work and keeps its result; `false` asks for what it wrote to be undone.
    fn run(&mut self, connection: &Connection) -> bool;

    /// Hands the result over. With an error of the whole group, that is the result.
    fn answer(self: Box<Self>, group: Result<(), StorageError>);
}

/// A job with its types: one box holds the work, then its result, and who gets it.
pub(super) struct Pending<T, F, D> {
    state: State<T, F>,
    done: D,
}

enum State<T, F> {
    Queued(F),
    /// Taken out to be run; found again only when the work panicked.
    Running,
    Ran(Result<T, StorageError>),
}

impl<T, F, D> Pending<T, F, D>
where
    F: FnOnce(&Connection) -> rusqlite::Result<T>,
    D: FnOnce(Result<T, StorageError>),
{
    /// Not run yet.
    pub(super) fn new(work: F, done: D) -> Self {
        Self { state: State::Queued(work), done }
    }
}

impl<T, F, D> Job for Pending<T, F, D>
where
    T: Send,
    F: FnOnce(&Connection) -> rusqlite::Result<T> + Send,
    D: FnOnce(Result<T, StorageError>) + Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        let State::Queued(work) = std::mem::replace(&mut self.state, State::Running) else { return false };
        let result = work(connection);
        let keep = result.is_ok();
        self.state = State::Ran(result.map_err(StorageError::from));
        keep
    }

    fn answer(self: Box<Self>, group: Result<(), StorageError>) {
        let result = match self.state {
            State::Ran(Ok(value)) => group.map(|()| value),
            State::Ran(Err(error)) => Err(error),
            State::Running => Err(StorageError::Panicked),
            // The transaction ended before this job's turn.
            State::Queued(_) => Err(group.err().unwrap_or(StorageError::Closed)),
        };
        (self.done)(result);
    }
}
