//! A name that leads nowhere.

use crate::config::values::{Flaw, did_you_mean};

/// A reference to a table that is not there; lists those that are.
pub(super) fn unknown_table<'a>(tables: &str, name: &str, known: impl Iterator<Item = &'a String> + Clone) -> Flaw {
    let flaw = Flaw::new(format!("names no table below [{tables}]"));
    let names: Vec<String> = known.clone().map(|name| format!("`{name}`")).collect();
    if let Some(hint) = did_you_mean(name, known.map(String::as_str)) {
        return flaw.hint(hint);
    }
    if names.is_empty() {
        return flaw.hint(format!("there are none; add [{tables}.NAME]"));
    }
    flaw.hint(format!("there are {}", names.join(", ")))
}
