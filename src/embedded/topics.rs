//! Topics and subscriptions: rows that exist from their first use.

use rusqlite::{Connection, OptionalExtension, params};

use super::NewGroupStarts;

/// A topic as a receive needs it.
#[derive(Debug, Clone, Copy)]
pub(super) struct TopicRow {
    pub(super) id: i64,
    /// The end of its log.
    pub(super) next_position: i64,
    /// Messages that have no position yet.
    pub(super) delayed: i64,
    /// The oldest position that is retained, or the end when none is.
    pub(super) first_position: i64,
}

/// A group's progress in a topic.
#[derive(Debug, Clone, Copy)]
pub(super) struct SubscriptionRow {
    pub(super) id: i64,
    /// The first position that was neither delivered nor filtered out.
    pub(super) next_position: i64,
    /// Messages before it that were filtered out and not delivered since.
    pub(super) filtered_out: i64,
}

/// The topic of this name, made when missing.
pub(super) fn topic(connection: &Connection, name: &str) -> rusqlite::Result<TopicRow> {
    if let Some(row) = find_topic(connection, name)? {
        return Ok(row);
    }
    connection.prepare_cached("INSERT INTO topics (name) VALUES (?1)")?.execute([name])?;
    find_topic(connection, name)?.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

/// The topic of this name.
pub(super) fn find_topic(connection: &Connection, name: &str) -> rusqlite::Result<Option<TopicRow>> {
    connection
        .prepare_cached(
            "SELECT id, next_position, delayed, next_position - (messages - delayed) FROM topics WHERE name = ?1",
        )?
        .query_row([name], |row| {
            Ok(TopicRow {
                id: row.get(0)?,
                next_position: row.get(1)?,
                delayed: row.get(2)?,
                first_position: row.get(3)?,
            })
        })
        .optional()
}

/// The group's subscription to the topic, made when missing.
pub(super) fn subscription(
    connection: &Connection,
    topic: TopicRow,
    group: &str,
    starts: NewGroupStarts,
) -> rusqlite::Result<SubscriptionRow> {
    if let Some(row) = find_subscription(connection, topic.id, group)? {
        return Ok(row);
    }
    let next_position = match starts {
        NewGroupStarts::Earliest => topic.first_position,
        NewGroupStarts::Latest => topic.next_position,
    };
    connection
        .prepare_cached(
            "INSERT INTO subscriptions (topic_id, consumer_group, next_position) VALUES (?1, ?2, ?3) RETURNING id",
        )?
        .query_row(params![topic.id, group, next_position], |row| {
            Ok(SubscriptionRow { id: row.get(0)?, next_position, filtered_out: 0 })
        })
}

/// The group's subscription to the topic.
pub(super) fn find_subscription(
    connection: &Connection,
    topic_id: i64,
    group: &str,
) -> rusqlite::Result<Option<SubscriptionRow>> {
    connection
        .prepare_cached(
            "SELECT id, next_position, filtered_out FROM subscriptions WHERE topic_id = ?1 AND consumer_group = ?2",
        )?
        .query_row(params![topic_id, group], |row| {
            Ok(SubscriptionRow { id: row.get(0)?, next_position: row.get(1)?, filtered_out: row.get(2)? })
        })
        .optional()
}
