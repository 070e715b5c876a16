//! The data directory: locked once for everything that keeps something in it, and not touched where nothing does.

use super::error::StartError;
use crate::config::{Config, EmbeddedConfig, EmbeddedStorage};
use crate::storage::DataDir;

/// Makes the data directory and takes its lock, where the configuration needs one.
pub(super) fn open(config: &Config) -> Result<Option<DataDir>, StartError> {
    let needed = embedded_needs_one(&config.embedded);
    Ok(needed.then(|| DataDir::open(&config.data_dir)).transpose()?)
}

/// Messages in memory still have their keys on disk, so that clients can be pointed at them; only configured keys and memory
/// together need no directory.
fn embedded_needs_one(embedded: &EmbeddedConfig) -> bool {
    embedded.enabled && (embedded.storage != EmbeddedStorage::Memory || embedded.credentials.is_none())
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
            assert!(matches!(open(&config), Err(StartError::DataDir(DataDirError::InUse { .. }))));
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
