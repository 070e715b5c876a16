//! Taking messages for a group: the part of a receive that runs on the storage thread.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Row, params};

use super::NewGroupStarts;
use super::columns::{damaged, parsed, parsed_optional};
use super::dead_letter::{self, Exhausted, properties_of};
use super::delivery_state::DeliveryState;
use super::handle::{Handle, Nonce};
use super::log;
use super::message_ids::MessageIds;
use super::topics::{self, SubscriptionRow};
use crate::model::{ConsumerGroup, Delivery, MessageGroup, MessageId, Topic, UnixMillis, UpstreamHandle};
use crate::storage::{blob, millis, to_sql, unsigned};

/// Most delayed messages that one receive moves into the log.
const DUE_AT_ONCE: u32 = 128;
/// Redeliveries go out in publish order among so many that have been due the longest.
const SORTED_REDELIVERIES: u32 = 1_024;

/// What a receive asks of the store.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) topic: Topic,
    pub(super) group: ConsumerGroup,
    pub(super) starts: NewGroupStarts,
    pub(super) visibility_timeout: Duration,
    /// Deliveries in all before a message is a dead letter; `None` where there is no limit.
    pub(super) max_deliveries: Option<u32>,
    /// One for each message wanted.
    pub(super) nonces: Vec<Nonce>,
    pub(super) message_ids: Arc<MessageIds>,
}

/// What the store gave.
#[derive(Debug)]
pub(super) struct Leased {
    pub(super) deliveries: Vec<Delivery>,
    /// When the group's next message becomes due, also in the past.
    pub(super) next_due: Option<UnixMillis>,
    /// Delayed messages entered the log: every group of the topic has something.
    pub(super) took_in_delayed: bool,
    /// Topics that got dead letters.
    pub(super) dead_letter_topics: Vec<String>,
}

/// A delivery that is due again.
struct Due {
    position: i64,
    sequence: i64,
    attempt: u32,
    state: DeliveryState,
}

/// Takes what is due again first, then what was never delivered, both in publish order.
pub(super) fn lease(connection: &Connection, lease: &Lease, now: UnixMillis) -> rusqlite::Result<Leased> {
    let mut topic = topics::topic(connection, lease.topic.as_str())?;
    let mut took_in_delayed = false;
    if topic.delayed > 0 && log::take_in_due(connection, topic.id, now, DUE_AT_ONCE)? > 0 {
        took_in_delayed = true;
        topic = topics::topic(connection, lease.topic.as_str())?;
    }
    let subscription = topics::subscription(connection, topic, lease.group.as_str(), lease.starts)?;
    let mut taking = Taking {
        connection,
        lease,
        now,
        visible_again_at: now + lease.visibility_timeout,
        subscription,
        deliveries: Vec::new(),
        dead_letter_topics: Vec::new(),
    };
    taking.redeliver()?;
    taking.deliver_new(topic.id)?;
    let delayed_due = if topic.delayed > 0 { log::next_due(connection, topic.id)? } else { None };
    let redelivery_due = next_redelivery(connection, subscription.id)?;
    Ok(Leased {
        deliveries: taking.deliveries,
        next_due: [delayed_due, redelivery_due].into_iter().flatten().min().map(|time| UnixMillis(unsigned(time))),
        took_in_delayed,
        dead_letter_topics: taking.dead_letter_topics,
    })
}

/// When the subscription's next delivery comes back.
fn next_redelivery(connection: &Connection, subscription_id: i64) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT min(visible_at) FROM deliveries WHERE subscription_id = ?1")?
        .query_row([subscription_id], |row| row.get(0))
}

/// A lease in the making.
struct Taking<'a> {
    connection: &'a Connection,
    lease: &'a Lease,
    now: UnixMillis,
    visible_again_at: UnixMillis,
    subscription: SubscriptionRow,
    deliveries: Vec<Delivery>,
    dead_letter_topics: Vec<String>,
}

