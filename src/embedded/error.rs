//! What can go wrong with the engine.

use crate::model::Topic;
use crate::random::RandomError;
use crate::storage::{OpenError, StorageError};

/// Why the engine did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// The topics are limited by configuration, and this is none of them.
    #[error("topic {topic} does not exist")]
    UnknownTopic {
        /// The topic that was asked for.
        topic: Topic,
    },
    /// Too much waits for the disk already; the same call may succeed a moment later. Nothing was stored.
    #[error("the engine is overloaded")]
    Overloaded,
    /// The engine was closed. Nothing was stored.
    #[error("the engine is closed")]
    Closed,
    /// There is no room. Nothing was stored.
    #[error("the store is full")]
    Full,
    /// The store could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store failed; what the call wrote was undone. The source is never a message's content.
    #[error(transparent)]
    Storage(StorageError),
    /// The store failed at the very end: what the call wrote may be there or not.
    #[error(transparent)]
    InDoubt(StorageError),
    /// The operating system gave no random bytes.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl From<StorageError> for EngineError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Overloaded => Self::Overloaded,
            StorageError::Closed => Self::Closed,
            StorageError::Full => Self::Full,
            StorageError::Panicked | StorageError::Unwritable | StorageError::Damaged(_) | StorageError::Sqlite(_) => {
                Self::Storage(error)
            }
            StorageError::InDoubt(_) => Self::InDoubt(error),
        }
    }
}
