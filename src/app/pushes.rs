//! Subscriptions: what they need of the process.

use std::sync::Arc;

use crate::config::Config;
use crate::http::ServiceResources;
use crate::http::management::{NotRedelivered, Redeliver};
use crate::push::{PushResources, Subscriptions};

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

/// How operators have a subscription deliver a dead letter again.
pub(super) fn redeliver(subscriptions: &Subscriptions) -> Redeliver {
    let subscriptions = subscriptions.clone();
    Redeliver::new(move |name, message, new_id| {
        let subscriptions = subscriptions.clone();
        Box::pin(async move {
            let delivered = subscriptions.deliver_once(&name, message, new_id).await;
            let not_delivered = |error: crate::push::NotDelivered| NotRedelivered {
                may_have_it: error.may_have_it(),
                detail: error.to_string(),
            };
            delivered.map(|delivered| delivered.status).map_err(not_delivered)
        })
    })
}
