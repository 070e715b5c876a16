//! Delivering what earlier receives of the group filtered out.
//!
//! An unordered receive takes the first rows of its tags. An ordered one looks through a bounded number; only when those of
//! locked message groups leave room does it go from one message group to the next by an index, so that a message group
//! with a long backlog costs no more than one with a short. One look goes through a bounded number of message groups; the receive's
//! next look goes on there.

use rusqlite::{OptionalExtension, Row, params};

use super::columns::limit;
use super::locks::{Locks, successor};
use super::scan::{Progress, Round};
use super::take::Taking;

/// Rows that an ordered receive looks through before it goes by message groups.
const LOOKED_THROUGH: usize = 1_024;
/// Places of an index that one look visits going by message groups, one for each tag of each message group.
const PLACES_AT_ONCE: usize = 256;

/// A message that was filtered out. Indexes hold all of it.
struct FilteredOut {
    position: i64,
    message_group: String,
}

impl FilteredOut {
    /// From two columns.
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { position: row.get(0)?, message_group: row.get(1)? })
    }
}

impl<'a> Taking<'a> {
    /// Delivers, in publish order, what was filtered out and is wanted now.
    pub(super) fn deliver_filtered_out(&mut self, locks: &mut Locks<'_>) -> rusqlite::Result<()> {
        if self.subscription.filtered_out == 0 || self.wanted() == 0 {
            return Ok(());
        }
        if self.scan.groups != Progress::NotBegun {
            // This receive has looked through the first ones; one that has become free since wakes it.
            self.filtered_out_unseen = true;
            return self.deliver_by_message_group(locks);
        }
        let (first, all_seen) = self.first_filtered_out()?;
        for row in first {
            if self.wanted() == 0 {
                return Ok(());
            }
            if !locks.hold(&row.message_group)? {
                self.take_filtered_out(&row)?;
            }
        }
        if all_seen || !self.asked.interest.ordered || self.wanted() == 0 {
            return Ok(());
        }
        self.filtered_out_unseen = true;
        self.deliver_by_message_group(locks)
    }

