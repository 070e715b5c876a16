//! How far a receive has come whose looks each see a part only.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Subscriptions whose place is remembered; others begin at the start.
const REMEMBERED: usize = 4_096;

/// How far a receive has come with what it looks at piece by piece.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Progress<T> {
    /// Nothing of it was looked at.
    #[default]
    NotBegun,
    /// The next look goes on here.
    At(T),
    /// All of it was looked at.
    Done,
}

impl<T> Progress<T> {
    const fn goes_on(&self) -> bool {
        matches!(self, Self::At(_))
    }
}

/// What one look of an ordered receive hands to its next.
#[derive(Debug, Clone, Default)]
pub(super) struct Scan {
    /// Through what is due: time and position of the last one seen.
    pub(super) due: Progress<(i64, i64)>,
    /// Through the message groups of what was filtered out.
    pub(super) groups: Progress<Round>,
}

/// A walk through all message groups, from anywhere, over the end, to where it began.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Round {
    pub(super) began: String,
    /// The first message group that was not looked at, or a text before it.
    pub(super) at: String,
    pub(super) over_the_end: bool,
}

impl Scan {
    /// Whether something was not looked at yet.
    pub(super) const fn goes_on(&self) -> bool {
        self.due.goes_on() || self.groups.goes_on()
    }
}

/// Where the next walk through the message groups of a subscription begins, so that those at the start are not served
/// before the others for ever.
#[derive(Debug, Default)]
pub(super) struct Resumptions(Mutex<HashMap<i64, String>>);

impl Resumptions {
    pub(super) fn of(&self, subscription_id: i64) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&subscription_id).cloned().unwrap_or_default()
    }

    pub(super) fn set(&self, subscription_id: i64, place: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED && !all.contains_key(&subscription_id) {
            all.clear();
        }
        all.insert(subscription_id, place.to_owned());
    }
}
