//! The files of a store on disk, all beside each other: `NAME`, `NAME-wal`, `NAME-check`, `NAME-reserve`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The file beside `store` whose name ends with this.
pub(super) fn beside(store: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(store);
    name.push(ending);
    PathBuf::from(name)
}

/// Bytes of a page of every store.
pub(super) const PAGE_BYTES: u16 = 4_096;
/// SQLite's write-ahead log.
pub(super) const WAL: &str = "-wal";
/// What the store is checked by.
pub(super) const CHECK: &str = "-check";
/// Disk space that is kept for a full disk.
pub(super) const RESERVE: &str = "-reserve";
