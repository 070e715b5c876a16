//! Retention: the oldest messages go, by age and when all take too many bytes; and when there is no room for new ones,
//! those that every group has acknowledged.
//!
//! Age counts from when a message became visible, so a delayed one is never dropped for its age before it is due. For
//! bytes, what is in a log goes first, oldest first over all topics; only when nothing else is left do delayed messages
//! go, in the order in which they were published.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use rusqlite::{Connection, params};

use super::columns::limit;
use super::log;
use crate::model::UnixMillis;
use crate::storage::{to_sql, unsigned};

/// What may stay.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Visible since before this time: too old.
    pub(super) oldest: UnixMillis,
    /// What was visible before this time is from an earlier process.
    pub(super) opened_at: UnixMillis,
    /// Whether that may go for its age.
    pub(super) earlier_too: bool,
    /// Of all messages; none: however many.
    pub(super) bytes: Option<u64>,
    /// Messages dropped at most in one go.
    pub(super) at_once: usize,
}

/// What was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Dropped {
    pub(super) messages: u64,
    /// Those among them that a group wanted and had not acknowledged, counted once for each such group.
    pub(super) unacknowledged: u64,
    /// Those among these that the group had got, and that may have locked their message groups.
    pub(super) delivered: u64,
}

/// The beginning of a topic's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Head {
    // First, since heads are compared by age.
    visible_since: i64,
    topic_id: i64,
    position: i64,
    sequence: i64,
    bytes: i64,
    published_at: i64,
}

impl Head {
    fn is_too_old(&self, limits: Limits) -> bool {
        let oldest = to_sql(limits.oldest.0);
        if self.visible_since >= to_sql(limits.opened_at.0) {
            return self.visible_since < oldest;
        }
        // An earlier process may have begun while the machine's clock was wrong, and its own time with it: the later of
        // the two is believed.
        limits.earlier_too && self.visible_since.max(self.published_at) < oldest
    }
}

/// What goes from one topic's log.
#[derive(Debug, Default)]
pub(super) struct Cut {
    pub(super) first: i64,
    pub(super) end: i64,
    pub(super) bytes: i64,
}

/// Drops what may not stay, at most `limits.at_once` messages.
pub(super) fn drop_oldest(connection: &Connection, limits: Limits) -> rusqlite::Result<Dropped> {
    let over = match limits.bytes {
        Some(limit) => log::stored_bytes(connection)?.saturating_sub(limit),
        None => 0,
    };
    let mut over = to_sql(over);
    let mut heads: BinaryHeap<Reverse<Head>> = heads(connection)?.into_iter().map(Reverse).collect();
    let mut cuts: BTreeMap<i64, Cut> = BTreeMap::new();
    let mut dropped = Dropped::default();
    let mut delete = connection.prepare_cached("DELETE FROM messages WHERE sequence = ?1")?;
    let mut room = limits.at_once;
    while room > 0
        && let Some(Reverse(head)) = heads.pop()
        && (over > 0 || head.is_too_old(limits))
    {
        delete.execute([head.sequence])?;
        over = over.saturating_sub(head.bytes);
        room -= 1;
        let cut = cuts.entry(head.topic_id).or_insert(Cut { first: head.position, ..Cut::default() });
        cut.end = head.position + 1;
        cut.bytes += head.bytes;
        heads.extend(head_at(connection, head.topic_id, cut.end)?.map(Reverse));
    }
    for (topic_id, cut) in &cuts {
        dropped.messages += unsigned(cut.end - cut.first);
        let lost = forget(connection, *topic_id, cut)?;
        dropped.unacknowledged += lost.delivered + lost.undelivered;
        dropped.delivered += lost.delivered;
    }
    if room > 0 && over > 0 && heads.is_empty() {
        let more = drop_delayed(connection, over, room)?;
        dropped.messages += more.messages;
        dropped.unacknowledged += more.unacknowledged;
    }
    if dropped.messages > 0 {
        forget_set_aside(connection)?;
    }
    Ok(dropped)
}

/// Drops what all groups that read a topic have acknowledged, the oldest of each topic first, at most `at_once`
/// messages. A topic that nobody reads keeps all. Of the topic of this name, or of all.
pub(super) fn drop_acknowledged(
    connection: &Connection,
    at_once: usize,
    only: Option<&str>,
) -> rusqlite::Result<Dropped> {
    let topics: Vec<(i64, i64, i64)> = connection
        .prepare_cached(
            "SELECT topics.id, topics.next_position - (messages - delayed), min(
                (SELECT min(min(subscriptions.next_position,
                    coalesce((SELECT min(position) FROM deliveries WHERE subscription_id = subscriptions.id),
                        subscriptions.next_position),
                    coalesce((SELECT min(position) FROM filtered_out WHERE subscription_id = subscriptions.id),
                        subscriptions.next_position)))
                FROM subscriptions WHERE subscriptions.topic_id = topics.id),
                topics.next_position)
            FROM topics WHERE messages > delayed AND EXISTS (SELECT 1 FROM subscriptions WHERE topic_id = topics.id)
                AND (?1 IS NULL OR name = ?1)",
        )?
        .query_map([only], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    let mut dropped = Dropped::default();
    let mut room = limit(at_once);
    for (topic_id, first, end) in topics {
        let end = end.min(first.saturating_add(room));
        if end <= first {
            continue;
        }
        let bytes: i64 = connection
            .prepare_cached("SELECT sum(bytes) FROM messages WHERE topic_id = ?1 AND position >= ?2 AND position < ?3")?
            .query_row([topic_id, first, end], |row| row.get(0))?;
        connection
            .prepare_cached("DELETE FROM messages WHERE topic_id = ?1 AND position >= ?2 AND position < ?3")?
            .execute([topic_id, first, end])?;
        forget(connection, topic_id, &Cut { first, end, bytes })?;
        dropped.messages += unsigned(end - first);
        room -= end - first;
    }
    if dropped.messages > 0 {
        forget_set_aside(connection)?;
    }
    Ok(dropped)
}

