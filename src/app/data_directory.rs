//! The data directory: locked once for everything that keeps something in it, and not touched where nothing does.

use super::error::StartError;
use crate::config::{Config, EmbeddedConfig, EmbeddedStorage};
use crate::storage::DataDir;

/// Makes the data directory and takes its lock, where the configuration keeps something in it.
pub(super) fn open(config: &Config) -> Result<Option<DataDir>, StartError> {
    match use_of(&config.embedded) {
        Use::None => Ok(None),
        Use::Needed => Ok(Some(DataDir::open(&config.data_dir)?)),
        Use::Convenient => Ok(DataDir::open(&config.data_dir)
            .inspect_err(|error| {
                let reason = error.to_string();
                tracing::warn!(reason, "the embedded endpoint's keys are in memory only: no other client can use it");
            })
            .ok()),
    }
}

/// What the data directory is to a configuration.
enum Use {
    None,
    /// Messages in memory, but keys that clients can be pointed at.
    Convenient,
    Needed,
}

fn use_of(embedded: &EmbeddedConfig) -> Use {
    match (embedded.enabled, embedded.storage, &embedded.credentials) {
        (false, _, _) | (true, EmbeddedStorage::Memory, Some(_)) => Use::None,
        (true, EmbeddedStorage::Memory, None) => Use::Convenient,
        (true, EmbeddedStorage::Disk, _) => Use::Needed,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::{Overrides, Source, load};
    use crate::storage::DataDirError;

    /// Opens the directory of a configuration that `change` made from the built-in one, and checks whether it is there.
    fn check(change: impl FnOnce(&mut EmbeddedConfig), expected: bool) {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("data");
        let overrides = Overrides { data_dir: Some(directory.clone()), ..Overrides::default() };
        let mut config = load(&Source::BuiltIn, &overrides, &BTreeMap::new()).unwrap();
        change(&mut config.embedded);
        let opened = open(&config).unwrap();
        assert_eq!((opened.is_some(), directory.exists()), (expected, expected));
        if expected {
            let second = open(&config);
            match config.embedded.storage {
                EmbeddedStorage::Disk => {
                    assert!(matches!(second, Err(StartError::DataDir(DataDirError::InUse { .. }))));
                }
                EmbeddedStorage::Memory => assert!(second.unwrap().is_none(), "it goes on without"),
            }
        }
    }

    #[test]
    fn a_directory_that_nothing_needs_is_not_touched() {
        check(|_| {}, true);
        check(|it| it.storage = EmbeddedStorage::Memory, true);
        check(|it| it.credentials = Some("name".to_owned()), true);
        check(
            |it| {
                it.storage = EmbeddedStorage::Memory;
                it.credentials = Some("name".to_owned());
            },
            false,
        );
        check(|it| it.enabled = false, false);
    }
}
