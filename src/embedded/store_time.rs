//! The store's own time, which nobody can set while the process lives.
//!
//! It begins as what the wall clock shows when the store is opened, and from there it is counted by the monotonic clock.
//! Visibility timeouts, retention and delays are times of this kind: whoever sets the machine's clock, forwards or back, neither
//! ends nor lengthens them. What a caller asked for by the clock on the wall, `deliver_at`, follows that. What callers see is always
//! the wall clock's time.
//!
//! After a restart the wall clock is believed, with care: see [`settle`].

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};

use crate::clock::Clock;
use crate::model::UnixMillis;
use crate::storage::{to_sql, unsigned};

/// After a start nothing is dropped by age for this long: time for a person, or for NTP, to set a clock that is wrong.
const GRACE: Duration = Duration::from_secs(600);
/// A message that was stored so long after now says that the clock was set back.
const TOLERATED_AHEAD: Duration = Duration::from_secs(3_600);

/// A moment by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// By the store's own time.
    pub(super) store: UnixMillis,
    /// By the wall clock.
    pub(super) wall: UnixMillis,
}

/// The clock of one open store.
#[derive(Debug, Clone)]
pub(super) struct StoreClock {
    clock: Clock,
    opened_at: UnixMillis,
    opened_at_monotonic: Duration,
}

impl StoreClock {
    /// The clock of a store that is opened now.
    pub(super) fn begin(clock: Clock) -> Self {
        Self { opened_at: clock.now(), opened_at_monotonic: clock.monotonic(), clock }
    }

    /// When the store was opened.
    pub(super) fn opened_at(&self) -> UnixMillis {
        self.opened_at
    }

    /// Now, by the store's own time.
    pub(super) fn now(&self) -> UnixMillis {
        self.opened_at + self.clock.monotonic().saturating_sub(self.opened_at_monotonic)
    }

    /// Now, by both clocks.
    pub(super) fn moment(&self) -> Moment {
        Moment { store: self.now(), wall: self.clock.now() }
    }

    /// Returns when the store's own time is `time` or later.
    pub(super) async fn sleep_until(&self, time: UnixMillis) {
        self.clock.sleep_until_monotonic(self.opened_at_monotonic + time.since(self.opened_at)).await;
    }
}

impl Moment {
    /// When the wall clock will show `time`, by the store's own time, if nobody sets it.
    pub(super) fn store_time_of(self, time: UnixMillis) -> UnixMillis {
        self.store + time.since(self.wall)
    }
}

/// A length of time for the store.
pub(super) fn in_millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// Brings the times of an earlier process to this one's: a visibility timeout ends, at the latest, as long from now as it was given
/// for, and a delay when the wall clock shows the time that was meant. Returns from when on what is older than this process may be
/// dropped by age: not at once, and not before the newest message is in the past.
pub(super) fn settle(
    connection: &Connection,
    opened_at: UnixMillis,
    visibility_timeout: Duration,
) -> rusqlite::Result<UnixMillis> {
    connection
        .prepare_cached(
            "UPDATE deliveries SET visible_at = ?1 + coalesce(hidden_for, ?2)
            WHERE visible_at > ?1 + coalesce(hidden_for, ?2)",
        )?
        .execute([to_sql(opened_at.0), in_millis(visibility_timeout)])?;
    connection
        .prepare_cached(
            "UPDATE messages INDEXED BY messages_due SET due_at = deliver_at
            WHERE position IS NULL AND due_at IS NOT NULL AND due_at <> deliver_at",
        )?
        .execute([])?;
    let newest: Option<i64> = connection
        .prepare_cached(
            "SELECT max(published_at, coalesce(visible_since, 0)) FROM messages ORDER BY sequence DESC LIMIT 1",
        )?
        .query_row([], |row| row.get(0))
        .optional()?;
    let newest = UnixMillis(unsigned(newest.unwrap_or(0)));
    Ok((opened_at + GRACE).max(newest - TOLERATED_AHEAD))
}
