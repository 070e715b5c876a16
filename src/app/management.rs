//! The management listener.

use std::rc::Rc;
use std::time::Duration;

use super::descriptors;
use super::error::StartError;
use crate::config::{Config, ServerConfig};
use crate::http::ServiceResources;
use crate::http::management::ManagementService;
use crate::listener::{self, ListenAddress, Listener, ListenerOptions};

/// Nobody waits for the last scrape to end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves operators: one thread of its own, never one of the callers', with the callers' limits.
pub(super) fn listen(
    config: &Config,
    service: ManagementService,
    resources: &ServiceResources,
) -> Result<Listener, StartError> {
    let options = ListenerOptions {
        name: "management",
        listen: ListenAddress { address: config.management.listen, key: "management.listen" },
        connections: descriptors::management(),
        metrics: resources.metrics.connections.listener("management"),
    };
    let mut server = ServerConfig { workers: 1, shutdown_timeout: SHUTDOWN_TIMEOUT, ..config.server.clone() };
    // Its own number is small anyway.
    server.limits.connections_per_address = 0;
    let build = move || Rc::new(service.clone());
    Ok(listener::serve(&server, options, build, ManagementService::handle)?)
}
