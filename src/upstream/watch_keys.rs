//! Reads files of credentials again when they may have changed.

use super::Keys;
use super::keys::{ReloadPolicy, Unchanged};
use crate::clock::Clock;
use crate::file_watch::FileWatch;
use crate::tasks;
use crate::telemetry::CredentialMetrics;

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
    let mut watch = FileWatch::new(keys.directories(), |error| {
        tracing::warn!(credential = name, %error, "files of credentials cannot be watched: they are read every 30 s");
    });
    // The watch stands: what changed before it is found now, what changes from here on makes an event.
    loop {
        watch.settled().await;
        let read = reload(&keys, &name, ReloadPolicy::BothNew, &record).await;
        watch.changed(read != Reload::KeptOld).await;
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
