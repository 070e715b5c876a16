//! Looking at messages without taking them: nothing is delivered, and no attempt is counted.

use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{damaged, limit};
use super::delivery_state::DeliveryState;
use super::handle::Handle;
use super::store_time::Moment;
use super::stored_delivery::delivery_of;
use super::stored_message::columns;
use super::topics;
use super::{Engine, EngineError, NewGroupStarts};
use crate::model::{ConsumerGroup, Delivery, MessageId, Topic, UnixMillis, UpstreamHandle};
use crate::storage::{Access, millis, to_sql, unsigned};

/// Most messages of one look, whatever it asks for.
const MAX_MESSAGES: usize = 256;
/// Most rows that one look for a certain message goes through.
const MAX_ROWS: usize = 4096;
/// The handle of a message that nobody took.
const NO_HANDLE: &str = "none";

/// What somebody wants to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeekRequest {
    /// Where.
    pub topic: Topic,
    /// What this group has not acknowledged; `None` for all that is retained.
    pub group: Option<ConsumerGroup>,
    /// Behind this place of the topic's log; 0 from its beginning.
    pub after: u64,
    /// Messages wanted, 1 to 256; others are taken for the nearer of the two.
    pub max_messages: usize,
    /// No more messages once their bodies have this many bytes; one comes in any case.
    pub max_bytes: usize,
    /// Only this message.
    pub message_id: Option<MessageId>,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peeked {
    /// In the order of the log; then those that are not due yet, the first of them first.
    pub messages: Vec<PeekedMessage>,
    /// Where to look on in the log; `None` where the log was seen to its end. Of those that are not due, no more are shown than fit.
    pub next: Option<u64>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeekedMessage {
    /// As somebody would get it, but with a placeholder for the handle.
    pub delivery: Delivery,
    /// How it stands.
    pub state: PeekedState,
}

/// How a message stands with a group; without a group only whether it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeekedState {
    /// A receive may get it.
    Ready,
    /// It is not due yet.
    Delayed,
    /// Somebody has it, until its visibility timeout is over.
    InFlight,
    /// The group's receives moved past it, as their tags or their order did not want it.
    FilteredOut,
}

impl Engine {
    /// Looks at messages of a topic. A topic that nobody has used yet is empty.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn peek(&self, request: PeekRequest) -> Result<Peeked, EngineError> {
        let shared = self.shared();
        shared.check_topic(&request.topic)?;
        let (clock, starts) = (shared.clock.clone(), shared.options.new_group_starts);
        let work = move |connection: &Connection| {
            let moment = clock.moment();
            // What is shown in the past is ready, and what lies ahead keeps its distance on the wall clock.
            let wall = |store: UnixMillis| moment.wall + store.since(moment.store);
            peek(connection, &request, starts, moment, &wall)
        };
        Ok(shared.storage.run(Access::Reads, work).await?)
    }

    /// The messages that somebody has these handles of; `None` for a text that is not a handle, or whose message is gone.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn look_at(&self, handles: &[UpstreamHandle]) -> Result<Vec<Option<Delivery>>, EngineError> {
        let handles: Vec<_> = handles.iter().map(|handle| Handle::decode(handle.as_str())).collect();
        let work = move |connection: &Connection| {
            handles
                .iter()
                .map(|handle| {
                    let Some(handle) = handle else { return Ok(None) };
                    let sequence = connection
                        .prepare_cached("SELECT sequence FROM deliveries WHERE subscription_id = ?1 AND position = ?2")?
                        .query_row([handle.subscription_id, handle.position], |row| row.get(0))
                        .optional()?;
                    sequence.map_or(Ok(None), |sequence| load(connection, sequence))
                })
                .collect()
        };
        Ok(self.shared().storage.run(Access::Reads, work).await?)
    }

    /// Makes a group that reads the topic from its oldest message on, whatever new groups begin with; one that is there stays
    /// where it is.
    ///
    /// # Errors
    /// [`EngineError`]; nothing is done then, but with [`EngineError::InDoubt`] it may have been.
    pub async fn begin_group(&self, topic: &Topic, group: &ConsumerGroup) -> Result<(), EngineError> {
        let shared = self.shared();
        shared.check_topic(topic)?;
        let (topic, group) = (topic.clone(), group.clone());
        let work = move |connection: &Connection| {
            let row = topics::topic(connection, topic.as_str())?;
            topics::subscription(connection, row, group.as_str(), NewGroupStarts::Earliest).map(drop)
        };
        Ok(shared.storage.run(Access::Writes, work).await?)
    }
}

