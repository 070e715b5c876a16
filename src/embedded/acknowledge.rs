//! Acknowledging: this delivery is done and does not come back.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Statement, params};

use super::handle::Handle;
use super::topics::{self, SubscriptionRow};
use super::{Engine, EngineError};
use crate::model::{ConsumerGroup, Topic};
use crate::storage::Access;

/// What became of an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Acknowledgement {
    /// The message is done for this group. Also after the visibility timeout, as long as nobody got it again.
    Done,
    /// The message was done before: acknowledged, moved to the dead letters, or dropped by retention. The store no
    /// longer knows which, nor whether it was by this handle. Nothing was done.
    AlreadyDone,
    /// The handle was replaced by a later delivery, given back, or belongs to another topic or group. Nothing was done.
    Stale,
    /// No handle of this engine.
    Malformed,
}

impl Engine {
    /// Acknowledges one delivery; durable when it returns. The group exists from now on. When the future is dropped it
    /// may be done or not.
    ///
    /// # Errors
    /// [`EngineError`]; nothing is done then, but with [`EngineError::InDoubt`] it may have been.
    pub async fn acknowledge(
        &self,
        topic: &Topic,
        group: &ConsumerGroup,
        handle: &str,
    ) -> Result<Acknowledgement, EngineError> {
        let answers = self.acknowledge_handles(topic, group, vec![Handle::decode(handle)]).await?;
        Ok(answers.first().copied().unwrap_or(Acknowledgement::Malformed))
    }

    /// As [`Engine::acknowledge`] for several deliveries of one topic and group, together in one commit; the answers
    /// are in the order of the handles. How many a caller may name at once is for the caller to check.
    ///
    /// # Errors
    /// [`EngineError`]; nothing is done then, but with [`EngineError::InDoubt`] it may have been.
    pub async fn acknowledge_many(
        &self,
        topic: &Topic,
        group: &ConsumerGroup,
        handles: &[String],
    ) -> Result<Vec<Acknowledgement>, EngineError> {
        let handles = handles.iter().map(|handle| Handle::decode(handle)).collect();
        self.acknowledge_handles(topic, group, handles).await
    }

    /// `None` stands for what is no handle.
    async fn acknowledge_handles(
        &self,
        topic: &Topic,
        group: &ConsumerGroup,
        handles: Vec<Option<Handle>>,
    ) -> Result<Vec<Acknowledgement>, EngineError> {
        let shared = self.shared();
        shared.check_topic(topic)?;
        if handles.iter().all(Option::is_none) {
            return Ok(vec![Acknowledgement::Malformed; handles.len()]);
        }
        let (waiters, counters) = (Arc::clone(&shared.waiters), Arc::clone(&shared.counters));
        let (woken_topic, woken_group) = (topic.clone(), group.clone());
        let (settled, acknowledged) = (Arc::clone(&shared.settled), handles.clone());
        let committed = move |answers: &mut Vec<Acknowledgement>| {
            let mut done = false;
            for answer in answers.iter() {
                match answer {
                    Acknowledgement::Done => done = true,
                    Acknowledgement::AlreadyDone | Acknowledgement::Stale => counters.add_stale_acknowledgement(),
                    Acknowledgement::Malformed => {}
                }
            }
            if let Some(settled) = settled.get() {
                for handle in acknowledged.iter().flatten() {
                    settled.tell(&woken_topic, &woken_group, *handle);
                }
            }
            if done {
                waiters.wake_ordered(woken_topic.as_str(), woken_group.as_str());
            }
        };
        let (topic, group, starts) = (topic.clone(), group.clone(), shared.options.new_group_starts);
        let work = move |connection: &Connection| {
            let topic = topics::topic(connection, topic.as_str())?;
            let subscription = topics::subscription(connection, topic, group.as_str(), starts)?;
            let mut delete = connection
                .prepare_cached("DELETE FROM deliveries WHERE subscription_id = ?1 AND position = ?2 AND nonce = ?3")?;
            handles
                .iter()
                .map(|handle| match handle {
                    Some(handle) => acknowledge(connection, &mut delete, subscription, *handle),
                    None => Ok(Acknowledgement::Malformed),
                })
                .collect()
        };
        Ok(shared.storage.run_then(Access::Writes, work, committed).await?)
    }
}

fn acknowledge(
    connection: &Connection,
    delete: &mut Statement<'_>,
    subscription: SubscriptionRow,
    handle: Handle,
) -> rusqlite::Result<Acknowledgement> {
    if handle.subscription_id != subscription.id {
        return Ok(Acknowledgement::Stale);
    }
    let deleted = delete.execute(params![handle.subscription_id, handle.position, handle.nonce])?;
    if deleted > 0 {
        return Ok(Acknowledgement::Done);
    }
    // Positions begin with 1.
    if !(1..subscription.next_position).contains(&handle.position) {
        return Ok(Acknowledgement::Stale);
    }
    let to_do = connection
        .prepare_cached(
            "SELECT 1 FROM deliveries WHERE subscription_id = ?1 AND position = ?2
            UNION ALL SELECT 1 FROM filtered_out WHERE subscription_id = ?1 AND position = ?2 LIMIT 1",
        )?
        .query_row([handle.subscription_id, handle.position], |_| Ok(()))
        .optional()?;
    Ok(if to_do.is_some() { Acknowledgement::Stale } else { Acknowledgement::AlreadyDone })
}
