//! Subscriptions: what they need of the process.

use std::sync::Arc;

use crate::config::Config;
use crate::http::ServiceResources;
use crate::push::PushResources;

/// What subscriptions need besides the gateway.
pub(super) fn resources(config: &Config, resources: &ServiceResources) -> PushResources {
    PushResources {
        clock: resources.clock.clone(),
        random: resources.random.clone(),
        tracer: resources.tracer.clone(),
        failures: Arc::clone(&resources.failures),
        shutdown_timeout: config.server.shutdown_timeout,
    }
}
