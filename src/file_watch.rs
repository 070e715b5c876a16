//! Waits until files may have changed. Their *directory* is watched, because a Kubernetes Secret swaps a link there and a watch
//! on the file itself would see that once only; a look now and then finds what no event announced.

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// Longest time between two looks.
const POLL: Duration = Duration::from_secs(30);
/// Until the next look at files that could not be used, and how often.
const SOON: Duration = Duration::from_secs(1);
const LOOKS_SOON: u32 = 5;
/// A swap is several events; the files are read when they have settled.
pub const SETTLE: Duration = Duration::from_millis(100);

/// Directories of files that are read again when they may have changed.
#[derive(Debug)]
pub struct FileWatch {
    changes: mpsc::Receiver<()>,
    /// Dropping it ends the watch. Without one the looks are left.
    _watcher: Option<RecommendedWatcher>,
    looks_soon: u32,
}

impl FileWatch {
    /// Watches them from here on; `cannot` is told why one cannot be watched.
    pub fn new(directories: impl IntoIterator<Item = PathBuf>, cannot: impl Fn(&dyn Display)) -> Self {
        // One place is enough: an event that finds it taken announces nothing new.
        let (changed, changes) = mpsc::channel(1);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !event.kind.is_access()) {
                // Full: a change is noted already. Closed: nobody watches any more.
                let _noted = changed.try_send(());
            }
        });
        let mut watcher = watcher.inspect_err(|error| cannot(error)).ok();
        for directory in directories {
            if let Some(watcher) = &mut watcher
                && let Err(error) = watcher.watch(&directory, RecursiveMode::NonRecursive)
            {
                cannot(&format_args!("{}: {error}", directory.display()));
            }
        }
        Self { changes, _watcher: watcher, looks_soon: LOOKS_SOON }
    }

    /// Waits a moment in which whoever writes may come to an end. What changes from here on makes an event.
    pub async fn settled(&mut self) {
        sleep(SETTLE).await;
        while self.changes.try_recv().is_ok() {}
    }

    /// Waits until the files may have changed. Those that could not be used are looked at again soon, but not for ever: somebody
    /// may be in the middle of writing, with no further event.
    pub async fn changed(&mut self, are_usable: bool) {
        self.looks_soon = if are_usable { LOOKS_SOON } else { self.looks_soon.saturating_sub(1) };
        let pause = if !are_usable && self.looks_soon > 0 { SOON } else { POLL };
        // Whichever comes first; without a watcher its channel is closed and only the pause is left.
        if let Ok(None) = timeout(pause, self.changes.recv()).await {
            sleep(pause).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn a_change_is_seen_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let mut watch = FileWatch::new([directory.path().to_owned()], |error| panic!("{error}"));
        watch.settled().await;
        std::fs::write(directory.path().join("secret"), "x").unwrap();
        timeout(Duration::from_secs(10), watch.changed(true)).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_watched_is_told_and_looked_at_and_what_is_half_written_soon() {
        let told = RefCell::new(Vec::new());
        let nowhere = PathBuf::from("/nowhere/at/all");
        let mut watch = FileWatch::new([nowhere], |error| told.borrow_mut().push(error.to_string()));
        assert!(told.take().concat().starts_with("/nowhere/at/all: "));
        let mut waits = Vec::new();
        for are_usable in [true, false, false, false, false, false, true, false] {
            let began = Instant::now();
            watch.changed(are_usable).await;
            waits.push(began.elapsed().as_secs());
        }
        assert_eq!(waits, [30, 1, 1, 1, 1, 30, 30, 1]);
    }
}
