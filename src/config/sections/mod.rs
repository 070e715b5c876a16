//! The sections: each file holds the keys of a table and the type that they become. A section knows only the tables inside it.

mod abilities;
mod callers;
mod chaos;
mod control_group;
mod credentials;
mod dropin;
mod embedded;
mod limits;
mod log;
mod management;
mod mq_http;
mod ons_http;
mod profile_keys;
mod profiles;
mod rocketmq;
mod server;
mod subscriptions;
mod top;
mod topics;
mod tracing;

pub use callers::{CallerConfig, CallerTopics};
pub use chaos::ChaosConfig;
pub use credentials::CredentialsConfig;
pub use dropin::{ClientAuth, DropInConfig};
pub use embedded::{EmbeddedConfig, EmbeddedStorage, NewGroupStarts, WhenFull};
pub use limits::LimitsConfig;
pub use log::{LogConfig, LogFormat, LogLevel};
pub use management::ManagementConfig;
pub use mq_http::MqHttpConfig;
pub use ons_http::OnsHttpConfig;
pub use profiles::{ClockSkew, CredentialsSource, ProfileConfig, ProtocolConfig};
pub use rocketmq::RocketMqConfig;
pub use server::ServerConfig;
pub use subscriptions::{
    DeadLetterConfig, PushData, PushFormat, SecretFormat, SigningSecretConfig, SubscriptionConfig,
};
pub use topics::{CloudEventsForm, DeliveryMode, GroupConfig, Groups, OnUnknown, TopicConfig, TopicPattern};
pub use tracing::{TraceCompression, TraceExporter, TraceProtocol, TraceSampler, TracingConfig};

pub(super) use credentials::{SECTION as CREDENTIALS, inline_secret_hint};
pub(super) use profiles::abilities;
pub(super) use top::SECTION as TOP;
