//! What is known about a publish.

use super::MessageId;

/// *Unknown* is an answer, and the caller must look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The MQ stored it.
    Published,
    /// It is certain that the MQ did not take it.
    NotPublished,
    /// It was sent, and no answer that can be believed came back: the MQ may have it.
    Unknown,
}

impl Outcome {
    /// The word used in JSON, metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::NotPublished => "not_published",
            Self::Unknown => "unknown",
        }
    }

    /// Every outcome, for metrics that are made at start.
    pub const ALL: [Self; 3] = [Self::Published, Self::NotPublished, Self::Unknown];
}

/// How durably the MQ stored a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// As durably as the MQ was asked to.
    Full,
    /// Stored, but weaker than asked: a flush or a replica was late.
    Degraded,
}

/// The MQ's positive answer to a publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The MQ's id of the message.
    pub message_id: MessageId,
    /// How durably it was stored.
    pub durability: Durability,
    /// The MQ's own MD5 of the body as it went over the wire, in upper-case hex; `None` where the protocol has none.
    pub body_md5: Option<String>,
}
