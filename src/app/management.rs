//! The management listener.

use std::rc::Rc;
use std::time::Duration;

use super::descriptors;
use super::error::StartError;
use crate::config::{self, Config, ServerConfig};
use crate::http::management::{ManagementPages, ManagementService, OperationsPlan, OperatorGuard};
use crate::listener::{self, ListenAddress, Listener, ListenerOptions};

/// Nobody waits for the last scrape to end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves operators: one thread of its own, never one of the callers', with the callers' limits.
pub(super) fn listen(
    config: &Config,
    pages: ManagementPages,
    operations: OperationsPlan,
) -> Result<Listener, StartError> {
    let config::ManagementConfig { listen, token_file } = &config.management;
    let guard =
        OperatorGuard::new(listen.ip().is_loopback(), token_file.as_deref()).map_err(StartError::OperatorToken)?;
    let options = ListenerOptions {
        name: "management",
        listen: ListenAddress { address: *listen, key: "management.listen" },
        connections: descriptors::management(),
        metrics: operations.resources.metrics.connections.listener("management"),
    };
    let mut server = ServerConfig { workers: 1, shutdown_timeout: SHUTDOWN_TIMEOUT, ..config.server.clone() };
    // Its own number is small anyway.
    server.limits.connections_per_address = 0;
    let build = move || Rc::new(ManagementService::new(pages.clone(), operations.clone(), guard.clone()));
    Ok(listener::serve(&server, options, build, ManagementService::handle)?)
}
