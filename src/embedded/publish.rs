//! Publishing: durable when it returns.

use std::sync::Arc;

use super::columns::damaged;
use super::log::{self, Visible};
use super::new_message::NewMessage;
use super::{Engine, EngineError};
use crate::model::{Message, MessageId};
use crate::storage::{Access, StorageError};

impl Engine {
    /// Stores a message and returns its id once it is durable. A `deliver_at` in the past, or beside a message group,
    /// is at once; how far ahead it may lie is for the caller to check. When the future is dropped the message may be stored or not.
    ///
    /// # Errors
    /// [`EngineError`]; nothing is stored then.
    pub async fn publish(&self, message: Message) -> Result<MessageId, EngineError> {
        let shared = self.shared();
        shared.check_topic(&message.topic)?;
        let now = shared.clock.now();
        let visible = match message.deliver_at {
            Some(time) if time > now && message.message_group.is_none() => Visible::At(time),
            Some(_) | None => Visible::Now(now),
        };
        let message_id = shared.message_ids.next(now).map_err(|error| StorageError::from(damaged(0, error)))?;
        let topic = message.topic.clone();
        let woken = topic.clone();
        let message = NewMessage::new(message_id.clone(), now, message);
        let waiters = Arc::clone(&shared.waiters);
        shared
            .storage
            .run_then(
                Access::Grows,
                move |connection| {
                    log::append(connection, topic.as_str(), &message, visible)?;
                    Ok(message.tag.clone())
                },
                move |tag| match visible {
                    Visible::Now(_) => waiters.wake_for_tag(woken.as_str(), tag.as_deref()),
                    Visible::At(time) => waiters.due_in_topic(woken.as_str(), time),
                },
            )
            .await?;
        Ok(message_id)
    }
}
