//! The data directory: made private, and held by one process.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

/// The lock's file name inside the directory.
const LOCK_FILE: &str = "lock";

/// A data directory that this process holds until the value is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// Holding the open file is holding the lock; the operating system frees it also after a crash.
    _lock: File,
}

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another process works with it.
    #[error("the data directory is in use: another process holds {}", lock.display())]
    InUse {
        /// The lock file.
        lock: PathBuf,
    },
    /// It cannot be made or its lock cannot be opened.
    #[error("cannot use {} in the data directory: {source}", path.display())]
    Io {
        /// What could not be used.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
}

impl DataDir {
    /// Makes the directory when missing (mode 0700, parents too) and takes its lock.
    ///
    /// # Errors
    /// [`DataDirError`] names the file that stands in the way.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let failed = |at: &Path, source| DataDirError::Io { path: at.to_owned(), source };
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path).map_err(|source| failed(path, source))?;
        let lock = path.join(LOCK_FILE);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&lock).map_err(|source| failed(&lock, source))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: file }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse { lock }),
            Err(TryLockError::Error(source)) => Err(failed(&lock, source)),
        }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_gets_an_error_that_names_the_lock() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/data");
        let first = DataDir::open(&path).unwrap();
        let error = DataDir::open(&path).unwrap_err();
        assert!(error.to_string().contains(path.join("lock").to_str().unwrap()), "{error}");
        drop(first);
        assert_eq!(DataDir::open(&path).unwrap().path(), path);
    }

    #[cfg(unix)]
    #[test]
    fn it_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let _held = DataDir::open(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_file_in_its_place_is_named() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        std::fs::write(&path, b"x").unwrap();
        let error = DataDir::open(&path).unwrap_err();
        assert!(matches!(error, DataDirError::Io { .. }), "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}
