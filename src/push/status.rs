//! What operators are told of a subscription.

use super::AttemptResult;
use crate::model::{UnixMillis, words};

words! {
    /// Why a subscription is paused.
    pub enum PauseReason {
        /// Its configuration says that it starts so.
        Configured = "configured",
        /// An operator paused it.
        Operator = "operator",
        /// Its target answered 410: it is gone.
        Gone = "gone",
    }
}

/// The last failure of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastError {
    /// In one word.
    pub result: AttemptResult,
    /// Where there was a status.
    pub status: Option<u16>,
    /// When.
    pub at: UnixMillis,
}

/// What operators are told of a subscription.
#[derive(Debug, Clone, PartialEq)]
pub struct SubscriptionStatus {
    /// Its name.
    pub name: String,
    /// Where it receives from.
    pub topic: String,
    /// For which group.
    pub group: String,
    /// Its MQ is the embedded endpoint of this process.
    pub is_embedded: bool,
    /// Where it sends to, without the query.
    pub url: String,
    /// Why it is paused, and since when.
    pub paused: Option<(PauseReason, UnixMillis)>,
    /// Since when nothing is done any more, as its service ended by itself.
    pub stopped_since: Option<UnixMillis>,
    /// Since when its target fails, until a success.
    pub failing_since: Option<UnixMillis>,
    /// The last success.
    pub last_success: Option<UnixMillis>,
    /// The last failure.
    pub last_error: Option<LastError>,
    /// Why it could not receive when it tried last.
    pub receive_error: Option<&'static str>,
    /// Requests under way.
    pub in_flight: i64,
    /// Requests that may be under way now.
    pub allowed: usize,
    /// Requests that may be under way at most.
    pub concurrency: usize,
    /// Messages in hand.
    pub held: i64,
    /// Until when the target asked for a pause.
    pub closed_until: Option<UnixMillis>,
    /// Successes a second, over the last minute.
    pub per_second: f64,
}
