//! Why a use case did not succeed; `http::problem` gives each its status and code.

use std::time::Duration;

use crate::memory::MemoryFull;
use crate::model::{Flaw, NameError, Outcome, Protocol, Verb};
use crate::upstream::UpstreamError;

/// Every way in which a use case fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// The path's name is no name.
    #[error("the {what} in the path {error}")]
    IllegalName {
        /// `topic` or `group`.
        what: &'static str,
        /// What is wrong.
        error: NameError,
    },
    /// The name is legal and not configured.
    #[error("this topic is not configured: GET /v1/topics lists those that are")]
    UnknownTopic,
    /// The name is legal and not configured for this topic.
    #[error("this group is not configured for this topic: GET /v1/topics lists those that are")]
    UnknownGroup,
    /// The body is over the profile's limit.
    #[error("the message body has {actual} bytes, the limit of this topic is {limit}: send less, or a reference to it")]
    TooLarge {
        /// Bytes allowed.
        limit: usize,
        /// Bytes given.
        actual: usize,
    },
    /// The protocol behind the topic lacks what a field asks for.
    #[error("{detail}")]
    UnsupportedField {
        /// The field's name.
        field: &'static str,
        /// What the protocol lacks, for those who say it in other words.
        flaw: Flaw,
        /// What the protocol lacks, and what to do.
        detail: String,
    },
    /// The protocol behind the topic has no such operation.
    #[error("the protocol behind this topic ({protocol}) has no {verb}: let the visibility timeout pass instead")]
    UnsupportedVerb {
        /// The operation.
        verb: Verb,
        /// The protocol.
        protocol: Protocol,
    },
    /// Fields that do not go together, or a value that only the topic's settings make wrong.
    #[error("{detail}")]
    Invalid {
        /// The field's name.
        field: &'static str,
        /// The rule, for those who say it in other words.
        flaw: Flaw,
        /// The rule.
        detail: String,
    },
    /// The topic's publishes per second are used up.
    #[error("this topic takes {per_second} publishes per second: try again after Retry-After")]
    RateLimited {
        /// The limit.
        per_second: u32,
        /// When there is room again.
        retry_after: Duration,
    },
    /// The topic's publishes at once are used up.
    #[error("{limit} publishes to this topic are under way, which is the limit: try again after Retry-After")]
    TopicFull {
        /// The limit.
        limit: usize,
    },
    /// An earlier message of the same message group was not stored: this one was not sent.
    #[error("an earlier message of the same message group was not stored, so this one was not sent")]
    EarlierMessageFailed,
    /// The request's time ended before this one's turn.
    #[error("the request ran out of time before this one was sent: send fewer at once")]
    OutOfTime,
    /// There was no room in the memory budget in time.
    #[error("{0}: try again after Retry-After")]
    NoMemory(#[from] MemoryFull),
    /// Not a receipt handle of ours, or damaged.
    #[error("this is not a receipt handle of this gateway, or it is damaged: send it exactly as received")]
    InvalidReceiptHandle,
    /// A receipt handle of another topic or group.
    #[error("this receipt handle belongs to another topic or group than the path names: send it where it was received")]
    ForeignReceiptHandle,
    /// The MQ or the way to it failed.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// A bug of ours.
    #[error("internal error: {0}")]
    Internal(&'static str),
}

impl GatewayError {
    /// What is known about the publish that met it.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Upstream(error) => error.kind.outcome(),
            Self::Internal(_) => Outcome::Unknown,
            Self::IllegalName { .. }
            | Self::UnknownTopic
            | Self::UnknownGroup
            | Self::TooLarge { .. }
            | Self::UnsupportedField { .. }
            | Self::UnsupportedVerb { .. }
            | Self::Invalid { .. }
            | Self::RateLimited { .. }
            | Self::TopicFull { .. }
            | Self::EarlierMessageFailed
            | Self::OutOfTime
            | Self::NoMemory(_)
            | Self::InvalidReceiptHandle
            | Self::ForeignReceiptHandle => Outcome::NotPublished,
        }
    }

    /// The upstream's failure, where it is one.
    #[must_use]
    pub fn upstream(&self) -> Option<&UpstreamError> {
        if let Self::Upstream(error) = self { Some(error) } else { None }
    }

    /// The word in metrics.
    #[must_use]
    pub fn label(&self) -> &'static str {
        if let Self::Upstream(error) = self { error.kind.label() } else { "refused" }
    }
}
