//! Reads keys from their files, one key a file, and leaves no copy behind.

use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::signature::standard_webhooks::WebhookSecret;
use crate::signature::{Credentials, Secret};

use super::problem::reason;
use super::regular_file::read_regular_file;
use super::sections::{CredentialsConfig, SecretFormat};
use super::values::{Flaw, check_secret};

/// More than any key has; a larger file is the wrong file.
const MAX_SECRET_BYTES: u64 = 16 * 1024;

/// Why the keys could not be taken from their files. Names the file, never what is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// The file is missing or may not be read.
    #[error("file {} could not be read: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        reason: String,
    },
    /// The file was read and holds no key.
    #[error("file {} {flaw}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with its content.
        flaw: String,
    },
}

impl CredentialsError {
    /// The file that the error is about.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Unreadable { path, .. } | Self::Unusable { path, .. } => path,
        }
    }
}

/// Reads one pair of keys. Both files are always read, so that the answer does not depend on one of them.
///
/// # Errors
/// A file is missing, unreadable, empty, larger than 16 KiB, holds anything but visible ASCII characters, or a template's
/// placeholder.
pub fn load_credentials(config: &CredentialsConfig) -> Result<Credentials, CredentialsError> {
    let access_key = load_secret(&config.access_key_file);
    let secret_key = load_secret(&config.secret_key_file);
    let security_token = config.security_token_file.as_deref().map(load_secret).transpose();
    Ok(Credentials {
        access_key: access_key?.expose().to_owned(),
        secret_key: secret_key?,
        security_token: security_token?,
    })
}

/// Reads one secret from a file: the text without one trailing newline.
///
/// # Errors
/// As [`load_credentials`].
pub fn load_secret(path: &Path) -> Result<Secret, CredentialsError> {
    secret_of(&read(path)?, path)
}

/// The same of the content of the file.
pub(super) fn secret_of(bytes: &[u8], path: &Path) -> Result<Secret, CredentialsError> {
    let unusable = |flaw: Flaw| {
        let hint = flaw.hint.map(|hint| format!(": {hint}")).unwrap_or_default();
        CredentialsError::Unusable { path: path.to_owned(), flaw: format!("{}{hint}", flaw.detail) }
    };
    let text = std::str::from_utf8(bytes).map_err(|_| unusable(Flaw::new("is not UTF-8")))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    check_secret(text).map_err(unusable)?;
    Ok(Secret::new(text.to_owned()))
}

/// Reads one secret that webhooks are signed with.
///
/// # Errors
/// The file is missing or unreadable, or does not hold a secret in this form. Never says what is in it.
pub fn load_signing_secret(path: &Path, format: SecretFormat) -> Result<WebhookSecret, CredentialsError> {
    let bytes = read(path)?;
    let secret = match format {
        SecretFormat::Whsec => WebhookSecret::parse(&bytes),
        SecretFormat::Raw => WebhookSecret::raw(&bytes),
    };
    secret.map_err(|error| CredentialsError::Unusable { path: path.to_owned(), flaw: error.to_string() })
}

pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, CredentialsError> {
    read_regular_file(path, MAX_SECRET_BYTES).map_err(|error| {
        let flaw = if error.kind() == io::ErrorKind::InvalidInput {
            "is not a regular file"
        } else if error.kind() == io::ErrorKind::FileTooLarge {
            "is larger than 16 KiB"
        } else {
            return CredentialsError::Unreadable { path: path.to_owned(), reason: reason(&error) };
        };
        CredentialsError::Unusable { path: path.to_owned(), flaw: flaw.to_owned() }
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const CANARY: &str = "CANARY-7f3a9c";

    fn load(access_key: &[u8], secret_key: &[u8]) -> Result<Credentials, CredentialsError> {
        let directory = tempfile::tempdir().unwrap();
        let config = CredentialsConfig {
            access_key_file: directory.path().join("access_key"),
            secret_key_file: directory.path().join("secret_key"),
            security_token_file: None,
        };
        fs::write(&config.access_key_file, access_key).unwrap();
        fs::write(&config.secret_key_file, secret_key).unwrap();
        load_credentials(&config)
    }

    #[test]
    fn one_trailing_newline_is_no_part_of_the_key() {
        for end in ["", "\n", "\r\n"] {
            let credentials = load(format!("ak{end}").as_bytes(), format!("s=k\\n;#\"{end}").as_bytes()).unwrap();
            assert_eq!(credentials.access_key, "ak");
            assert_eq!(credentials.secret_key.expose(), "s=k\\n;#\"");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_without_showing_it() {
        let large = [CANARY.repeat(2000).into_bytes(), vec![]].concat();
        for (secret, flaw) in [
            (b"".to_vec(), "is empty"),
            (b"\n".to_vec(), "is empty"),
            (format!("{CANARY}\n\n").into_bytes(), "more than one line"),
            (format!("{CANARY}\u{0}").into_bytes(), "U+0000 as its character 14"),
            (format!(" {CANARY}").into_bytes(), "white space"),
            (format!("\u{feff}{CANARY}").into_bytes(), "byte order mark"),
            ([CANARY.as_bytes(), &[0xff]].concat(), "is not UTF-8"),
            (large, "larger than 16 KiB"),
        ] {
            let error = load(b"ak", &secret).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains(flaw) && text.contains("secret_key"), "{text}");
            assert!(!text.contains("CANARY"), "{text}");
        }
        let error = load("schlüssel".as_bytes(), b"sk").unwrap_err();
        assert!(error.to_string().contains("visible ASCII"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("secret_key");
        let error = load_secret(&missing).unwrap_err();
        assert_eq!(error.path(), missing);
        assert!(error.to_string().ends_with("could not be read: no such file or directory"), "{error}");
    }
}
