//! Publishing: durable when it returns.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::columns::damaged;
use super::log::{self, Visible};
use super::new_message::NewMessage;
use super::{Engine, EngineError, WhenFull};
use crate::model::{Message, MessageId};
use crate::storage::{Access, FaultKind, StorageError};

impl Engine {
    /// Stores a message and returns its id once it is durable. A `deliver_at` in the past, or beside a message group,
    /// is at once; a delay is counted by a clock that nobody sets, any other time follows the wall clock. How far ahead it may lie is
    /// for the caller to check. When the future is dropped the message may be stored or not.
    ///
    /// # Errors
    /// [`EngineError`]; nothing is stored then, but with [`EngineError::InDoubt`] it may be.
    pub async fn publish(&self, message: Message) -> Result<MessageId, EngineError> {
        let shared = self.shared();
        shared.check_topic(&message.topic)?;
        let now = shared.clock.moment();
        let visible = match message.deliver_at {
            Some(deliver_at) if deliver_at > now.wall && message.message_group.is_none() => {
                if message.deliver_at_is_delay {
                    Visible::After { due_at: now.store_time_of(deliver_at), deliver_at }
                } else {
                    Visible::At(deliver_at)
                }
            }
            Some(_) | None => Visible::Now(now.store),
        };
        let message_id = shared.message_ids.next(now.wall).map_err(|error| StorageError::from(damaged(0, error)))?;
        let topic = message.topic.clone();
        let woken = topic.clone();
        let message = NewMessage::new(message_id.clone(), now.wall, message);
        let limit = match shared.options.when_full {
            WhenFull::DropOldest => None,
            WhenFull::Refuse => Some(shared.options.retention_bytes),
        };
        let waiters = Arc::clone(&shared.waiters);
        let stored = shared
            .storage
            .run_then(
                Access::Grows,
                move |connection| {
                    if let Some(limit) = limit
                        && log::stored_bytes(connection)?.saturating_add(message.bytes()) > limit
                    {
                        return Ok(None);
                    }
                    log::append(connection, topic.as_str(), &message, visible)?;
                    Ok(Some(message.tag.clone()))
                },
                move |stored| match (stored, visible) {
                    (Some(tag), Visible::Now(_)) => waiters.wake_for_tag(woken.as_str(), tag.as_deref()),
                    (Some(_), Visible::At(deliver_at) | Visible::After { deliver_at, .. }) => {
                        waiters.due_in_topic(woken.as_str(), now.store_time_of(deliver_at));
                    }
                    (None, _) => {}
                },
            )
            .await?;
        if stored.is_none() {
            shared.refusing.store(true, Ordering::Relaxed);
            let reason = || "the messages take as many bytes as embedded.retention_bytes allows".to_owned();
            shared.storage.note_failures(FaultKind::Full, 1, reason);
            return Err(EngineError::Full);
        }
        if shared.refusing.swap(false, Ordering::Relaxed) {
            shared.storage.note_success(FaultKind::Full);
        }
        Ok(message_id)
    }
}
