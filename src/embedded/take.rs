//! Taking messages for a group: the part of a receive that runs on the storage thread.
//!
//! What is due again goes out first (`redeliver`), then what was filtered out (`filtered_out`), then what is new
//! (`deliver_new`), each in publish order. Only where an ordered look goes by message groups, it is that of each.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use super::NewGroupStarts;
use super::columns::{damaged, limit};
use super::delivery_state::DeliveryState;
use super::handle::{Handle, Nonce};
use super::interest::Interest;
use super::locks::Locks;
use super::log;
use super::message_ids::MessageIds;
use super::scan::{Resumptions, Scan};
use super::store_time::{Moment, in_millis};
use super::stored_delivery::delivery_of;
use super::stored_message::{columns, set_aside};
use super::topics::{self, SubscriptionRow};
use crate::model::{ConsumerGroup, Delivery, MessageGroup, Topic, UnixMillis, UpstreamHandle};
use crate::storage::{to_sql, unsigned};

/// Most delayed messages that one receive moves into the log.
const DUE_AT_ONCE: u32 = 128;

const INSERT_FIRST: &str = "
    INSERT INTO deliveries (subscription_id, position, sequence, attempt, state, visible_at, nonce, first_delivered_at, tag,
        message_group, hidden_for)
    VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

/// What a receive asks of the store.
#[derive(Debug)]
pub(super) struct Take {
    pub(super) topic: Topic,
    pub(super) group: ConsumerGroup,
    pub(super) interest: Interest,
    pub(super) starts: NewGroupStarts,
    pub(super) visibility_timeout: Duration,
    /// The receive has chosen that itself.
    pub(super) chose_visibility_timeout: bool,
    /// Deliveries in all before a message is a dead letter; `None` where there is no limit.
    pub(super) max_deliveries: Option<u32>,
    /// One for each message wanted.
    pub(super) nonces: Vec<Nonce>,
    /// No more messages once their bodies have this many bytes.
    pub(super) max_bytes: usize,
    /// How far the receive has come.
    pub(super) scan: Scan,
    pub(super) resumptions: Arc<Resumptions>,
    pub(super) message_ids: Arc<MessageIds>,
}

/// What the store gave.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) deliveries: Vec<Delivery>,
    /// The time of the look.
    pub(super) looked_at: UnixMillis,
    /// When the group's next message becomes due: a redelivery after this look, a delayed message also in the past.
    pub(super) next_due: Option<UnixMillis>,
    /// The look ended before it had seen all: the same request may get more at once, and so may others.
    pub(super) more: bool,
    /// How far the receive has come. Where it goes on, what this look saw is for nobody who wants the same.
    pub(super) scan: Scan,
    /// Something is due again that this request did not want.
    pub(super) left_due: bool,
    /// New messages were filtered out: requests with another interest may get them.
    pub(super) filtered_out: bool,
    /// Delayed messages entered the log: every group of the topic has something.
    pub(super) took_in_delayed: bool,
    /// Topics that got dead letters.
    pub(super) dead_letter_topics: Vec<String>,
    /// Messages that were found not to be what was written.
    pub(super) set_aside: u64,
}

impl Taken {
    /// Whether the same receive may get something by another look.
    pub(super) const fn goes_on(&self) -> bool {
        self.more || self.scan.goes_on()
    }
}

/// Takes what the interest allows.
pub(super) fn take(connection: &Connection, asked: &Take, now: Moment) -> rusqlite::Result<Taken> {
    let mut topic = topics::topic(connection, asked.topic.as_str())?;
    let mut took_in_delayed = false;
    if topic.delayed > 0 && log::take_in_due(connection, topic.id, now, DUE_AT_ONCE)? > 0 {
        took_in_delayed = true;
        topic = topics::topic(connection, asked.topic.as_str())?;
    }
    let subscription = topics::subscription(connection, topic, asked.group.as_str(), asked.starts)?;
    let mut taking = Taking::new(connection, asked, now, subscription);
    let first_redelivery = taking.first_redelivery()?;
    let may_go_on = if first_redelivery.is_some_and(|time| time <= to_sql(now.store.0)) {
        taking.redeliver()?
    } else {
        taking.nothing_is_due();
        true
    };
    if may_go_on {
        let mut locks = Locks::new(connection, subscription.id, &asked.interest);
        taking.deliver_filtered_out(&mut locks)?;
        taking.deliver_new(topic.id, &mut locks)?;
    }
    taking.save_progress()?;
    let delayed_due = if topic.delayed > 0 { log::next_due(connection, topic.id, now)? } else { None };
    let redelivery_due = taking.next_redelivery(first_redelivery)?.map(|time| UnixMillis(unsigned(time)));
    Ok(Taken {
        looked_at: now.store,
        next_due: [delayed_due, redelivery_due].into_iter().flatten().min(),
        more: taking.cut_short || taking.wanted() == 0 || (taking.scan.goes_on() && !taking.deliveries.is_empty()),
        left_due: !asked.interest.is_everything() && taking.left_due()?,
        filtered_out: taking.newly_filtered_out > 0,
        took_in_delayed,
        scan: taking.scan,
        deliveries: taking.deliveries,
        dead_letter_topics: taking.dead_letter_topics,
        set_aside: taking.set_aside,
    })
}

