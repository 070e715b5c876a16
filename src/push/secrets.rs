//! The secrets that a subscription signs with now, and how they change while requests run.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::config::{CredentialsError, SecretFormat, SigningSecretConfig, SubscriptionConfig, load_signing_secret};
use crate::model::UnixMillis;
use crate::signature::standard_webhooks::{WebhookSecret, WebhookSignature, sign};

/// The secrets of a subscription, the newest first, shared by every thread: a rotation swaps them while requests run.
#[derive(Clone)]
pub struct SigningSecrets(Arc<Inner>);

struct Inner {
    files: Vec<SigningSecretConfig>,
    format: SecretFormat,
    current: ArcSwap<SecretList>,
}

/// What the files hold.
pub(super) struct SecretList(Vec<Used>);

struct Used {
    secret: WebhookSecret,
    until: Option<UnixMillis>,
}

/// Nothing is left to sign with: every secret's time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("every secret is past its `until`, so requests cannot be signed: add a secret, or change `until`")]
pub struct NoSecretLeft;

impl SigningSecrets {
    /// Reads every file. Blocking.
    ///
    /// # Errors
    /// A file cannot be read or holds no secret. Never says what is in it.
    pub fn load(config: &SubscriptionConfig) -> Result<Self, CredentialsError> {
        let (files, format) = (config.secrets.clone(), config.secret_format);
        let current = ArcSwap::from_pointee(SecretList::read(&files, format)?);
        Ok(Self(Arc::new(Inner { files, format, current })))
    }

    /// Whether requests are signed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.files.is_empty()
    }

    /// The directories to watch: a Kubernetes Secret swaps a link inside them.
    #[must_use]
    pub fn directories(&self) -> Vec<PathBuf> {
        let parents = self.0.files.iter().filter_map(|secret| secret.file.parent().map(PathBuf::from));
        let mut directories: Vec<PathBuf> = parents.collect();
        directories.sort();
        directories.dedup();
        directories
    }

    /// Reads every file again. Blocking.
    ///
    /// # Errors
    /// A file cannot be read or holds no secret.
    pub(super) fn read(&self) -> Result<SecretList, CredentialsError> {
        SecretList::read(&self.0.files, self.0.format)
    }

    /// Whether these are what requests are signed with.
    pub(super) fn are_in_use(&self, secrets: &SecretList) -> bool {
        self.0.current.load().same_as(secrets)
    }

    /// Takes secrets into use, all of them.
    pub(super) fn take(&self, secrets: SecretList) {
        self.0.current.store(Arc::new(secrets));
    }

    /// Signs one attempt with every secret that is used at its time. `None` where requests are not signed.
    ///
    /// # Errors
    /// No secret is used any more.
    pub fn sign(
        &self,
        id: &str,
        now: UnixMillis,
        body: &[u8],
    ) -> Result<Option<(u64, WebhookSignature)>, NoSecretLeft> {
        if self.is_empty() {
            return Ok(None);
        }
        let current = self.0.current.load();
        let used = current.0.iter().filter(|used| used.until.is_none_or(|until| now < until));
        let timestamp = now.0 / 1000;
        let signature = sign(used.map(|used| &used.secret), id, timestamp, body).ok_or(NoSecretLeft)?;
        Ok(Some((timestamp, signature)))
    }
}

impl SecretList {
    fn read(files: &[SigningSecretConfig], format: SecretFormat) -> Result<Self, CredentialsError> {
        let used = |config: &SigningSecretConfig| {
            Ok(Used { secret: load_signing_secret(&config.file, format)?, until: config.until })
        };
        files.iter().map(used).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn same_as(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|(one, other)| one.secret.same_as(&other.secret))
    }
}

impl fmt::Debug for SigningSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecrets([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::push::tests::subscription;
    use crate::signature::standard_webhooks::{Signed, verify};

    const FIRST: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
    const SECOND: &str = "whsec_ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoM=\n";

    fn secrets(directory: &Path, lines: &str) -> SigningSecrets {
        let directory = directory.to_str().unwrap();
        SigningSecrets::load(&subscription(&lines.replace("DIR", directory))).unwrap()
    }

    /// Which of the secrets a request at this time is signed with.
    fn signed_with(secrets: &SigningSecrets, now: UnixMillis) -> Vec<bool> {
        let (timestamp, signature) = secrets.sign("billing-1", now, b"{}").unwrap().unwrap();
        assert_eq!(timestamp, now.0 / 1000);
        let timestamp = timestamp.to_string();
        let signed = Signed {
            id: Some("billing-1"),
            timestamp: Some(&timestamp),
            signature: Some(signature.as_str()),
            body: b"{}",
        };
        let is_good = |text: &str| {
            let secret = WebhookSecret::parse(text.as_bytes()).unwrap();
            verify([&secret], &signed, now.0 / 1000).is_ok()
        };
        [FIRST, SECOND].map(is_good).to_vec()
    }

    /// Reads them again and takes them into use; whether they are others.
    fn reload(secrets: &SigningSecrets) -> Result<bool, CredentialsError> {
        let read = secrets.read()?;
        let are_others = !secrets.are_in_use(&read);
        secrets.take(read);
        Ok(are_others)
    }

    #[test]
    fn secrets_change_while_they_are_used() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| directory.path().join(name);
        std::fs::write(file("new"), FIRST).unwrap();
        let secrets = secrets(directory.path(), "secrets = ['DIR/new']\n");
        let now = UnixMillis(1_700_000_000_999);
        assert_eq!(signed_with(&secrets, now), [true, false]);
        assert_eq!(secrets.directories(), [directory.path()]);
        assert_eq!(reload(&secrets), Ok(false));
        std::fs::write(file("new"), "CANARY").unwrap();
        assert_eq!(format!("{secrets:?}"), "SigningSecrets([redacted])");
        let error = reload(&secrets).unwrap_err();
        assert!(!format!("{error} {error:?} {secrets:?}").contains("CANARY"), "{error}");
        assert_eq!(signed_with(&secrets, now), [true, false]);
        std::fs::write(file("new"), SECOND).unwrap();
        assert_eq!(reload(&secrets), Ok(true));
        assert_eq!(signed_with(&secrets, now), [false, true]);
    }

    #[test]
    fn a_secret_is_used_until_its_time() {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in [("new", FIRST), ("old", SECOND)] {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        let old = "{ file = 'DIR/old', until = '2023-11-14T22:13:20Z' }";
        let both = secrets(directory.path(), &format!("secrets = ['DIR/new', {old}]\n"));
        let end = UnixMillis(1_700_000_000_000);
        assert_eq!(signed_with(&both, UnixMillis(end.0 - 1)), [true, true]);
        assert_eq!(signed_with(&both, end), [true, false]);
        let mut config =
            subscription(&format!("secrets = ['new', {old}]\n").replace("DIR", directory.path().to_str().unwrap()));
        config.secrets.remove(0);
        let only = SigningSecrets::load(&config).unwrap();
        assert_eq!(only.sign("a", end, b""), Err(NoSecretLeft));
        let none = secrets(directory.path(), "");
        assert_eq!(none.sign("a", end, b""), Ok(None));
        assert!(none.is_empty() && !both.is_empty());
    }
}
