//! The headers that go with every call, and their file, which is read again before each.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::config::{CredentialsError, Headers, load_headers};
use crate::tasks;

/// A file system that hangs holds a call up for so long, once.
const LONGEST_READ: Duration = Duration::from_secs(1);

type Read = Result<Headers, CredentialsError>;

/// The headers that go with every call.
#[derive(Debug)]
pub(super) struct CallHeaders {
    file: Option<PathBuf>,
    headers: Headers,
    /// A read that did not end in time. There is no further one until it ends: each would hold a thread.
    unfinished: Option<JoinHandle<Read>>,
    /// The file cannot be used, which was said.
    kept_old: bool,
}

impl CallHeaders {
    pub(super) fn new(file: Option<PathBuf>, headers: Headers) -> Self {
        Self { file, headers, unfinished: None, kept_old: false }
    }

    /// Those that were read last.
    pub(super) fn get(&self) -> &Headers {
        &self.headers
    }

    /// Reads the file again. One that cannot be used, or read in time, changes nothing.
    pub(super) async fn refresh(&mut self) {
        self.refresh_by(|path| tasks::spawn_blocking(move || load_headers(&path))).await;
    }

    async fn refresh_by(&mut self, start: impl FnOnce(PathBuf) -> Option<JoinHandle<Read>>) {
        let Some(path) = self.file.as_deref().map(Path::to_owned) else { return };
        let late = self.unfinished.take();
        let patience = if late.is_some() { Duration::ZERO } else { LONGEST_READ };
        let reading = match late {
            Some(reading) => Some(reading),
            None => start(path),
        };
        let Some(reading) = reading else { return self.keep_old("no thread could be started to read them") };
        // Kept in `self` meanwhile: a call that is given up leaves it there.
        let reading = self.unfinished.insert(reading);
        let Ok(read) = timeout(patience, reading).await else {
            return self.keep_old("the file could not be read in time");
        };
        self.unfinished = None;
        match read {
            Ok(Ok(headers)) => {
                if headers != self.headers {
                    tracing::info!("the headers for the collector of traces changed");
                }
                (self.headers, self.kept_old) = (headers, false);
            }
            Ok(Err(reason)) => self.keep_old(&reason.to_string()),
            // The reader panicked, which is counted elsewhere.
            Err(_) => {}
        }
    }

    fn keep_old(&mut self, reason: &str) {
        if !self.kept_old {
            tracing::warn!(reason, "changed headers for the collector of traces could not be used: the old ones stay");
        }
        self.kept_old = true;
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use tokio::time::Instant;

    use super::*;
    use crate::signature::Secret;

    fn headers(value: &str) -> Headers {
        vec![("x-key".to_owned(), Secret::new(value.to_owned()))]
    }

    /// A read that ends when the test says so.
    #[expect(clippy::disallowed_methods, reason = "it stands for a thread, which has no service either")]
    fn read(outcome: impl Future<Output = Read> + Send + 'static) -> Option<JoinHandle<Read>> {
        Some(tokio::spawn(outcome))
    }

    fn value(of: &CallHeaders) -> &str {
        of.get()[0].1.expose()
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_thread_the_old_ones_stay_and_the_next_read_is_as_ever() {
        let mut these = CallHeaders::new(Some("headers".into()), headers("old"));
        these.refresh_by(|_| None).await;
        assert_eq!((value(&these), these.kept_old), ("old", true));
        these.refresh_by(|_| read(async { Ok(headers("new")) })).await;
        assert_eq!((value(&these), these.kept_old), ("new", false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_hangs_is_read_once() {
        let mut these = CallHeaders::new(Some("headers".into()), headers("old"));
        let (finish, finished) = oneshot::channel();
        let began = Instant::now();
        these.refresh_by(|_| read(async { Ok(finished.await.unwrap()) })).await;
        assert_eq!((value(&these), began.elapsed() < LONGEST_READ * 2), ("old", true));
        let began = Instant::now();
        for _ in 0..100 {
            these.refresh_by(|_| panic!("it would hold one more thread")).await;
        }
        assert_eq!((value(&these), began.elapsed() < LONGEST_READ), ("old", true));
        finish.send(headers("late")).unwrap();
        tokio::task::yield_now().await;
        these.refresh_by(|_| panic!("the one that was late has ended")).await;
        assert_eq!(value(&these), "late");
        these.refresh_by(|_| read(async { Ok(headers("new")) })).await;
        assert_eq!(value(&these), "new");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_given_up_leaves_its_read_to_the_next() {
        let mut these = CallHeaders::new(Some("headers".into()), headers("old"));
        let (finish, finished) = oneshot::channel();
        let refresh = these.refresh_by(|_| read(async { Ok(finished.await.unwrap()) }));
        timeout(LONGEST_READ / 10, refresh).await.unwrap_err();
        finish.send(headers("late")).unwrap();
        tokio::task::yield_now().await;
        these.refresh_by(|_| panic!("it would hold one more thread")).await;
        assert_eq!(value(&these), "late");
    }
}
