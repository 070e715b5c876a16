//! Streams of messages.

use super::handles::{Counter, Counters, Gauge};
use super::registrar::{MetricsError, Registrar};

/// The area's metrics.
#[derive(Debug)]
pub struct StreamFamilies {
    /// Open streams.
    pub open: Gauge,
    /// The most there may be.
    pub limit: Gauge,
    /// Messages given to streams.
    pub messages: Counter,
    /// Signs of life.
    pub pings: Counter,
    /// Problems told to streams.
    pub problems: Counter,
    ended: Counters<1>,
}

/// What ended a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEnd {
    /// Its caller hung up.
    HungUp,
    /// Its caller did not take what was written.
    SlowReader,
    /// The gateway was about to stop: the caller goes to another one.
    Draining,
    /// The gateway stopped.
    Stopping,
    /// The gateway met a bug of its own.
    InternalError,
}

impl StreamEnd {
    const ALL: [Self; 5] = [Self::HungUp, Self::SlowReader, Self::Draining, Self::Stopping, Self::InternalError];

    fn label(self) -> &'static str {
        match self {
            Self::HungUp => "hung_up",
            Self::SlowReader => "slow_reader",
            Self::Draining => "draining",
            Self::Stopping => "stopping",
            Self::InternalError => "internal_error",
        }
    }
}

impl StreamFamilies {
    pub(super) fn register(registrar: &mut Registrar) -> Result<Self, MetricsError> {
        let events = registrar.counters("stream_events_total", "What was written to streams.", ["event"])?;
        let ended = registrar.counters("streams_ended_total", "Streams that ended, by what ended them.", ["reason"])?;
        for end in StreamEnd::ALL {
            drop(ended.with([end.label()]));
        }
        Ok(Self {
            open: registrar.gauge("streams", "Open streams of messages.")?,
            limit: registrar.gauge("streams_limit", "The most streams that may be open.")?,
            messages: events.with(["message"]),
            pings: events.with(["ping"]),
            problems: events.with(["problem"]),
            ended,
        })
    }

    /// Counts one that ended.
    pub fn ended(&self, end: StreamEnd) {
        self.ended.with([end.label()]).inc();
    }
}
