//! The form of a store and how an older file is brought to it.

use rusqlite::{Connection, Transaction, TransactionBehavior};

/// The steps from an empty file to the newest form. Step *n* (counted from 1) brings format *n − 1* to format *n*; the
/// file's format is its `PRAGMA user_version`. Steps are never changed once released, only added.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// SQL of each step, in order.
    pub steps: &'static [&'static str],
    /// Registers the functions that the steps use.
    pub functions: fn(&Connection) -> rusqlite::Result<()>,
    /// Tables whose rows carry checksums of their own: damage to their content does not refuse the start, and is found
    /// when a row is read.
    pub self_checked: &'static [&'static str],
}

impl Schema {
    /// Steps of plain SQL, and no table that checks itself.
    #[must_use]
    pub const fn plain(steps: &'static [&'static str]) -> Self {
        Self { steps, functions: |_| Ok(()), self_checked: &[] }
    }

    /// The newest format.
    pub(super) fn newest(self) -> i64 {
        i64::try_from(self.steps.len()).unwrap_or(i64::MAX)
    }

    /// Brings a file of format `found` to the newest, all steps in one transaction.
    pub(super) fn migrate(self, connection: &mut Connection, found: i64) -> rusqlite::Result<()> {
        let done = usize::try_from(found).unwrap_or(0);
        let missing = self.steps.get(done..).unwrap_or_default();
        if missing.is_empty() {
            return Ok(());
        }
        let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
        for step in missing {
            transaction.execute_batch(step)?;
        }
        transaction.pragma_update(None, "user_version", self.newest())?;
        transaction.commit()
    }
}
