//! The messages of `apache.rocketmq.v2` that the gateway uses, written by hand: both directions, since tests play the server.
//!
//! Field numbers are those of apache/rocketmq-apis (`definition.proto`, `service.proto`). What a peer sends beyond these fields is
//! skipped. Where the format says `optional`, so does the struct; elsewhere an absent value is the type's zero.
#![expect(missing_docs, reason = "the fields are the protocol's own, by its own names")]

mod definition;
mod service;
mod time;

pub use definition::{
    Address, AddressScheme, Broker, ClientType, Digest, DigestType, Encoding, Endpoints, FilterExpression, FilterType,
    Language, Message, MessageQueue, MessageType, Permission, Publishing, PublishingOrSubscription, Resource,
    RetryPolicy, Settings, Status, Subscription, SubscriptionEntry, SystemProperties, UserAgent,
};
pub use service::{
    AckMessageEntry, AckMessageRequest, AckMessageResponse, AckMessageResultEntry, ChangeInvisibleDurationRequest,
    ChangeInvisibleDurationResponse, Command, HeartbeatRequest, HeartbeatResponse, NotifyClientTerminationRequest,
    NotifyClientTerminationResponse, QueryRouteRequest, QueryRouteResponse, ReceiveMessageRequest,
    ReceiveMessageResponse, Received, SendMessageRequest, SendMessageResponse, SendResultEntry, TelemetryCommand,
};
pub use time::{Span, Timestamp};
