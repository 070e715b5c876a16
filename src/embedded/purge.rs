//! Emptying: what a topic retains, or what a group has not acknowledged, in pieces that keep nobody waiting.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::columns::limit;
use super::retention::{self, Cut};
use super::topics;
use super::{Engine, EngineError};
use crate::model::{ConsumerGroup, Topic, UnixMillis};
use crate::storage::{Access, to_sql, unsigned};

/// Most acknowledged messages that are dropped in one go.
const ACKNOWLEDGED_AT_ONCE: usize = 1000;

/// What is to be emptied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurgeRequest {
    /// The topic.
    pub topic: Topic,
    /// Only what this group has not acknowledged, what is in flight included; others keep theirs. `None` for all that is retained,
    /// for every group, what is not due yet included.
    pub group: Option<ConsumerGroup>,
    /// Up to what was there when the first piece began, as that has said; `None` begins.
    pub until: Option<PurgeEnd>,
    /// Messages at most in one piece.
    pub at_once: usize,
}

/// Up to where a purge goes: what is published meanwhile stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurgeEnd {
    /// The end of the topic's log.
    pub position: u64,
    /// The last that were published, of those that are not due yet.
    pub published_at: UnixMillis,
}

/// What one piece came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purged {
    /// Messages that are gone: for the group, or for all.
    pub messages: u64,
    /// For the next piece.
    pub until: PurgeEnd,
    /// There is more to do.
    pub remaining: bool,
}

impl Engine {
    /// Empties a topic or a group's backlog, a piece of it.
    ///
    /// # Errors
    /// [`EngineError`]; nothing is done then, or with [`EngineError::InDoubt`] perhaps all of the piece.
    pub async fn purge(&self, request: PurgeRequest) -> Result<Purged, EngineError> {
        let shared = self.shared();
        shared.check_topic(&request.topic)?;
        let (waiters, clock) = (Arc::clone(&shared.waiters), shared.clock.clone());
        let work = move |connection: &Connection| purge(connection, &request, clock.moment().wall);
        // What is gone frees message groups, of whatever groups.
        let committed = move |_: &mut Purged| waiters.wake_ordered_everywhere();
        Ok(shared.storage.run_then(Access::Writes, work, committed).await?)
    }

    /// Drops the oldest of a topic that all who read it have acknowledged, before retention would: dead letters that are dealt with
    /// are none any more. How many.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn drop_acknowledged(&self, topic: &Topic) -> Result<u64, EngineError> {
        let topic = topic.clone();
        let work = move |connection: &Connection| {
            retention::drop_acknowledged(connection, ACKNOWLEDGED_AT_ONCE, Some(topic.as_str()))
        };
        Ok(self.shared().storage.run(Access::Writes, work).await?.messages)
    }
}

fn purge(connection: &Connection, request: &PurgeRequest, now: UnixMillis) -> rusqlite::Result<Purged> {
    let Some(topic) = topics::find_topic(connection, request.topic.as_str())? else {
        let until = request.until.unwrap_or(PurgeEnd { position: 0, published_at: now });
        return Ok(Purged { messages: 0, until, remaining: false });
    };
    let until = request.until.unwrap_or(PurgeEnd { position: unsigned(topic.next_position), published_at: now });
    let end = to_sql(until.position).min(topic.next_position);
    let room = limit(request.at_once.max(1));
    let (messages, remaining) = match &request.group {
        Some(group) => match topics::find_subscription(connection, topic.id, group.as_str())? {
            Some(subscription) => group_backlog(connection, topic, subscription, end, room)?,
            None => (0, false),
        },
        None => {
            let of_log = log(connection, topic, end, room)?;
            let gone = of_log + delayed(connection, topic.id, to_sql(until.published_at.0), room - of_log)?;
            (gone, gone >= room)
        }
    };
    Ok(Purged { messages: unsigned(messages), until, remaining })
}

