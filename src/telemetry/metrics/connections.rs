//! Connections of callers: how many there are, and what ended those that are gone.

use super::handles::{Counter, Counters, Gauge, Gauges};
use super::registrar::{MetricsError, Registrar};

/// The area's metrics.
#[derive(Debug)]
pub struct ConnectionFamilies {
    open: Gauges<1>,
    limit: Gauges<1>,
    closed: Counters<2>,
}

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
    /// It sent more than a request may have.
    Oversized,
}

impl CloseReason {
    const ALL: [Self; 9] = [
        Self::Ordinary,
        Self::HeadTimeout,
        Self::BodyTimeout,
        Self::BodyRate,
        Self::WriteTimeout,
        Self::KeepAlive,
        Self::Cap,
        Self::AddressCap,
        Self::Oversized,
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
            Self::Oversized => "oversized",
        }
    }
}

/// The series of one listener.
#[derive(Debug, Clone)]
pub struct ConnectionMetrics {
    /// Open connections.
    pub open: Gauge,
    /// The most there may be.
    pub limit: Gauge,
    closed: [(CloseReason, Counter); 9],
}

impl ConnectionFamilies {
    pub(super) fn register(registrar: &mut Registrar) -> Result<Self, MetricsError> {
        Ok(Self {
            open: registrar.gauges("connections", "Open connections of callers.", ["listener"])?,
            limit: registrar.gauges(
                "connections_limit",
                "The most connections that a listener keeps: one more takes the place of one that does nothing.",
                ["listener"],
            )?,
            closed: registrar.counters(
                "connections_closed_total",
                "Connections of callers that ended, by what ended them.",
                ["listener", "reason"],
            )?,
        })
    }

    /// The series of one listener.
    #[must_use]
    pub fn listener(&self, name: &'static str) -> ConnectionMetrics {
        let closed = |reason: CloseReason| (reason, self.closed.with([name, reason.label()]));
        ConnectionMetrics {
            open: self.open.with([name]),
            limit: self.limit.with([name]),
            closed: CloseReason::ALL.map(closed),
        }
    }
}

impl ConnectionMetrics {
    /// Counts one that ended.
    pub fn closed(&self, reason: CloseReason) {
        if let Some((_, counter)) = self.closed.iter().find(|(known, _)| *known == reason) {
            counter.inc();
        }
    }
}
