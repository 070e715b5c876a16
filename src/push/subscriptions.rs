//! All subscriptions of the process, for operators: on any thread.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::AttemptResult;
use super::board::{Board, PauseReason, SubscriptionStatus};
use crate::memory::{Charge, MemoryBudget};
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

/// A message to be delivered again, once.
#[derive(Debug)]
pub(super) struct DeliverOnce {
    /// As it was delivered.
    pub(super) message: Delivery,
    /// With an id of its own, so that a receiver which knows the old one takes it for a new message.
    pub(super) new_id: bool,
    /// It is not sent where it has no turn by then.
    pub(super) turn_by: Instant,
    /// What it takes until it is done with.
    pub(super) memory: Charge,
    pub(super) answer: oneshot::Sender<Result<Delivered, NotDelivered>>,
}

/// The target took a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    /// With this status.
    pub status: u16,
}

/// The target did not take a message, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotDelivered {
    /// There is no such subscription.
    #[error("there is no subscription of this name in this process")]
    Unknown,
    /// It is paused.
    #[error("the subscription is paused ({0}): resume it first")]
    Paused(PauseReason),
    /// It has too much to do, or the process stops.
    #[error("the subscription is too busy, or the process is stopping: try again later")]
    Busy,
    /// Its target wants to be left alone for longer than could be waited.
    #[error(
        "the target asked for a pause (Retry-After), which is over in {} s: come back then, or resume the subscription, which lifts it",
        .0.as_secs().saturating_add(1)
    )]
    Closed(Duration),
    /// Its service has ended.
    #[error(
        "the subscription no longer runs in this process: it is stopping, or something in it broke, as the log says"
    )]
    Stopped,
    /// Its service did not come to the end of it.
    #[error("the subscription broke off in the middle of it: the target may have it")]
    BrokenOff,
    /// Nothing came of it in time.
    #[error("the subscription did not get to it in time, and the target may have it: try again later")]
    NoTime,
    /// What came of it.
    #[error("the target did not take it: {result}{}", status.map_or_else(String::new, |status| format!(" (status {status})")))]
    Attempted {
        /// In one word.
        result: AttemptResult,
        /// Where there was a status.
        status: Option<u16>,
    },
}

impl NotDelivered {
    /// Whether the target may have it all the same.
    #[must_use]
    pub fn may_have_it(&self) -> bool {
        match self {
            Self::Unknown | Self::Paused(_) | Self::Busy | Self::Closed(_) | Self::Stopped => false,
            Self::NoTime | Self::BrokenOff => true,
            Self::Attempted { result, .. } => result.may_have_it(),
        }
    }
}

/// The receiving end of one subscription's commands.
pub(super) type Commands = mpsc::Receiver<DeliverOnce>;

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
