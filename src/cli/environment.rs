//! The process's environment.

use std::collections::BTreeMap;

/// The environment: every variable that is text; others cannot be ours.
pub(super) fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
