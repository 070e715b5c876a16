//! Open files: as many as the system allows, and always some left for upstreams.

use rustix::process::{Resource, getrlimit, setrlimit};

use super::run_mode::RunMode;
use crate::config::{Config, LimitsConfig};

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

/// How many connections a listener for callers takes: as configured, or fewer, so that files are left for upstreams and for the
/// other listeners.
pub(super) fn connections(config: &Config, mode: RunMode) -> usize {
    let configured = config.server.limits.connections;
    let Some(open_files) = open_files() else { return configured };
    let (upstreams, listeners) = match mode {
        RunMode::Gateway => {
            let upstreams = config.profiles.values().map(|profile| profile.connections).sum();
            (upstreams, if config.embedded.enabled { 2 } else { 1 })
        }
        RunMode::EmbeddedOnly { .. } => (0, 1),
    };
    let management = if mode.has_management() { management_of(open_files) } else { 0 };
    possible(configured, open_files, management.saturating_add(upstreams), listeners)
}

/// Says once that callers may have fewer connections than the configuration has: a warning where somebody asked for them.
pub(super) fn log_connections(config: &Config, mode: RunMode) {
    let limits = &config.server.limits;
    let (configured, connections) = (limits.connections, connections(config, mode));
    let Some(open_files) = open_files().filter(|_| connections < configured) else { return };
    if configured == LimitsConfig::default_connections() {
        tracing::info!(
            connections,
            open_files,
            "as many connections at once as the limit of open files allows: raise that (ulimit -n) for more"
        );
    } else {
        tracing::warn!(
            key = "server.limits.connections",
            configured,
            connections,
            open_files,
            "fewer connections at once than configured: raise the limit of open files (ulimit -n), or lower the key"
        );
    }
}

/// How many files the process may open; nothing where it may open any number.
fn open_files() -> Option<usize> {
    getrlimit(Resource::Nofile).current.map(|files| usize::try_from(files).unwrap_or(usize::MAX))
}

/// How many connections the management listener takes.
pub(super) fn management() -> usize {
    open_files().map_or(MANAGEMENT, management_of)
}

fn management_of(files: usize) -> usize {
    (files / 8).clamp(1, MANAGEMENT)
}

/// `others` are connections to upstreams, and those of probes and operators.
fn possible(configured: usize, files: usize, others: usize, listeners: usize) -> usize {
    let reserved = OWN.saturating_add(others).min(files / 2);
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
