//! Delivering again what nobody acknowledged in time, and moving what had its last delivery to the dead letters.

use rusqlite::{Row, params};

use super::columns::damaged;
use super::dead_letter::{self, Exhausted};
use super::delivery_state::DeliveryState;
use super::lease::Taking;
use super::locks::Locks;
use crate::model::{TagFilter, UnixMillis};
use crate::storage::{to_sql, unsigned};

/// Redeliveries go out in publish order among so many that have been due the longest.
const SORTED_REDELIVERIES: usize = 1_024;

/// A delivery that is due again.
struct Due {
    position: i64,
    sequence: i64,
    attempt: u32,
    state: DeliveryState,
    first_delivered_at: Option<UnixMillis>,
}

impl Due {
    /// From five columns.
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            position: row.get(0)?,
            sequence: row.get(1)?,
            attempt: row.get(2)?,
            state: row.get(3)?,
            first_delivered_at: row.get::<_, Option<i64>>(4)?.map(|time| UnixMillis(unsigned(time))),
        })
    }
}

impl Taking<'_> {
    /// Redelivers; returns the message groups of which nothing else may go out, none for an unordered receive, and
    /// `None` where that is not known yet since more is due than this look may handle.
    pub(super) fn redeliver(&mut self) -> rusqlite::Result<Option<Locks>> {
        let wanted = self.wanted();
        let (due, locks) = match &self.lease.interest.tags {
            _ if self.lease.interest.ordered => self.due_in_order()?,
            Some(tags) => (self.due_with_tags(tags)?, Some(Locks::default())),
            None => (self.due()?, Some(Locks::default())),
        };
        self.cut_short |= due.len() >= wanted;
        for due in due {
            match due.state {
                DeliveryState::OutForTheLastTime => self.bury(&due)?,
                DeliveryState::Returned | DeliveryState::Out => {
                    self.deliver_again(due.position, due.sequence, due.attempt, due.first_delivered_at)?;
                }
            }
        }
        Ok(locks)
    }

    fn due(&self) -> rusqlite::Result<Vec<Due>> {
        let limit = i64::try_from(SORTED_REDELIVERIES).unwrap_or(i64::MAX);
        self.connection
            .prepare_cached(
                "SELECT due.position, sequence, attempt, state, first_delivered_at FROM
                    (SELECT position FROM
                        (SELECT position FROM deliveries WHERE subscription_id = ?1 AND visible_at <= ?2
                        ORDER BY visible_at LIMIT ?4)
                    ORDER BY position LIMIT ?3) AS due
                CROSS JOIN deliveries ON deliveries.subscription_id = ?1 AND deliveries.position = due.position
                ORDER BY due.position",
            )?
            .query_map(params![self.subscription.id, to_sql(self.now.0), self.wanted_rows(), limit], Due::read)?
            .collect()
    }

    /// As [`Self::due`], of these tags. Looks at everything that is due, in an index that holds the tags, so that a
    /// heap of messages that nobody wants any more hides no other.
    fn due_with_tags(&self, tags: &TagFilter) -> rusqlite::Result<Vec<Due>> {
        let mut positions: Vec<i64> = Vec::new();
        let mut all = self.connection.prepare_cached(
            "SELECT position, tag FROM deliveries INDEXED BY deliveries_visible
            WHERE subscription_id = ?1 AND visible_at <= ?2 ORDER BY visible_at, position",
        )?;
        let mut rows = all.query([self.subscription.id, to_sql(self.now.0)])?;
        while positions.len() < SORTED_REDELIVERIES
            && let Some(row) = rows.next()?
        {
            if tags.wants(row.get_ref(1)?.as_str_or_null()?) {
                positions.push(row.get(0)?);
            }
        }
        positions.sort_unstable();
        positions.truncate(self.wanted());
        let mut one = self.connection.prepare_cached(
            "SELECT position, sequence, attempt, state, first_delivered_at FROM deliveries
            WHERE subscription_id = ?1 AND position = ?2",
        )?;
        positions.into_iter().map(|position| one.query_row([self.subscription.id, position], Due::read)).collect()
    }

    /// What may come back to an ordered receive, and which message groups are locked, both told by everything that the
    /// group has not acknowledged. What the receive's tags do not want neither comes nor locks.
    fn due_in_order(&self) -> rusqlite::Result<(Vec<Due>, Option<Locks>)> {
        let (mut due, mut locks) = (Vec::new(), Locks::default());
        // An earlier one of the message group is in somebody's hands: later ones wait, also when they are due.
        let mut out = Locks::default();
        let mut all = self.connection.prepare_cached(
            "SELECT position, sequence, attempt, state, first_delivered_at, visible_at, tag, message_group
            FROM deliveries WHERE subscription_id = ?1 ORDER BY position",
        )?;
        let mut rows = all.query([self.subscription.id])?;
        while let Some(row) = rows.next()? {
            if !self.lease.interest.wants(row.get_ref(6)?.as_str_or_null()?) {
                continue;
            }
            let message_group = row.get_ref(7)?.as_str_or_null()?.unwrap_or_default();
            let state: DeliveryState = row.get(3)?;
            let is_due = row.get::<_, i64>(5)? <= to_sql(self.now.0);
            let exhausted = is_due && state == DeliveryState::OutForTheLastTime;
            if !exhausted {
                locks.add(message_group);
            }
            if !is_due {
                out.add(message_group);
            }
            if !is_due || (!exhausted && out.hold(message_group)) {
                continue;
            }
            if due.len() >= self.wanted() {
                return Ok((due, None));
            }
            due.push(Due::read(row)?);
        }
        Ok((due, Some(locks)))
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
}
