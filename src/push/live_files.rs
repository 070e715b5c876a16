//! The secrets and headers of a subscription, and their files: read at the start, and again whenever they may have changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::time::sleep;

use super::board::Board;
use super::secrets::{SecretList, SigningSecrets};
use crate::clock::Clock;
use crate::config::{CredentialsError, ExtraHeader, SubscriptionConfig, load_push_headers};
use crate::file_watch::{FileWatch, SETTLE};
use crate::signature::Secret;
use crate::tasks;

/// Headers of the configuration, names in small letters.
pub(super) type ExtraHeaders = Vec<(String, Secret)>;

/// What requests are signed with, and the headers that go with them, as they are now. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct LiveFiles(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    secrets: SigningSecrets,
    /// Of the configuration itself.
    own_headers: Vec<ExtraHeader>,
    headers_file: Option<PathBuf>,
    headers: ArcSwap<ExtraHeaders>,
}

/// What the files hold.
struct Content {
    secrets: SecretList,
    headers: ExtraHeaders,
}

/// Why what was read is not taken into use.
#[derive(Debug, PartialEq, Eq)]
enum NotTaken {
    /// It was something else a moment later: somebody is in the middle of writing.
    HalfWritten,
    Unusable(CredentialsError),
    /// No thread could be had to read them, or it panicked, which is counted elsewhere.
    NotRead,
}

impl LiveFiles {
    /// Reads them. Blocking.
    ///
    /// # Errors
    /// A file cannot be read, or does not hold what it should.
    pub(super) fn load(config: &SubscriptionConfig) -> Result<Self, CredentialsError> {
        let (own_headers, headers_file) = (config.headers.clone(), config.headers_file.clone());
        let headers = ArcSwap::from_pointee(read_headers(&own_headers, headers_file.as_deref())?);
        Ok(Self(Arc::new(Inner { secrets: SigningSecrets::load(config)?, own_headers, headers_file, headers })))
    }

    /// The headers of the configuration and of its file.
    pub(super) fn headers(&self) -> Arc<ExtraHeaders> {
        self.0.headers.load_full()
    }

    /// What requests are signed with.
    pub(super) fn secrets(&self) -> &SigningSecrets {
        &self.0.secrets
    }

    fn directories(&self) -> Vec<PathBuf> {
        let Inner { secrets, headers_file, .. } = &*self.0;
        let mut directories = secrets.directories();
        directories.extend(headers_file.as_ref().and_then(|file| file.parent()).map(Path::to_owned));
        directories.sort();
        directories.dedup();
        directories
    }

    /// Reads them twice, the second time after `settled`, and takes into use what was the same both times. A part of a secret, or
    /// of a header, may be as good as the whole. Whether something else is in use now.
    async fn reload(&self, settled: impl Future<Output = ()>) -> Result<bool, NotTaken> {
        let read = self.read().await?;
        if self.uses(&read) {
            return Ok(false);
        }
        settled.await;
        let again = self.read().await?;
        if !read.secrets.same_as(&again.secrets) || read.headers != again.headers {
            return Err(NotTaken::HalfWritten);
        }
        self.0.secrets.take(again.secrets);
        self.0.headers.store(Arc::new(again.headers));
        Ok(true)
    }

    async fn read(&self) -> Result<Content, NotTaken> {
        let reader = Arc::clone(&self.0);
        let reading = tasks::spawn_blocking(move || {
            let headers = read_headers(&reader.own_headers, reader.headers_file.as_deref())?;
            Ok(Content { secrets: reader.secrets.read()?, headers })
        });
        reading.ok_or(NotTaken::NotRead)?.await.map_err(|_| NotTaken::NotRead)?.map_err(NotTaken::Unusable)
    }

    fn uses(&self, content: &Content) -> bool {
        self.0.secrets.are_in_use(&content.secrets) && **self.0.headers.load() == content.headers
    }