    /// Whether something was filtered out that this look did not come to, is wanted, and comes before what is new of
    /// this message group.
    pub(super) fn is_behind(&self, message_group: &str) -> rusqlite::Result<bool> {
        if !self.filtered_out_unseen {
            return Ok(false);
        }
        for lane in self.lanes() {
            if self.head(lane, message_group)?.is_some_and(|head| head.message_group == message_group) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The ranges of an index that hold what is wanted: one for each tag, or one for all.
    fn lanes(&self) -> Vec<Option<&'a str>> {
        match &self.asked.interest.tags {
            Some(tags) => tags.tags().iter().map(|tag| Some(tag.as_str())).collect(),
            None => vec![None],
        }
    }

    /// The first rows of the wanted tags by position, and whether these are all.
    fn first_filtered_out(&self) -> rusqlite::Result<(Vec<FilteredOut>, bool)> {
        let looked_through = if self.asked.interest.ordered { LOOKED_THROUGH } else { 0 };
        let Some(tags) = &self.asked.interest.tags else {
            let most = looked_through.max(self.wanted());
            let rows: Vec<_> = self
                .connection
                .prepare_cached(
                    "SELECT position, message_group FROM filtered_out
                    WHERE subscription_id = ?1 ORDER BY position LIMIT ?2",
                )?
                .query_map([self.subscription.id, limit(most)], FilteredOut::read)?
                .collect::<Result<_, _>>()?;
            let all_seen = rows.len() < most;
            return Ok((rows, all_seen));
        };
        let most = (looked_through / tags.tags().len().max(1)).max(self.wanted());
        // One query for each tag: with all tags in one, SQLite would read and sort all their rows.
        let mut of_tag = self.connection.prepare_cached(
            "SELECT position, message_group FROM filtered_out INDEXED BY filtered_out_by_tag
            WHERE subscription_id = ?1 AND tag = ?2 ORDER BY position LIMIT ?3",
        )?;
        let mut first = Vec::new();
        let mut seen_to = i64::MAX;
        for tag in tags.tags() {
            let before = first.len();
            for row in of_tag.query_map(params![self.subscription.id, tag.as_str(), limit(most)], FilteredOut::read)? {
                first.push(row?);
            }
            if first.len() - before >= most {
                seen_to = first.last().map_or(seen_to, |row| seen_to.min(row.position));
            }
        }
        // Behind the last row of a tag that has more there may be an earlier one of the same message group.
        first.retain(|row| row.position <= seen_to);
        first.sort_unstable_by_key(|row| row.position);
        Ok((first, seen_to == i64::MAX))
    }

    /// Goes from one message group to the next and takes what is there of those that are free.
    fn deliver_by_message_group(&mut self, locks: &mut Locks<'_>) -> rusqlite::Result<()> {
        let mut round = match std::mem::take(&mut self.scan.groups) {
            Progress::NotBegun => {
                let began = self.asked.resumptions.of(self.subscription.id);
                Round { at: began.clone(), began, over_the_end: false }
            }
            Progress::At(round) => round,
            Progress::Done => {
                self.scan.groups = Progress::Done;
                return Ok(());
            }
        };
        self.scan.groups = if self.go_round(&mut round, locks)? { Progress::Done } else { Progress::At(round.clone()) };
        self.asked.resumptions.set(self.subscription.id, &round.at);
        Ok(())
    }

    /// Goes on with a round; whether it is complete.
    fn go_round(&mut self, round: &mut Round, locks: &mut Locks<'_>) -> rusqlite::Result<bool> {
        let lanes = self.lanes();
        let mut room = (PLACES_AT_ONCE / lanes.len().max(1)).max(1);
        let mut heads = self.heads(&lanes, &round.at)?;
        let mut current: Option<String> = None;
        loop {
            let oldest = heads
                .iter()
                .zip(&lanes)
                .filter_map(|(head, lane)| Some((head.as_ref()?, *lane)))
                .min_by_key(|(head, _)| (head.message_group.as_str(), head.position));
            let Some((head, lane)) = oldest else {
                if round.over_the_end {
                    return Ok(true);
                }
                round.over_the_end = true;
                round.at.clear();
                heads = self.heads(&lanes, "")?;
                continue;
            };
            let message_group = head.message_group.clone();
            if round.over_the_end && message_group >= round.began {
                round.at.clone_from(&round.began);
                return Ok(true);
            }
            if current.as_ref() != Some(&message_group) {
                round.at.clone_from(&message_group);
                if room == 0 {
                    return Ok(false);
                }
                room -= 1;
                current = Some(message_group.clone());
            }
            let from = if locks.hold(&message_group)? {
                successor(&message_group)
            } else {
                self.take_filtered_out(head)?;
                if self.wanted() == 0 {
                    round.at = successor(&message_group);
                    return Ok(false);
                }
                message_group.clone()
            };
            let taken_from = if from == message_group { Some(lane) } else { None };
            for (head, lane) in heads.iter_mut().zip(&lanes) {
                let here = head.as_ref().is_some_and(|head| head.message_group == message_group);
                if here && taken_from.is_none_or(|taken_from| taken_from == *lane) {
                    *head = self.head(*lane, &from)?;
                }
            }
        }
    }

    fn heads(&self, lanes: &[Option<&str>], from: &str) -> rusqlite::Result<Vec<Option<FilteredOut>>> {
        lanes.iter().map(|lane| self.head(*lane, from)).collect()
    }

    /// The oldest row of the first message group from a name on, of a tag or of all.
    fn head(&self, tag: Option<&str>, from: &str) -> rusqlite::Result<Option<FilteredOut>> {
        match tag {
            Some(tag) => self
                .connection
                .prepare_cached(
                    "SELECT position, message_group FROM filtered_out
                    INDEXED BY filtered_out_by_tag_and_group
                    WHERE subscription_id = ?1 AND tag = ?2 AND message_group >= ?3
                    ORDER BY message_group, position LIMIT 1",
                )?
                .query_row(params![self.subscription.id, tag, from], FilteredOut::read),
            None => self
                .connection
                .prepare_cached(
                    "SELECT position, message_group FROM filtered_out INDEXED BY filtered_out_by_group
                    WHERE subscription_id = ?1 AND message_group >= ?2 ORDER BY message_group, position LIMIT 1",
                )?
                .query_row(params![self.subscription.id, from], FilteredOut::read),
        }
        .optional()
    }

    fn take_filtered_out(&mut self, row: &FilteredOut) -> rusqlite::Result<()> {
        let (sequence, held): (i64, bool) = self
            .connection
            .prepare_cached("SELECT sequence, held FROM filtered_out WHERE subscription_id = ?1 AND position = ?2")?
            .query_row([self.subscription.id, row.position], |row| Ok((row.get(0)?, row.get(1)?)))?;
        self.connection
            .prepare_cached("DELETE FROM filtered_out WHERE subscription_id = ?1 AND position = ?2")?
            .execute([self.subscription.id, row.position])?;
        self.filtered_out_change -= 1;
        self.held_back_change -= i64::from(held);
        self.deliver_first(row.position, sequence)
    }
}
