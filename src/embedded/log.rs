//! A topic's log: appending to it, and moving delayed messages into it when they are due.

use rusqlite::{Connection, OptionalExtension, params};

use super::new_message::NewMessage;
use super::topics;
use crate::model::UnixMillis;
use crate::storage::to_sql;

/// When a message becomes visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visible {
    /// At once, since this time.
    Now(UnixMillis),
    /// Not before this time.
    At(UnixMillis),
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
    // No RETURNING here: SQLite would build a temporary table for each message.
    let (position, visible_since, deliver_at) = match visible {
        Visible::Now(time) => {
            connection
                .prepare_cached(
                    "UPDATE topics SET next_position = next_position + 1, messages = messages + 1, bytes = bytes + ?2
                    WHERE id = ?1",
                )?
                .execute([topic.id, bytes])?;
            (Some(topic.next_position), Some(to_sql(time.0)), None)
        }
        Visible::At(time) => {
            connection
                .prepare_cached(
                    "UPDATE topics SET delayed = delayed + 1, messages = messages + 1, bytes = bytes + ?2
                    WHERE id = ?1",
                )?
                .execute([topic.id, bytes])?;
            (None, None, Some(to_sql(time.0)))
        }
    };
    connection
        .prepare_cached(
            "INSERT INTO messages (message_id, topic_id, position, visible_since, deliver_at, published_at, bytes,
                tag, keys, properties, message_group, body)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            message.message_id.as_str(),
            topic.id,
            position,
            visible_since,
            deliver_at,
            to_sql(message.published_at.0),
            bytes,
            message.tag,
            message.keys,
            message.properties,
            message.message_group,
            &*message.body,
        ])?;
    Ok(())
}

/// Moves delayed messages of a topic that are due to the end of its log, in the order of their times, at most `limit`;
/// returns how many.
pub(super) fn take_in_due(
    connection: &Connection,
    topic_id: i64,
    now: UnixMillis,
    limit: u32,
) -> rusqlite::Result<u32> {
    let due: Vec<i64> = connection
        .prepare_cached(
            "SELECT sequence FROM messages WHERE topic_id = ?1 AND position IS NULL AND deliver_at <= ?2
            ORDER BY deliver_at, sequence LIMIT ?3",
        )?
        .query_map(params![topic_id, to_sql(now.0), limit], |row| row.get(0))?
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
    let mut place =
        connection.prepare_cached("UPDATE messages SET position = ?2, visible_since = ?3 WHERE sequence = ?1")?;
    for (sequence, position) in due.into_iter().zip(end - i64::from(number)..end) {
        place.execute(params![sequence, position, to_sql(now.0)])?;
    }
    Ok(number)
}

/// When the topic's next delayed message is due.
pub(super) fn next_due(connection: &Connection, topic_id: i64) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached(
            "SELECT deliver_at FROM messages WHERE topic_id = ?1 AND position IS NULL ORDER BY deliver_at LIMIT 1",
        )?
        .query_row([topic_id], |row| row.get(0))
        .optional()
}