/// The oldest message of each log.
fn heads(connection: &Connection) -> rusqlite::Result<Vec<Head>> {
    let logs: Vec<(i64, i64)> = connection
        .prepare_cached("SELECT id, next_position - (messages - delayed) FROM topics WHERE messages > delayed")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let mut heads = Vec::with_capacity(logs.len());
    for (topic_id, first) in logs {
        heads.extend(head_at(connection, topic_id, first)?);
    }
    Ok(heads)
}

/// The message at a position or the next one.
fn head_at(connection: &Connection, topic_id: i64, position: i64) -> rusqlite::Result<Option<Head>> {
    use rusqlite::OptionalExtension;
    connection
        .prepare_cached(
            "SELECT visible_since, position, sequence, bytes, published_at FROM messages
            WHERE topic_id = ?1 AND position >= ?2 ORDER BY position LIMIT 1",
        )?
        .query_row([topic_id, position], |row| {
            Ok(Head {
                visible_since: row.get(0)?,
                topic_id,
                position: row.get(1)?,
                sequence: row.get(2)?,
                bytes: row.get(3)?,
                published_at: row.get(4)?,
            })
        })
        .optional()
}

/// What groups wanted and lost.
#[derive(Debug, Default)]
pub(super) struct Lost {
    delivered: u64,
    undelivered: u64,
}

/// Takes a dropped piece of log out of the counts, the deliveries and what was filtered out.
pub(super) fn forget(connection: &Connection, topic_id: i64, cut: &Cut) -> rusqlite::Result<Lost> {
    connection
        .prepare_cached("UPDATE topics SET messages = messages - ?2, bytes = bytes - ?3 WHERE id = ?1")?
        .execute([topic_id, cut.end - cut.first, cut.bytes])?;
    let subscriptions: Vec<(i64, i64, i64)> = connection
        .prepare_cached("SELECT id, next_position, filtered_out FROM subscriptions WHERE topic_id = ?1")?
        .query_map([topic_id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    let mut lost = Lost::default();
    for (subscription_id, next_position, filtered_out) in subscriptions {
        let delivered = connection
            .prepare_cached("DELETE FROM deliveries WHERE subscription_id = ?1 AND position < ?2")?
            .execute([subscription_id, cut.end])?;
        lost.delivered += u64::try_from(delivered).unwrap_or(u64::MAX);
        lost.undelivered += unsigned(cut.end - cut.first.max(next_position));
        if filtered_out > 0 {
            lost.undelivered += forget_filtered_out(connection, subscription_id, cut.end)?;
        }
    }
    Ok(lost)
}

/// Takes what was filtered out before a position out of its table and the counts; returns how many were held back. The
/// others are no loss: no receive of the group wanted them.
pub(super) fn forget_filtered_out(connection: &Connection, subscription_id: i64, end: i64) -> rusqlite::Result<u64> {
    let held: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM filtered_out INDEXED BY filtered_out_held
            WHERE subscription_id = ?1 AND position < ?2 AND held = 1",
        )?
        .query_row([subscription_id, end], |row| row.get(0))?;
    let deleted = connection
        .prepare_cached("DELETE FROM filtered_out WHERE subscription_id = ?1 AND position < ?2")?
        .execute([subscription_id, end])?;
    let deleted = i64::try_from(deleted).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "UPDATE subscriptions SET filtered_out = filtered_out - ?2, held_back = held_back - ?3 WHERE id = ?1",
        )?
        .execute([subscription_id, deleted, held])?;
    Ok(unsigned(held))
}

/// What was set aside and is gone now is no longer counted.
pub(super) fn forget_set_aside(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM set_aside WHERE sequence NOT IN (SELECT sequence FROM messages)")?
        .execute([])
        .map(drop)
}

/// Drops delayed messages, the oldest first, until `over` bytes are gone. Called when there is nothing else, so the
/// table holds delayed messages only.
fn drop_delayed(connection: &Connection, over: i64, room: usize) -> rusqlite::Result<Dropped> {
    let oldest: Vec<(i64, i64, i64)> = connection
        .prepare_cached("SELECT sequence, topic_id, bytes FROM messages ORDER BY sequence LIMIT ?1")?
        .query_map([i64::try_from(room).unwrap_or(i64::MAX)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    let mut delete = connection.prepare_cached("DELETE FROM messages WHERE sequence = ?1")?;
    let mut count = connection.prepare_cached(
        "UPDATE topics SET messages = messages - 1, delayed = delayed - 1, bytes = bytes - ?2 WHERE id = ?1",
    )?;
    let mut groups = connection.prepare_cached("SELECT count(*) FROM subscriptions WHERE topic_id = ?1")?;
    let mut dropped = Dropped::default();
    let mut over = over;
    for (sequence, topic_id, bytes) in oldest {
        if over <= 0 {
            break;
        }
        over = over.saturating_sub(bytes);
        delete.execute([sequence])?;
        count.execute(params![topic_id, bytes])?;
        dropped.messages += 1;
        dropped.unacknowledged += unsigned(groups.query_row([topic_id], |row| row.get(0))?);
    }
    Ok(dropped)
}
