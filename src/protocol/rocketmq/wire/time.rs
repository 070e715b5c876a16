//! Times and durations as protobuf's well-known types have them.

use std::time::Duration;

use crate::model::UnixMillis;

/// `google.protobuf.Timestamp`.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Timestamp {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Span {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

impl From<UnixMillis> for Timestamp {
    fn from(time: UnixMillis) -> Self {
        let Span { seconds, nanos } = Duration::from_millis(time.0).into();
        Self { seconds, nanos }
    }
}

impl From<Timestamp> for UnixMillis {
    /// A time before 1970 is 1970.
    fn from(time: Timestamp) -> Self {
        let Timestamp { seconds, nanos } = time;
        let Ok(seconds) = u64::try_from(seconds) else { return Self(0) };
        let millis = u64::try_from(nanos).unwrap_or(0) / 1_000_000;
        Self(seconds.saturating_mul(1000).saturating_add(millis))
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self {
            seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(duration.subsec_nanos()).unwrap_or(0),
        }
    }
}

impl From<Span> for Duration {
    /// A negative one is none.
    fn from(span: Span) -> Self {
        let (seconds, nanos) = (u64::try_from(span.seconds).unwrap_or(0), u32::try_from(span.nanos).unwrap_or(0));
        Self::from_secs(seconds).saturating_add(Self::from_nanos(nanos.into()))
    }
}
