//! The connection and what it can do at present.
//!
//! - On a *full* disk the reserve is given up, and what adds to the store is refused until the reserve could be made
//!   again; everything else goes on in its space.
//! - After a *failed* write or sync nobody knows what the disk holds of it: Linux tells an error of writing back once and
//!   forgets it. SQLite has rolled the commit back, and would write the next one over it. Before it may, the log is
//!   moved into the store, emptied, and a commit of our own was synced; until then whatever writes is refused without
//!   being begun.
//! - A log that does not hold what was committed ends all work: the next start tells what to do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::StorageError;
use super::disk::{Disk, MoveError};
use super::health::{FaultKind, Health};
use super::job::{Access, Flaw};

/// Between two attempts to make the reserve again, or to prove the disk.
const TRY_PAUSE: Duration = Duration::from_secs(1);
/// The log is emptied when nothing was written for this long.
const IDLE: Duration = Duration::from_secs(1);

/// A connection, its files, and what it can do at present. Lives on the storage thread.
pub(super) struct Store {
    // Before the files: closing a handle of them would free SQLite's lock.
    connection: Connection,
    disk: Option<Disk>,
    health: Arc<Health>,
    /// The disk is full; when to try to make the reserve again.
    full: Option<Instant>,
    /// A write failed; when to try to prove the disk.
    suspect: Option<Instant>,
    /// The log is damaged.
    damaged: Option<StorageError>,
    wrote_at: Instant,
}

