//! In whose name dead letters are taken, as an option of a verb.

use serde_json::{Value, json};

/// The group, where one is named.
pub(super) fn group_option(group: Option<&str>) -> Option<(String, Value)> {
    group.map(|group| ("group".to_owned(), json!(group)))
}
