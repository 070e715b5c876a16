//! Delivering again what nobody acknowledged in time, and moving what had its last delivery to the dead letters.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{Row, params};

use super::columns::{damaged, limit};
use super::dead_letter::{self, Exhausted};
use super::delivery_state::DeliveryState;
use super::locks::{next_wanted_tag, successor};
use super::scan::Progress;
use super::take::Taking;
use crate::model::UnixMillis;
use crate::storage::{to_sql, unsigned};

/// Redeliveries go out in publish order among so many that have been due the longest.
const SORTED_REDELIVERIES: usize = 1_024;
/// As many for an ordered look, which goes through the message group of each, piece by piece until it has enough.
const ORDERED_REDELIVERIES: usize = 256;
const ORDERED_PIECE: usize = 64;

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

/// Time and position of a delivery that is due.
type DueKey = (i64, i64);

/// A delivery that may or may not be due.
struct Unacknowledged {
    due: Due,
    visible_at: i64,
    message_group: String,
}

/// What an ordered receive may handle.
struct Ready {
    due: Due,
    /// Its message group, where all that comes before it was handled.
    walked: Option<String>,
}

impl Taking<'_> {
    /// Redelivers; whether the look may go on to what was never delivered. It may not where more is due than it may
    /// handle.
    pub(super) fn redeliver(&mut self) -> rusqlite::Result<bool> {
        if self.asked.interest.ordered {
            return self.redeliver_in_order();
        }
        let wanted = self.wanted();
        let due = match self.asked.interest.tags {
            Some(_) => self.due_with_tags()?,
            None => self.due()?,
        };
        self.cut_short |= due.len() >= wanted;
        for due in due {
            if self.wanted() == 0 {
                break;
            }
            self.handle(&due)?;
        }
        Ok(true)
    }

    /// What [`Self::redeliver`] finds where nothing is due.
    pub(super) fn nothing_is_due(&mut self) {
        if self.asked.interest.ordered {
            self.scan.due = Progress::Done;
        }
    }

    fn due(&self) -> rusqlite::Result<Vec<Due>> {
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
            .query_map(
                params![self.subscription.id, to_sql(self.now.0), self.wanted_rows(), limit(SORTED_REDELIVERIES)],
                Due::read,
            )?
            .collect()
    }

    /// As [`Self::due`], of the receive's tags.
    fn due_with_tags(&self) -> rusqlite::Result<Vec<Due>> {
        let (mut positions, _) = self.longest_due(None, SORTED_REDELIVERIES)?;
        positions.sort_unstable();
        positions.truncate(self.wanted());
        positions.into_iter().map(|position| self.row(position).map(|row| row.due)).collect()
    }

    /// The positions of about so many that are wanted and have been due the longest, those up to `after` left out, and
    /// the last of them where there may be more.
    fn longest_due(&self, after: Option<DueKey>, number: usize) -> rusqlite::Result<(Vec<i64>, Option<DueKey>)> {
        let (after_time, after_position) = after.unwrap_or((i64::MIN, i64::MIN));
        let (now, subscription_id) = (to_sql(self.now.0), self.subscription.id);
        let key = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let lanes = self.asked.interest.tags.as_ref().map_or(1, |tags| tags.tags().len());
        let most = (number / lanes.max(1)).max(self.wanted());
        let mut due: Vec<DueKey> = Vec::new();
        let mut seen_to: Option<DueKey> = None;
        let Some(tags) = &self.asked.interest.tags else {
            let mut all = self.connection.prepare_cached(
                "SELECT visible_at, position FROM deliveries INDEXED BY deliveries_visible
                WHERE subscription_id = ?1 AND visible_at <= ?2 AND (visible_at, position) > (?3, ?4)
                ORDER BY visible_at, position LIMIT ?5",
            )?;
            for row in all.query_map(params![subscription_id, now, after_time, after_position, limit(most)], key)? {
                due.push(row?);
            }
            if due.len() >= most {
                seen_to = due.last().copied();
            }
            return Ok((due.into_iter().map(|(_, position)| position).collect(), seen_to));
        };
        // One range for each tag: what nobody wants any more costs nothing.
        let mut of_tag = self.connection.prepare_cached(
            "SELECT visible_at, position FROM deliveries INDEXED BY deliveries_by_tag
            WHERE subscription_id = ?1 AND tag = ?6 AND tag <> '' AND visible_at <= ?2
                AND (visible_at, position) > (?3, ?4)
            ORDER BY visible_at, position LIMIT ?5",
        )?;
        for tag in tags.tags() {
            let before = due.len();
            let range = params![subscription_id, now, after_time, after_position, limit(most), tag.as_str()];
            for row in of_tag.query_map(range, key)? {
                due.push(row?);
            }
            if due.len() - before >= most {
                let last = due.last().copied();
                seen_to = seen_to.map_or(last, |known| last.map(|last| known.min(last)));
            }
        }
        // Behind the last one of a tag that has more, another look goes on.
        due.retain(|key| seen_to.is_none_or(|seen_to| *key <= seen_to));
        Ok((due.into_iter().map(|(_, position)| position).collect(), seen_to))
    }

    /// Redelivers of each message group what is before the first that is in somebody's hands: later ones wait, also
    /// when they are due. What the receive's tags do not want neither comes nor keeps others.
    fn redeliver_in_order(&mut self) -> rusqlite::Result<bool> {
        let mut seen_to = match self.scan.due {
            Progress::At(key) => Some(key),
            Progress::NotBegun | Progress::Done => None,
        };
        let mut room = self.wanted();
        let mut ready: BTreeMap<i64, Ready> = BTreeMap::new();
        let (mut message_groups, mut seen) = (HashSet::new(), 0);
        loop {
            let (positions, last) = self.longest_due(seen_to, ORDERED_PIECE)?;
            seen_to = last;
            seen += positions.len();
            for position in positions {
                let row = self.row(position)?;
                if row.due.state == DeliveryState::OutForTheLastTime {
                    // A dead letter waits for nothing. Where its message group was walked to it, it stays walked.
                    ready.entry(position).or_insert(Ready { due: row.due, walked: None });
                }
                if message_groups.insert(row.message_group.clone()) {
                    self.walk(&mut ready, row.message_group, i64::MIN)?;
                }
            }
            if seen_to.is_none() || seen >= ORDERED_REDELIVERIES || ready.len() >= room {
                break;
            }
        }
        while let Some((position, Ready { due, walked })) = ready.pop_first() {
            if room == 0 || self.wanted() == 0 {
                self.cut_short = true;
                return Ok(false);
            }
            room -= 1;
            self.handle(&due)?;
            if let Some(message_group) = walked {
                self.walk(&mut ready, message_group, position)?;
            }
        }
        self.cut_short |= room == 0;
        self.scan.due = match (&self.scan.due, seen_to) {
            (Progress::NotBegun | Progress::At(_), Some(seen_to)) => Progress::At(seen_to),
            (Progress::Done, _) | (_, None) => Progress::Done,
        };
        Ok(true)
    }

    /// Adds the next wanted delivery of a message group after a position when it is due.
    fn walk(&self, ready: &mut BTreeMap<i64, Ready>, message_group: String, after: i64) -> rusqlite::Result<()> {
        let mut first_of_tag = self.connection.prepare_cached(
            "SELECT min(position) FROM deliveries INDEXED BY deliveries_by_group
            WHERE subscription_id = ?1 AND message_group = ?2 AND tag = ?3 AND position > ?4",
        )?;
        let (mut next, mut from) = (None::<i64>, String::new());
        while let Some(tag) =
            next_wanted_tag(self.connection, self.subscription.id, &self.asked.interest, &message_group, &from)?
        {
            let first: Option<i64> =
                first_of_tag.query_row(params![self.subscription.id, message_group, tag, after], |row| row.get(0))?;
            next = [next, first].into_iter().flatten().min();
            from = successor(&tag);
        }
        if let Some(position) = next {
            let row = self.row(position)?;
            if row.visible_at <= to_sql(self.now.0) {
                ready.insert(position, Ready { due: row.due, walked: Some(message_group) });
            }
        }
        Ok(())
    }

    /// A delivery of the subscription.
    fn row(&self, position: i64) -> rusqlite::Result<Unacknowledged> {
        self.connection
            .prepare_cached(
                "SELECT position, sequence, attempt, state, first_delivered_at, visible_at, message_group
                FROM deliveries WHERE subscription_id = ?1 AND position = ?2",
            )?
            .query_row([self.subscription.id, position], |row| {
                Ok(Unacknowledged { due: Due::read(row)?, visible_at: row.get(5)?, message_group: row.get(6)? })
            })
    }

    fn handle(&mut self, due: &Due) -> rusqlite::Result<()> {
        match due.state {
            DeliveryState::OutForTheLastTime => self.bury(due),
            DeliveryState::Returned | DeliveryState::Out => {
                self.deliver_again(due.position, due.sequence, due.attempt, due.first_delivered_at)
            }
        }
    }

    fn bury(&mut self, due: &Due) -> rusqlite::Result<()> {
        let exhausted = Exhausted {
            topic: self.asked.topic.as_str(),
            group: self.asked.group.as_str(),
            subscription_id: self.subscription.id,
            position: due.position,
            sequence: due.sequence,
        };
        let message_id = self.asked.message_ids.next(self.wall).map_err(|error| damaged(0, error))?;
        match dead_letter::bury(self.connection, exhausted, message_id, self.now)? {
            Some(topic) => self.dead_letter_topics.push(topic),
            None => self.set_aside(due.sequence)?,
        }
        // Its message group may have become free, also where this receive has been already.
        self.scan.groups = Progress::NotBegun;
        Ok(())
    }
}