/// Messages that are being taken.
pub(super) struct Taking<'a> {
    pub(super) connection: &'a Connection,
    pub(super) asked: &'a Take,
    /// By the store's own time.
    pub(super) now: UnixMillis,
    /// The time that callers see.
    pub(super) wall: UnixMillis,
    pub(super) subscription: SubscriptionRow,
    pub(super) dead_letter_topics: Vec<String>,
    pub(super) set_aside: u64,
    /// A bound on the work was reached.
    pub(super) cut_short: bool,
    pub(super) scan: Scan,
    /// Not everything that was filtered out and is wanted was looked at.
    pub(super) filtered_out_unseen: bool,
    pub(super) newly_filtered_out: u32,
    /// The subscription's new progress, once something new was delivered or filtered out.
    pub(super) next_position: Option<i64>,
    /// What was added to those that were filtered out, less what was taken from them.
    pub(super) filtered_out_change: i64,
    pub(super) held_back_change: i64,
    /// By the store's own time.
    visible_again_at: UnixMillis,
    /// Stores a first delivery.
    insert: Option<CachedStatement<'a>>,
    deliveries: Vec<Delivery>,
    /// Of their bodies.
    bytes: usize,
}

impl<'a> Taking<'a> {
    fn new(connection: &'a Connection, asked: &'a Take, now: Moment, subscription: SubscriptionRow) -> Self {
        Self {
            connection,
            asked,
            now: now.store,
            wall: now.wall,
            subscription,
            dead_letter_topics: Vec::new(),
            set_aside: 0,
            cut_short: false,
            scan: asked.scan.clone(),
            filtered_out_unseen: false,
            newly_filtered_out: 0,
            next_position: None,
            filtered_out_change: 0,
            held_back_change: 0,
            visible_again_at: now.store + asked.visibility_timeout,
            insert: None,
            deliveries: Vec::new(),
            bytes: 0,
        }
    }

    /// How many messages are still wanted.
    pub(super) fn wanted(&self) -> usize {
        if self.bytes >= self.asked.max_bytes && !self.deliveries.is_empty() {
            return 0;
        }
        self.asked.nonces.len().saturating_sub(self.deliveries.len())
    }

    /// As [`Self::wanted`], for a query's limit.
    pub(super) fn wanted_rows(&self) -> i64 {
        limit(self.wanted())
    }

    /// Each delivery gets its own.
    pub(super) fn next_nonce(&self) -> Option<Nonce> {
        self.asked.nonces.get(self.deliveries.len()).copied()
    }

    /// Delivers a message for the first time.
    pub(super) fn deliver_first(&mut self, position: i64, sequence: i64) -> rusqlite::Result<()> {
        let Some(nonce) = self.next_nonce() else { return Ok(()) };
        let handle = Handle { subscription_id: self.subscription.id, position, nonce };
        match self.load(handle, sequence, 1)? {
            Some(delivery) => self.store_first(position, sequence, nonce, delivery),
            None => self.set_aside(sequence),
        }
    }

    /// Notes a message that is not what was written: nobody gets it.
    pub(super) fn set_aside(&mut self, sequence: i64) -> rusqlite::Result<()> {
        // What is in its place comes with the next look.
        self.cut_short = true;
        self.set_aside += 1;
        set_aside(self.connection, sequence, to_sql(self.now.0))
    }

    /// Stores a first delivery and hands it out.
    pub(super) fn store_first(
        &mut self,
        position: i64,
        sequence: i64,
        nonce: Nonce,
        delivery: Delivery,
    ) -> rusqlite::Result<()> {
        let columns = params![
            self.subscription.id,
            position,
            sequence,
            self.state_after(1),
            to_sql(self.visible_again_at.0),
            nonce,
            to_sql(self.wall.0),
            delivery.tag.as_deref().unwrap_or_default(),
            delivery.message_group.as_ref().map(MessageGroup::as_str).unwrap_or_default(),
            self.hidden_for(),
        ];
        match &mut self.insert {
            Some(insert) => insert.execute(columns)?,
            // Kept for the others of this look.
            None => self.insert.insert(self.connection.prepare_cached(INSERT_FIRST)?).execute(columns)?,
        };
        self.hand_out(delivery);
        Ok(())
    }

    fn hand_out(&mut self, delivery: Delivery) {
        self.bytes = self.bytes.saturating_add(delivery.body.len());
        self.deliveries.push(delivery);
    }

