//! The MQ we talk to, as an enum: the set is closed and ours, so a new protocol does not compile until every operation
//! has its arm.
//!
//! A [`Plan`] is `Send` and made once per profile; an [`Upstream`] is built from it inside each worker thread, because
//! the HTTP client is not `Send`.

mod acceptance;
mod attempts;
mod error;
mod exchange;
#[cfg(all(any(test, fuzzing), feature = "rocketmq"))]
pub(crate) mod fuzzing;
mod http;
mod keys;
mod plan;
mod plan_resources;
mod poll;
mod profile;
mod reachability;
#[cfg(feature = "rocketmq")]
mod rocketmq;
mod watch_keys;

use std::time::Duration;

use crate::config::OnUnknown;
use crate::context::RequestContext;
use crate::model::{
    Capabilities, ChangedDelivery, ConsumerGroup, Message, Published, Topic, UnixMillis, UpstreamHandle, Verb,
    VisibilityChange,
};
use crate::protocol::{self, Objection};

pub use acceptance::{Accepted, ConfiguredNames, Refused};
pub use attempts::Attempted;
pub use error::{UpstreamError, UpstreamErrorKind};
pub use http::{MqHttp, OnsHttp};
pub use keys::{Keys, ReloadPolicy, Unchanged};
pub use plan::{Plan, UpstreamHealth};
pub use plan_resources::{PlanError, PlanResources};
pub use poll::{PollRequest, Polled};
#[cfg(feature = "rocketmq")]
pub use rocketmq::RocketMq;
pub use watch_keys::{KeyRecord, watch_keys};

use plan::ProtocolPlan;
use profile::Profile;

/// A client of one profile's MQ, for one thread.
#[derive(Debug)]
pub enum Upstream {
    /// The ONS HTTP protocol.
    OnsHttp(OnsHttp),
    /// The MQ HTTP protocol.
    MqHttp(MqHttp),
    /// RocketMQ 5.
    #[cfg(feature = "rocketmq")]
    RocketMq(RocketMq),
}

impl Upstream {
    /// Builds the client that the profile's protocol asks for.
    #[must_use]
    pub fn build(plan: &Plan) -> Self {
        match &plan.protocol {
            ProtocolPlan::OnsHttp(http, settings) => Self::OnsHttp(OnsHttp::new(&plan.profile, http, settings)),
            ProtocolPlan::MqHttp(http, settings) => Self::MqHttp(MqHttp::new(&plan.profile, http, settings)),
            #[cfg(feature = "rocketmq")]
            ProtocolPlan::RocketMq(plan) => Self::RocketMq(RocketMq::new(plan)),
        }
    }

    fn profile(&self) -> &Profile {
        match self {
            Self::OnsHttp(it) => it.profile(),
            Self::MqHttp(it) => it.profile(),
            #[cfg(feature = "rocketmq")]
            Self::RocketMq(it) => it.profile(),
        }
    }

