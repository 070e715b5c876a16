//! The drop-in relay: clients of the vendors' protocols, pointed at the gateway.
//!
//! A request is decoded by the codec whose encoder the upstream uses, its caller is checked, and then the same gateway
//! functions run as for `/v1`. The caller's own key and producer group end here; receipt handles are the MQ's own. What
//! a vendor's client gets is a vendor's answer, whatever happened.

mod mq_http;
mod ons_http;

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use tokio::time::timeout;

use super::data::Exchange;
use super::problem::Problem;
use super::vendor::ons_http::ClockWindow;
use super::vendor::{Callers, Vendor};
use crate::config::{ClientAuth, DropInConfig};
use crate::gateway::TopicRoute;
use crate::tasks::Stage;

/// What the relay checks and waits.
#[derive(Debug, Clone)]
pub struct DropIn {
    enabled: bool,
    client_auth: ClientAuth,
    callers: Callers,
    clock: ClockWindow,
    clock_window: Duration,
    default_wait: Duration,
    error_hold: Duration,
}

impl DropIn {
    /// Joins the settings with the pairs that `client_auth` speaks of: the virtual keys, or the embedded endpoint's own.
    #[must_use]
    pub fn new(config: &DropInConfig, callers: Callers) -> Self {
        Self {
            enabled: config.enabled,
            client_auth: config.client_auth,
            callers,
            clock: ClockWindow { past: config.clock_past, future: config.clock_future },
            clock_window: config.clock_window,
            default_wait: config.default_wait,
            error_hold: config.error_hold,
        }
    }

    /// Whether the relay answers at all.
    pub(super) fn enabled(&self) -> bool {
        self.enabled
    }

    /// Whether a caller that was not asked for a key may use a topic: everybody where the operator said so; nobody where
    /// callers have keys; and nobody where nothing was said.
    fn asks_nobody(&self) -> bool {
        self.client_auth == ClientAuth::None
    }
}

/// Who calls, as far as it was checked.
#[derive(Debug, Clone)]
enum Identity {
    /// Nobody is asked.
    Anyone,
    /// This pair signed.
    Caller(Arc<str>),
}

/// The caller in metrics when nobody is asked.
const ANYONE: &str = "_anyone";
/// The caller in metrics when it is not known.
const UNKNOWN: &str = "_unknown";

impl Identity {
    fn label(&self) -> &str {
        match self {
            Self::Anyone => ANYONE,
            Self::Caller(name) => name,
        }
    }
}

/// Why a caller may not use a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Denied {
    /// The pair is good for other topics only.
    OtherTopics,
    /// The topic is not on the embedded endpoint, and nobody said who may call.
    NoClientAuth,
}

/// Whether a caller may use the topic, once both are known.
fn permit(exchange: &Exchange, identity: &Identity, route: &TopicRoute) -> Result<(), Denied> {
    let dropin = exchange.drop_in();
    match (dropin.client_auth, identity) {
        (ClientAuth::None, _) => Ok(()),
        (ClientAuth::EmbeddedOnly, _) if route.is_embedded() => Ok(()),
        (ClientAuth::EmbeddedOnly, _) => Err(Denied::NoClientAuth),
        (ClientAuth::Keys, Identity::Caller(name)) => {
            let caller = dropin.callers.named(name);
            let allowed = caller.is_some_and(|caller| caller.topics.has(&route.topic));
            if allowed { Ok(()) } else { Err(Denied::OtherTopics) }
        }
        (ClientAuth::Keys, Identity::Anyone) => Err(Denied::OtherTopics),
    }
}

/// Answers one request of a vendor's client whose head was admitted.
pub(super) async fn answer(exchange: &Exchange, vendor: Vendor) -> HttpResponse {
    match vendor {
        Vendor::OnsHttp => ons_http::answer(exchange).await,
        Vendor::MqHttp => mq_http::answer(exchange).await,
    }
}

/// A failure that no protocol knows (a head that was not admitted, a bug of ours) in the vendor's own protocol.
pub(super) fn refuse(vendor: Vendor, problem: &Problem, id: &str) -> HttpResponse {
    match vendor {
        Vendor::OnsHttp => ons_http::refuse(problem),
        Vendor::MqHttp => mq_http::refuse(problem, id),
    }
}

/// Clients ask again at once after an error: an error answer to a poll is held (protocol notes ONS 7, item 14).
async fn hold(exchange: &Exchange) {
    let mut stage = exchange.gateway().stages();
    // Whichever comes first.
    drop(timeout(exchange.drop_in().error_hold, stage.wait_for(|stage| *stage == Stage::Stopping)).await);
}
