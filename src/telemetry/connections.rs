//! Connections of callers: how many there are, and what ended those that are gone.

use prometheus::{IntCounter, IntGauge};

/// What ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// One of both sides, in the ordinary way.
    Ordinary,
    /// A head did not come in time.
    HeadTimeout,
    /// A body did not come in time.
    BodyTimeout,
    /// A body came too slowly.
    BodyRate,
    /// An answer was not taken.
    WriteTimeout,
    /// No further request came.
    KeepAlive,
    /// Room was needed for others.
    Cap,
    /// Its address had too many already.
    AddressCap,
}

impl CloseReason {
    const ALL: [Self; 8] = [
        Self::Ordinary,
        Self::HeadTimeout,
        Self::BodyTimeout,
        Self::BodyRate,
        Self::WriteTimeout,
        Self::KeepAlive,
        Self::Cap,
        Self::AddressCap,
    ];

    /// The label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::HeadTimeout => "head_timeout",
            Self::BodyTimeout => "body_timeout",
            Self::BodyRate => "body_rate",
            Self::WriteTimeout => "write_timeout",
            Self::KeepAlive => "keep_alive",
            Self::Cap => "cap",
            Self::AddressCap => "address_cap",
        }
    }
}

/// The series of one listener.
#[derive(Debug, Clone)]
pub struct ConnectionMetrics {
    /// Open connections.
    pub open: IntGauge,
    closed: [(CloseReason, IntCounter); 8],
}

impl ConnectionMetrics {
    pub(super) fn new(open: IntGauge, closed: impl Fn(&'static str) -> IntCounter) -> Self {
        Self { open, closed: CloseReason::ALL.map(|reason| (reason, closed(reason.label()))) }
    }

    /// Counts one that ended.
    pub fn closed(&self, reason: CloseReason) {
        if let Some((_, counter)) = self.closed.iter().find(|(known, _)| *known == reason) {
            counter.inc();
        }
    }
}
