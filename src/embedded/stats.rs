//! Statistics: counts that the store keeps, and ranges of indexes; no table is scanned.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::columns::parsed;
use super::counters::Totals;
use super::{Engine, EngineError};
use crate::model::{ConsumerGroup, Topic, UnixMillis};
use crate::storage::{Access, millis, to_sql, unsigned};

/// The engine in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineStats {
    /// Each topic, by name.
    pub topics: Vec<TopicStats>,
    /// Each group of each topic, by topic and group.
    pub groups: Vec<GroupStats>,
    /// Messages that are not what was written, and that nobody gets; they stay until retention.
    pub set_aside: u64,
    /// Since the engine was opened.
    pub totals: Totals,
}

/// One topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicStats {
    /// Its name.
    pub topic: Topic,
    /// Messages that are retained, acknowledged and delayed ones included.
    pub messages: u64,
    /// What retention counts: their contents and [`super::STORED_OVERHEAD_BYTES`] each.
    pub bytes: u64,
}

/// One group's progress in a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupStats {
    /// The topic.
    pub topic: Topic,
    /// The group.
    pub group: ConsumerGroup,
    /// Messages that a receive without tags would get now, [`Self::filtered_out`] ones left out. Those that ordered
    /// receives hold back until earlier ones of their message group are acknowledged are among them, being a backlog.
    pub ready: u64,
    /// Messages that receives of the group moved past since their tags did not want them. No backlog, and so not among
    /// the others here nor in the age: a group whose consumers want some tags never takes the rest. They stay until
    /// retention drops them, and a receive that wants them, or everything, gets them.
    pub filtered_out: u64,
    /// Messages that consumers hold.
    pub in_flight: u64,
    /// Messages that are not due yet.
    pub delayed: u64,
    /// How long the oldest message that is visible, not acknowledged and not filtered out has been visible.
    pub oldest_unacknowledged_age: Option<Duration>,
}

impl Engine {
    /// The engine in numbers.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn stats(&self) -> Result<EngineStats, EngineError> {
        let shared = self.shared();
        let clock = shared.clock.clone();
        let work = move |connection: &Connection| {
            Ok((topics(connection)?, groups(connection, clock.now())?, set_aside(connection)?))
        };
        let (topics, groups, set_aside) = shared.storage.run(Access::Reads, work).await?;
        Ok(EngineStats { topics, groups, set_aside, totals: shared.counters.totals(shared.storage.commit_stats()) })
    }
}

fn topics(connection: &Connection) -> rusqlite::Result<Vec<TopicStats>> {
    connection
        .prepare_cached("SELECT name, messages, bytes FROM topics ORDER BY name")?
        .query_map([], |row| {
            Ok(TopicStats {
                topic: parsed(row, 0, Topic::parse_configured)?,
                messages: unsigned(row.get(1)?),
                bytes: unsigned(row.get(2)?),
            })
        })?
        .collect()
}

fn set_aside(connection: &Connection) -> rusqlite::Result<u64> {
    connection.prepare_cached("SELECT count(*) FROM set_aside")?.query_row([], |row| row.get(0)).map(unsigned)
}

/// A subscription and its topic's counts.
struct Progress {
    topic: Topic,
    topic_id: i64,
    group: ConsumerGroup,
    subscription_id: i64,
    /// Messages of the log that were never delivered.
    undelivered: u64,
    /// The first of them, or the end of the log.
    next_position: i64,
    delayed: u64,
    /// Filtered out, held back ones included.
    filtered_out: u64,
    held_back: u64,
}

fn groups(connection: &Connection, now: UnixMillis) -> rusqlite::Result<Vec<GroupStats>> {
    let all: Vec<Progress> = connection
        .prepare_cached(
            "SELECT topics.name, topics.id, consumer_group, subscriptions.id, topics.next_position, delayed,
                max(subscriptions.next_position, topics.next_position - (messages - delayed)), filtered_out, held_back
            FROM subscriptions JOIN topics ON topics.id = subscriptions.topic_id ORDER BY 1, 3",
        )?
        .query_map([], |row| {
            let (end, next_position): (i64, i64) = (row.get(4)?, row.get(6)?);
            Ok(Progress {
                topic: parsed(row, 0, Topic::parse_configured)?,
                topic_id: row.get(1)?,
                group: parsed(row, 2, ConsumerGroup::parse_configured)?,
                subscription_id: row.get(3)?,
                undelivered: unsigned(end - next_position),
                next_position,
                delayed: unsigned(row.get(5)?),
                filtered_out: unsigned(row.get(7)?),
                held_back: unsigned(row.get(8)?),
            })
        })?
        .collect::<Result<_, _>>()?;
    all.into_iter().map(|progress| group(connection, progress, now)).collect()
}

fn group(connection: &Connection, progress: Progress, now: UnixMillis) -> rusqlite::Result<GroupStats> {
    let now_column = to_sql(now.0);
    let count = |sql| {
        connection
            .prepare_cached(sql)?
            .query_row([progress.subscription_id, now_column], |row| row.get(0))
            .map(unsigned)
    };
    let due = count("SELECT count(*) FROM deliveries WHERE subscription_id = ?1 AND visible_at <= ?2")?;
    let in_flight = count("SELECT count(*) FROM deliveries WHERE subscription_id = ?1 AND visible_at > ?2")?;
    let first = |sql| -> rusqlite::Result<Option<i64>> {
        connection.prepare_cached(sql)?.query_row([progress.subscription_id], |row| row.get(0))
    };
    let delivered = first("SELECT min(position) FROM deliveries WHERE subscription_id = ?1")?;
    let held = first(
        "SELECT min(position) FROM filtered_out INDEXED BY filtered_out_held WHERE subscription_id = ?1 AND held = 1",
    )?;
    let oldest = [delivered, held].into_iter().flatten().fold(progress.next_position, i64::min);
    let visible_since = connection
        .prepare_cached("SELECT visible_since FROM messages WHERE topic_id = ?1 AND position = ?2")?
        .query_row(params![progress.topic_id, oldest], |row| millis(row, 0))
        .optional()?;
    Ok(GroupStats {
        topic: progress.topic,
        group: progress.group,
        ready: progress.undelivered + due + progress.held_back,
        filtered_out: progress.filtered_out.saturating_sub(progress.held_back),
        in_flight,
        delayed: progress.delayed,
        oldest_unacknowledged_age: visible_since.map(|since| now.since(since)),
    })
}
