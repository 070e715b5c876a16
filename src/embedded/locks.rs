//! Message groups that ordered receives must leave alone.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::interest::Interest;

/// Message groups of which something is not acknowledged; messages without a message group are one among themselves,
/// called by an empty text. Looked up when asked, so that a look costs as much as it asks.
#[derive(Debug)]
pub(super) struct Locks<'a> {
    connection: &'a Connection,
    subscription_id: i64,
    interest: &'a Interest,
    /// What was found out: what a look itself takes of a free message group does not lock it for the rest of the look.
    known: HashMap<String, bool>,
}

impl<'a> Locks<'a> {
    pub(super) fn new(connection: &'a Connection, subscription_id: i64, interest: &'a Interest) -> Self {
        Self { connection, subscription_id, interest, known: HashMap::new() }
    }

    /// Whether messages of this group must wait. Never for an unordered receive.
    pub(super) fn hold(&mut self, message_group: &str) -> rusqlite::Result<bool> {
        if !self.interest.ordered {
            return Ok(false);
        }
        if let Some(held) = self.known.get(message_group) {
            return Ok(*held);
        }
        let held = next_wanted_tag(self.connection, self.subscription_id, self.interest, message_group, "")?.is_some();
        self.known.insert(message_group.to_owned(), held);
        Ok(held)
    }
}

/// The first tag, not before `from`, that the interest wants and that an unacknowledged delivery of the message group
/// has. Goes from wanted tags to those that are there and back, so that it reads neither all of the one nor the other.
pub(super) fn next_wanted_tag(
    connection: &Connection,
    subscription_id: i64,
    interest: &Interest,
    message_group: &str,
    from: &str,
) -> rusqlite::Result<Option<String>> {
    let mut there = connection.prepare_cached(
        "SELECT tag FROM deliveries INDEXED BY deliveries_by_group
        WHERE subscription_id = ?1 AND message_group = ?2 AND tag >= ?3 ORDER BY tag LIMIT 1",
    )?;
    let mut from = from.to_owned();
    loop {
        if let Some(tags) = &interest.tags {
            let wanted = tags.tags().iter().map(|tag| tag.as_str()).filter(|tag| *tag >= from.as_str()).min();
            let Some(wanted) = wanted else { return Ok(None) };
            from = wanted.to_owned();
        }
        let found: Option<String> =
            there.query_row(params![subscription_id, message_group, from], |row| row.get(0)).optional()?;
        match found {
            Some(tag) if !interest.wants(Some(&tag)) => from = tag,
            found => return Ok(found),
        }
    }
}

/// The first text after this one.
pub(super) fn successor(text: &str) -> String {
    format!("{text}\0")
}
