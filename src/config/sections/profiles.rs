//! Profiles: the MQs that the gateway talks to. What all protocols have is here; what one of them has is in its own file.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::abilities::Abilities;
use super::{MqHttpConfig, OnsHttpConfig, RocketMqConfig};
use crate::config::section::section;
use crate::config::values::{
    BinaryBodies, EMBEDDED, ENDPOINT, Endpoint, Kind, Setting, hours, millis, minutes, seconds, setting,
};
use crate::model::{Capabilities, MAX_DELAY, Protocol, ProtocolLimits, words};
use crate::signature::Credentials;

section! {
    /// An MQ under a name of your choice. Which further keys it has its protocol says.
    pub struct ProfileConfig at "profiles.*" {
        /// The protocol of the MQ: `ons-http`; `mq-http`, which the vendor's MQ HTTP SDKs (`x-mq-version: 2015-06-06`) speak;
        /// or `rocketmq`, the gRPC of RocketMQ 5.
        protocol: ProtocolConfig, Kind::choice(Protocol::WORDS), required
            => ProtocolConfig::of_profile;
        /// Addresses of the MQ, http or https, without a path; several are tried in turn when one fails.
        /// `["embedded"]` is the embedded endpoint of this process, which speaks both protocols over HTTP.
        endpoints: Vec<Endpoint>, Kind::List { rule: ENDPOINT, min: 1, names: None }, required;
        /// PEM file of a private CA, trusted instead of the public ones, for https endpoints.
        /// Relative to the configuration file.
        ca_file: Option<PathBuf>, Kind::File, unset("the public CAs are trusted");
        /// How long one address may take to connect.
        connect_timeout: Duration, Kind::duration(millis(10), seconds(30)), default("1s");
        /// The pause before a waiting receive asks again after an empty answer that came early.
        empty_poll_pause: Duration, Kind::duration(millis(1), minutes(1)), default("2s");
        /// How often the endpoints' names are looked up and their addresses tried. A busy connection is renewed within ten minutes.
        dns_refresh: Duration, Kind::duration(millis(100), hours(1)), default("30s");
        /// How long an idle connection to the MQ stays open.
        keep_alive: Duration, Kind::duration(seconds(0), minutes(10)), default("30s");
        /// Most receives in flight to this MQ, and again most other requests, per worker; one more is answered 503.
        connections: usize, Kind::integer(1, 65_535), default(1024);
        /// `correct`: requests are signed with the MQ's own time as far as its Date headers tell it; `report`: the
        /// difference is only shown.
        clock_skew: ClockSkew, Kind::choice(ClockSkew::WORDS), default("correct");
        /// How long an endpoint may take to answer before that counts as a failure of it; a receive has its wait besides.
        answer_timeout: Duration, Kind::duration(millis(10), minutes(1)), default("4s");
        /// Failures in a row after which an endpoint is not asked for a while. A failure is no connection or no answer; any
        /// answer ends the row.
        breaker_failures: u32, Kind::integer(1, 1000), default(5);
        /// Longest time that an endpoint which failed is left alone before one request tries it again; the first time is about
        /// a second.
        breaker_open: Duration, Kind::duration(millis(100), hours(1)), default("30s");
    } and {
        /// Its name in the configuration, in metrics and in discovery.
        name: String,
        /// Where the keys come from.
        credentials: CredentialsSource,
        /// Largest message body, in bytes.
        max_message_bytes: usize,
    }
}

/// What only the profile's protocol has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProtocolConfig {
    /// `protocol = "ons-http"`.
    OnsHttp(OnsHttpConfig),
    /// `protocol = "mq-http"`.
    MqHttp(MqHttpConfig),
    /// `protocol = "rocketmq"`.
    RocketMq(RocketMqConfig),
}

impl ProtocolConfig {
    /// Reads it from the whole table, as its `protocol` says.
    fn of_profile(table: &Value) -> Option<Self> {
        Some(match setting(table, "protocol")? {
            Protocol::OnsHttp => Self::OnsHttp(OnsHttpConfig::read(table)?),
            Protocol::MqHttp => Self::MqHttp(MqHttpConfig::read(table)?),
            Protocol::RocketMq => Self::RocketMq(RocketMqConfig::read(table)?),
        })
    }

