//! Giving free pages of the file back to the disk, a few at a time.

use rusqlite::Connection;

/// Pages given back at once: 1 MiB.
const PAGES_AT_ONCE: i64 = 256;
/// Fewer free pages than this are kept for the next messages: 16 MiB.
pub(super) const KEPT_PAGES: i64 = 4_096;

/// Shrinks the file a little when more than half of it is free; whether there is more to do. A store in use keeps its
/// free pages, since taking new ones costs more than using them again; on a full disk, with `kept` none, all are given
/// back.
pub(super) fn shrink(connection: &Connection, kept: i64) -> rusqlite::Result<bool> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let free = pragma("freelist_count")?;
    if free <= kept || (kept > 0 && free <= pragma("page_count")? / 2) {
        return Ok(false);
    }
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES_AT_ONCE})"))?;
    let mut rows = statement.query([])?;
    // A page is freed with each row that is asked for.
    while rows.next()?.is_some() {}
    Ok(true)
}
