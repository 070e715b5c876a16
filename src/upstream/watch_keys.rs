//! Notices that credentials files changed: their *directory* is watched, because a Kubernetes Secret swaps a link there
//! and a watch on the file itself would see that once only (crates notes); a poll finds what no event told.

use std::time::Duration;

use notify::{RecursiveMode, Watcher as _};
use prometheus::IntCounterVec;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::Keys;
use super::keys::{Demand, Unchanged};

const POLL: Duration = Duration::from_secs(30);
/// A swap is several events; the files are read when they have settled.
const SETTLE: Duration = Duration::from_millis(100);

/// Reads `keys` again whenever their files may have changed. Runs until it is dropped.
pub(super) async fn watch_keys(keys: Keys, reloads: IntCounterVec) {
    let Some(name) = keys.name().map(str::to_owned) else { return };
    // One place is enough: an event that finds it taken says nothing new.
    let (changed, mut changes) = mpsc::channel(1);
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            // Full: a change is noted already. Closed: nobody watches any more.
            let _noted = changed.try_send(());
        }
    });
    // Kept until the end: dropping it ends the watch. Without one the poll is left.
    let mut watcher = watcher.inspect_err(|error| tracing::warn!(%error, "credentials are polled only")).ok();
    for directory in keys.directories() {
        if let Some(watcher) = &mut watcher
            && let Err(error) = watcher.watch(&directory, RecursiveMode::NonRecursive)
        {
            tracing::warn!(%error, directory = %directory.display(), "credentials are polled only");
        }
    }
    loop {
        // Whichever comes first; without a watcher its channel is closed and only the poll is left.
        if let Ok(None) = timeout(POLL, changes.recv()).await {
            sleep(POLL).await;
        }
        sleep(SETTLE).await;
        while changes.try_recv().is_ok() {}
        reload(&keys, &name, Demand::BothNew, &reloads).await;
    }
}

/// Reads the files and tells what came of it. Returns whether another pair is in use now.
pub(super) async fn reload(keys: &Keys, name: &str, demand: Demand, reloads: &IntCounterVec) -> bool {
    let reader = keys.clone();
    let read = tokio::task::spawn_blocking(move || reader.reload(demand)).await;
    let count = |result: &str| reloads.with_label_values(&[name, result]).inc();
    match read {
        Ok(Ok(())) => {
            count("changed");
            tracing::info!(credential = name, "credentials changed");
            true
        }
        Ok(Err(Unchanged::Same)) => false,
        Ok(Err(reason @ (Unchanged::HalfWritten | Unchanged::Unusable(_)))) => {
            count("kept_old");
            tracing::warn!(credential = name, %reason, "changed credentials could not be used: the old pair stays");
            false
        }
        Err(_) => false,
    }
}
