//! The secrets and headers of a subscription, and their files: read at the start, and again whenever they may have changed.
//!
//! All files of a subscription are taken into use together, or none of them: a request is never signed with half of a rotation.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use notify::{RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::board::Board;
use crate::clock::Clock;
use crate::config::{ExtraHeader, SecretFormat, SubscriptionConfig, read_regular_file};
use crate::model::UnixMillis;
use crate::signature::Secret;
use crate::signature::standard_webhooks::{self, WebhookSecret, WebhookSignature};
use crate::tasks;

/// More than any of these files has; a larger one is the wrong file.
const MAX_BYTES: u64 = 16 * 1024;
const POLL: Duration = Duration::from_secs(30);
/// A swap is several events; the files are read when they have settled.
const SETTLE: Duration = Duration::from_millis(100);

/// Why the files of a subscription cannot be used. Names the file, never what is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("file {} {flaw}", path.display())]
pub struct LiveFileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub flaw: String,
}

/// What requests are signed with, and the headers that go with them, as they are now. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct LiveFiles(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sources: Sources,
    current: ArcSwap<Contents>,
}

/// Where they are.
#[derive(Debug)]
struct Sources {
    secrets: Vec<(PathBuf, Option<UnixMillis>)>,
    format: SecretFormat,
    headers: Vec<ExtraHeader>,
    headers_file: Option<PathBuf>,
}

#[derive(Debug)]
struct Contents {
    secrets: Vec<(WebhookSecret, Option<UnixMillis>)>,
    headers: Arc<Vec<(String, Secret)>>,
}

impl LiveFiles {
    /// Reads them.
    ///
    /// # Errors
    /// [`LiveFileError`].
    pub(super) fn load(config: &SubscriptionConfig) -> Result<Self, LiveFileError> {
        let sources = Sources {
            secrets: config.secrets.iter().map(|secret| (secret.file.clone(), secret.until)).collect(),
            format: config.secret_format,
            headers: config.headers.clone(),
            headers_file: config.headers_file.clone(),
        };
        let current = ArcSwap::from_pointee(sources.read()?);
        Ok(Self(Arc::new(Inner { sources, current })))
    }

    /// The headers of the configuration and of its file.
    pub(super) fn headers(&self) -> Arc<Vec<(String, Secret)>> {
        Arc::clone(&self.0.current.load().headers)
    }

    /// Signs one attempt with every secret that is still good; none without one.
    pub(super) fn sign(&self, id: &str, now: UnixMillis, body: &[u8]) -> Option<WebhookSignature> {
        let current = self.0.current.load();
        let good = current.secrets.iter().filter(|(_, until)| until.is_none_or(|until| now < until));
        standard_webhooks::sign(good.map(|(secret, _)| secret), id, now.0 / 1000, body)
    }

    /// Whether requests are signed.
    pub(super) fn has_secrets(&self) -> bool {
        !self.0.sources.secrets.is_empty()
    }

    /// Whether there is a file at all.
    fn directories(&self) -> Vec<PathBuf> {
        let Sources { secrets, headers_file, .. } = &self.0.sources;
        let files = secrets.iter().map(|(file, _)| file).chain(headers_file);
        let mut directories: Vec<PathBuf> = files.filter_map(|file| file.parent().map(Path::to_owned)).collect();
        directories.sort();
        directories.dedup();
        directories
    }

    /// Reads them again; whether something else is in use now. Blocking.
    fn reload(&self) -> Result<bool, LiveFileError> {
        let read = self.0.sources.read()?;
        if self.0.current.load().is_same_as(&read) {
            return Ok(false);
        }
        self.0.current.store(Arc::new(read));
        Ok(true)
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
                    tracing::warn!(subscription, %error, "changed secrets or headers could not be used: the old ones stay");
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

impl Contents {
    fn is_same_as(&self, other: &Self) -> bool {
        let same = |((one, until), (two, other_until)): (&(WebhookSecret, _), &(WebhookSecret, _))| {
            one.same_as(two) && until == other_until
        };
        self.secrets.len() == other.secrets.len()
            && self.secrets.iter().zip(&other.secrets).all(same)
            && self.headers == other.headers
    }
}

impl Sources {
    fn read(&self) -> Result<Contents, LiveFileError> {
        let mut secrets: Vec<(WebhookSecret, Option<UnixMillis>)> = Vec::new();
        for (path, until) in &self.secrets {
            let flaw = |flaw: String| LiveFileError { path: path.clone(), flaw };
            let bytes = read(path)?;
            let secret = match self.format {
                SecretFormat::Whsec => WebhookSecret::parse(&bytes),
                SecretFormat::Raw => WebhookSecret::raw(&bytes),
            };
            let secret = secret.map_err(|error| flaw(error.to_string()))?;
            if secrets.iter().any(|(known, _)| known.same_as(&secret)) {
                return Err(flaw("holds the same secret as another file of the list".to_owned()));
            }
            secrets.push((secret, *until));
        }
        let mut headers: Vec<_> = self.headers.iter().map(|it| (it.name.clone(), it.value.clone())).collect();
        if let Some(path) = &self.headers_file {
            headers_of_file(path, &mut headers)?;
        }
        Ok(Contents { secrets, headers: Arc::new(headers) })
    }
}

fn headers_of_file(path: &Path, headers: &mut Vec<(String, Secret)>) -> Result<(), LiveFileError> {
    let flaw = |flaw: String| LiveFileError { path: path.to_owned(), flaw };
    let bytes = read(path)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| flaw("is not UTF-8".to_owned()))?;
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let header = ExtraHeader::parse(line).map_err(|it| flaw(format!("{} in line {number}", it.detail)))?;
        if headers.iter().any(|(known, _)| *known == header.name) {
            return Err(flaw(format!("has a name that was there before in line {number}")));
        }
        headers.push((header.name, header.value));
    }
    Ok(())
}

fn read(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, LiveFileError> {
    let unreadable = |error: std::io::Error| LiveFileError { path: path.to_owned(), flaw: format!("could not be read: {error}") };
    read_regular_file(path, MAX_BYTES).map_err(unreadable)
}
