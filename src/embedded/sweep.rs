//! The sweep: what happens although nobody asks. Delayed messages become visible, exhausted deliveries dead letters, old
//! messages go, and the file shrinks; each in small jobs, so that publishes and receives run in between.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rusqlite::Connection;

use super::columns::damaged;
use super::dead_letter::{self, BuriedDue};
use super::engine::Shared;
use super::log;
use super::retention::{self, Dropped, Limits};
use super::store_time::Moment;
use super::vacuum;
use super::{Engine, EngineError, WhenFull};
use crate::model::UnixMillis;
use crate::storage::{Access, FaultKind};

/// Messages handled by one job.
const AT_ONCE: u32 = 256;
const AT_ONCE_ROWS: usize = AT_ONCE as usize;
/// Jobs of one kind in one sweep; what is left is the next one's.
const MAX_JOBS: usize = 1_000;
/// Jobs that shrink the file in one sweep.
const MAX_SHRINKS: usize = 16;

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SweepReport {
    /// Delayed messages that became visible and that no receive had asked for.
    pub became_visible: u64,
    /// Messages moved to the dead letters of their groups.
    pub dead_lettered: u64,
    /// Messages dropped by age or bytes.
    pub dropped_by_retention: u64,
    /// Those among them that a group had not acknowledged, counted once for each such group. What its receives only
    /// filtered out since their tags did not want it is not counted.
    pub dropped_unacknowledged: u64,
}

impl Engine {
    /// Does what is due. Call it about once a second; calls that overlap do no harm.
    ///
    /// # Errors
    /// [`EngineError`]; what was done before it stays done.
    pub async fn sweep(&self) -> Result<SweepReport, EngineError> {
        let shared = self.shared();
        shared.write_given_back();
        let mut report = SweepReport::default();
        for _ in 0..MAX_JOBS {
            let number = shared.take_in_due().await?;
            report.became_visible += number;
            if number < u64::from(AT_ONCE) {
                break;
            }
        }
        for _ in 0..MAX_JOBS {
            let buried = shared.bury_due().await?;
            report.dead_lettered += u64::try_from(buried.letters.len()).unwrap_or(u64::MAX);
            if buried.looked_at < AT_ONCE_ROWS {
                break;
            }
        }
        for _ in 0..MAX_JOBS {
            let dropped = shared.drop_oldest().await?;
            report.dropped_by_retention += dropped.messages;
            report.dropped_unacknowledged += dropped.unacknowledged;
            if dropped.messages < u64::from(AT_ONCE) {
                break;
            }
        }
        let full = shared.storage.faults().iter().any(|fault| fault.kind == FaultKind::Full);
        if full {
            for _ in 0..MAX_JOBS {
                let dropped = shared.drop_acknowledged().await?;
                report.dropped_by_retention += dropped.messages;
                if dropped.messages < u64::from(AT_ONCE) {
                    break;
                }
            }
        }
        let kept = if full { 0 } else { vacuum::KEPT_PAGES };
        for _ in 0..MAX_SHRINKS {
            if !shared.storage.run(Access::Writes, move |connection| vacuum::shrink(connection, kept)).await? {
                break;
            }
        }
        Ok(report)
    }
}

impl Shared {
    async fn take_in_due(&self) -> Result<u64, EngineError> {
        let (clock, waiters) = (self.clock.clone(), Arc::clone(&self.waiters));
        let topics = self
            .storage
            .run_then(
                Access::Writes,
                move |connection| take_in_due(connection, clock.moment()),
                move |topics| topics.iter().for_each(|(topic, _)| waiters.wake_topic(topic)),
            )
            .await?;
        Ok(topics.iter().map(|(_, number)| u64::from(*number)).sum())
    }

    async fn bury_due(&self) -> Result<BuriedDue, EngineError> {
        let (clock, message_ids) = (self.clock.clone(), Arc::clone(&self.message_ids));
        let (waiters, counters) = (Arc::clone(&self.waiters), Arc::clone(&self.counters));
        let buried = self
            .storage
            .run_then(
                Access::Writes,
                move |connection| {
                    let now = clock.moment();
                    let next_id = || message_ids.next(now.wall).map_err(|error| damaged(0, error));
                    dead_letter::bury_due(connection, now.store, AT_ONCE, next_id)
                },
                move |buried: &mut BuriedDue| {
                    counters.add_dead_lettered(buried.letters.len());
                    for letter in &buried.letters {
                        waiters.wake_topic(&letter.dead_letter_topic);
                        waiters.wake_ordered(&letter.topic, &letter.group);
                    }
                },
            )
            .await?;
        self.note_set_aside(buried.set_aside);
        Ok(buried)
    }

    async fn drop_acknowledged(&self) -> Result<Dropped, EngineError> {
        let counters = Arc::clone(&self.counters);
        let dropped = self
            .storage
            .run_then(
                Access::Writes,
                |connection| retention::drop_acknowledged(connection, AT_ONCE_ROWS, None),
                move |dropped| counters.add_dropped(*dropped),
            )
            .await?;
        Ok(dropped)
    }

    async fn drop_oldest(&self) -> Result<Dropped, EngineError> {
        let limits = Limits {
            oldest: self.clock.now() - self.options.retention,
            opened_at: self.clock.opened_at(),
            earlier_too: self.clock.now() >= UnixMillis(self.earlier_may_go_at.load(Ordering::Relaxed)),
            bytes: match self.options.when_full {
                WhenFull::DropOldest => Some(self.options.retention_bytes),
                WhenFull::Refuse => None,
            },
            at_once: AT_ONCE_ROWS,
        };
        let (waiters, counters) = (Arc::clone(&self.waiters), Arc::clone(&self.counters));
        let dropped = self
            .storage
            .run_then(
                Access::Writes,
                move |connection| retention::drop_oldest(connection, limits),
                move |dropped| {
                    counters.add_dropped(*dropped);
                    // What kept a message group locked may be gone.
                    if dropped.delivered > 0 {
                        waiters.wake_ordered_everywhere();
                    }
                },
            )
            .await?;
        Ok(dropped)
    }
}

/// Moves due messages of all topics into their logs, at most [`AT_ONCE`]; returns topics and numbers.
fn take_in_due(connection: &Connection, now: Moment) -> rusqlite::Result<Vec<(String, u32)>> {
    let delayed: Vec<(i64, String)> = connection
        .prepare_cached("SELECT id, name FROM topics WHERE delayed > 0")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let mut room = AT_ONCE;
    let mut topics = Vec::new();
    for (topic_id, name) in delayed {
        let number = log::take_in_due(connection, topic_id, now, room)?;
        if number > 0 {
            topics.push((name, number));
        }
        room = room.saturating_sub(number);
        if room == 0 {
            break;
        }
    }
    Ok(topics)
}