impl Store {
    pub(super) fn new(connection: Connection, disk: Option<Disk>, health: Arc<Health>) -> Self {
        Self { connection, disk, health, full: None, suspect: None, damaged: None, wrote_at: Instant::now() }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// After opening: moves what a crash left in the log, and makes the reserve.
    pub(super) fn begin(&mut self) {
        self.move_log(true);
        let Some(disk) = self.disk.as_mut() else { return };
        match disk.reserve.make(false) {
            Ok(true) => {}
            Ok(false) => self.meet_full(1),
            Err(error) => tracing::warn!(%error, "no disk space could be kept for a full disk"),
        }
    }

    /// Why a job of this kind is not begun now.
    pub(super) fn refusal(&mut self, access: Access) -> Option<StorageError> {
        if let Some(error) = &self.damaged {
            self.health.failed(FaultKind::Damage, 1, || error.to_string());
            return Some(error.clone());
        }
        if self.suspect.is_some() && access != Access::Reads {
            self.health.failed(FaultKind::Io, 1, || StorageError::Unwritable.to_string());
            return Some(StorageError::Unwritable);
        }
        if self.full.is_some() && access == Access::Grows {
            self.health.failed(FaultKind::Full, 1, || StorageError::Full.to_string());
            return Some(StorageError::Full);
        }
        None
    }

    /// After a commit, before its callers are answered.
    pub(super) fn committed(&mut self) {
        let Some(disk) = self.disk.as_mut() else { return };
        match disk.note_commit() {
            Ok(false) => {}
            Ok(true) => {
                self.wrote_at = Instant::now();
                self.health.succeeded(FaultKind::Io);
            }
            // The commit itself is on the disk.
            Err(error) => self.health.failed(FaultKind::Io, 1, || format!("a commit could not be claimed: {error}")),
        }
    }

    /// `failures` jobs met a full disk, and were undone.
    pub(super) fn meet_full(&mut self, failures: u64) {
        let Some(disk) = self.disk.as_mut() else { return };
        self.health.failed(FaultKind::Full, failures, || StorageError::Full.to_string());
        if let Err(error) = disk.reserve.release() {
            tracing::warn!(%error, "the disk space that was kept for a full disk could not be given up");
        }
        self.full = Some(Instant::now() + TRY_PAUSE);
    }

    /// Whether the space kept for a full disk is there.
    fn has_reserve(&self) -> bool {
        self.disk.as_ref().is_some_and(|disk| disk.reserve.held())
    }

    /// `failures` jobs met this flaw, and were undone or are in doubt.
    pub(super) fn meet(&mut self, flaw: Flaw, failures: u64, reason: impl FnOnce() -> String) {
        match flaw {
            Flaw::Full => self.meet_full(failures),
            Flaw::Damage => self.health.failed(FaultKind::Damage, failures, reason),
            Flaw::Io => {
                self.health.failed(FaultKind::Io, failures, reason);
                // At once, when its callers have their answers.
                self.suspect = self.disk.as_ref().map(|_| Instant::now());
            }
            Flaw::Other => {}
        }
    }

    /// When there is something to do although no job waits.
    pub(super) fn next_care(&self) -> Option<Instant> {
        if self.damaged.is_some() {
            return None;
        }
        let log_used = self.disk.as_ref().is_some_and(Disk::is_log_used);
        let idle = (log_used && self.suspect.is_none()).then(|| self.wrote_at + IDLE);
        [self.full, self.suspect, idle].into_iter().flatten().min()
    }

    /// Between jobs: makes the reserve again, moves the log, proves a suspect disk.
    pub(super) fn care(&mut self) {
        if self.damaged.is_some() {
            return;
        }
        let mut now = Instant::now();
        if self.suspect.is_none() {
            if self.full.is_some_and(|try_at| try_at <= now) {
                self.leave_full();
            }
            if self.disk.as_ref().is_some_and(|disk| disk.is_log_used() && self.wrote_at + IDLE <= now) {
                self.move_log(true);
            } else if self.disk.as_ref().is_some_and(Disk::is_log_long) {
                self.move_log(false);
            }
            now = Instant::now();
        }
        if self.suspect.is_some_and(|try_at| try_at <= now) {
            self.prove();
        }
    }

    /// At the end: moves the log into the store. What is not moved stays in the log, and the next start reads it.
    pub(super) fn close(mut self) {
        let moved = self.disk.as_mut().map(|disk| disk.move_log(&self.connection, true));
        match moved {
            Some(Err(error)) => tracing::warn!(%error, "the store's log was not moved into its file at the end"),
            Some(Ok(())) => {
                // The log is empty: with this SQLite removes its file.
                let config = rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
                if let Err(error) = self.connection.set_db_config(config, false) {
                    tracing::debug!(%error, "the empty log stays");
                }
            }
            None => {}
        }
    }

    fn leave_full(&mut self) {
        let Some(disk) = self.disk.as_mut() else { return };
        let reason = match disk.reserve.make(true) {
            Ok(true) => {
                self.full = None;
                self.health.succeeded(FaultKind::Full);
                return;
            }
            Ok(false) => StorageError::Full.to_string(),
            Err(error) => error.to_string(),
        };
        self.full = Some(Instant::now() + TRY_PAUSE);
        self.health.failed(FaultKind::Full, 0, || reason);
    }

    fn prove(&mut self) {
        match self.commit_anew() {
            Ok(()) => {
                self.suspect = None;
                self.health.succeeded(FaultKind::Io);
            }
            Err(error) => self.meet_unmoved(&error),
        }
    }

    /// Moves and empties the log, then commits something that changes nothing.
    fn commit_anew(&mut self) -> Result<(), MoveError> {
        let Some(disk) = self.disk.as_mut() else { return Ok(()) };
        disk.move_log(&self.connection, true)?;
        let version: i64 = self.connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        self.connection.pragma_update(None, "user_version", version)?;
        disk.note_commit()?;
        self.wrote_at = Instant::now();
        Ok(())
    }

    fn move_log(&mut self, empty: bool) {
        let moved = self.disk.as_mut().map_or(Ok(()), |disk| disk.move_log(&self.connection, empty));
        if let Err(error) = moved {
            self.meet_unmoved(&error);
        }
    }

    fn meet_unmoved(&mut self, error: &MoveError) {
        let reason = || format!("the store's log could not be moved into its file: {error}");
        match error {
            MoveError::Damaged { .. } => {
                self.health.failed(FaultKind::Damage, 1, reason);
                let source = rusqlite::Error::SqliteFailure(
                    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
                    Some(error.to_string()),
                );
                self.damaged = Some(StorageError::Damaged(Arc::new(source)));
            }
            error if error.is_full() => {
                // With the reserve's space it is worth another try at once.
                let pause = if self.has_reserve() { Duration::ZERO } else { TRY_PAUSE };
                self.meet_full(0);
                self.suspect = Some(Instant::now() + pause);
            }
            MoveError::Io(_) | MoveError::Sqlite(_) | MoveError::Partly { .. } => {
                self.health.failed(FaultKind::Io, 1, reason);
                self.suspect = Some(Instant::now() + TRY_PAUSE);
            }
        }
    }
}
