//! The secrets and headers of a subscription, and their files: read at the start, and again whenever they may have changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use notify::{RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::board::Board;
use super::secrets::SigningSecrets;
use crate::clock::Clock;
use crate::config::{CredentialsError, ExtraHeader, SubscriptionConfig, load_push_headers};
use crate::signature::Secret;
use crate::tasks;

const POLL: Duration = Duration::from_secs(30);
/// A swap is several events; the files are read when they have settled.
const SETTLE: Duration = Duration::from_millis(100);

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

    /// Reads them again; whether something else is in use now. Blocking.
    fn reload(&self) -> Result<bool, CredentialsError> {
        let inner = &*self.0;
        let headers = read_headers(&inner.own_headers, inner.headers_file.as_deref())?;
        let has_new_secrets = inner.secrets.reload()?;
        let has_new_headers = **inner.headers.load() != headers;
        if has_new_headers {
            inner.headers.store(Arc::new(headers));
        }
        Ok(has_new_secrets || has_new_headers)
    }

    /// Reads them again whenever they may have changed. Runs until it is dropped.
    pub(super) async fn watch(self, board: Arc<Board>, clock: Clock) {
        let directories = self.directories();
        if directories.is_empty() {
            return std::future::pending().await;
        }
        board.metrics.secrets_started(clock.now());
        // One place is enough: an event that finds it taken announces nothing new.
        let (changed, mut changes) = mpsc::channel(1);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !event.kind.is_access()) {
                // Full: a change is noted already. Closed: nobody watches any more.
                let _noted = changed.try_send(());
            }
        });
        let subscription = board.name();
        // Kept until the end: dropping it ends the watch. Without one the poll is left.
        let mut watcher =
            watcher.inspect_err(|error| tracing::warn!(subscription, %error, "its files are polled only")).ok();
        for directory in directories {
            if let Some(watcher) = &mut watcher
                && let Err(error) = watcher.watch(&directory, RecursiveMode::NonRecursive)
            {
                tracing::warn!(subscription, %error, directory = %directory.display(), "its files are polled only");
            }
        }
        let mut told = None;
        loop {
            sleep(SETTLE).await;
            while changes.try_recv().is_ok() {}
            let reader = self.clone();
            let read = match tasks::spawn_blocking(move || reader.reload()) {
                Some(reading) => reading.await.ok(),
                None => None,
            };
            match read {
                Some(Ok(true)) => {
                    board.metrics.secrets_changed(clock.now());
                    tracing::info!(subscription, "the secrets or headers of a subscription changed");
                    told = None;
                }
                Some(Err(error)) if told.as_ref() != Some(&error) => {
                    board.metrics.secrets_kept();
                    tracing::warn!(
                        subscription,
                        %error,
                        "changed secrets or headers could not be used: the old ones stay"
                    );
                    told = Some(error);
                }
                Some(Ok(false)) => told = None,
                Some(Err(_)) | None => {}
            }
            // Whichever comes first; without a watcher its channel is closed and only the pause is left.
            if let Ok(None) = timeout(POLL, changes.recv()).await {
                sleep(POLL).await;
            }
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
