//! Opening: what is there is looked at, then the connection and its settings, then the newest form.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::hooks::Wal;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::check_file::CheckFile;
use super::disk::{self, Disk};
use super::examine;
use super::files::{CHECK, PAGE_BYTES, RESERVE, beside};
use super::health::Health;
use super::reserve::Reserve;
use super::store::Store;
use super::{OpenError, Schema, StoreLocation, to_sql, wal};

/// How long another connection may hold the file before opening fails.
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);
/// Statements that stay prepared; more than any store of ours has.
const PREPARED_STATEMENTS: usize = 128;

/// A store that was opened.
pub(super) struct Opened {
    pub(super) store: Store,
    /// Pages of self-checked tables are damaged: their rows are to be looked at.
    pub(super) damaged: bool,
}

/// Opens the file or a store in memory, checks that it is ours and as it was left, sets it up and migrates it.
pub(super) fn open(location: &StoreLocation, schema: Schema, health: Arc<Health>) -> Result<Opened, OpenError> {
    if let StoreLocation::Disk(path) = location {
        return open_file(path, schema, health);
    }
    let path = location.path();
    let failed = |source| sqlite_error(path, source);
    let mut connection = Connection::open_in_memory().map_err(failed)?;
    let found = begin(&connection, path, schema)?;
    set_up(&connection, found, 0).and_then(|()| schema.migrate(&mut connection, found)).map_err(failed)?;
    Ok(Opened { store: Store::new(connection, None, health), damaged: false })
}

fn open_file(path: &Path, schema: Schema, health: Arc<Health>) -> Result<Opened, OpenError> {
    let failed = |source| sqlite_error(path, source);
    examine::before_it_is_made(path)?;
    create_private(path)?;
    // Before SQLite reads the log: it would take the first broken frame for the end.
    let found = examine::log(path)?;
    let file = File::open(path).map_err(|source| OpenError::create(path, source))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    let format = begin(&connection, path, schema)?;
    let mut reserve = Reserve::at(beside(path, RESERVE));
    let damaged = match &found.check {
        Some(check) => examine::pages(path, &file, (check, &found.log), &mut connection, schema, &health)?,
        None => examine::form(path, &mut connection, format, schema)?,
    };
    let check = match found.check {
        Some(check) => check,
        None => {
            let at = beside(path, CHECK);
            let make = || CheckFile::create(&at).and_then(|check| examine::adopt(&file, check, &found.log));
            let is_full = |error: &io::Error| error.kind() == io::ErrorKind::StorageFull;
            with_reserve(&mut reserve, make, is_full).map_err(|source| OpenError::beside(&at, source))?
        }
    };
    let committed = Arc::new(AtomicU32::new(0));
    // Room for the commit that makes it long enough to be moved.
    let log_bytes = u64::from(disk::most_frames(&reserve)) * wal::FRAME_BYTES * 5 / 4;
    let step = || {
        let noted = Arc::clone(&committed);
        // In place of SQLite's own, which would move the log whenever it is long. Before the first commit.
        connection.wal_hook(Some(move |_: &mut Wal, frames| {
            noted.store(u32::try_from(frames).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        set_up(&connection, format, log_bytes)?;
        schema.migrate(&mut connection, format)
    };
    with_reserve(&mut reserve, step, is_full).map_err(failed)?;
    let disk = Disk::new(path, file, check, reserve, committed, found.log.committed);
    let mut store = Store::new(connection, Some(disk), health);
    store.begin();
    Ok(Opened { store, damaged })
}

/// A step again with the reserve's space, where the disk was too full for it.
fn with_reserve<T, E>(
    reserve: &mut Reserve,
    mut step: impl FnMut() -> Result<T, E>,
    is_full: impl Fn(&E) -> bool,
) -> Result<T, E> {
    match step() {
        Err(error) if is_full(&error) && reserve.release().unwrap_or(false) => step(),
        other => other,
    }
}

fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}

/// The settings that come before the first read, and the file's format, when it is one that this program may touch.
fn begin(connection: &Connection, path: &Path, schema: Schema) -> Result<i64, OpenError> {
    let failed = |source| sqlite_error(path, source);
    // The data directory's lock stops other processes first; whoever still meets a held file gets an error soon.
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
    // The log is moved with the checksums of its pages, or stays.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(failed)?;
    // A plan may not depend on what is bound: else SQLite prepares a statement anew each time that it gets other values.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failed)?;
    // Before the first read: then the write-ahead log needs no shared-memory file.
    set(connection, "locking_mode", "EXCLUSIVE").map_err(failed)?;
    set(connection, "cell_size_check", "ON").map_err(failed)?;
    (schema.functions)(connection).map_err(failed)?;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    if found > schema.newest() {
        return Err(OpenError::Newer { path: path.to_owned(), found, known: schema.newest() });
    }
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    if found < 0 || (found == 0 && tables > 0) {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    Ok(found)
}

/// `log_bytes`: the log's file is cut to this size when it is used from its start again.
fn set_up(connection: &Connection, format: i64, log_bytes: u64) -> rusqlite::Result<()> {
    if format == 0 {
        // First of all: the switch to a write-ahead log writes the first page, and then it is too late.
        set(connection, "page_size", i64::from(PAGE_BYTES))?;
        set(connection, "auto_vacuum", "INCREMENTAL")?;
    }
    set(connection, "journal_mode", "WAL")?;
    set(connection, "synchronous", "FULL")?;
    set(connection, "journal_size_limit", to_sql(log_bytes))?;
    set(connection, "temp_store", "MEMORY")?;
    set(connection, "trusted_schema", "OFF")
}

/// Sets a pragma, whether or not it answers with a row.
fn set(connection: &Connection, name: &str, value: impl rusqlite::ToSql) -> rusqlite::Result<()> {
    connection.pragma_update(None, name, value)
}

/// Makes the file readable by its owner only; SQLite gives its log the same mode.
fn create_private(path: &Path) -> Result<(), OpenError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(|source| OpenError::create(path, source))
}

fn sqlite_error(path: &Path, source: rusqlite::Error) -> OpenError {
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::InUse { path: path.to_owned() },
        Some(ErrorCode::DatabaseCorrupt) => examine::damaged_store(path, source.to_string()),
        Some(_) | None => OpenError::Sqlite { path: path.to_owned(), source: Arc::new(source) },
    }
}
