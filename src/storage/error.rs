//! What can go wrong with a store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::ErrorCode;

/// Why a job was not done. But for [`StorageError::InDoubt`], nothing of what it wrote remains.
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
    /// The disk is full.
    #[error("the store's disk is full")]
    Full,
    /// The disk failed a moment ago, and nothing is written until it was seen to work; the job was not begun.
    #[error("the store cannot be written at present")]
    Unwritable,
    /// The file holds what nobody wrote.
    #[error("the store is damaged: {0}")]
    Damaged(#[source] Arc<rusqlite::Error>),
    /// SQLite refused the job, or the commit that it shared with others.
    #[error("the store failed: {0}")]
    Sqlite(#[source] Arc<rusqlite::Error>),
    /// The disk failed at the end of the commit: what the job wrote may come back after a restart, or not.
    #[error("the store failed, and what was written may or may not be there: {0}")]
    InDoubt(#[source] Arc<rusqlite::Error>),
}

impl From<rusqlite::Error> for StorageError {
    /// Of a statement before the commit.
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(Arc::new(error)),
            Some(_) | None => Self::Sqlite(Arc::new(error)),
        }
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
    /// The store is not as it was left, and to go on would be to lose something without a word.
    #[error("{} is damaged: {what}. Nothing was changed. {remedy}", path.display())]
    Damaged {
        /// The file that is damaged.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
        /// What a person can do.
        remedy: String,
    },
    /// A file beside the store cannot be used.
    #[error("cannot use {}: {source}", path.display())]
    Beside {
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

impl OpenError {
    pub(super) fn create(path: &Path, source: std::io::Error) -> Self {
        Self::Create { path: path.to_owned(), source: Arc::new(source) }
    }

    pub(super) fn beside(path: &Path, source: std::io::Error) -> Self {
        Self::Beside { path: path.to_owned(), source: Arc::new(source) }
    }
}
