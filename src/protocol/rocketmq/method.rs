//! The calls of the service.

/// A call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Where a topic is.
    QueryRoute,
    /// Says that a client is there.
    Heartbeat,
    /// Stores messages.
    SendMessage,
    /// Delivers messages, as a stream.
    ReceiveMessage,
    /// Acknowledges.
    AckMessage,
    /// Hides a delivery for another time.
    ChangeInvisibleDuration,
    /// Settings, in both directions, as streams.
    Telemetry,
    /// Says that a client goes.
    NotifyClientTermination,
}

impl Method {
    /// Its path.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::QueryRoute => "/apache.rocketmq.v2.MessagingService/QueryRoute",
            Self::Heartbeat => "/apache.rocketmq.v2.MessagingService/Heartbeat",
            Self::SendMessage => "/apache.rocketmq.v2.MessagingService/SendMessage",
            Self::ReceiveMessage => "/apache.rocketmq.v2.MessagingService/ReceiveMessage",
            Self::AckMessage => "/apache.rocketmq.v2.MessagingService/AckMessage",
            Self::ChangeInvisibleDuration => "/apache.rocketmq.v2.MessagingService/ChangeInvisibleDuration",
            Self::Telemetry => "/apache.rocketmq.v2.MessagingService/Telemetry",
            Self::NotifyClientTermination => "/apache.rocketmq.v2.MessagingService/NotifyClientTermination",
        }
    }
}
