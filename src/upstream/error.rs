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

#[cfg(test)]
mod tests {
    use UpstreamErrorKind as Kind;

    use super::*;

    #[test]
    fn the_contracts_table() {
        for (kind, outcome, was_sent, code, label) in [
            (Kind::Unreachable, Outcome::NotPublished, false, "upstream-unreachable", "unreachable"),
            (Kind::Overloaded, Outcome::NotPublished, false, "overloaded", "overloaded"),
            (Kind::CircuitOpen, Outcome::NotPublished, false, "circuit-open", "circuit_open"),
            (Kind::Throttled, Outcome::NotPublished, true, "upstream-throttled", "throttled"),
            (Kind::Timeout, Outcome::Unknown, true, "upstream-timeout", "timeout"),
            (Kind::BadResponse, Outcome::Unknown, true, "upstream-bad-response", "bad_response"),
            (Kind::ServerError, Outcome::Unknown, true, "upstream-error", "server_error"),
            (Kind::AuthRejected, Outcome::NotPublished, true, "upstream-auth-rejected", "auth_rejected"),
            (Kind::Misconfigured, Outcome::NotPublished, true, "upstream-misconfigured", "misconfigured"),
            (Kind::RejectedMessage, Outcome::NotPublished, true, "upstream-rejected-message", "rejected_message"),
            (Kind::WrongTopicType, Outcome::NotPublished, true, "capability-not-supported", "wrong_topic_type"),
            (Kind::StaleHandle, Outcome::NotPublished, true, "receipt-handle-expired", "stale_handle"),
        ] {
            assert_eq!((kind.outcome(), kind.was_sent()), (outcome, was_sent), "{kind:?}");
            assert_eq!((kind.problem_code(), kind.label()), (code, label), "{kind:?}");
        }
        let full = UpstreamError::from(MemoryFull { limit: 7 });
        assert_eq!(full, UpstreamError::new(Kind::Overloaded, "the memory budget of 7 bytes is used up"));
    }
}