    /// Delivers a message that was delivered before; `attempts` counts these deliveries.
    pub(super) fn deliver_again(
        &mut self,
        position: i64,
        sequence: i64,
        attempts: u32,
        first_delivered_at: Option<UnixMillis>,
    ) -> rusqlite::Result<()> {
        let Some(nonce) = self.next_nonce() else { return Ok(()) };
        let attempt = attempts.saturating_add(1);
        let handle = Handle { subscription_id: self.subscription.id, position, nonce };
        let Some(delivery) = self.load(handle, sequence, attempt)? else {
            self.forget_delivery(position)?;
            return self.set_aside(sequence);
        };
        // What was given back before anybody had it is delivered for the first time now.
        let first_delivered_at = if attempts == 0 { Some(self.wall) } else { first_delivered_at };
        self.connection
            .prepare_cached(
                "UPDATE deliveries SET attempt = ?3, state = ?4, visible_at = ?5, nonce = ?6, first_delivered_at = ?7,
                    hidden_for = ?8
                WHERE subscription_id = ?1 AND position = ?2",
            )?
            .execute(params![
                self.subscription.id,
                position,
                attempt,
                self.state_after(attempt),
                to_sql(self.visible_again_at.0),
                nonce,
                first_delivered_at.map(|time| to_sql(time.0)),
                self.hidden_for(),
            ])?;
        self.hand_out(Delivery { first_delivered_at, ..delivery });
        Ok(())
    }

    fn forget_delivery(&self, position: i64) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("DELETE FROM deliveries WHERE subscription_id = ?1 AND position = ?2")?
            .execute([self.subscription.id, position])
            .map(drop)
    }

    /// `None` when the message is not what was written, or is not there.
    fn load(&self, handle: Handle, sequence: i64, attempt: u32) -> rusqlite::Result<Option<Delivery>> {
        let found = self
            .connection
            .prepare_cached(concat!("SELECT ", columns!(), ", checksum FROM messages WHERE sequence = ?1"))?
            .query_row([sequence], |row| self.delivery(row, handle, attempt))
            .optional()?;
        Ok(found.flatten())
    }

    /// A delivery from a row with its message's columns and checksum, as the first one. `None` when the message is not
    /// what was written.
    pub(super) fn delivery(
        &self,
        row: &Row<'_>,
        handle: Handle,
        delivery_attempt: u32,
    ) -> rusqlite::Result<Option<Delivery>> {
        let handle = UpstreamHandle::parse(&handle.encode()).map_err(|error| damaged(0, error))?;
        let delivery = delivery_of(row, handle)?;
        Ok(delivery.map(|delivery| Delivery {
            delivery_attempt,
            first_delivered_at: Some(self.wall),
            visible_again_at: self.wall + self.asked.visibility_timeout,
            ..delivery
        }))
    }

    /// How long a delivery is hidden for, where that was chosen.
    fn hidden_for(&self) -> Option<i64> {
        self.asked.chose_visibility_timeout.then(|| in_millis(self.asked.visibility_timeout))
    }

    fn state_after(&self, attempt: u32) -> DeliveryState {
        match self.asked.max_deliveries {
            Some(max) if attempt >= max => DeliveryState::OutForTheLastTime,
            Some(_) | None => DeliveryState::Out,
        }
    }

    fn save_progress(&self) -> rusqlite::Result<()> {
        if self.next_position.is_none() && self.filtered_out_change == 0 {
            return Ok(());
        }
        self.connection
            .prepare_cached(
                "UPDATE subscriptions SET next_position = ?2, filtered_out = filtered_out + ?3,
                    held_back = held_back + ?4
                WHERE id = ?1",
            )?
            .execute([
                self.subscription.id,
                self.next_position.unwrap_or(self.subscription.next_position),
                self.filtered_out_change,
                self.held_back_change,
            ])?;
        Ok(())
    }

    /// When the first delivery of the subscription comes back, or came.
    fn first_redelivery(&self) -> rusqlite::Result<Option<i64>> {
        self.connection
            .prepare_cached("SELECT min(visible_at) FROM deliveries WHERE subscription_id = ?1")?
            .query_row([self.subscription.id], |row| row.get(0))
    }

    /// When the subscription's next delivery comes back after now. `first` was the first before this look.
    fn next_redelivery(&self, first: Option<i64>) -> rusqlite::Result<Option<i64>> {
        let (now, visible_again_at) = (to_sql(self.now.0), to_sql(self.visible_again_at.0));
        if first.is_none_or(|first| first > now) && visible_again_at > now {
            // All that were there are later than now, and all that this look added come back at one time.
            let added = (!self.deliveries.is_empty()).then_some(visible_again_at);
            return Ok(first.into_iter().chain(added).min());
        }
        self.connection
            .prepare_cached("SELECT min(visible_at) FROM deliveries WHERE subscription_id = ?1 AND visible_at > ?2")?
            .query_row([self.subscription.id, now], |row| row.get(0))
    }

    /// Whether a delivery of the subscription is due and was not taken.
    fn left_due(&self) -> rusqlite::Result<bool> {
        self.connection
            .prepare_cached("SELECT 1 FROM deliveries WHERE subscription_id = ?1 AND visible_at <= ?2 LIMIT 1")?
            .query_row([self.subscription.id, to_sql(self.now.0)], |_| Ok(()))
            .optional()
            .map(|found| found.is_some())
    }
}
