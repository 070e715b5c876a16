//! The use cases: routing, publish, batch, receive, acknowledge, discovery. No HTTP words.
//!
//! A [`Gateway`] is a cheap bundle per thread: its own upstream clients, everybody's shared state.

mod acknowledge;
mod admission;
mod batch;
mod discovery;
mod error;
mod limits;
mod poll_lanes;
mod publish;
mod receipt_handle;
mod receive;
mod requirements;
mod routing;

use std::sync::Arc;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::tasks::Stage;
use crate::telemetry::Metrics;
use crate::upstream::{Plan, Upstream};

pub use acknowledge::AckResult;
pub use batch::BatchItem;
pub use discovery::TopicView;
pub use error::GatewayError;
pub use publish::Accepted;
pub use receipt_handle::{MAX_RECEIPT_HANDLE_BYTES, ReceiptHandle};
pub use receive::{ReceiveRequest, Received};
pub use requirements::Verb;
pub use routing::{GroupRoute, Routes, TopicRoute};

/// What all threads share.
#[derive(Debug, Clone)]
pub struct Shared {
    /// Names to profiles.
    pub routes: Arc<Routes>,
    /// One plan per profile, in the order that [`Routes`] numbers them.
    pub plans: Arc<Vec<Plan>>,
    /// Where to count.
    pub metrics: Arc<Metrics>,
    /// The time.
    pub clock: Clock,
    /// Where the process is in its life.
    pub stage: watch::Receiver<Stage>,
}

/// One thread's gateway.
#[derive(Debug)]
pub struct Gateway {
    shared: Shared,
    upstreams: Vec<Upstream>,
    lanes: poll_lanes::PollLanes,
}

impl Gateway {
    /// Builds this thread's upstream clients.
    #[must_use]
    pub fn new(shared: Shared) -> Self {
        let upstreams = shared.plans.iter().map(Upstream::build).collect();
        Self { shared, upstreams, lanes: poll_lanes::PollLanes::default() }
    }

    /// Where the process is in its life.
    #[must_use]
    pub fn stage(&self) -> Stage {
        *self.shared.stage.borrow()
    }

    /// Changes of the stage.
    #[must_use]
    pub fn stages(&self) -> watch::Receiver<Stage> {
        self.shared.stage.clone()
    }

    /// Where this gateway counts.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.shared.metrics
    }

    /// The time.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// The upstream that a route leads to. Routes are made from the same plans, so there always is one.
    fn upstream(&self, route: &TopicRoute) -> Result<&Upstream, GatewayError> {
        self.upstreams.get(route.settings.profile).ok_or(GatewayError::Internal("a route without its profile"))
    }
}
