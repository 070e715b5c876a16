//! Open files: as many as the system allows, and always some left for upstreams.

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::config::Config;

/// Files that are no connection: listeners, event queues, the store.
const OWN: usize = 64;
/// Most connections of probes, scrapes and operators.
const MANAGEMENT: usize = 1024;

/// Raises the process's soft limit of open files to the hard one, once at the start.
pub fn raise() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(%error, "could not raise the limit of open files");
        }
    }
}

/// How many connections a listener takes: as configured, or fewer, so that files are left for upstreams and for the
/// other listener.
pub(super) fn connections(config: &Config) -> usize {
    let configured = config.server.limits.connections;
    let Some(files) = getrlimit(Resource::Nofile).current else { return configured };
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    let upstreams = config.profiles.values().map(|profile| profile.connections).sum();
    let listeners = if config.embedded.enabled { 2 } else { 1 };
    let connections = possible(configured, files, upstreams, listeners);
    if connections < configured {
        tracing::warn!(configured, connections, files, "fewer connections: the process may not open enough files");
    }
    connections
}

/// How many connections the management listener takes.
pub(super) fn management() -> usize {
    let files = getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok());
    files.map_or(MANAGEMENT, |files| (files / 8).clamp(1, MANAGEMENT))
}

fn possible(configured: usize, files: usize, upstreams: usize, listeners: usize) -> usize {
    let reserved = OWN.saturating_add(upstreams).min(files / 2);
    configured.min((files - reserved) / listeners).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_left_for_upstreams() {
        assert_eq!(possible(25_000, 1_048_576, 1024, 1), 25_000);
        assert_eq!(possible(25_000, 20_000, 1024, 1), 18_912);
        assert_eq!(possible(25_000, 20_000, 1024, 2), 9_456);
        assert_eq!(possible(25_000, 256, 1024, 1), 128);
        assert_eq!(possible(10, 256, 1024, 1), 10);
        assert_eq!(possible(10, 1, 1024, 2), 1);
    }
}
