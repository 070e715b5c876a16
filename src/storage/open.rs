//! Opening: the connection and its settings.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{OpenError, Schema, StoreLocation};

/// How long another connection may hold the file before opening fails.
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);
/// Statements that stay prepared; more than any store of ours has.
const PREPARED_STATEMENTS: usize = 128;
/// The write-ahead log is moved into the file after so many pages of 4 KiB.
const CHECKPOINT_PAGES: i64 = 4_000;
/// The log file is cut to this size after it was moved, in bytes.
const JOURNAL_BYTES: i64 = 64 * 1024 * 1024;

/// Opens the file or a store in memory, checks that it is ours, sets it up and migrates it.
pub(super) fn open(location: &StoreLocation, schema: Schema) -> Result<Connection, OpenError> {
    let path = location.path();
    let failed = |source| sqlite_error(path, source);
    let mut connection = match location {
        StoreLocation::Disk(path) => {
            create_private(path)?;
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            Connection::open_with_flags(path, flags)
        }
        StoreLocation::Memory => Connection::open_in_memory(),
    }
    .map_err(failed)?;
    // The data directory's lock tells other processes first; who still meets a held file is told soon.
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
    // Before the first read: then the write-ahead log needs no shared-memory file.
    set(&connection, "locking_mode", "EXCLUSIVE").map_err(failed)?;
    let found = check_format(&connection, path, schema)?;
    set_up(&connection).map_err(failed)?;
    schema.migrate(&mut connection, found).map_err(failed)?;
    Ok(connection)
}

/// The file's format, when it is one that this program may touch.
fn check_format(connection: &Connection, path: &Path, schema: Schema) -> Result<i64, OpenError> {
    let failed = |source| sqlite_error(path, source);
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

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    // First of all: the switch to a write-ahead log writes the first page, and then it is too late.
    set(connection, "auto_vacuum", "INCREMENTAL")?;
    set(connection, "journal_mode", "WAL")?;
    set(connection, "synchronous", "FULL")?;
    set(connection, "journal_size_limit", JOURNAL_BYTES)?;
    set(connection, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
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
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(source) => Err(OpenError::Create { path: path.to_owned(), source: Arc::new(source) }),
    }
}

fn sqlite_error(path: &Path, source: rusqlite::Error) -> OpenError {
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::InUse { path: path.to_owned() },
        Some(_) | None => OpenError::Sqlite { path: path.to_owned(), source: Arc::new(source) },
    }
}