    /// What the protocol can do.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        &self.profile().capabilities
    }

    /// The time by our clock.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        self.profile().clock.now()
    }

    /// How long a receive pauses after an empty answer that came before its time.
    #[must_use]
    pub fn empty_poll_pause(&self) -> Duration {
        self.profile().empty_poll_pause
    }

    /// The wait of a poll that is to be answered soon by whatever MQ it is: without any, some hold it as long as they like.
    #[must_use]
    pub fn briefest_wait(&self) -> Duration {
        match self {
            Self::OnsHttp(it) => it.briefest_wait(),
            Self::MqHttp(_) => Duration::ZERO,
            #[cfg(feature = "rocketmq")]
            Self::RocketMq(_) => Duration::ZERO,
        }
    }

    /// The time by the MQ's clock at which it made a delivery that has just come, as far as that is known.
    #[must_use]
    #[cfg_attr(
        not(feature = "rocketmq"),
        expect(unused_variables, reason = "only RocketMQ's handles have a time in them")
    )]
    pub fn delivered_at(&self, handle: &UpstreamHandle) -> Option<UnixMillis> {
        match self {
            Self::OnsHttp(it) => it.their_now(),
            Self::MqHttp(it) => it.their_now(),
            #[cfg(feature = "rocketmq")]
            Self::RocketMq(_) => RocketMq::delivered_at(handle),
        }
    }

    /// How long a delivery that has just come is hidden from others. `asked` is the visibility timeout that it was received with,
    /// `visible_again_at` what the MQ says, by its own clock.
    #[must_use]
    pub fn hidden_for(&self, asked: Option<Duration>, ordered: bool, visible_again_at: UnixMillis) -> Duration {
        match self {
            Self::OnsHttp(it) => it.hidden_for(asked),
            Self::MqHttp(it) => it.hidden_for(ordered, visible_again_at),
            #[cfg(feature = "rocketmq")]
            Self::RocketMq(it) => it.hidden_for(asked),
        }
    }

    /// Whether those who wait share few polls by themselves, however many receive at once; each waits its whole time then.
    #[must_use]
    pub fn shares_polls(&self) -> bool {
        match self {
            Self::OnsHttp(_) | Self::MqHttp(_) => false,
            #[cfg(feature = "rocketmq")]
            Self::RocketMq(_) => true,
        }
    }

    /// Most deliveries that one acknowledgement names.
    #[must_use]
    pub fn handles_at_once(&self) -> usize {
        match self {
            Self::OnsHttp(_) => 1,
            Self::MqHttp(_) => protocol::mq_http::MAX_ACK,
            #[cfg(feature = "rocketmq")]
            Self::RocketMq(_) => protocol::rocketmq::MAX_ACK,
        }
    }

    /// Whether messages carry the trace that they were published in, and receives are linked to it.
    #[must_use]
    pub fn propagates_trace(&self) -> bool {
        self.profile().propagates_trace
    }

    /// Whether they carry it as properties.
    #[must_use]
    pub fn carries_trace_as_properties(&self) -> bool {
        match self {
            Self::OnsHttp(_) | Self::MqHttp(_) => self.propagates_trace(),
            // It has a field for that.
            #[cfg(feature = "rocketmq")]
            Self::RocketMq(_) => false,
        }
    }

    /// Why the protocol does not carry a message.
    #[must_use]
    pub fn objection(&self, message: &Message) -> Option<Objection> {
        match self {
            Self::OnsHttp(_) => protocol::ons_http::objection(message, self.capabilities()),
            Self::MqHttp(_) => protocol::mq_http::objection(message, self.capabilities()),
            #[cfg(feature = "rocketmq")]
            Self::RocketMq(it) => it.objection(message),
        }
    }

    /// Stores one message. Repeated where the contract's table says so; an unknown outcome only as `on_unknown` says.
    ///
    /// # Errors
    /// [`UpstreamError`], which knows the outcome.
    pub async fn publish(
        &self,
        context: &RequestContext,
        message: &Message,
        on_unknown: OnUnknown,
    ) -> Attempted<Result<Published, UpstreamError>> {
        match self {
            Self::OnsHttp(it) => it.publish(context, message, on_unknown).await,
            Self::MqHttp(it) => it.publish(context, message, on_unknown).await,
            #[cfg(feature = "rocketmq")]
            // In a box, so that the other two need not be as large.
            Self::RocketMq(it) => Box::pin(it.publish(context, message, on_unknown)).await,
        }
    }

    /// Asks for messages. Dropping the future ends the poll.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub async fn receive(&self, context: &RequestContext, request: &PollRequest<'_>) -> Result<Polled, UpstreamError> {
        match self {
            Self::OnsHttp(it) => it.receive(context, request).await,
            Self::MqHttp(it) => it.receive(context, request).await,
            #[cfg(feature = "rocketmq")]
            Self::RocketMq(it) => it.receive(context, request).await,
        }
    }

    /// Acknowledges deliveries, at most [`Upstream::handles_at_once`]; a result for each, in the same order.
    pub async fn acknowledge(
        &self,
        context: &RequestContext,
        topic: &Topic,
        group: &ConsumerGroup,
        handles: &[UpstreamHandle],
    ) -> Vec<Result<(), UpstreamError>> {
        match self {
            Self::OnsHttp(it) => {
                let mut results = Vec::with_capacity(handles.len());
                for handle in handles {
                    results.push(it.acknowledge(context, topic, group, handle).await);
                }
                results
            }
            Self::MqHttp(it) => it.acknowledge(context, topic, group, handles).await,
            #[cfg(feature = "rocketmq")]
            Self::RocketMq(it) => Box::pin(it.acknowledge(context, topic, group, handles)).await,
        }
    }

    /// Changes until when others do not get a delivery; asked for only where the protocol can.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub async fn change_visibility(
        &self,
        context: &RequestContext,
        topic: &Topic,
        group: &ConsumerGroup,
        handle: &UpstreamHandle,
        change: VisibilityChange,
    ) -> Result<ChangedDelivery, UpstreamError> {
        match self {
            Self::OnsHttp(it) => it.change_visibility(context, topic, group, handle, change).await,
            Self::MqHttp(_) => Err(no_such_verb(change.verb)),
            #[cfg(feature = "rocketmq")]
            Self::RocketMq(it) => it.change_visibility(context, topic, group, handle, change).await,
        }
    }
}

fn no_such_verb(verb: Verb) -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::Misconfigured, format!("the protocol has no {verb}"))
}