/// The oldest of the log.
fn log(connection: &Connection, topic: topics::TopicRow, end: i64, room: i64) -> rusqlite::Result<i64> {
    let first = topic.first_position;
    let end = end.min(first.saturating_add(room));
    if end <= first {
        return Ok(0);
    }
    let bytes: i64 = connection
        .prepare_cached("SELECT sum(bytes) FROM messages WHERE topic_id = ?1 AND position >= ?2 AND position < ?3")?
        .query_row([topic.id, first, end], |row| row.get(0))?;
    connection
        .prepare_cached("DELETE FROM messages WHERE topic_id = ?1 AND position >= ?2 AND position < ?3")?
        .execute([topic.id, first, end])?;
    retention::forget(connection, topic.id, &Cut { first, end, bytes })?;
    retention::forget_set_aside(connection)?;
    Ok(end - first)
}

/// Those that are not due.
fn delayed(connection: &Connection, topic_id: i64, until: i64, room: i64) -> rusqlite::Result<i64> {
    let mut found: Vec<(i64, i64)> = Vec::new();
    for sql in [
        "SELECT sequence, bytes FROM messages INDEXED BY messages_delayed
        WHERE topic_id = ?1 AND position IS NULL AND due_at IS NULL AND published_at <= ?2 LIMIT ?3",
        "SELECT sequence, bytes FROM messages INDEXED BY messages_due
        WHERE topic_id = ?1 AND position IS NULL AND due_at IS NOT NULL AND published_at <= ?2 LIMIT ?3",
    ] {
        let room = room - i64::try_from(found.len()).unwrap_or(i64::MAX);
        let rows = connection
            .prepare_cached(sql)?
            .query_map(params![topic_id, until, room.max(0)], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<Vec<_>, _>>()?;
        found.extend(rows);
    }
    let mut delete = connection.prepare_cached("DELETE FROM messages WHERE sequence = ?1")?;
    let mut count = connection.prepare_cached(
        "UPDATE topics SET messages = messages - 1, delayed = delayed - 1, bytes = bytes - ?2 WHERE id = ?1",
    )?;
    for (sequence, bytes) in &found {
        delete.execute([sequence])?;
        count.execute(params![topic_id, bytes])?;
    }
    Ok(i64::try_from(found.len()).unwrap_or(i64::MAX))
}

/// What a group has not acknowledged: what it has not got goes at once, as that is but a number; the rest row by row. How many are
/// gone, and whether there are more.
fn group_backlog(
    connection: &Connection,
    topic: topics::TopicRow,
    subscription: topics::SubscriptionRow,
    end: i64,
    room: i64,
) -> rusqlite::Result<(i64, bool)> {
    let undelivered = (end - subscription.next_position.max(topic.first_position)).max(0);
    connection
        .prepare_cached("UPDATE subscriptions SET next_position = max(next_position, ?2) WHERE id = ?1")?
        .execute([subscription.id, end])?;
    // The first that is left for a later piece.
    let next_of = |sql: &str, room: i64| -> rusqlite::Result<Option<i64>> {
        let next = connection.prepare_cached(sql)?.query_row(params![subscription.id, end, room], |row| row.get(0));
        next.optional()
    };
    let next = next_of(
        "SELECT position FROM deliveries WHERE subscription_id = ?1 AND position < ?2 ORDER BY position
        LIMIT 1 OFFSET ?3",
        room,
    )?;
    let delivered = connection
        .prepare_cached("DELETE FROM deliveries WHERE subscription_id = ?1 AND position < ?2")?
        .execute([subscription.id, next.unwrap_or(end)])?;
    let delivered = i64::try_from(delivered).unwrap_or(i64::MAX);
    let gone = undelivered + delivered;
    if next.is_some() || subscription.filtered_out == 0 {
        return Ok((gone, next.is_some()));
    }
    // With the room that is left. There may be any number: all of a topic, where the group's tags do not want them.
    let next = next_of(
        "SELECT position FROM filtered_out WHERE subscription_id = ?1 AND position < ?2 ORDER BY position
        LIMIT 1 OFFSET ?3",
        room - delivered,
    )?;
    let before = subscription.filtered_out;
    retention::forget_filtered_out(connection, subscription.id, next.unwrap_or(end))?;
    let left: i64 = connection
        .prepare_cached("SELECT filtered_out FROM subscriptions WHERE id = ?1")?
        .query_row([subscription.id], |row| row.get(0))?;
    Ok((gone + before - left, next.is_some()))
}
