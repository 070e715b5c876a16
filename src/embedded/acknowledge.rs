//! Acknowledging: this delivery is done and does not come back.

use std::sync::Arc;

use rusqlite::{Connection, params};

use super::handle::Handle;
use super::topics::{self, SubscriptionRow};
use super::{Engine, EngineError};
use crate::model::{ConsumerGroup, Topic};

/// What became of an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Acknowledgement {
    /// The message is done for this group. Also after the visibility timeout, as long as nobody got it again.
    Done,
    /// The handle was used, replaced by a later delivery, given back, or belongs to another topic or group. Nothing was
    /// done.
    Stale,
    /// No handle of this engine.
    Malformed,
}

impl Engine {
    /// Acknowledges one delivery; durable when it returns. The group exists from now on. When the future is dropped it
    /// may be done or not.
    ///
    /// # Errors
    /// [`EngineError`]; nothing is done then.
    pub async fn acknowledge(
        &self,
        topic: &Topic,
        group: &ConsumerGroup,
        handle: &str,
    ) -> Result<Acknowledgement, EngineError> {
        let shared = self.shared();
        shared.check_topic(topic)?;
        let Some(handle) = Handle::decode(handle) else { return Ok(Acknowledgement::Malformed) };
        let (topic, group, starts) = (topic.clone(), group.clone(), shared.options.new_group_starts);
        let work = move |connection: &Connection| {
            let topic = topics::topic(connection, topic.as_str())?;
            let subscription = topics::subscription(connection, topic, group.as_str(), starts)?;
            acknowledge(connection, subscription, handle)
        };
        let counters = Arc::clone(&shared.counters);
        let committed = move |acknowledgement: &Acknowledgement| match acknowledgement {
            Acknowledgement::Stale => counters.add_stale_acknowledgement(),
            Acknowledgement::Done | Acknowledgement::Malformed => {}
        };
        Ok(shared.storage.run_then(work, committed).await?)
    }
}

fn acknowledge(
    connection: &Connection,
    subscription: SubscriptionRow,
    handle: Handle,
) -> rusqlite::Result<Acknowledgement> {
    if handle.subscription_id != subscription.id {
        return Ok(Acknowledgement::Stale);
    }
    let deleted = connection
        .prepare_cached("DELETE FROM deliveries WHERE subscription_id = ?1 AND position = ?2 AND nonce = ?3")?
        .execute(params![handle.subscription_id, handle.position, handle.nonce])?;
    Ok(if deleted > 0 { Acknowledgement::Done } else { Acknowledgement::Stale })
}
