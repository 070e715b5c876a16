//! The endpoint's own pair of keys: made once for each data directory.
//!
//! `embedded-credentials.json`, readable by its owner only: `{"access_key":"…","secret_key":"…","url":"…"}`, where `url` is the
//! address that the endpoint had when it last ran. It is written whole under another name and then renamed, so it is never seen
//! half-written; what is there and not of this form is an error and never overwritten, since clients may still hold keys that a
//! person wants back.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::config::{MAX_FILE_BYTES, read_regular_file};
use crate::random::{Random, RandomError};
use crate::signature::{Credentials, Secret};

/// The file's name inside the data directory.
pub const CREDENTIALS_FILE: &str = "embedded-credentials.json";
const ACCESS_KEY_CHARS: usize = 16;
const SECRET_KEY_CHARS: usize = 30;

/// The keys that clients of the embedded endpoint sign with.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointCredentials {
    /// The access key.
    pub access_key: String,
    /// The secret key.
    pub secret_key: Secret,
    /// Where the endpoint listened when it last ran.
    pub url: Option<String>,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// No gateway has run with this data directory.
    #[error("{} does not exist: it is made when the embedded endpoint starts with this data directory", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file is not of our form. Its content is not repeated.
    #[error("{} is not a credentials file of the embedded endpoint: {reason}; it was left as it is", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, without the text.
        reason: &'static str,
    },
    /// The file cannot be read or written.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// The operating system gave no random bytes.
    #[error(transparent)]
    Random(#[from] RandomError),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form<T> {
    access_key: T,
    secret_key: T,
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    url: Option<T>,
}

impl EndpointCredentials {
    /// The keys of a data directory, made when there are none. Who calls it must hold the directory's lock.
    ///
    /// # Errors
    /// [`CredentialsError`] names the file.
    pub fn load_or_create(directory: &Path, random: &Random) -> Result<Self, CredentialsError> {
        match Self::load(directory) {
            Err(CredentialsError::Missing { path }) => {
                let credentials = Self::in_memory(random)?;
                credentials.write(directory, &path).map_err(|source| CredentialsError::Io { path, source })?;
                Ok(credentials)
            }
            other => other,
        }
    }

    /// The keys of a data directory. Makes nothing.
    ///
    /// # Errors
    /// [`CredentialsError`] names the file.
    pub fn load(directory: &Path) -> Result<Self, CredentialsError> {
        let path = directory.join(CREDENTIALS_FILE);
        let bytes = match read_regular_file(&path, MAX_FILE_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(CredentialsError::Missing { path }),
            Err(source) => return Err(CredentialsError::Io { path, source }),
        };
        let Ok(text) = std::str::from_utf8(&bytes) else {
            return Err(CredentialsError::Malformed { path, reason: "it is not text" });
        };
        // The parser's own message may quote the text.
        let form: Form<String> = match serde_json::from_str(text) {
            Ok(form) => form,
            Err(_) => {
                let reason = "it is not {\"access_key\":\"…\",\"secret_key\":\"…\"}";
                return Err(CredentialsError::Malformed { path, reason });
            }
        };
        if form.access_key.is_empty() || form.secret_key.is_empty() {
            return Err(CredentialsError::Malformed { path, reason: "a key is empty" });
        }
        Ok(Self { access_key: form.access_key, secret_key: Secret::new(form.secret_key), url: form.url })
    }

    /// A new pair that is nowhere on a disk.
    ///
    /// # Errors
    /// [`RandomError`].
    pub fn in_memory(random: &Random) -> Result<Self, RandomError> {
        Ok(Self {
            access_key: random.letters_and_digits(ACCESS_KEY_CHARS)?,
            secret_key: Secret::new(random.letters_and_digits(SECRET_KEY_CHARS)?),
            url: None,
        })
    }

    /// Writes down where the endpoint listens now, for clients that are pointed at it. Who calls it must hold the
    /// directory's lock.
    ///
    /// # Errors
    /// [`CredentialsError::Io`].
    pub fn note_url(&mut self, directory: &Path, url: String) -> Result<(), CredentialsError> {
        if self.url.as_ref() == Some(&url) {
            return Ok(());
        }
        self.url = Some(url);
        let path = directory.join(CREDENTIALS_FILE);
        self.write(directory, &path).map_err(|source| CredentialsError::Io { path, source })
    }

