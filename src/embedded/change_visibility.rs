//! Changing until when a delivery is hidden: its holder needs longer, or gives it back for later.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, params};

use super::handle::Handle;
use super::store_time::{Moment, in_millis};
use super::topics;
use super::{Engine, EngineError};
use crate::model::{ConsumerGroup, Topic, UnixMillis};
use crate::storage::{Access, to_sql};

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VisibilityChanged {
    /// Others get the message at this time, by the wall clock, unless it is acknowledged. The handle stays as it is.
    Until(UnixMillis),
    /// The message is done, or the handle was replaced by a later delivery, given back by a receive that was abandoned,
    /// or belongs to another topic or group. Nothing was done.
    Stale,
    /// No handle of this engine.
    Malformed,
}

impl Engine {
    /// Hides a delivery for so long from now, whatever was left of its time; durable when it returns. With nothing at all
    /// it is given back: others of the group get it at once. Either way the delivery counts, and one that was the last
    /// becomes a dead letter when the time is over. Also after the visibility timeout, as long as nobody got it again. The
    /// handle stays as it is, so doing it twice does no harm. When the future is dropped it may be done or not.
    ///
    /// # Errors
    /// [`EngineError`]; nothing is done then, but with [`EngineError::InDoubt`] it may have been.
    pub async fn change_visibility(
        &self,
        topic: &Topic,
        group: &ConsumerGroup,
        handle: &str,
        hidden_for: Duration,
    ) -> Result<VisibilityChanged, EngineError> {
        let shared = self.shared();
        shared.check_topic(topic)?;
        let Some(handle) = Handle::decode(handle) else { return Ok(VisibilityChanged::Malformed) };
        let waiters = Arc::clone(&shared.waiters);
        let (woken_topic, woken_group) = (topic.clone(), group.clone());
        let settled = Arc::clone(&shared.settled);
        let committed = move |visible_at: &mut Option<Moment>| match visible_at {
            Some(_) if hidden_for.is_zero() => {
                waiters.wake_group(woken_topic.as_str(), woken_group.as_str());
                if let Some(settled) = settled.get() {
                    settled.tell(&woken_topic, &woken_group, handle);
                }
            }
            Some(visible_at) => waiters.due_in_group(woken_topic.as_str(), woken_group.as_str(), visible_at.store),
            None => {}
        };
        let (topic, group, starts) = (topic.clone(), group.clone(), shared.options.new_group_starts);
        let clock = shared.clock.clone();
        let work = move |connection: &Connection| {
            let topic = topics::topic(connection, topic.as_str())?;
            let subscription = topics::subscription(connection, topic, group.as_str(), starts)?;
            if handle.subscription_id != subscription.id {
                return Ok(None);
            }
            change_visibility(connection, handle, hidden_for, clock.moment())
        };
        let visible_at = shared.storage.run_then(Access::Writes, work, committed).await?;
        Ok(visible_at.map_or(VisibilityChanged::Stale, |visible_at| VisibilityChanged::Until(visible_at.wall)))
    }
}

/// When the delivery is visible again; `None` where it is not its holder's any more.
fn change_visibility(
    connection: &Connection,
    handle: Handle,
    hidden_for: Duration,
    now: Moment,
) -> rusqlite::Result<Option<Moment>> {
    let visible_at = Moment { store: now.store + hidden_for, wall: now.wall + hidden_for };
    let changed = connection
        .prepare_cached(
            "UPDATE deliveries SET visible_at = ?4, hidden_for = ?5
            WHERE subscription_id = ?1 AND position = ?2 AND nonce = ?3",
        )?
        .execute(params![
            handle.subscription_id,
            handle.position,
            handle.nonce,
            to_sql(visible_at.store.0),
            in_millis(hidden_for)
        ])?;
    Ok((changed > 0).then_some(visible_at))
}
