//! Giving back: what a consumer cannot take after all is visible again at once, and the attempt does not count.

use std::sync::{Arc, PoisonError};

use rusqlite::{Connection, params};

use super::delivery_state::DeliveryState;
use super::engine::Shared;
use super::handle::Handle;
use super::{Engine, EngineError};
use crate::model::{ConsumerGroup, Topic, UnixMillis, UpstreamHandle};
use crate::storage::{Access, StorageError, to_sql};

impl Engine {
    /// Gives deliveries back: others of the group get them at once, and this delivery attempt does not count. Returns at
    /// once and never fails, so that it can be called from a `Drop`; handles that are stale or none of ours are
    /// skipped. What cannot be written comes back after its visibility timeout.
    pub fn give_back(&self, handles: Vec<UpstreamHandle>) {
        self.shared().give_back(handles.iter().filter_map(|handle| Handle::decode(handle.as_str())));
    }
}

impl Engine {
    /// As [`Self::give_back`], and waits until it is done: how many were still out.
    ///
    /// # Errors
    /// [`EngineError`]; nothing is done then, but with [`EngineError::InDoubt`] it may have been.
    pub async fn release(&self, handles: &[UpstreamHandle]) -> Result<usize, EngineError> {
        let shared = self.shared();
        let handles: Vec<_> = handles.iter().filter_map(|handle| Handle::decode(handle.as_str())).collect();
        let (clock, waiters) = (shared.clock.clone(), Arc::clone(&shared.waiters));
        let work = move |connection: &Connection| give_back(connection, &handles, clock.now());
        let committed = move |groups: &mut Vec<(String, String)>| {
            groups.iter().for_each(|(topic, group)| waiters.wake_group(topic, group));
        };
        Ok(shared.storage.run_then(Access::Writes, work, committed).await?.len())
    }

    /// Lets others of the group have deliveries at once as well, as if their visibility timeout were over; unlike
    /// [`Self::give_back`] the attempt counts. How many were still out.
    ///
    /// # Errors
    /// [`EngineError`]; nothing is done then, but with [`EngineError::InDoubt`] it may have been.
    pub async fn deliver_again(
        &self,
        topic: &Topic,
        group: &ConsumerGroup,
        handles: &[UpstreamHandle],
    ) -> Result<u64, EngineError> {
        let shared = self.shared();
        let (topic, group) = (topic.clone(), group.clone());
        let handles: Vec<_> = handles.iter().filter_map(|handle| Handle::decode(handle.as_str())).collect();
        let (clock, waiters) = (shared.clock.clone(), Arc::clone(&shared.waiters));
        let work = move |connection: &Connection| {
            let count = |handle: &Handle| {
                connection
                    .prepare_cached(
                        "UPDATE deliveries SET state = ?4, nonce = NULL, visible_at = ?5
                        WHERE subscription_id = ?1 AND position = ?2 AND nonce = ?3",
                    )?
                    .execute(params![
                        handle.subscription_id,
                        handle.position,
                        handle.nonce,
                        DeliveryState::Returned,
                        to_sql(clock.now().0)
                    ])
            };
            let mut again = 0;
            for handle in &handles {
                again += u64::try_from(count(handle)?).unwrap_or(0);
            }
            Ok(again)
        };
        let committed = move |_: &mut u64| waiters.wake_group(topic.as_str(), group.as_str());
        Ok(shared.storage.run_then(Access::Writes, work, committed).await?)
    }
}

impl Shared {
    /// As [`Engine::give_back`].
    pub(super) fn give_back(&self, handles: impl Iterator<Item = Handle>) {
        self.given_back.lock().unwrap_or_else(PoisonError::into_inner).extend(handles);
        self.write_given_back();
    }

    /// Queues what was given back for writing. When the queue is full it stays in the list, for the next receive or
    /// sweep.
    pub(super) fn write_given_back(&self) {
        if self.given_back.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            return;
        }
        let (list, clock) = (Arc::clone(&self.given_back), self.clock.clone());
        let mut handles = Vec::new();
        let work = move |connection: &Connection| {
            handles.append(&mut list.lock().unwrap_or_else(PoisonError::into_inner));
            give_back(connection, &handles, clock.now())
        };
        let waiters = Arc::clone(&self.waiters);
        let queued = self.storage.submit(Access::Writes, work, move |result| match result {
            Ok(groups) => groups.iter().for_each(|(topic, group)| waiters.wake_group(topic, group)),
            Err(error) => tracing::warn!(%error, "deliveries could not be given back: they wait for their timeout"),
        });
        match queued {
            Ok(()) => {}
            // Nobody will write the list any more; the deliveries come back after their timeout.
            Err(StorageError::Closed) => self.given_back.lock().unwrap_or_else(PoisonError::into_inner).clear(),
            Err(error) => tracing::debug!(%error, "deliveries that were given back wait for the storage queue"),
        }
    }
}

/// Makes deliveries visible; returns topic and group of each that was still out.
fn give_back(connection: &Connection, handles: &[Handle], now: UnixMillis) -> rusqlite::Result<Vec<(String, String)>> {
    let mut give = connection.prepare_cached(
        "UPDATE deliveries SET state = ?4, nonce = NULL, attempt = attempt - 1, visible_at = ?5,
            first_delivered_at = iif(attempt > 1, first_delivered_at, NULL)
        WHERE subscription_id = ?1 AND position = ?2 AND nonce = ?3",
    )?;
    let mut name = connection.prepare_cached(
        "SELECT topics.name, subscriptions.consumer_group FROM subscriptions
        JOIN topics ON topics.id = subscriptions.topic_id WHERE subscriptions.id = ?1",
    )?;
    let mut groups = Vec::new();
    for handle in handles {
        let given = give.execute(params![
            handle.subscription_id,
            handle.position,
            handle.nonce,
            DeliveryState::Returned,
            to_sql(now.0)
        ])?;
        if given > 0 {
            groups.push(name.query_row([handle.subscription_id], |row| Ok((row.get(0)?, row.get(1)?)))?);
        }
    }
    Ok(groups)
}
