//! The MQ we talk to, as an enum: the set is closed and ours, so a new protocol does not compile until every operation
//! has its arm.
//!
//! A [`Plan`] is `Send` and made once per profile; an [`Upstream`] is built from it inside each worker thread, because
//! the HTTP client is not `Send`.

mod breaker;
mod clock_skew;
mod endpoints;
mod error;
mod keys;
mod look_up;
mod monitor;
mod ons_http;
mod plan;
mod retry;
mod watch_keys;

use std::time::Duration;

use tokio::time::Instant;

use crate::config::OnUnknown;
use crate::model::{Capabilities, ConsumerGroup, Delivery, Message, Published, Topic, UpstreamHandle};

pub use breaker::BreakerSettings;
pub use endpoints::{EndpointAddress, Endpoints};
pub use error::{UpstreamError, UpstreamErrorKind};
pub use keys::{Demand, Keys, Pair, Unchanged};
pub use look_up::look_up;
pub use monitor::watch;
pub use ons_http::OnsHttp;
pub use plan::{Parts, Plan};

/// A client of one profile's MQ, for one thread.
#[derive(Debug)]
pub enum Upstream {
    /// The ONS HTTP protocol.
    OnsHttp(OnsHttp),
}

/// A result, and how often the MQ was tried for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempted<T> {
    /// Every address asked, repetitions included.
    pub attempts: u32,
    /// What came of the last one.
    pub result: T,
}

impl Upstream {
    /// Builds the client that the profile's protocol asks for.
    #[must_use]
    pub fn build(plan: &Plan) -> Self {
        match plan.protocol {
            // Profiles of mq-http do not start yet, see `app`.
            crate::config::Protocol::OnsHttp | crate::config::Protocol::MqHttp => Self::OnsHttp(OnsHttp::new(plan)),
        }
    }

    /// The profile's name.
    #[must_use]
    pub fn profile(&self) -> &str {
        match self {
            Self::OnsHttp(it) => it.profile(),
        }
    }

    /// What the protocol can do.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        match self {
            Self::OnsHttp(it) => it.capabilities(),
        }
    }

    /// How long a receive pauses after an empty answer that came before its time.
    #[must_use]
    pub fn empty_poll_pause(&self) -> Duration {
        match self {
            Self::OnsHttp(it) => it.empty_poll_pause(),
        }
    }

    /// Stores one message. Repeated where the contract's table says so; an unknown outcome only as `on_unknown` says.
    ///
    /// # Errors
    /// [`UpstreamError`], which knows the outcome.
    pub async fn publish(
        &self,
        message: &Message,
        deadline: Instant,
        on_unknown: OnUnknown,
    ) -> Attempted<Result<Published, UpstreamError>> {
        match self {
            Self::OnsHttp(it) => it.publish(message, deadline, on_unknown).await,
        }
    }

    /// Asks for messages. Dropping the future ends the poll.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub async fn receive(
        &self,
        topic: &Topic,
        group: &ConsumerGroup,
        max_messages: u32,
        wait: Duration,
    ) -> Result<Vec<Delivery>, UpstreamError> {
        match self {
            Self::OnsHttp(it) => it.receive(topic, group, max_messages, wait).await,
        }
    }

    /// Acknowledges one delivery.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub async fn acknowledge(
        &self,
        topic: &Topic,
        group: &ConsumerGroup,
        handle: &UpstreamHandle,
        deadline: Instant,
    ) -> Result<(), UpstreamError> {
        match self {
            Self::OnsHttp(it) => it.acknowledge(topic, group, handle, deadline).await,
        }
    }
}
