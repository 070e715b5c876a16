//! What can go wrong with a store.

use std::path::PathBuf;
use std::sync::Arc;

/// Why a job was not done. Nothing of what it wrote remains.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StorageError {
    /// Too many jobs wait already; the same job may succeed a moment later.
    #[error("the storage queue is full")]
    Overloaded,
    /// The store was closed, or its thread has ended.
    #[error("the store is closed")]
    Closed,
    /// The job panicked.
    #[error("a storage job panicked")]
    Panicked,
    /// SQLite refused the job, or the commit that it shared with others.
    #[error("the store failed: {0}")]
    Sqlite(#[source] Arc<rusqlite::Error>),
}

impl From<rusqlite::Error> for StorageError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}

/// Why a store was not opened. The file is as it was.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OpenError {
    /// A newer program wrote the file.
    #[error("{} has format {found}, this program knows formats up to {known}: start the newer program", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its `user_version`.
        found: i64,
        /// The newest format that this program knows.
        known: i64,
    },
    /// A database, but none of ours.
    #[error("{} is a database of another program", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Another connection holds the file.
    #[error("{} is in use by another process", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be made or is no file that can be written.
    #[error("cannot create {}: {source}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: Arc<std::io::Error>,
    },
    /// SQLite cannot use the file.
    #[error("cannot open {}: {source}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// SQLite's answer.
        source: Arc<rusqlite::Error>,
    },
    /// The operating system gave no thread.
    #[error("cannot start the storage thread: {source}")]
    Thread {
        /// The operating system's answer.
        source: Arc<std::io::Error>,
    },
}