    /// Reads them again whenever they may have changed. Runs until it is dropped.
    pub(super) async fn watch(self, board: Arc<Board>, clock: Clock) {
        let directories = self.directories();
        if directories.is_empty() {
            return std::future::pending().await;
        }
        board.metrics.secrets_started(clock.now());
        let subscription = board.name();
        let mut watch = FileWatch::new(directories, |error| {
            tracing::warn!(subscription, %error, "its files cannot be watched: they are read every 30 s");
        });
        let mut told = None;
        loop {
            watch.settled().await;
            let read = self.reload(sleep(SETTLE)).await;
            let are_usable = read.is_ok();
            match read {
                Ok(true) => {
                    board.metrics.secrets_changed(clock.now());
                    tracing::info!(subscription, "the secrets or headers of a subscription changed");
                    told = None;
                }
                Ok(false) => told = None,
                Err(NotTaken::Unusable(error)) if told.as_ref() != Some(&error) => {
                    board.metrics.secrets_kept();
                    tracing::warn!(
                        subscription,
                        %error,
                        "changed secrets or headers could not be used: the old ones stay"
                    );
                    told = Some(error);
                }
                Err(NotTaken::Unusable(_) | NotTaken::HalfWritten | NotTaken::NotRead) => {}
            }
            watch.changed(are_usable).await;
        }
    }
}

fn read_headers(own: &[ExtraHeader], file: Option<&Path>) -> Result<ExtraHeaders, CredentialsError> {
    let mut headers: ExtraHeaders = own.iter().map(|it| (it.name.clone(), it.value.clone())).collect();
    let Some(path) = file else { return Ok(headers) };
    for ExtraHeader { name, value } in load_push_headers(path)? {
        if headers.iter().any(|(known, _)| *known == name) {
            let flaw = format!("has the header {name}, which the configuration has, too");
            return Err(CredentialsError::Unusable { path: path.to_owned(), flaw });
        }
        headers.push((name, value));
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::tests::subscription;

    #[tokio::test]
    async fn what_is_being_written_is_not_taken_into_use() {
        let directory = tempfile::tempdir().unwrap();
        let (secret, headers) = (directory.path().join("secret"), directory.path().join("headers"));
        let write = |path: &Path, text: &str| std::fs::write(path, text).unwrap();
        write(&secret, "an old secret of 32 characters..");
        write(&headers, "Authorization: Bearer old");
        let lines = "secrets = ['DIR/secret']\nsecret_format = 'raw'\nheaders_file = 'DIR/headers'\n";
        let lines = lines.replace("DIR", directory.path().to_str().unwrap());
        let files = LiveFiles::load(&subscription(&lines)).unwrap();
        let in_use = || {
            let (_, signature) = files.secrets().sign("id", crate::model::UnixMillis(0), b"").unwrap().unwrap();
            (signature.as_str().to_owned(), files.headers()[0].1.expose().to_owned())
        };
        let old = in_use();
        // The first half of a secret is one as well, and so is that of a header.
        write(&secret, "a new secret of 64 characters...");
        let rest = async { write(&secret, "a new secret of 64 characters....and this is its second half....") };
        assert_eq!(files.reload(rest).await, Err(NotTaken::HalfWritten));
        assert_eq!(in_use(), old);
        assert_eq!(files.reload(std::future::ready(())).await, Ok(true));
        assert_ne!(in_use().0, old.0);
        write(&headers, "Authorization: Bearer");
        let rest = async { write(&headers, "Authorization: Bearer new") };
        assert_eq!(files.reload(rest).await, Err(NotTaken::HalfWritten));
        assert_eq!(in_use().1, "Bearer old");
        assert_eq!(files.reload(std::future::ready(())).await, Ok(true));
        assert_eq!(in_use().1, "Bearer new");
        assert_eq!(files.reload(std::future::pending()).await, Ok(false), "nothing else is there");
    }

    #[test]
    fn headers_of_a_file_stand_beside_those_of_the_configuration() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("headers");
        let own = [ExtraHeader::parse("x-team: orders").unwrap()];
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read_headers(&own, Some(&path))
        };
        let headers = read("# keys\n\nAuthorization: Bearer CANARY\r\n").unwrap();
        let shown: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        assert_eq!(shown, [("x-team", "orders"), ("authorization", "Bearer CANARY")]);
        assert!(!format!("{headers:?}").contains("CANARY"));
        for (text, words) in [
            ("CANARY", "in line 1"),
            ("\nwebhook-id: CANARY", "in line 2"),
            ("X-Team: CANARY", "x-team, which the configuration has"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(words) && !error.contains("CANARY"), "{error}");
        }
    }
}
