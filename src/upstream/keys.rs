//! The credentials that sign now, and how they change while requests run.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use crate::config::{self, CredentialsConfig, CredentialsError};
use crate::signature::{Credentials, Pair, Secret, SigningKey};

/// The newest pair, shared by every thread: a rotation swaps it while requests run.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    current: ArcSwap<Pair>,
    /// Where it is read again from; keys of the embedded endpoint or of `user.properties` never change.
    files: Option<(String, CredentialsConfig)>,
}

/// A new pair is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// One of its keys is in quotes.
    pub has_quotes: bool,
}

/// What reading the files again gave.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unchanged {
    /// They hold the pair that is in use.
    #[error("the files hold the pair that is in use")]
    Same,
    /// They cannot be used: the old pair stays.
    #[error("{0}")]
    Unusable(CredentialsError),
    /// Not all of the fields are new: somebody is in the middle of writing.
    #[error("not all of access key, secret key and security token are new: the rest is awaited")]
    HalfWritten,
}

/// How sure a reader must be that both fields belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReloadPolicy {
    /// Both fields are new, or the directory was swapped as a whole.
    BothNew,
    /// Anything readable that differs: the pair in use was refused.
    AnyChange,
}

impl Keys {
    /// Starts with `credentials`; `files` is their name in the configuration and where they are read again from.
    #[must_use]
    pub fn new(credentials: &Credentials, files: Option<(String, CredentialsConfig)>) -> Self {
        Self(Arc::new(Inner { current: ArcSwap::from_pointee(Pair::new(credentials)), files }))
    }

    /// No pair: nothing is signed.
    #[must_use]
    pub fn absent() -> Self {
        let secret_key = Secret::new(String::new());
        Self::new(&Credentials { access_key: String::new(), secret_key, security_token: None }, None)
    }

    /// The pair to sign the next attempt with.
    #[must_use]
    pub fn current(&self) -> Guard<Arc<Pair>> {
        self.0.current.load()
    }

    /// Their name in the configuration, where they can change.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.files.as_ref().map(|(name, _)| name.as_str())
    }

    /// The directories to watch: a Kubernetes Secret swaps a link inside them.
    #[must_use]
    pub fn directories(&self) -> Vec<PathBuf> {
        let Some((_, files)) = &self.0.files else { return Vec::new() };
        let pair = [&files.access_key_file, &files.secret_key_file];
        let mut directories: Vec<PathBuf> = pair
            .into_iter()
            .chain(&files.security_token_file)
            .filter_map(|file| file.parent().map(PathBuf::from))
            .collect();
        directories.sort();
        directories.dedup();
        directories
    }

    /// Reads the files and takes their pair into use, both fields together or not at all. Blocking.
    ///
    /// # Errors
    /// [`Unchanged`]: the old pair stays.
    pub fn reload(&self, policy: ReloadPolicy) -> Result<Taken, Unchanged> {
        let Some((_, files)) = &self.0.files else { return Err(Unchanged::Same) };
        let before = link_of(files);
        let read = config::load_credentials(files).map_err(Unchanged::Unusable)?;
        let old = self.current();
        let signing = SigningKey::new(read.secret_key.expose());
        let same_access_key = read.access_key == old.access_key;
        let same_secret = signing.same_as(&old.signing);
        let same_token = read.security_token == old.security_token;
        if same_access_key && same_secret && same_token {
            return Err(Unchanged::Same);
        }
        // A swapped link changes all files in one step; without one, all must be new. Temporary credentials never keep
        // their token.
        let swapped = before.is_some() && before == link_of(files);
        let has_token = read.security_token.is_some() || old.security_token.is_some();
        let whole = !same_access_key && !same_secret && (!has_token || !same_token);
        if !whole && !swapped && policy == ReloadPolicy::BothNew {
            return Err(Unchanged::HalfWritten);
        }
        // Read twice alike: nobody was writing in between.
        let again = config::load_credentials(files).map_err(Unchanged::Unusable)?;
        if again != read {
            return Err(Unchanged::HalfWritten);
        }
        self.0.current.store(Arc::new(Pair::new(&read)));
        Ok(Taken { has_quotes: config::has_quoted_key(&read) })
    }
}

/// What `..data` beside the files points to, where a Kubernetes Secret is mounted there.
fn link_of(files: &CredentialsConfig) -> Option<PathBuf> {
    let directory = files.access_key_file.parent()?;
    let beside = |file: &PathBuf| file.parent() == Some(directory);
    (beside(&files.secret_key_file) && files.security_token_file.as_ref().is_none_or(beside))
        .then(|| std::fs::read_link(directory.join("..data")).ok())
        .flatten()
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn write(directory: &Path, access_key: &str, secret_key: &str) {
        std::fs::write(directory.join("access_key"), access_key).unwrap();
        std::fs::write(directory.join("secret_key"), secret_key).unwrap();
    }

    fn keys(directory: &Path) -> Keys {
        let files = CredentialsConfig {
            access_key_file: directory.join("access_key"),
            secret_key_file: directory.join("secret_key"),
            security_token_file: None,
        };
        Keys::new(&config::load_credentials(&files).unwrap(), Some(("main".into(), files)))
    }

    #[test]
    fn both_fields_change_together() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), "ak1", "sk1");
        let keys = keys(directory.path());
        assert_eq!(keys.reload(ReloadPolicy::BothNew), Err(Unchanged::Same));
        write(directory.path(), "ak2", "sk1");
        assert_eq!(keys.reload(ReloadPolicy::BothNew), Err(Unchanged::HalfWritten));
        assert_eq!(keys.current().access_key, "ak1");
        write(directory.path(), "ak2", "");
        assert!(matches!(keys.reload(ReloadPolicy::BothNew), Err(Unchanged::Unusable(_))));
        write(directory.path(), "ak2", "sk2");
        assert_eq!(keys.reload(ReloadPolicy::BothNew), Ok(Taken { has_quotes: false }));
        assert_eq!(keys.current().access_key, "ak2");
    }

    #[test]
    fn a_refused_pair_gives_way_to_any_other() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), "ak1", "sk1");
        let keys = keys(directory.path());
        write(directory.path(), "ak1", "sk2");
        assert_eq!(keys.reload(ReloadPolicy::AnyChange), Ok(Taken { has_quotes: false }));
        assert_eq!(keys.reload(ReloadPolicy::AnyChange), Err(Unchanged::Same));
    }

    #[test]
    fn a_swapped_link_changes_both_at_once() {
        let mount = tempfile::tempdir().unwrap();
        let place = |name: &str, access_key: &str, secret_key: &str| {
            let target = mount.path().join(name);
            std::fs::create_dir(&target).unwrap();
            write(&target, access_key, secret_key);
            std::os::unix::fs::symlink(name, mount.path().join("..new")).unwrap();
            std::fs::rename(mount.path().join("..new"), mount.path().join("..data")).unwrap();
        };
        place("..1", "ak1", "sk1");
        for file in ["access_key", "secret_key"] {
            std::os::unix::fs::symlink(format!("..data/{file}"), mount.path().join(file)).unwrap();
        }
        let keys = keys(mount.path());
        place("..2", "ak1", "sk2");
        assert_eq!(keys.reload(ReloadPolicy::BothNew), Ok(Taken { has_quotes: false }));
    }
}