/// A message that was found, and how it stands.
#[derive(Debug, Clone, Copy)]
struct Found {
    position: i64,
    sequence: i64,
    attempts: u32,
    visible_at: Option<UnixMillis>,
    state: PeekedState,
}

fn peek(
    connection: &Connection,
    request: &PeekRequest,
    starts: NewGroupStarts,
    now: Moment,
    wall: &impl Fn(UnixMillis) -> UnixMillis,
) -> rusqlite::Result<Peeked> {
    let Some(topic) = topics::find_topic(connection, request.topic.as_str())? else {
        return Ok(Peeked { messages: Vec::new(), next: None });
    };
    let wanted = request.max_messages.clamp(1, MAX_MESSAGES);
    let rows = if request.message_id.is_some() { MAX_ROWS } else { wanted };
    let after = to_sql(request.after);
    let mut places = match &request.group {
        None => undelivered(connection, topic.id, after.saturating_add(1), rows)?,
        Some(group) => {
            let subscription = topics::find_subscription(connection, topic.id, group.as_str())?;
            let next_position = match (subscription, starts) {
                (Some(subscription), _) => subscription.next_position,
                (None, NewGroupStarts::Earliest) => topic.first_position,
                (None, NewGroupStarts::Latest) => topic.next_position,
            };
            let mut places = undelivered(connection, topic.id, next_position.max(after.saturating_add(1)), rows)?;
            if let Some(subscription) = subscription {
                places.extend(delivered(connection, subscription.id, after, rows, now.store)?);
                places.extend(filtered_out(connection, subscription.id, after, rows)?);
            }
            places.sort_unstable_by_key(|place| place.position);
            places
        }
    };
    let is_all = places.len() < rows;
    places.truncate(rows);
    let mut peeked = Peeked { messages: Vec::new(), next: None };
    let (mut bytes, mut last) = (0_usize, after);
    for place in places {
        if peeked.messages.len() >= wanted || (bytes >= request.max_bytes && !peeked.messages.is_empty()) {
            peeked.next = Some(unsigned(last));
            return Ok(peeked);
        }
        last = place.position;
        let Some(mut delivery) = load_wanted(connection, place.sequence, request)? else { continue };
        bytes = bytes.saturating_add(delivery.body.len());
        delivery.delivery_attempt = place.attempts;
        if let Some(visible_at) = place.visible_at {
            delivery.visible_again_at = wall(visible_at);
        }
        peeked.messages.push(PeekedMessage { delivery, state: place.state });
    }
    if !is_all {
        peeked.next = Some(unsigned(last));
        return Ok(peeked);
    }
    if topic.delayed > 0 {
        let room = if request.message_id.is_some() { MAX_ROWS } else { wanted.saturating_sub(peeked.messages.len()) };
        for sequence in delayed(connection, topic.id, now, room)? {
            if bytes >= request.max_bytes && !peeked.messages.is_empty() {
                break;
            }
            let Some(delivery) = load_wanted(connection, sequence, request)? else { continue };
            bytes = bytes.saturating_add(delivery.body.len());
            peeked.messages.push(PeekedMessage { delivery, state: PeekedState::Delayed });
        }
    }
    Ok(peeked)
}

