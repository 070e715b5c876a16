//! Notices that credentials files changed: their *directory* is watched, because a Kubernetes Secret swaps a link there
//! and a watch on the file itself would see that once only; a poll finds what no event announced.

use std::time::Duration;

use notify::{RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::Keys;
use super::keys::{ReloadPolicy, Unchanged};
use crate::clock::Clock;
use crate::tasks;
use crate::telemetry::CredentialMetrics;

const POLL: Duration = Duration::from_secs(30);
/// Until the next look at files that could not be used, and how often.
const SOON: Duration = Duration::from_secs(1);
const LOOKS_SOON: u32 = 5;
/// A swap is several events; the files are read when they have settled.
const SETTLE: Duration = Duration::from_millis(100);

/// Where changes of keys are shown.
#[derive(Debug, Clone)]
pub struct KeyRecord {
    /// The time.
    pub clock: Clock,
    /// Where to count.
    pub metrics: CredentialMetrics,
}

/// Reads `keys` again whenever their files may have changed. Runs until it is dropped.
pub async fn watch_keys(keys: Keys, record: KeyRecord) {
    let Some(name) = keys.name().map(str::to_owned) else { return };
    record.metrics.started(&name, record.clock.now());
    // One place is enough: an event that finds it taken announces nothing new.
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
    // The watch stands: what changed before it is found now, what changes from here on makes an event.
    let mut soon = LOOKS_SOON;
    loop {
        sleep(SETTLE).await;
        while changes.try_recv().is_ok() {}
        let kept_old = reload(&keys, &name, ReloadPolicy::BothNew, &record).await == Reload::KeptOld;
        // Somebody may be in the middle of writing, with no further event: look again soon, but not for ever.
        soon = if kept_old { soon.saturating_sub(1) } else { LOOKS_SOON };
        let pause = if kept_old && soon > 0 { SOON } else { POLL };
        // Whichever comes first; without a watcher its channel is closed and only the pause is left.
        if let Ok(None) = timeout(pause, changes.recv()).await {
            sleep(pause).await;
        }
    }
}

/// What reading the files gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reload {
    /// Another pair is in use now.
    Changed,
    /// The files hold the pair in use.
    Same,
    /// The files cannot be used.
    KeptOld,
}

/// Reads the files, and logs and counts what came of it.
pub(super) async fn reload(keys: &Keys, name: &str, policy: ReloadPolicy, record: &KeyRecord) -> Reload {
    let reader = keys.clone();
    let Some(reading) = tasks::spawn_blocking(move || reader.reload(policy)) else {
        tracing::warn!(
            credential = name,
            "no thread could be started to read changed credentials: they are read later"
        );
        return Reload::KeptOld;
    };
    match reading.await {
        Ok(Ok(taken)) => {
            record.metrics.changed(name, record.clock.now());
            if taken.has_quotes {
                tracing::warn!(credential = name, "a changed key is in quotes, and they are taken as part of it");
            }
            tracing::info!(credential = name, "credentials changed");
            Reload::Changed
        }
        Ok(Err(Unchanged::Same)) => Reload::Same,
        Ok(Err(reason @ (Unchanged::HalfWritten | Unchanged::Unusable(_)))) => {
            record.metrics.kept_old(name);
            tracing::warn!(credential = name, %reason, "changed credentials could not be used: the old pair stays");
            Reload::KeptOld
        }
        // The reader panicked, which is counted elsewhere.
        Err(_) => Reload::KeptOld,
    }
}
