//! Between Rust's numbers and SQLite's, which are signed and have 64 bits.

use bytes::Bytes;
use rusqlite::Row;

use crate::model::UnixMillis;

/// A number as SQLite holds it; what is larger than it can hold becomes its largest.
#[must_use]
pub fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number that is never negative.
#[must_use]
pub fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A time column as a time.
///
/// # Errors
/// The column is missing or is no number.
pub fn millis(row: &Row<'_>, column: usize) -> rusqlite::Result<UnixMillis> {
    row.get(column).map(|number| UnixMillis(unsigned(number)))
}

/// As [`millis`], of a column that may be empty.
///
/// # Errors
/// The column holds something else.
pub fn optional_millis(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<UnixMillis>> {
    row.get::<_, Option<i64>>(column).map(|number| number.map(|number| UnixMillis(unsigned(number))))
}

/// A BLOB column, byte for byte.
///
/// # Errors
/// The column is missing or holds no bytes.
pub fn blob(row: &Row<'_>, column: usize) -> rusqlite::Result<Bytes> {
    Ok(Bytes::copy_from_slice(row.get_ref(column)?.as_blob()?))
}
