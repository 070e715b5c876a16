//! The use cases: routing, publish, batch, receive, stream, acknowledge, nack and extend, discovery. No HTTP words.
//!
//! A [`Gateway`] is a cheap bundle per thread: its own upstream clients, everybody's shared state.

mod acknowledge;
mod admission;
mod batch;
mod change_visibility;
mod cloud_events;
mod discovery;
mod error;
mod event_defaults;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod hidden_for;
mod limits;
mod message_sizes;
mod once_each;
mod polls;
mod publish;
mod recall;
mod receipt_handle;
mod receive;
mod received;
mod release;
mod routing;
mod settle_delivery;
mod streams;
#[cfg(test)]
mod tests;
mod traces;

use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::watch;

use crate::memory::MemoryBudget;
use crate::model::Capabilities;
use crate::tasks::{Stage, Tasks};
use crate::telemetry::{Metrics, UNKNOWN_TOPIC};
use crate::upstream::{Plan, Upstream};
use streams::ThreadStreams;

pub use acknowledge::Acknowledged;
pub use batch::BatchItem;
pub use change_visibility::{ChangeResult, Changed, Changes};
pub use cloud_events::EventError;
pub use discovery::TopicView;
pub use error::GatewayError;
pub use message_sizes::MessageSizes;
pub use polls::PollLines;
pub use publish::Accepted;
pub use recall::{GiveBack, Recall};
pub use receipt_handle::ReceiptHandle;
pub use received::{Deliveries, ReceiveRequest, Received};
pub use routing::{GroupRoute, Routes, TopicRoute};
pub use streams::{MessageStream, StreamEvent, StreamedMessage, Streams, StreamsFull, Ticket};

/// What all threads share.
#[derive(Debug, Clone)]
pub struct Shared {
    /// Names to profiles.
    pub routes: Arc<Routes>,
    /// One plan per profile, in the order that [`Routes`] numbers them.
    pub plans: Arc<Vec<Plan>>,
    /// Where to count.
    pub metrics: Arc<Metrics>,
    /// What requests hold.
    pub memory: MemoryBudget,
    /// How large messages are.
    pub message_sizes: Arc<MessageSizes>,
    /// Few polls for many who wait.
    pub poll_lines: Arc<PollLines>,
    /// Who streams.
    pub streams: Arc<Streams>,
    /// Where this process is the MQ of a profile.
    pub give_back: Option<GiveBack>,
    /// What goes on without its caller.
    pub tasks: Tasks,
    /// Waiting receives end when the process stops.
    pub stage: watch::Receiver<Stage>,
}

/// One thread's gateway.
#[derive(Debug)]
pub struct Gateway {
    shared: Shared,
    upstreams: Vec<Rc<Upstream>>,
    streams: Rc<ThreadStreams>,
}

impl Gateway {
    /// Builds this thread's upstream clients.
    #[must_use]
    pub fn new(shared: Shared) -> Self {
        let upstreams = shared.plans.iter().map(|plan| Rc::new(Upstream::build(plan))).collect();
        let streams = Rc::new(ThreadStreams::new(&shared.streams, shared.stage.clone()));
        Self { shared, upstreams, streams }
    }

    /// The topic that a path names, decoded.
    ///
    /// # Errors
    /// [`GatewayError::IllegalName`] or [`GatewayError::UnknownTopic`].
    pub fn topic(&self, name: &str) -> Result<TopicRoute, GatewayError> {
        self.shared.routes.topic(name)
    }

    /// A name's value of the label `topic`, whether or not there is such a topic. `is_admitted` says that the operation was: only
    /// then may it take one of the places that a wildcard's names have.
    #[must_use]
    pub fn topic_label(&self, name: &str, is_admitted: bool) -> String {
        let metrics = &self.shared.metrics;
        match self.topic(name) {
            Ok(route) if is_admitted => route.metrics(metrics).label.clone(),
            Ok(_) => metrics.messages.topic_label(name).to_owned(),
            Err(_) => UNKNOWN_TOPIC.to_owned(),
        }
    }

    /// As [`Gateway::topic`], for a publish: a name that is not configured is counted.
    ///
    /// # Errors
    /// As [`Gateway::topic`].
    pub fn topic_to_publish(&self, name: &str) -> Result<TopicRoute, GatewayError> {
        self.topic(name).inspect_err(|error| {
            if *error == GatewayError::UnknownTopic {
                self.shared.metrics.messages.unknown_topic();
            }
        })
    }

    /// The consumer group that a path names, decoded.
    ///
    /// # Errors
    /// [`GatewayError::IllegalName`], [`GatewayError::UnknownTopic`] or [`GatewayError::UnknownGroup`].
    pub fn group(&self, topic: &str, group: &str) -> Result<GroupRoute, GatewayError> {
        self.topic(topic)?.group(group)
    }

    /// What the protocol behind a topic can do.
    ///
    /// # Errors
    /// [`GatewayError::Internal`].
    pub fn capabilities(&self, route: &TopicRoute) -> Result<&Capabilities, GatewayError> {
        Ok(self.upstream(route)?.capabilities())
    }

    /// The largest message body of a topic, in bytes.
    ///
    /// # Errors
    /// [`GatewayError::Internal`].
    pub fn max_message_bytes(&self, route: &TopicRoute) -> Result<usize, GatewayError> {
        Ok(self.upstream(route)?.capabilities().limits.max_message_bytes)
    }

    /// The upstream that a route leads to. Routes are made from the same plans, so there always is one.
    fn upstream(&self, route: &TopicRoute) -> Result<&Rc<Upstream>, GatewayError> {
        self.upstreams.get(route.settings.profile).ok_or(GatewayError::Internal("a route without its profile"))
    }
}
