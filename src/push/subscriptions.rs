//! All subscriptions of the process, for operators: on any thread.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::board::Board;
use super::deliver_once::{Commands, DeliverOnce, Delivered, NotDelivered};
use super::status::{PauseReason, SubscriptionStatus};
use crate::memory::MemoryBudget;
use crate::model::Delivery;

/// Commands that wait for the service to take them, at most.
const COMMANDS: usize = 64;
/// How much longer than it can take an answer is waited for.
const A_MOMENT: Duration = Duration::from_secs(1);

/// The subscriptions. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Subscriptions(Arc<BTreeMap<String, Entry>>);

#[derive(Debug)]
struct Entry {
    board: Arc<Board>,
    commands: mpsc::Sender<DeliverOnce>,
    /// How long one request may take.
    timeout: Duration,
    memory: MemoryBudget,
}

impl Subscriptions {
    /// Of these boards, each with the time that one of its requests may take; and what their services receive.
    pub(super) fn new(
        boards: impl IntoIterator<Item = (Arc<Board>, Duration)>,
        memory: &MemoryBudget,
    ) -> (Self, Vec<Commands>) {
        let mut all = BTreeMap::new();
        let mut receivers = Vec::new();
        for (board, timeout) in boards {
            let (commands, receiver) = mpsc::channel(COMMANDS);
            receivers.push(receiver);
            all.insert(board.name().to_owned(), Entry { board, commands, timeout, memory: memory.clone() });
        }
        (Self(Arc::new(all)), receivers)
    }

    /// What is known of each, by name.
    #[must_use]
    pub fn statuses(&self) -> Vec<SubscriptionStatus> {
        self.0.values().map(|entry| entry.board.status()).collect()
    }

    /// What is known of one.
    #[must_use]
    pub fn status(&self, name: &str) -> Option<SubscriptionStatus> {
        self.0.get(name).map(|entry| entry.board.status())
    }

    /// Pauses one until it is resumed, in this process; `None` where there is none of this name.
    #[must_use]
    pub fn pause(&self, name: &str) -> Option<SubscriptionStatus> {
        let entry = self.0.get(name)?;
        entry.board.pause(PauseReason::Operator);
        Some(entry.board.status())
    }

    /// Lets one go on; `None` where there is none of this name.
    #[must_use]
    pub fn resume(&self, name: &str) -> Option<SubscriptionStatus> {
        let entry = self.0.get(name)?;
        entry.board.resume();
        Some(entry.board.status())
    }

    /// How long a subscription's requests may take; `None` where there is none of this name.
    #[must_use]
    pub fn timeout(&self, name: &str) -> Option<Duration> {
        self.0.get(name).map(|entry| entry.timeout)
    }

    /// The longest of these times.
    #[must_use]
    pub fn longest_timeout(&self) -> Duration {
        self.0.values().map(|entry| entry.timeout).max().unwrap_or_default()
    }

    /// Delivers a message once more by this subscription alone, one attempt outside its schedule; nothing is acknowledged. With
    /// `new_id` it goes out under an id of its own. It ends the subscription's timeout after `turn_by` at the latest, and a moment.
    ///
    /// # Errors
    /// [`NotDelivered`], which says whether the target may have it all the same.
    pub async fn deliver_once(
        &self,
        name: &str,
        message: Delivery,
        new_id: bool,
        turn_by: Instant,
    ) -> Result<Delivered, NotDelivered> {
        let entry = self.0.get(name).ok_or(NotDelivered::Unknown)?;
        if let Some(reason) = entry.board.paused() {
            return Err(NotDelivered::Paused(reason));
        }
        let mut memory = entry.memory.charge();
        memory.grow(message.body.len().saturating_mul(2)).map_err(|_| NotDelivered::Busy)?;
        let (answer, answered) = oneshot::channel();
        let command = DeliverOnce { message, new_id, turn_by, memory, answer };
        entry.commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => NotDelivered::Busy,
            TrySendError::Closed(_) => NotDelivered::Stopped,
        })?;
        match timeout_at(turn_by + entry.timeout + A_MOMENT, answered).await {
            Ok(Ok(result)) => result,
            // It was taken, and nobody knows how far it came.
            Ok(Err(_)) => Err(NotDelivered::BrokenOff),
            Err(_) => Err(NotDelivered::NoTime),
        }
    }
}