/// Of the log, from a position on.
fn undelivered(connection: &Connection, topic_id: i64, from: i64, rows: usize) -> rusqlite::Result<Vec<Found>> {
    connection
        .prepare_cached(
            "SELECT position, sequence FROM messages WHERE topic_id = ?1 AND position >= ?2 ORDER BY position LIMIT ?3",
        )?
        .query_map(params![topic_id, from, limit(rows)], |row| {
            let (position, sequence) = (row.get(0)?, row.get(1)?);
            Ok(Found { position, sequence, attempts: 0, visible_at: None, state: PeekedState::Ready })
        })?
        .collect()
}

/// What a group got and has not acknowledged.
fn delivered(
    connection: &Connection,
    subscription_id: i64,
    after: i64,
    rows: usize,
    now: UnixMillis,
) -> rusqlite::Result<Vec<Found>> {
    connection
        .prepare_cached(
            "SELECT position, sequence, attempt, state, visible_at FROM deliveries
            WHERE subscription_id = ?1 AND position > ?2 ORDER BY position LIMIT ?3",
        )?
        .query_map(params![subscription_id, after, limit(rows)], |row| {
            let (state, visible_at): (DeliveryState, _) = (row.get(3)?, millis(row, 4)?);
            let is_out = state != DeliveryState::Returned && visible_at > now;
            let state = if is_out { PeekedState::InFlight } else { PeekedState::Ready };
            let visible_at = is_out.then_some(visible_at);
            Ok(Found { position: row.get(0)?, sequence: row.get(1)?, attempts: row.get(2)?, visible_at, state })
        })?
        .collect()
}

fn filtered_out(
    connection: &Connection,
    subscription_id: i64,
    after: i64,
    rows: usize,
) -> rusqlite::Result<Vec<Found>> {
    connection
        .prepare_cached(
            "SELECT position, sequence FROM filtered_out WHERE subscription_id = ?1 AND position > ?2
            ORDER BY position LIMIT ?3",
        )?
        .query_map(params![subscription_id, after, limit(rows)], |row| {
            let (position, sequence) = (row.get(0)?, row.get(1)?);
            Ok(Found { position, sequence, attempts: 0, visible_at: None, state: PeekedState::FilteredOut })
        })?
        .collect()
}

/// The first of those that are not due: those of a time by the wall clock and those of a delay by the store's, together.
fn delayed(connection: &Connection, topic_id: i64, now: Moment, rows: usize) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached(
            "SELECT sequence FROM
                (SELECT * FROM
                    (SELECT sequence, deliver_at - ?2 + ?3 AS time FROM messages INDEXED BY messages_delayed
                    WHERE topic_id = ?1 AND position IS NULL AND due_at IS NULL ORDER BY deliver_at, sequence LIMIT ?4)
                UNION ALL SELECT * FROM
                    (SELECT sequence, due_at FROM messages INDEXED BY messages_due
                    WHERE topic_id = ?1 AND position IS NULL AND due_at IS NOT NULL ORDER BY due_at, sequence LIMIT ?4))
            ORDER BY time, sequence LIMIT ?4",
        )?
        .query_map(params![topic_id, to_sql(now.wall.0), to_sql(now.store.0), limit(rows)], |row| row.get(0))?
        .collect()
}

/// A message, if it is the one that is asked for.
fn load_wanted(connection: &Connection, sequence: i64, request: &PeekRequest) -> rusqlite::Result<Option<Delivery>> {
    if let Some(wanted) = &request.message_id {
        let id: Option<String> = connection
            .prepare_cached("SELECT message_id FROM messages WHERE sequence = ?1")?
            .query_row([sequence], |row| row.get(0))
            .optional()?;
        if id.as_deref() != Some(wanted.as_str()) {
            return Ok(None);
        }
    }
    load(connection, sequence)
}

/// `None` when the message is not what was written, or is not there.
fn load(connection: &Connection, sequence: i64) -> rusqlite::Result<Option<Delivery>> {
    let handle = UpstreamHandle::parse(NO_HANDLE).map_err(|error| damaged(0, error))?;
    let found = connection
        .prepare_cached(concat!("SELECT ", columns!(), ", checksum FROM messages WHERE sequence = ?1"))?
        .query_row([sequence], |row| delivery_of(row, handle))
        .optional()?;
    Ok(found.flatten())
}
