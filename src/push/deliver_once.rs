//! One message delivered again because an operator wants it: once, outside every schedule; nothing is acknowledged.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::AttemptResult;
use super::ending::Attempted;
use super::status::PauseReason;
use super::verdict::Verdict;
use super::worker::{Held, Stop, Worker};
use crate::memory::Charge;
use crate::model::Delivery;
use crate::signature::standard_webhooks::webhook_id;

/// The receiving end of one subscription's commands.
pub(super) type Commands = mpsc::Receiver<DeliverOnce>;

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

/// Sends it once.
pub(super) async fn deliver_once(worker: &Worker, command: DeliverOnce) {
    let DeliverOnce { message, new_id, turn_by, memory, answer } = command;
    let mut id = webhook_id(&worker.config.name, worker.config.topic.as_str(), message.message_id.as_str());
    if new_id {
        // Under the old one it would be delivered, and thrown away by whoever knows that one.
        let Ok(more) = worker.random.letters_and_digits(10) else {
            drop(answer.send(Err(NotDelivered::Busy)));
            return;
        };
        id.push_str("-again-");
        id.push_str(&more);
    }
    let turn = match worker.turns.take(turn_by).await {
        Ok(turn) => turn,
        Err(stop) => {
            let refused = match stop {
                // No turn in time: nothing was sent.
                Stop::Draining | Stop::NoTime => NotDelivered::Busy,
                Stop::Paused => NotDelivered::Paused(worker.board.paused().unwrap_or(PauseReason::Operator)),
                Stop::Closed(pause) => NotDelivered::Closed(pause),
            };
            // Whoever asked may be gone.
            drop(answer.send(Err(refused)));
            return;
        }
    };
    if answer.is_closed() {
        // Nobody would acknowledge it.
        return;
    }
    let held = Held::new(message, memory, Duration::ZERO);
    let began = Instant::now();
    let number = usize::try_from(held.delivery.delivery_attempt).unwrap_or(usize::MAX).saturating_add(1);
    let (told, verdict) = worker.send(&held, &id, number).await;
    drop(turn);
    worker.pace(&told, &verdict, began);
    let Attempted { result, status, .. } = told.told(worker, began.elapsed());
    let delivered = match (verdict, status) {
        (Verdict::Acknowledge, Some(status)) => Ok(Delivered { status }),
        (_, status) => Err(NotDelivered::Attempted { result, status }),
    };
    drop(answer.send(delivered));
}
