//! A stored message's checksum: of every column, so that what is delivered is what was published.
//!
//! It is written with the row and compared whenever the message is read to be delivered or moved. One that differs is
//! *set aside*: its row stays until retention, nobody gets it, and the rest goes on.

use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

/// The columns of `messages` that a checksum covers, in its order.
macro_rules! columns {
    () => {
        "message_id, topic_id, position, visible_since, deliver_at, published_at, bytes, tag, keys, properties, \
         message_group, body"
    };
}
pub(super) use columns;

/// How many they are.
const COLUMNS: usize = 12;
/// What no checksum is.
pub(super) const BROKEN: i64 = -1;

/// The columns of one message, as the store holds them.
pub(super) type Columns<'a> = [ValueRef<'a>; COLUMNS];

/// The CRC-32 of a message's columns. Each is preceded by its type and length, so that no two rows are the same text.
pub(super) fn checksum(columns: &Columns<'_>) -> i64 {
    let mut hasher = crc32fast::Hasher::new();
    let mut sized = |kind: u8, bytes: &[u8]| {
        hasher.update(&[kind]);
        hasher.update(&bytes.len().to_le_bytes());
        hasher.update(bytes);
    };
    for column in columns {
        match column {
            ValueRef::Null => sized(0, &[]),
            ValueRef::Integer(number) => sized(1, &number.to_le_bytes()),
            ValueRef::Real(number) => sized(2, &number.to_le_bytes()),
            ValueRef::Text(bytes) => sized(3, bytes),
            ValueRef::Blob(bytes) => sized(4, bytes),
        }
    }
    i64::from(hasher.finalize())
}

/// The columns at the beginning of a row that selects [`columns`].
pub(super) fn columns_of<'a>(row: &'a Row<'_>) -> rusqlite::Result<Columns<'a>> {
    let mut columns = [ValueRef::Null; COLUMNS];
    for (index, column) in columns.iter_mut().enumerate() {
        *column = row.get_ref(index)?;
    }
    Ok(columns)
}

/// Whether a row that selects [`columns`] and then `checksum` is what was written.
pub(super) fn is_whole(row: &Row<'_>) -> rusqlite::Result<bool> {
    Ok(row.get_ref(COLUMNS)? == ValueRef::Integer(checksum(&columns_of(row)?)))
}

/// A text or nothing, as a column.
pub(super) fn optional_text(text: Option<&str>) -> ValueRef<'_> {
    text.map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes()))
}

/// A number or nothing, as a column.
pub(super) fn optional_number(number: Option<i64>) -> ValueRef<'static> {
    number.map_or(ValueRef::Null, ValueRef::Integer)
}

/// Lets SQL call [`checksum`], as `message_checksum`: for stores that were made without.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("message_checksum", 12, flags, |context| {
        let mut columns = [ValueRef::Null; COLUMNS];
        for (index, column) in columns.iter_mut().enumerate() {
            *column = context.get_raw(index);
        }
        Ok(checksum(&columns))
    })
}

/// Notes that a message is not what was written; once for each, whoever meets it.
pub(super) fn set_aside(connection: &Connection, sequence: i64, now: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO set_aside (sequence, found_at) VALUES (?1, ?2)")?
        .execute([sequence, now])
        .map(drop)
}

/// Looks at every message and sets aside what is not what was written; how many that are.
pub(super) fn examine(connection: &Connection, now: i64) -> rusqlite::Result<u64> {
    let mut all =
        connection.prepare(concat!("SELECT ", columns!(), ", checksum, sequence FROM messages ORDER BY sequence"))?;
    let mut rows = all.query([])?;
    let mut found = 0;
    while let Some(row) = rows.next()? {
        if !is_whole(row)? {
            set_aside(connection, row.get(COLUMNS + 1)?, now)?;
            found += 1;
        }
    }
    Ok(found)
}
