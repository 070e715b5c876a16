//! Delivering what the group has not come to yet, and filtering out what this receive does not take.

use rusqlite::params;

use super::handle::Handle;
use super::locks::Locks;
use super::stored_message::columns;
use super::take::Taking;

/// Most messages that one look filters out: a bound on the time for which others wait for the storage thread.
pub(super) const FILTERED_OUT_AT_ONCE: u32 = 1_024;

impl Taking<'_> {
    /// Delivers new messages in publish order. Those that the receive's tags do not want, and those of locked message
    /// groups, are noted as filtered out, so that nothing is lost and no look meets them twice.
    pub(super) fn deliver_new(&mut self, topic_id: i64, locks: &mut Locks<'_>) -> rusqlite::Result<()> {
        if self.wanted() == 0 {
            Ok(())
        } else if self.asked.interest.is_everything() {
            self.deliver_all_new(topic_id)
        } else {
            self.choose_new(topic_id, locks)
        }
    }

    fn deliver_all_new(&mut self, topic_id: i64) -> rusqlite::Result<()> {
        let mut messages = self.connection.prepare_cached(concat!(
            "SELECT ",
            columns!(),
            ", checksum, sequence FROM messages WHERE topic_id = ?1 AND position >= ?2 ORDER BY position LIMIT ?3"
        ))?;
        let mut rows = messages.query(params![topic_id, self.subscription.next_position, self.wanted_rows()])?;
        while self.wanted() > 0
            && let Some(row) = rows.next()?
        {
            let Some(nonce) = self.next_nonce() else { break };
            let (position, sequence): (i64, i64) = (row.get(2)?, row.get(13)?);
            let handle = Handle { subscription_id: self.subscription.id, position, nonce };
            match self.delivery(row, handle, 1)? {
                Some(delivery) => self.store_first(position, sequence, nonce, delivery)?,
                None => self.set_aside(sequence)?,
            }
            self.next_position = Some(position + 1);
        }
        Ok(())
    }

    fn choose_new(&mut self, topic_id: i64, locks: &mut Locks<'_>) -> rusqlite::Result<()> {
        // Without the bodies, which are read for what is delivered only.
        let mut messages = self.connection.prepare_cached(
            "SELECT position, sequence, tag, message_group FROM messages
            WHERE topic_id = ?1 AND position >= ?2 ORDER BY position",
        )?;
        let mut rows = messages.query([topic_id, self.subscription.next_position])?;
        while self.wanted() > 0
            && let Some(row) = rows.next()?
        {
            let (position, sequence): (i64, i64) = (row.get(0)?, row.get(1)?);
            let tag = row.get_ref(2)?.as_str_or_null()?;
            let message_group = row.get_ref(3)?.as_str_or_null()?.unwrap_or_default();
            let wanted = self.asked.interest.wants(tag);
            if wanted && !locks.hold(message_group)? && !self.is_behind(message_group)? {
                self.deliver_first(position, sequence)?;
            } else if self.newly_filtered_out < FILTERED_OUT_AT_ONCE {
                self.connection
                    .prepare_cached(
                        "INSERT INTO filtered_out (subscription_id, position, sequence, held, tag, message_group)
                        VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    )?
                    .execute(params![
                        self.subscription.id,
                        position,
                        sequence,
                        wanted,
                        tag.unwrap_or_default(),
                        message_group
                    ])?;
                self.newly_filtered_out += 1;
                self.filtered_out_change += 1;
                self.held_back_change += i64::from(wanted);
            } else {
                self.cut_short = true;
                break;
            }
            self.next_position = Some(position + 1);
        }
        Ok(())
    }
}
