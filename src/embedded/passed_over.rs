//! Delivering what earlier receives of the group passed over.
//!
//! An unordered receive takes the first rows of its tags. An ordered one looks through so many; only when those of
//! locked message groups fill them all does it go from one message group to the next by an index, so that a message
//! group with a long backlog costs no more than one with a short.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Row, params};

use super::lease::Taking;
use super::locks::Locks;

/// Rows that an ordered receive looks through before it goes by message groups.
const LOOKED_THROUGH: i64 = 1_024;

/// A message that was passed over.
struct PassedOver {
    position: i64,
    sequence: i64,
    held: bool,
    tag: String,
    message_group: String,
}

impl PassedOver {
    /// From five columns.
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            position: row.get(0)?,
            sequence: row.get(1)?,
            held: row.get(2)?,
            tag: row.get(3)?,
            message_group: row.get(4)?,
        })
    }
}

impl Taking<'_> {
    /// Delivers, in publish order, what was passed over and is wanted now.
    pub(super) fn deliver_passed_over(&mut self, locks: &Locks) -> rusqlite::Result<()> {
        if self.subscription.passed_over == 0 || self.wanted() == 0 {
            return Ok(());
        }
        let limit =
            if self.lease.interest.ordered { LOOKED_THROUGH.max(self.wanted_rows()) } else { self.wanted_rows() };
        let first = self.first_passed_over(limit)?;
        let all_seen = i64::try_from(first.len()).unwrap_or(i64::MAX) < limit;
        for row in first {
            if self.wanted() == 0 {
                return Ok(());
            }
            if !locks.hold(&row.message_group) {
                self.take_passed_over(&row)?;
            }
        }
        if all_seen || !self.lease.interest.ordered { Ok(()) } else { self.deliver_by_message_group(locks) }
    }

    /// The first rows of the wanted tags by position.
    fn first_passed_over(&self, limit: i64) -> rusqlite::Result<Vec<PassedOver>> {
        let Some(tags) = &self.lease.interest.tags else {
            return self
                .connection
                .prepare_cached(
                    "SELECT position, sequence, held, tag, message_group FROM passed_over
                    WHERE subscription_id = ?1 ORDER BY position LIMIT ?2",
                )?
                .query_map([self.subscription.id, limit], PassedOver::read)?
                .collect();
        };
        // One query for each tag: with all tags in one, SQLite would read and sort all their rows.
        let mut of_tag = self.connection.prepare_cached(
            "SELECT position, sequence, held, tag, message_group FROM passed_over INDEXED BY passed_over_by_tag
            WHERE subscription_id = ?1 AND tag = ?2 ORDER BY position LIMIT ?3",
        )?;
        let mut first = Vec::new();
        for tag in tags.tags() {
            for row in of_tag.query_map(params![self.subscription.id, tag.as_str(), limit], PassedOver::read)? {
                first.push(row?);
            }
        }
        first.sort_unstable_by_key(|row| row.position);
        first.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(first)
    }

    /// Goes through the message groups that are free, always on with the one whose next message is the oldest.
    fn deliver_by_message_group(&mut self, locks: &Locks) -> rusqlite::Result<()> {
        let mut heads = BTreeMap::new();
        for tag in self.passed_over_tags()? {
            for message_group in self.passed_over_groups(&tag)? {
                if !locks.hold(&message_group) {
                    heads.extend(self.head(&tag, &message_group)?.map(|head| (head.position, head)));
                }
            }
        }
        while self.wanted() > 0
            && let Some((_, head)) = heads.pop_first()
        {
            self.take_passed_over(&head)?;
            heads.extend(self.head(&head.tag, &head.message_group)?.map(|head| (head.position, head)));
        }
        Ok(())
    }

    /// The wanted tags; without a filter all there are.
    fn passed_over_tags(&self) -> rusqlite::Result<Vec<String>> {
        if let Some(tags) = &self.lease.interest.tags {
            return Ok(tags.tags().iter().map(|tag| tag.as_str().to_owned()).collect());
        }
        // From one to the next by the index: DISTINCT would read every row.
        self.connection
            .prepare_cached(
                "WITH RECURSIVE tags (name) AS (
                    SELECT min(tag) FROM passed_over WHERE subscription_id = ?1
                    UNION ALL
                    SELECT (SELECT min(tag) FROM passed_over WHERE subscription_id = ?1 AND tag > tags.name)
                    FROM tags WHERE tags.name IS NOT NULL)
                SELECT name FROM tags WHERE name IS NOT NULL",
            )?
            .query_map([self.subscription.id], |row| row.get(0))?
            .collect()
    }

    /// The message groups of a tag.
    fn passed_over_groups(&self, tag: &str) -> rusqlite::Result<Vec<String>> {
        self.connection
            .prepare_cached(
                "WITH RECURSIVE message_groups (name) AS (
                    SELECT min(message_group) FROM passed_over WHERE subscription_id = ?1 AND tag = ?2
                    UNION ALL
                    SELECT (SELECT min(message_group) FROM passed_over
                        WHERE subscription_id = ?1 AND tag = ?2 AND message_group > message_groups.name)
                    FROM message_groups WHERE message_groups.name IS NOT NULL)
                SELECT name FROM message_groups WHERE name IS NOT NULL",
            )?
            .query_map(params![self.subscription.id, tag], |row| row.get(0))?
            .collect()
    }

    /// The oldest row of a tag and message group.
    fn head(&self, tag: &str, message_group: &str) -> rusqlite::Result<Option<PassedOver>> {
        self.connection
            .prepare_cached(
                "SELECT position, sequence, held, tag, message_group FROM passed_over
                INDEXED BY passed_over_by_group
                WHERE subscription_id = ?1 AND tag = ?2 AND message_group = ?3 ORDER BY position LIMIT 1",
            )?
            .query_row(params![self.subscription.id, tag, message_group], PassedOver::read)
            .optional()
    }

    fn take_passed_over(&mut self, row: &PassedOver) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("DELETE FROM passed_over WHERE subscription_id = ?1 AND position = ?2")?
            .execute([self.subscription.id, row.position])?;
        self.passed_over_change -= 1;
        self.held_back_change -= i64::from(row.held);
        self.deliver_first(row.position, row.sequence)
    }
}
