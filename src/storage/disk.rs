//! The files of a store while it is open: the log's frames are claimed after each commit, and moved into the store with
//! the checksums of their pages.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::{Connection, ErrorCode};

use super::check_file::{CheckFile, Claim};
use super::files::{WAL, beside};
use super::reserve::Reserve;
use super::wal;

/// The log is moved into the store when it has this many frames, 16 MiB; on a small volume it has fewer, [`most_frames`]. Each
/// time waits for the disk three times, and frames that wait are mostly newer ones of the same pages.
const MOST_FRAMES: u32 = 4_000;
/// Not fewer than these: with fewer a move would come after each commit of large messages.
const LEAST_FRAMES: u32 = 250;

/// The files of an open store.
#[derive(Debug)]
pub(super) struct Disk {
    pub(super) path: PathBuf,
    pub(super) check: CheckFile,
    pub(super) reserve: Reserve,
    /// The log, once it was seen.
    log: Option<File>,
    /// Set by SQLite after each commit that wrote: frames in the log. 0 when the thread has seen it.
    committed: Arc<AtomicU32>,
    /// Frames that are not moved yet.
    frames: u32,
    /// They are moved, while others wait, once there are this many.
    most_frames: u32,
    /// The log's file holds something, be it moved.
    log_used: bool,
    /// Held open until the connection is closed: closing any handle of the file would free SQLite's lock of it.
    _store: File,
}

/// Why the log was not moved into the store.
#[derive(Debug, thiserror::Error)]
pub(super) enum MoveError {
    /// The log does not hold what was committed.
    #[error("frame {frame} of the write-ahead log is not what was written")]
    Damaged { frame: u32 },
    /// A file could not be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// SQLite could not do it.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// Something of it was not moved.
    #[error("{moved} of {frames} frames of the write-ahead log could be moved")]
    Partly { moved: i64, frames: i64 },
}

impl MoveError {
    /// Whether there was no room.
    pub(super) fn is_full(&self) -> bool {
        match self {
            Self::Io(error) => error.kind() == io::ErrorKind::StorageFull,
            Self::Sqlite(error) => error.sqlite_error_code() == Some(ErrorCode::DiskFull),
            Self::Damaged { .. } | Self::Partly { .. } => false,
        }
    }
}

impl Disk {
    /// The files of a store whose log holds `frames` committed frames. `committed` is what SQLite's hook sets.
    pub(super) fn new(
        path: &Path,
        store: File,
        check: CheckFile,
        reserve: Reserve,
        committed: Arc<AtomicU32>,
        frames: u32,
    ) -> Self {
        let (path, most_frames) = (path.to_owned(), most_frames(&reserve));
        Self { path, check, reserve, log: None, committed, frames, most_frames, log_used: true, _store: store }
    }

    /// After a commit: whether it wrote. What it wrote is claimed.
    pub(super) fn note_commit(&mut self) -> io::Result<bool> {
        let frames = self.committed.swap(0, Ordering::Relaxed);
        if frames == 0 {
            return Ok(false);
        }
        self.frames = frames;
        self.log_used = true;
        let salts = wal::salts(self.log()?)?;
        self.check.set_claim(Claim { salts, frames })?;
        Ok(true)
    }

    /// Whether the log is long enough to be moved while others wait.
    pub(super) fn is_log_long(&self) -> bool {
        self.frames >= self.most_frames
    }

    /// Whether there is something to do when nobody waits.
    pub(super) fn is_log_used(&self) -> bool {
        self.log_used
    }

    /// Moves the log into the store; `empty` makes its file empty too, which costs the next commits more.
    pub(super) fn move_log(&mut self, connection: &Connection, empty: bool) -> Result<(), MoveError> {
        self.frames = self.committed.swap(0, Ordering::Relaxed).max(self.frames);
        if self.frames > 0 {
            self.note_pages()?;
            let frames = checkpoint(connection, "PRAGMA wal_checkpoint(PASSIVE)")?;
            if frames != self.frames {
                // A commit that the hook did not tell of: its pages are moved, and still in the log.
                tracing::warn!(frames, noted = self.frames, "the write-ahead log held other frames than were noted");
                self.frames = frames;
                self.note_pages()?;
            }
        }
        if empty {
            checkpoint(connection, "PRAGMA wal_checkpoint(TRUNCATE)")?;
        }
        self.frames = 0;
        self.log_used = !empty;
        Ok(())
    }

    /// Notes the checksums of the pages that are about to be moved, and withdraws the claim: from here on the log may be
    /// used from its start.
    fn note_pages(&mut self) -> Result<(), MoveError> {
        let frames = self.frames;
        let log = wal::read(self.log()?, Some(frames))?;
        if log.committed != frames {
            return Err(MoveError::Damaged { frame: log.committed.saturating_add(1) });
        }
        let mut sums: Vec<(u32, u32)> = log.pages.into_iter().filter(|(page, _)| *page <= log.store_pages).collect();
        sums.sort_unstable();
        self.check.set_sums(&sums)?;
        self.check.forget_behind(log.store_pages)?;
        self.check.withdraw_claim()?;
        Ok(self.check.sync()?)
    }

    fn log(&mut self) -> io::Result<&File> {
        if self.log.is_none() {
            self.log = Some(File::open(beside(&self.path, WAL))?);
        }
        self.log.as_ref().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// How many frames the log may have before it is moved: so few that a disk which is full is so also with an empty log, or
/// the store would go from full to not full and back.
pub(super) fn most_frames(reserve: &Reserve) -> u32 {
    let frames = reserve.margin().unwrap_or(0) / wal::FRAME_BYTES;
    u32::try_from(frames).unwrap_or(MOST_FRAMES).clamp(LEAST_FRAMES, MOST_FRAMES)
}

/// Moves all frames; how many there were, none when the log was emptied.
fn checkpoint(connection: &Connection, sql: &str) -> Result<u32, MoveError> {
    let (busy, frames, moved): (bool, i64, i64) =
        connection.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    if busy || frames != moved {
        return Err(MoveError::Partly { moved, frames });
    }
    Ok(u32::try_from(frames).unwrap_or(0))
}
