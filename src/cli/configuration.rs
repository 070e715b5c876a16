//! The configuration that flags, file and environment make together.

use std::collections::BTreeMap;

use super::failure::{BAD, Failure, USAGE};
use crate::config::{self, Config, Overrides, Source};

/// The environment: every variable that is text; others cannot be ours.
pub(super) fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Every problem at once; a file that cannot be read is a usage error.
pub(super) fn load(source: &Source, overrides: &Overrides) -> Result<Config, Failure> {
    config::load(source, overrides, &environment()).map_err(|errors| {
        let code = if errors.is_unreadable() { USAGE } else { BAD };
        Failure { code, message: errors.to_string() }
    })
}
