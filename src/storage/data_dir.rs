//! The data directory: made private, and held by one process.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;

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
    #[error(
        "the data directory is in use: another process holds {}. Stop that one, or give this one another directory with \
         --data-dir",
        lock.display()
    )]
    InUse {
        /// The lock file.
        lock: PathBuf,
    },
    /// Others than its owner may read or write in it, and this process may not change that.
    #[error(
        "the data directory {} is open to others (mode {mode:03o}), and cannot be made private: {source}. Make it 0700, \
         or give another directory with --data-dir: one below this one is made private",
        path.display()
    )]
    Open {
        /// The directory.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// Its lock is not a file of its own.
    #[error("{} in the data directory is not a regular file: it was left as it is", lock.display())]
    ForeignLock {
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
    /// Makes the directory when missing (mode 0700, parents too), closes it to others where it is there and open to them,
    /// and takes its lock.
    ///
    /// # Errors
    /// [`DataDirError`] names the file that stands in the way.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let failed = |source| DataDirError::Io { path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        close_to_others(path)?;
        let lock = path.join(LOCK_FILE);
        let failed = |source| DataDirError::Io { path: lock.clone(), source };
        // A link would let this process make and lock a file elsewhere; a pipe would let it wait for ever.
        let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0);
        let mut options = OpenOptions::new();
        let file = match options.write(true).create(true).truncate(false).mode(0o600).custom_flags(flags).open(&lock) {
            Err(error) if is_no_file(&error) => return Err(DataDirError::ForeignLock { lock }),
            other => other.map_err(failed)?,
        };
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(DataDirError::ForeignLock { lock });
        }
        match file.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: file }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse { lock }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Whether opening failed since a link, or a pipe that nobody reads, is there.
fn is_no_file(error: &std::io::Error) -> bool {
    [Errno::LOOP, Errno::NXIO].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// What is stored are other people's messages, and the keys to them.
fn close_to_others(path: &Path) -> Result<(), DataDirError> {
    let failed = |source| DataDirError::Io { path: path.to_owned(), source };
    let directory = File::open(path).map_err(failed)?;
    let mode = directory.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    directory.set_permissions(Permissions::from_mode(0o700)).map_err(|source| DataDirError::Open {
        path: path.to_owned(),
        mode,
        source,
    })?;
    let was = format!("{mode:03o}");
    tracing::warn!(directory = %path.display(), was, "the data directory was open to others: its mode is 0700 now");
    Ok(())
}

#[cfg(test)]
mod tests {
    use rustix::fs::{FileType, Mode};

    use super::*;

    #[test]
    fn a_second_holder_gets_an_error_that_names_the_lock() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/data");
        let first = DataDir::open(&path).unwrap();
        let error = DataDir::open(&path).unwrap_err();
        assert!(error.to_string().contains(path.join("lock").to_str().unwrap()), "{error}");
        assert!(error.to_string().contains("--data-dir"), "{error}");
        drop(first);
        assert_eq!(DataDir::open(&path).unwrap().path(), path);
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn it_is_private_and_one_that_is_not_is_made_so() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        drop(DataDir::open(&path).unwrap());
        assert_eq!(mode(&path), 0o700);
        for open in [0o755, 0o701, 0o770, 0o777] {
            std::fs::set_permissions(&path, Permissions::from_mode(open)).unwrap();
            drop(DataDir::open(&path).unwrap());
            assert_eq!(mode(&path), 0o700, "{open:o}");
        }
    }

    #[test]
    fn one_that_cannot_be_made_private_is_refused() {
        // Nobody, not even root, may change what the kernel makes of a process's own directory.
        let error = DataDir::open(Path::new("/proc/self/fdinfo")).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, DataDirError::Open { .. }), "{text}");
        assert!(text.contains("/proc/self/fdinfo is open to others") && text.contains("--data-dir"), "{text}");
    }

    #[test]
    fn a_lock_that_is_a_link_or_no_file_is_not_followed() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        drop(DataDir::open(&path).unwrap());
        let (lock, elsewhere) = (path.join(LOCK_FILE), parent.path().join("elsewhere"));
        std::fs::remove_file(&lock).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &lock).unwrap();
        let error = DataDir::open(&path).unwrap_err();
        assert!(matches!(error, DataDirError::ForeignLock { .. }), "{error}");
        assert!(!elsewhere.exists(), "nothing was made there");
        std::fs::remove_file(&lock).unwrap();
        // Not by a child process: between fork and exec that one would hold the locks of the tests beside this one.
        rustix::fs::mknodat(rustix::fs::CWD, &lock, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let error = DataDir::open(&path).unwrap_err();
        assert!(matches!(error, DataDirError::ForeignLock { .. }), "{error}");
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