    /// Which protocol it is.
    #[must_use]
    pub const fn kind(&self) -> Protocol {
        match self {
            Self::OnsHttp(_) => Protocol::OnsHttp,
            Self::MqHttp(_) => Protocol::MqHttp,
            Self::RocketMq(_) => Protocol::RocketMq,
        }
    }
}

/// What every profile of a protocol can do.
pub(crate) const fn abilities(protocol: Protocol) -> &'static Abilities {
    match protocol {
        Protocol::OnsHttp => &OnsHttpConfig::ABILITIES,
        Protocol::MqHttp => &MqHttpConfig::ABILITIES,
        Protocol::RocketMq => &RocketMqConfig::ABILITIES,
    }
}

impl ProfileConfig {
    /// Its MQ is the embedded endpoint of this process.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.endpoints == [Endpoint::Embedded]
    }

    /// Messages carry the trace that they were published in.
    #[must_use]
    pub fn propagates_trace(&self) -> bool {
        match &self.protocol {
            ProtocolConfig::OnsHttp(_) => false,
            ProtocolConfig::MqHttp(own) => own.propagate_trace,
            ProtocolConfig::RocketMq(own) => own.propagate_trace,
        }
    }

    /// Takes over how long the MQ hides a delivery, where that is known better than the profile's own key says.
    pub(crate) fn report_visibility_timeout(&mut self, known: Duration) {
        if let ProtocolConfig::OnsHttp(own) = &mut self.protocol {
            own.visibility_timeout = known;
        }
    }

    /// What the profile can do.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        let protocol = self.protocol.kind();
        let Abilities { always, optional, embedded, max_receive_messages, max_wait } = *abilities(protocol);
        let has_optional = match &self.protocol {
            ProtocolConfig::OnsHttp(own) => own.binary_bodies != BinaryBodies::Refuse,
            ProtocolConfig::MqHttp(own) => own.binary_bodies != BinaryBodies::Refuse,
            ProtocolConfig::RocketMq(_) => false,
        };
        let (max_delay, visibility_timeouts) = match &self.protocol {
            ProtocolConfig::OnsHttp(_) if self.is_embedded() => {
                (MAX_DELAY, Some(OnsHttpConfig::EMBEDDED_VISIBILITY_TIMEOUTS))
            }
            ProtocolConfig::OnsHttp(_) | ProtocolConfig::MqHttp(_) => (MAX_DELAY, None),
            ProtocolConfig::RocketMq(own) => (own.max_delay, Some(RocketMqConfig::VISIBILITY_TIMEOUTS)),
        };
        let mut features = if has_optional { always | optional.features } else { always };
        if self.is_embedded() {
            features = features | embedded;
        }
        let limits = ProtocolLimits {
            max_message_bytes: self.max_message_bytes,
            max_receive_messages,
            max_wait,
            max_delay,
            visibility_timeouts,
        };
        Capabilities { protocol, limits, features, optional }
    }
}

/// Where a profile's keys come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialsSource {
    /// `[credentials.NAME]`.
    Named(String),
    /// Nowhere: requests are not signed. Only for `rocketmq`.
    Nowhere,
    /// The embedded endpoint's own pair; only for the endpoint `embedded`.
    Embedded,
    /// The keys themselves, out of the vendor's `user.properties`. `Debug` shows nothing of them.
    Inline(Credentials),
}

impl Setting for CredentialsSource {
    fn read(value: &Value) -> Option<Self> {
        if value.is_null() {
            return Some(Self::Nowhere);
        }
        let name = value.as_str()?;
        Some(if name == EMBEDDED { Self::Embedded } else { Self::Named(name.to_owned()) })
    }
}

words! {
    /// What happens when the MQ's clock differs from ours.
    pub enum ClockSkew {
        /// Requests are signed with the MQ's time.
        Correct = "correct",
        /// The difference is shown, and requests are signed with our own time.
        Report = "report",
    }
}
