//! In whose name dead letters are taken, as an option of a verb, and when there are none any more.

use std::time::Duration;

use serde_json::{Value, json};

/// After so many empty steps one after the other there is nothing more, and the pause between two: an MQ of several brokers may
/// answer for one that has nothing.
pub(super) const EMPTY_STEPS: u32 = 3;
pub(super) const EMPTY_PAUSE: Duration = Duration::from_secs(2);

/// The group, where one is named.
pub(super) fn group_option(group: Option<&str>) -> Option<(String, Value)> {
    group.map(|group| ("group".to_owned(), json!(group)))
}
