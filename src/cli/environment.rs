//! The process's environment as the configuration takes it.

use std::collections::BTreeMap;

/// Every variable that is text; others cannot be ours.
pub(super) fn variables() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
