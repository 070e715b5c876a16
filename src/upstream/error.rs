//! What went wrong upstream, as the answers to: was it sent, may it be repeated, whose fault, which label.

use std::time::Duration;

use crate::memory::MemoryFull;
use crate::model::Outcome;

/// A failed operation of the MQ.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct UpstreamError {
    /// The row of the contract's table.
    pub kind: UpstreamErrorKind,
    /// What happened, for people: no secret, no body, no header.
    pub detail: String,
    /// The MQ's own code, where it gave one.
    pub vendor_code: Option<String>,
    /// When to come back, where the MQ gave a time.
    pub retry_after: Option<Duration>,
}

/// The upstream rows of the contract's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UpstreamErrorKind {
    /// DNS, connect or TLS failed: nothing was sent.
    Unreachable,
    /// Our own limit on calls under way: nothing was sent.
    Overloaded,
    /// No endpoint answered several times in a row, and each is left alone for a while: nothing was sent.
    CircuitOpen,
    /// The MQ has too much to do: come back later.
    Throttled,
    /// Sent, no answer in time.
    Timeout,
    /// An answer that cannot be used.
    BadResponse,
    /// A 5xx.
    ServerError,
    /// Keys, signature or clock were refused.
    AuthRejected,
    /// No such topic or group there.
    Misconfigured,
    /// The content was refused.
    RejectedMessage,
    /// The topic is for messages of another type.
    WrongTopicType,
    /// The delivery is not its holder's any more.
    StaleHandle,
}

/// No room for what has to be made of a request: nothing was sent.
impl From<MemoryFull> for UpstreamError {
    fn from(full: MemoryFull) -> Self {
        Self::new(UpstreamErrorKind::Overloaded, full.to_string())
    }
}

impl UpstreamErrorKind {
    /// What is known about the publish that met it.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Unreachable
            | Self::Overloaded
            | Self::CircuitOpen
            | Self::Throttled
            | Self::AuthRejected
            | Self::Misconfigured
            | Self::RejectedMessage
            | Self::WrongTopicType
            | Self::StaleHandle => Outcome::NotPublished,
            Self::Timeout | Self::BadResponse | Self::ServerError => Outcome::Unknown,
        }
    }

    /// Whether the MQ was sent anything.
    #[must_use]
    pub const fn was_sent(self) -> bool {
        match self {
            Self::Unreachable | Self::Overloaded | Self::CircuitOpen => false,
            Self::Throttled
            | Self::Timeout
            | Self::BadResponse
            | Self::ServerError
            | Self::AuthRejected
            | Self::Misconfigured
            | Self::RejectedMessage
            | Self::WrongTopicType
            | Self::StaleHandle => true,
        }
    }

    /// The code of the problem that it is for callers, for spans, too; a test of `http::problem` holds it to that table.
    #[must_use]
    pub const fn problem_code(self) -> &'static str {
        match self {
            Self::Unreachable => "upstream-unreachable",
            Self::Overloaded => "overloaded",
            Self::CircuitOpen => "circuit-open",
            Self::Throttled => "upstream-throttled",
            Self::Timeout => "upstream-timeout",
            Self::BadResponse => "upstream-bad-response",
            Self::ServerError => "upstream-error",
            Self::AuthRejected => "upstream-auth-rejected",
            Self::Misconfigured => "upstream-misconfigured",
            Self::RejectedMessage => "upstream-rejected-message",
            Self::WrongTopicType => "capability-not-supported",
            Self::StaleHandle => "receipt-handle-expired",
        }
    }

    /// The word in metrics and logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Overloaded => "overloaded",
            Self::CircuitOpen => "circuit_open",
            Self::Throttled => "throttled",
            Self::Timeout => "timeout",
            Self::BadResponse => "bad_response",
            Self::ServerError => "server_error",
            Self::AuthRejected => "auth_rejected",
            Self::Misconfigured => "misconfigured",
            Self::RejectedMessage => "rejected_message",
            Self::WrongTopicType => "wrong_topic_type",
            Self::StaleHandle => "stale_handle",
        }
    }
}

impl UpstreamError {
    /// An error of `kind` with nothing else known.
    #[must_use]
    pub fn new(kind: UpstreamErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), vendor_code: None, retry_after: None }
    }
}
