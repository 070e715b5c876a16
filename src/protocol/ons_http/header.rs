//! The protocol's headers.

use crate::protocol::VISIBILITY_MARK;

/// The vendor's own content type for publishes, and the one of our responses (protocol notes ONS 7, items 11 and 23).
pub const CONTENT_TYPE: &str = "text/html;charset=UTF-8";

/// The headers that mean something, spelled as the specification does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// The access key id.
    AccessKey,
    /// The signature.
    Signature,
    /// The producer group.
    ProducerId,
    /// The consumer group.
    ConsumerId,
    /// `true` for an ordered message.
    IsOrder,
    /// What keeps messages in order.
    ShardingKey,
    /// How a publish's body is to be read.
    ContentType,
    /// How long a delivery is hidden: not the vendor's, but ours, for the embedded endpoint.
    Visibility,
}

impl Header {
    /// The name; header names are compared without case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessKey => "AccessKey",
            Self::Signature => "Signature",
            Self::ProducerId => "ProducerID",
            Self::ConsumerId => "ConsumerID",
            Self::IsOrder => "isOrder",
            Self::ShardingKey => "shardingKey",
            Self::ContentType => "Content-Type",
            Self::Visibility => VISIBILITY_MARK,
        }
    }
}
