//! What an upstream can do: requests are checked against it, discovery shows it.

use std::time::Duration;

use super::words;
use super::{Feature, Features};

words! {
    /// The protocol of an MQ, by its name in the configuration.
    pub enum Protocol {
        /// The HTTP interface of Alibaba Cloud ONS, which the embedded endpoint speaks, too.
        OnsHttp = "ons-http",
        /// The HTTP interface of Alibaba Cloud RocketMQ 4.x and its like (`x-mq-version: 2015-06-06`), which the embedded
        /// endpoint speaks, too.
        MqHttp = "mq-http",
        /// gRPC, as Apache RocketMQ 5 and Aliyun RocketMQ 5.x speak it.
        RocketMq = "rocketmq",
    }
}

/// What one profile can do, and how much at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// The profile's protocol.
    pub protocol: Protocol,
    /// How much at a time.
    pub limits: ProtocolLimits,
    /// What it has of the abilities that not every protocol has.
    pub features: Features,
    /// What it could have besides, if the profile said so.
    pub optional: OptionalFeatures,
}

/// The most that one request may ask of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProtocolLimits {
    /// Largest message body in bytes.
    pub max_message_bytes: usize,
    /// Most messages in one receive.
    pub max_receive_messages: u32,
    /// Longest long poll.
    pub max_wait: Duration,
    /// How far ahead the time of a message may be.
    pub max_delay: Duration,
    /// The visibility timeouts that a receive may choose, where it can.
    pub visibility_timeouts: Option<VisibilityTimeouts>,
}

/// The shortest and the longest time that a delivery can be hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VisibilityTimeouts {
    /// The shortest.
    pub min: Duration,
    /// The longest.
    pub max: Duration,
}

/// Features that a protocol has only where the profile asks for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionalFeatures {
    /// The features.
    pub features: Features,
    /// The line of the profile that asks for them, `key = value`.
    pub setting: &'static str,
}

impl Protocol {
    /// Whether the MQ tells that a handle is no longer valid; ONS HTTP says yes to any.
    #[must_use]
    pub const fn tells_stale_handles(self) -> bool {
        match self {
            Self::OnsHttp => false,
            Self::MqHttp | Self::RocketMq => true,
        }
    }

    /// Whether a tag filter takes away from the whole group what it leaves out.
    #[must_use]
    pub const fn filters_consume(self) -> bool {
        match self {
            Self::OnsHttp | Self::MqHttp => false,
            Self::RocketMq => true,
        }
    }
}

impl VisibilityTimeouts {
    /// The nearest that there is.
    #[must_use]
    pub fn nearest(self, wanted: Duration) -> Duration {
        wanted.clamp(self.min, self.max)
    }
}

impl Capabilities {
    /// Whether the profile has a feature.
    #[must_use]
    pub const fn has(&self, feature: Feature) -> bool {
        self.features.has(feature)
    }

    /// The profile's line that would give it a feature which it lacks.
    #[must_use]
    pub fn setting_for(&self, feature: Feature) -> Option<&'static str> {
        (!self.has(feature) && self.optional.features.has(feature)).then_some(self.optional.setting)
    }
}