impl Taking<'_> {
    fn redeliver(&mut self) -> rusqlite::Result<()> {
        for due in self.due()? {
            match due.state {
                DeliveryState::OutForTheLastTime => self.bury(&due)?,
                DeliveryState::Returned | DeliveryState::Out => self.deliver_again(&due)?,
            }
        }
        Ok(())
    }

    fn due(&self) -> rusqlite::Result<Vec<Due>> {
        self.connection
            .prepare_cached(
                "SELECT due.position, sequence, attempt, state FROM
                    (SELECT position FROM
                        (SELECT position FROM deliveries WHERE subscription_id = ?1 AND visible_at <= ?2
                        ORDER BY visible_at LIMIT ?4)
                    ORDER BY position LIMIT ?3) AS due
                CROSS JOIN deliveries ON deliveries.subscription_id = ?1 AND deliveries.position = due.position
                ORDER BY due.position",
            )?
            .query_map(params![self.subscription.id, to_sql(self.now.0), self.wanted(), SORTED_REDELIVERIES], |row| {
                Ok(Due { position: row.get(0)?, sequence: row.get(1)?, attempt: row.get(2)?, state: row.get(3)? })
            })?
            .collect()
    }

    fn bury(&mut self, due: &Due) -> rusqlite::Result<()> {
        let exhausted = Exhausted {
            topic: self.lease.topic.as_str(),
            group: self.lease.group.as_str(),
            subscription_id: self.subscription.id,
            position: due.position,
            sequence: due.sequence,
        };
        let message_id = self.lease.message_ids.next(self.now).map_err(|error| damaged(0, error))?;
        let topic = dead_letter::bury(self.connection, exhausted, message_id, self.now)?;
        self.dead_letter_topics.push(topic);
        Ok(())
    }

    fn deliver_again(&mut self, due: &Due) -> rusqlite::Result<()> {
        let Some(nonce) = self.next_nonce() else { return Ok(()) };
        let attempt = due.attempt.saturating_add(1);
        self.connection
            .prepare_cached(
                "UPDATE deliveries SET attempt = ?3, state = ?4, visible_at = ?5, nonce = ?6
                WHERE subscription_id = ?1 AND position = ?2",
            )?
            .execute(params![
                self.subscription.id,
                due.position,
                attempt,
                self.state_after(attempt),
                to_sql(self.visible_again_at.0),
                nonce,
            ])?;
        let handle = self.handle(due.position, nonce);
        let delivery = self
            .connection
            .prepare_cached(
                "SELECT message_id, body, tag, keys, properties, message_group, published_at FROM messages
                WHERE sequence = ?1",
            )?
            .query_row([due.sequence], |row| self.delivery(row, handle, attempt))?;
        self.deliveries.push(delivery);
        Ok(())
    }

    fn deliver_new(&mut self, topic_id: i64) -> rusqlite::Result<()> {
        if self.wanted() == 0 {
            return Ok(());
        }
        let connection = self.connection;
        let mut next_position = None;
        let mut messages = connection.prepare_cached(
            "SELECT message_id, body, tag, keys, properties, message_group, published_at, position, sequence
            FROM messages WHERE topic_id = ?1 AND position >= ?2 ORDER BY position LIMIT ?3",
        )?;
        let mut insert = connection.prepare_cached(
            "INSERT INTO deliveries (subscription_id, position, sequence, attempt, state, visible_at, nonce)
            VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6)",
        )?;
        let mut rows = messages.query(params![topic_id, self.subscription.next_position, self.wanted()])?;
        while let Some(row) = rows.next()? {
            let Some(nonce) = self.next_nonce() else { break };
            let (position, sequence): (i64, i64) = (row.get(7)?, row.get(8)?);
            let visible_at = to_sql(self.visible_again_at.0);
            insert.execute(params![
                self.subscription.id,
                position,
                sequence,
                self.state_after(1),
                visible_at,
                nonce
            ])?;
            let delivery = self.delivery(row, self.handle(position, nonce), 1)?;
            self.deliveries.push(delivery);
            next_position = Some(position + 1);
        }
        if let Some(next_position) = next_position {
            connection
                .prepare_cached("UPDATE subscriptions SET next_position = ?2 WHERE id = ?1")?
                .execute([self.subscription.id, next_position])?;
        }
        Ok(())
    }

    /// How many messages are still wanted.
    fn wanted(&self) -> i64 {
        i64::try_from(self.lease.nonces.len().saturating_sub(self.deliveries.len())).unwrap_or(0)
    }

    /// Each delivery gets its own.
    fn next_nonce(&self) -> Option<Nonce> {
        self.lease.nonces.get(self.deliveries.len()).copied()
    }

    fn handle(&self, position: i64, nonce: Nonce) -> Handle {
        Handle { subscription_id: self.subscription.id, position, nonce }
    }

    fn state_after(&self, attempt: u32) -> DeliveryState {
        match self.lease.max_deliveries {
            Some(max) if attempt >= max => DeliveryState::OutForTheLastTime,
            Some(_) | None => DeliveryState::Out,
        }
    }

    /// A delivery from the seven columns of its message.
    fn delivery(&self, row: &Row<'_>, handle: Handle, delivery_attempt: u32) -> rusqlite::Result<Delivery> {
        let keys = row.get_ref(3)?.as_str_or_null()?.unwrap_or_default();
        Ok(Delivery {
            message_id: parsed(row, 0, MessageId::parse)?,
            handle: UpstreamHandle::parse(&handle.encode()).map_err(|error| damaged(0, error))?,
            body: blob(row, 1)?,
            tag: row.get(2)?,
            keys: keys.split(' ').filter(|key| !key.is_empty()).map(str::to_owned).collect(),
            properties: properties_of(row.get_ref(4)?.as_str_or_null()?, 4)?,
            message_group: parsed_optional(row, 5, MessageGroup::parse)?,
            delivery_attempt,
            published_at: millis(row, 6)?,
            first_delivered_at: None,
            visible_again_at: self.visible_again_at,
        })
    }
}
