//! The drop-in relay: clients of the vendors' protocols, pointed at the gateway.
//!
//! A request is decoded by the codec whose encoder the upstream uses, its caller is checked, and then the same gateway
//! functions run as for `/v1`. The caller's own key and producer group end here; receipt handles are the MQ's own. What
//! a vendor's client gets is a vendor's answer, whatever happened.

mod mq_http;
mod ons_http;

use std::time::Duration;

use actix_web::HttpResponse;
use tokio::time::timeout;

use super::data::Exchange;
use super::problem::Problem;
use super::vendor::ons_http::ClockWindow;
use super::vendor::{Caller, Callers, Vendor};
use crate::config::{ClientAuth, DropInConfig};
use crate::gateway::{GatewayError, GroupRoute, TopicRoute};
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

    /// Whether nobody is asked for a key.
    fn asks_nobody(&self) -> bool {
        self.client_auth == ClientAuth::None
    }
}

/// Who calls, as far as it was checked.
#[derive(Debug, Clone, Copy)]
enum Identity<'a> {
    /// Nobody is asked.
    Anyone,
    /// This pair signed.
    Caller(&'a Caller),
}

/// The caller in metrics when nobody is asked.
const ANYONE: &str = "_anyone";
/// The caller in metrics when it is not known.
const UNKNOWN: &str = "_unknown";

impl<'a> Identity<'a> {
    fn label(self) -> &'a str {
        match self {
            Self::Anyone => ANYONE,
            Self::Caller(caller) => &caller.name,
        }
    }
}

/// Why a caller may not use a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Denied {
    /// The pair is good for other topics only.
    OtherTopics,
    /// The topic is not on the embedded endpoint, and nobody said who may call.
    NoClientAuth,
    /// There is no such topic or group.
    Unknown(GatewayError),
}

/// The topic that a caller may use. By its name first: nobody learns whether there are topics that are not theirs.
fn topic(exchange: &Exchange, identity: Identity<'_>, name: &str) -> Result<TopicRoute, Denied> {
    if let Identity::Caller(caller) = identity
        && !caller.topics.has(name)
    {
        return Err(Denied::OtherTopics);
    }
    let route = exchange.gateway().topic(name).map_err(Denied::Unknown)?;
    match exchange.drop_in().client_auth {
        ClientAuth::EmbeddedOnly if !route.is_embedded() => Err(Denied::NoClientAuth),
        ClientAuth::EmbeddedOnly | ClientAuth::None | ClientAuth::Keys => Ok(route),
    }
}

/// As [`topic`], for a publish: a name that is not configured is counted.
fn topic_to_publish(exchange: &Exchange, identity: Identity<'_>, name: &str) -> Result<TopicRoute, Denied> {
    topic(exchange, identity, name).inspect_err(|denied| {
        if *denied == Denied::Unknown(GatewayError::UnknownTopic) {
            exchange.gateway().metrics().messages.unknown_topic();
        }
    })
}

/// As [`topic`], with a consumer group of it.
fn group(exchange: &Exchange, identity: Identity<'_>, name: &str, group: &str) -> Result<GroupRoute, Denied> {
    topic(exchange, identity, name)?.group(group).map_err(Denied::Unknown)
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
