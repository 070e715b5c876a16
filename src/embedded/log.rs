//! A topic's log: appending to it, and moving delayed messages into it when they are due.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::new_message::NewMessage;
use super::store_time::Moment;
use super::stored_message::{BROKEN, Columns, checksum, columns, columns_of, is_whole, optional_number, optional_text};
use super::topics;
use crate::model::UnixMillis;
use crate::storage::{to_sql, unsigned};

/// When a message becomes visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visible {
    /// At once, since this time, by the store's own.
    Now(UnixMillis),
    /// Not before the wall clock shows this time.
    At(UnixMillis),
    /// Not before a time by the store's own, which the wall clock calls `deliver_at` now.
    After { due_at: UnixMillis, deliver_at: UnixMillis },
}

/// What all messages take, as retention counts it.
pub(super) fn stored_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT coalesce(sum(bytes), 0) FROM topics")?
        .query_row([], |row| row.get(0))
        .map(unsigned)
}

/// Stores a message in the topic, which is made when missing.
pub(super) fn append(
    connection: &Connection,
    topic: &str,
    message: &NewMessage,
    visible: Visible,
) -> rusqlite::Result<()> {
    let bytes = to_sql(message.bytes());
    let topic = topics::topic(connection, topic)?;
    let (message_id, published_at) = (message.message_id.as_str(), to_sql(message.published_at.0));
    // No RETURNING here: SQLite would build a temporary table for each message.
    let (position, visible_since, deliver_at, due_at) = match visible {
        Visible::Now(time) => {
            connection
                .prepare_cached(
                    "UPDATE topics SET next_position = next_position + 1, messages = messages + 1, bytes = bytes + ?2
                    WHERE id = ?1",
                )?
                .execute([topic.id, bytes])?;
            (Some(topic.next_position), Some(to_sql(time.0)), message.deliver_at.map(|time| to_sql(time.0)), None)
        }
        Visible::At(deliver_at) | Visible::After { deliver_at, .. } => {
            connection
                .prepare_cached(
                    "UPDATE topics SET delayed = delayed + 1, messages = messages + 1, bytes = bytes + ?2
                    WHERE id = ?1",
                )?
                .execute([topic.id, bytes])?;
            let due_at = match visible {
                Visible::After { due_at, .. } => Some(to_sql(due_at.0)),
                Visible::At(_) | Visible::Now(_) => None,
            };
            (None, None, Some(to_sql(deliver_at.0)), due_at)
        }
    };
    let columns: Columns<'_> = [
        ValueRef::Text(message_id.as_bytes()),
        ValueRef::Integer(topic.id),
        optional_number(position),
        optional_number(visible_since),
        optional_number(deliver_at),
        ValueRef::Integer(published_at),
        ValueRef::Integer(bytes),
        optional_text(message.tag.as_deref()),
        optional_text(message.keys.as_deref()),
        optional_text(message.properties.as_deref()),
        optional_text(message.message_group.as_deref()),
        ValueRef::Blob(&message.body),
    ];
    let mut insert = connection.prepare_cached(concat!(
        "INSERT INTO messages (",
        columns!(),
        ", checksum, due_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
    ))?;
    let more = [ValueRef::Integer(checksum(&columns)), optional_number(due_at)];
    let values = columns.into_iter().chain(more).map(ToSqlOutput::Borrowed);
    insert.execute(params_from_iter(values)).map(drop)
}

/// Moves delayed messages of a topic that are due to the end of its log, in the order of their times, at most `limit`;
/// returns how many.
pub(super) fn take_in_due(connection: &Connection, topic_id: i64, now: Moment, limit: u32) -> rusqlite::Result<u32> {
    let due: Vec<i64> = connection
        .prepare_cached(
            "SELECT sequence FROM
                (SELECT * FROM
                    (SELECT sequence, deliver_at - ?2 + ?3 AS time FROM messages INDEXED BY messages_delayed
                    WHERE topic_id = ?1 AND position IS NULL AND due_at IS NULL AND deliver_at <= ?2
                    ORDER BY deliver_at, sequence LIMIT ?4)
                UNION ALL SELECT * FROM
                    (SELECT sequence, due_at FROM messages INDEXED BY messages_due
                    WHERE topic_id = ?1 AND position IS NULL AND due_at IS NOT NULL AND due_at <= ?3
                    ORDER BY due_at, sequence LIMIT ?4))
            ORDER BY time, sequence LIMIT ?4",
        )?
        .query_map(params![topic_id, to_sql(now.wall.0), to_sql(now.store.0), limit], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let number = u32::try_from(due.len()).unwrap_or(limit);
    if number == 0 {
        return Ok(0);
    }
    let end: i64 = connection
        .prepare_cached(
            "UPDATE topics SET next_position = next_position + ?2, delayed = delayed - ?2 WHERE id = ?1
            RETURNING next_position",
        )?
        .query_row(params![topic_id, number], |row| row.get(0))?;
    let mut message =
        connection.prepare_cached(concat!("SELECT ", columns!(), ", checksum FROM messages WHERE sequence = ?1"))?;
    let mut place = connection
        .prepare_cached("UPDATE messages SET position = ?2, visible_since = ?3, checksum = ?4 WHERE sequence = ?1")?;
    for (sequence, position) in due.into_iter().zip(end - i64::from(number)..end) {
        let visible_since = to_sql(now.store.0);
        let checksum = message.query_row([sequence], |row| {
            if !is_whole(row)? {
                // It stays what it is: found when it is delivered.
                return Ok(BROKEN);
            }
            let mut columns = columns_of(row)?;
            let [_, _, position_column, visible_since_column, ..] = &mut columns;
            *position_column = ValueRef::Integer(position);
            *visible_since_column = ValueRef::Integer(visible_since);
            Ok(checksum(&columns))
        })?;
        place.execute([sequence, position, visible_since, checksum])?;
    }
    Ok(number)
}

/// When the topic's next delayed message is due, by the store's own time.
pub(super) fn next_due(connection: &Connection, topic_id: i64, now: Moment) -> rusqlite::Result<Option<UnixMillis>> {
    let first = |sql| -> rusqlite::Result<Option<UnixMillis>> {
        let time: Option<i64> = connection.prepare_cached(sql)?.query_row([topic_id], |row| row.get(0)).optional()?;
        Ok(time.map(|time| UnixMillis(unsigned(time))))
    };
    let by_wall_clock = first(
        "SELECT deliver_at FROM messages INDEXED BY messages_delayed
        WHERE topic_id = ?1 AND position IS NULL AND due_at IS NULL ORDER BY deliver_at LIMIT 1",
    )?;
    let by_store_time = first(
        "SELECT due_at FROM messages INDEXED BY messages_due
        WHERE topic_id = ?1 AND position IS NULL AND due_at IS NOT NULL ORDER BY due_at LIMIT 1",
    )?;
    Ok(by_wall_clock.map(|time| now.store_time_of(time)).into_iter().chain(by_store_time).min())
}