    fn write(&self, directory: &Path, path: &Path) -> io::Result<()> {
        let form = Form {
            access_key: self.access_key.as_str(),
            secret_key: self.secret_key.expose(),
            url: self.url.as_deref(),
        };
        let text = Zeroizing::new(serde_json::to_string(&form)? + "\n");
        let temporary = path.with_extension("json.new");
        // Left by a start that was killed; nobody ever reads it.
        match std::fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        // The new name itself must survive a crash.
        File::open(directory)?.sync_all()
    }
}

impl From<EndpointCredentials> for Credentials {
    fn from(pair: EndpointCredentials) -> Self {
        Self { access_key: pair.access_key, secret_key: pair.secret_key, security_token: None }
    }
}

impl fmt::Debug for EndpointCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EndpointCredentials([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_found_again() {
        let directory = tempfile::tempdir().unwrap();
        let made = EndpointCredentials::load_or_create(directory.path(), &Random::seeded(1)).unwrap();
        assert_eq!(made.access_key.len(), 16);
        assert_eq!(made.secret_key.expose().len(), 30);
        let both = format!("{}{}", made.access_key, made.secret_key.expose());
        assert!(both.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{both}");
        assert_eq!(EndpointCredentials::load(directory.path()).unwrap(), made);
        assert_eq!(EndpointCredentials::load_or_create(directory.path(), &Random::seeded(2)).unwrap(), made);
        let text = std::fs::read_to_string(directory.path().join(CREDENTIALS_FILE)).unwrap();
        let expected =
            format!("{{\"access_key\":\"{}\",\"secret_key\":\"{}\"}}\n", made.access_key, made.secret_key.expose());
        assert_eq!(text, expected);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "no temporary file remains");
    }

    #[test]
    fn the_address_is_noted_and_the_keys_stay() {
        let directory = tempfile::tempdir().unwrap();
        let mut made = EndpointCredentials::load_or_create(directory.path(), &Random::seeded(1)).unwrap();
        made.note_url(directory.path(), "http://127.0.0.1:8090".into()).unwrap();
        let found = EndpointCredentials::load(directory.path()).unwrap();
        assert_eq!(found, made);
        assert_eq!(found.url.as_deref(), Some("http://127.0.0.1:8090"));
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_private_also_after_an_interrupted_start() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("embedded-credentials.json.new"), "{\"acc").unwrap();
        EndpointCredentials::load_or_create(directory.path(), &Random::seeded(1)).unwrap();
        let metadata = std::fs::metadata(directory.path().join(CREDENTIALS_FILE)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn loading_makes_nothing_and_names_the_missing_file() {
        let directory = tempfile::tempdir().unwrap();
        let error = EndpointCredentials::load(directory.path()).unwrap_err();
        assert!(matches!(error, CredentialsError::Missing { .. }));
        assert!(error.to_string().contains("embedded-credentials.json does not exist"), "{error}");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn torn_and_foreign_files_are_named_never_quoted_never_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(CREDENTIALS_FILE);
        let cases: [&[u8]; 6] = [
            b"",
            b"{\"access_key\":\"hidden-key\",\"secret",
            b"{\"access_key\":\"hidden-key\",\"secret_key\":7}",
            b"{\"access_key\":\"hidden-key\",\"secret_key\":\"\"}",
            b"{\"access_key\":\"hidden-key\",\"secret_key\":\"s\",\"more\":1}",
            b"\xff\xfe",
        ];
        for case in cases {
            std::fs::write(&path, case).unwrap();
            let error = EndpointCredentials::load_or_create(directory.path(), &Random::seeded(1)).unwrap_err();
            assert!(matches!(error, CredentialsError::Malformed { .. }), "{error}");
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
            assert!(!error.to_string().contains("hidden"), "{error}");
            assert_eq!(std::fs::read(&path).unwrap(), case);
        }
    }

    #[test]
    fn nothing_is_printed() {
        let pair = EndpointCredentials::in_memory(&Random::seeded(1)).unwrap();
        assert_eq!(format!("{pair:?}"), "EndpointCredentials([redacted])");
        assert_eq!(format!("{:?}", Credentials::from(pair)), "Credentials([redacted])");
    }
}
